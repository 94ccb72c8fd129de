"""Operators that put a row's values in proportion to each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tilth.engine.graph import Emitter, Gradient, Kind, Value, shown
from tilth.engine.node import Node
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason


@dataclass(frozen=True, slots=True)
class Softmax:
    arity: tuple[int, int] = (1, 1)
    attributes: frozenset[str] = frozenset({"axis"})

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        return _along(emit, node, inputs[0])

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        weighted = emit.mul(output, gradient)
        total = emit.reduce("ReduceSum", weighted, [_axis(node, output)])
        return [emit.mul(output, emit.sub(gradient, total))]


@dataclass(frozen=True, slots=True)
class LogSoftmax:
    arity: tuple[int, int] = (1, 1)
    attributes: frozenset[str] = frozenset({"axis"})

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        return _along(emit, node, inputs[0])

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        total = emit.reduce("ReduceSum", gradient, [_axis(node, output)])
        return [emit.sub(gradient, emit.mul(emit.map("Exp", output), total))]


@dataclass(frozen=True, slots=True)
class LayerNormalization:
    """Over the last axis, written out in plain operators."""

    arity: tuple[int, int] = (2, 3)
    attributes: frozenset[str] = frozenset({"axis", "epsilon", "stash_type"})

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        x = inputs[0]
        node.require_rows(x)
        last = len(x.shape) - 1
        if node.axis(len(x.shape) + 1, -1) != last:
            node.refuse("it normalises over the last axis only")
        for weights in inputs[1:]:
            if weights.kind is Kind.ROWS or weights.shape != x.shape[-1:]:
                node.refuse(f"scale and bias are vectors of {x.shape[-1]}, not {shown(weights)}")
        scaled = emit.mul(self._normal(emit, node, x), inputs[1])
        return emit.add(scaled, inputs[2]) if len(inputs) == 3 else scaled

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        x, scale = inputs[:2]
        normal, deviation = self._normal(emit, node, x), self._deviation(emit, node, x)
        inner = emit.mul(gradient, scale)
        mean = _mean(emit, inner)
        tilt = emit.mul(normal, _mean(emit, emit.mul(inner, normal)))
        by_x = emit.div(emit.sub(emit.sub(inner, mean), tilt), deviation)
        by_scale = emit.sum_to(emit.mul(gradient, normal), scale)
        return [by_x, by_scale, *(emit.sum_to(gradient, bias) for bias in inputs[2:])]

    def _normal(self, emit: Emitter, node: Node, x: Value) -> Value:
        return emit.div(emit.sub(x, _mean(emit, x)), self._deviation(emit, node, x))

    def _deviation(self, emit: Emitter, node: Node, x: Value) -> Value:
        centred = emit.sub(x, _mean(emit, x))
        variance = _mean(emit, emit.mul(centred, centred))
        return emit.map("Sqrt", emit.add(variance, emit.number(node.number("epsilon", 1e-5))))


def _axis(node: Node, x: Value) -> int:
    return node.axis(len(x.shape) + 1, -1)


def _along(emit: Emitter, node: Node, x: Value) -> Value:
    node.require_rows(x)
    if not x.shape:
        node.refuse("[N] has no axis but the batch", Reason.BATCH_MIXED)
    axis = _axis(node, x)
    return emit.rows(node.operator, x, shape=x.shape, flops=4 * x.size, axis=axis + 1)


def _mean(emit: Emitter, x: Value) -> Value:
    return emit.reduce("ReduceMean", x, [len(x.shape) - 1])


NORMALISE: Final[Mapping[str, Operator]] = {
    "LayerNormalization": LayerNormalization(),
    "LogSoftmax": LogSoftmax(),
    "Softmax": Softmax(),
}
