"""Dense layers and products of matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

from tilth.engine.graph import Emitter, Gradient, Kind, Outer, Shape, Value, shown
from tilth.engine.node import Node
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason


@dataclass(frozen=True, slots=True)
class Gemm:
    """x·W + b for rows that are vectors; the gradient by W stays in two factors."""

    arity: tuple[int, int] = (2, 3)
    attributes: frozenset[str] = frozenset({"alpha", "beta", "transA", "transB"})

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        x, weights = inputs[:2]
        self._check(node, x, weights)
        taken, given = weights.shape[::-1] if node.integer("transB", 0) else weights.shape
        if x.shape != (taken,):
            node.refuse(f"{shown(x)} does not fit weights {shown(weights)}", Reason.MALFORMED)
        y = _dense(emit, x, weights, given, transposed=node.integer("transB", 0))
        if len(inputs) == 2:
            return y
        y = emit.add(y, inputs[2])
        if y.shape != (given,):
            node.refuse(f"the bias {shown(inputs[2])} widens the result", Reason.MALFORMED)
        return y

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        x, weights = inputs[:2]
        transposed = node.integer("transB", 0)
        by_x = _dense(emit, gradient, weights, x.shape[0], transposed=1 - transposed)
        by_w = Outer(gradient, x) if transposed else Outer(x, gradient)
        by_bias = [emit.sum_to(gradient, bias) for bias in inputs[2:]]
        return [by_x, by_w, *by_bias]

    def _check(self, node: Node, x: Value, weights: Value) -> None:
        if x.kind is not Kind.ROWS:
            node.refuse("its first input does not hold rows")
        if weights.kind is Kind.ROWS:
            node.refuse("both factors hold rows: rows would be multiplied", Reason.BATCH_MIXED)
        if len(x.shape) != 1 or len(weights.shape) != 2:
            node.refuse(f"it takes [N, k] and a matrix, not {shown(x)} and {shown(weights)}")
        if node.integer("transA", 0):
            node.refuse("transA sums over the rows of a batch", Reason.BATCH_MIXED)
        if (node.number("alpha", 1.0), node.number("beta", 1.0)) != (1.0, 1.0):
            node.refuse("alpha and beta must be 1: scale the weights instead")
        if node.integer("transB", 0) not in (0, 1):
            node.refuse("transB is 0 or 1", Reason.MALFORMED)


@dataclass(frozen=True, slots=True)
class MatMul:
    """Rows times a matrix of weights, or rows times rows, each row with itself only."""

    arity: tuple[int, int] = (2, 2)
    attributes: frozenset[str] = frozenset()

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        a, b = inputs
        if a.kind is not Kind.ROWS:
            node.refuse("a matrix times rows sums over the batch", Reason.BATCH_MIXED)
        if not a.shape:
            node.refuse("[N] times a matrix sums over the batch", Reason.BATCH_MIXED)
        if b.kind is Kind.ROWS:
            return self._rows_times_rows(emit, node, a, b)
        if len(b.shape) != 2:
            node.refuse(f"weights have two axes, not {shown(b)}")
        if a.shape[-1] != b.shape[0]:
            node.refuse(f"{shown(a)} does not fit weights {shown(b)}", Reason.MALFORMED)
        return _times(emit, a, b, (*a.shape[:-1], b.shape[1]))

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        a, b = inputs
        if b.kind is Kind.ROWS:
            by_a = _times(emit, gradient, _swapped(emit, b), a.shape)
            return [by_a, _times(emit, _swapped(emit, a), gradient, b.shape)]
        by_a = _times(emit, gradient, emit.transposed(b), a.shape)
        if len(a.shape) == 1:
            return [by_a, Outer(a, gradient)]
        flat = emit.reshape(a, (prod(a.shape[:-1]), a.shape[-1]))
        flat_gradient = emit.reshape(gradient, (flat.shape[0], b.shape[1]))
        return [by_a, _times(emit, _swapped(emit, flat), flat_gradient, b.shape)]

    def _rows_times_rows(self, emit: Emitter, node: Node, a: Value, b: Value) -> Value:
        if len(a.shape) < 2 or len(a.shape) != len(b.shape) or a.shape[:-2] != b.shape[:-2]:
            text = f"{shown(a)} times {shown(b)} does not keep rows apart"
            node.refuse(text, Reason.BATCH_MIXED)
        if a.shape[-1] != b.shape[-2]:
            node.refuse(f"{shown(a)} does not fit {shown(b)}", Reason.MALFORMED)
        return _times(emit, a, b, (*a.shape[:-1], b.shape[-1]))


def _dense(emit: Emitter, x: Value, weights: Value, given: int, *, transposed: int) -> Value:
    flops = 2 * weights.size
    return emit.rows("Gemm", x, weights, shape=(given,), flops=flops, transB=transposed)


def _times(emit: Emitter, a: Value, b: Value, shape: Shape) -> Value:
    return emit.rows("MatMul", a, b, shape=shape, flops=2 * prod(shape) * a.shape[-1])


def _swapped(emit: Emitter, x: Value) -> Value:
    """Each row's last two axes exchanged."""
    axes = list(range(len(x.shape) + 1))
    axes[-2:] = axes[:-3:-1]
    shape = (*x.shape[:-2], x.shape[-1], x.shape[-2])
    return emit.rows("Transpose", x, shape=shape, perm=tuple(axes))


LINEAR: Final[Mapping[str, Operator]] = {"Gemm": Gemm(), "MatMul": MatMul()}
