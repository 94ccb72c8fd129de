"""Dense layers and products of matrices."""

from collections.abc import Mapping
from typing import Final

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.operators.arithmetic import aligned, reshaped
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import Gradient, Outer, Value, shown


def _gemm(tape: Tape, node: Node, x: Value, weights: Value, bias: Value | None = None) -> Value:
    """x·W + b; the gradient by W stays in two factors."""
    _check_gemm(node, x, weights)
    turned = node.integer("transB", 0) == 1
    taken, given = weights.shape[::-1] if turned else weights.shape
    if x.shape[-1:] != (taken,):
        node.refuse(f"{shown(x)} does not fit weights {shown(weights)}", Reason.MALFORMED)
    y = _dense(tape, x, weights, given, turned=turned)
    if bias is None:
        return y
    node.require_floats(bias)
    (y, bias), place = aligned(tape, y, bias)
    return _with_bias(tape, node, y, bias, given).at(place)


def _with_bias(tape: Tape, node: Node, y: Value, bias: Value, given: int) -> Value:
    e = tape.emit
    total = e.add(y, bias)
    if total.shape[-1] != given:
        node.refuse(f"the bias {shown(bias)} widens the result", Reason.MALFORMED)
    return tape.record(total, [y, bias], lambda dy: [dy, e.sum_to(dy, bias)])


def _check_gemm(node: Node, x: Value, weights: Value) -> None:
    if not x.rows:
        node.refuse("its first input does not hold rows")
    if weights.rows:
        node.refuse("both factors hold rows: rows would be multiplied", Reason.BATCH_MIXED)
    node.require_floats(x, weights)
    if x.rank != 2 or len(weights.shape) != 2:
        node.refuse(f"it takes [N, k] and a matrix, not {shown(x)} and {shown(weights)}")
    if node.integer("transA", 0) or x.place.axis != 0:
        node.refuse("transA, or the batch as second axis, sums over rows", Reason.BATCH_MIXED)
    if (node.number("alpha", 1.0), node.number("beta", 1.0)) != (1.0, 1.0):
        node.refuse("alpha and beta must be 1: scale the weights instead")
    if node.integer("transB", 0) not in (0, 1):
        node.refuse("transB is 0 or 1", Reason.MALFORMED)


def _dense(tape: Tape, x: Value, weights: Value, given: int, *, turned: bool) -> Value:
    """Rows' last axis times a matrix of weights."""
    e, shape = tape.emit, (*x.shape[:-1], given)
    if len(x.shape) == 1:
        y = e.make("Gemm", x, weights, shape=shape, flops=2 * weights.size, transB=int(turned))
    else:
        y = e.matmul(x, e.swapped(weights) if turned else weights)

    def slope(dy: Value) -> list[Gradient]:
        if len(x.shape) == 1:
            flops, back = 2 * weights.size, int(not turned)
            by_x = e.make("Gemm", dy, weights, shape=x.shape, flops=flops, transB=back)
        else:
            by_x = e.matmul(dy, weights if turned else e.swapped(weights))
        factors = Outer(_flat(e, x), _flat(e, dy))
        return [by_x, factors.turned if turned else factors]

    return tape.record(y, [x, weights], slope).at(x.place)


def _flat(e: Emitter, x: Value) -> Value:
    """A row as one vector, or as a list of vectors."""
    return x if len(x.shape) < 3 else e.reshape(x, (x.size // x.shape[-1], x.shape[-1]))


def _matmul(tape: Tape, node: Node, a: Value, b: Value) -> Value:
    node.require_floats(a, b)
    if len(b.shape) == 1 and b.rank == 1 and a.rank > 1:
        column = reshaped(tape, b, (*b.shape, 1))
        return _without_last(tape, _matmul(tape, node, a, column))
    if a.holds_batch(a.rank - 1) or b.holds_batch(max(0, b.rank - 2)):
        text = f"{shown(a)} times {shown(b)} sums over the batch"
        node.refuse(text, Reason.BATCH_MIXED)
    if a.rank < 2 or b.rank < 2:
        node.refuse(f"{shown(a)} times {shown(b)}: it takes matrices")
    if b.rows and (b.holds_batch(b.rank - 1) or a.holds_batch(a.rank - 2)):
        text = f"{shown(a)} times {shown(b)} does not keep rows apart"
        node.refuse(text, Reason.BATCH_MIXED)
    if a.shape[-1] != b.full(1)[-2]:
        node.refuse(f"{shown(a)} does not fit {shown(b)}", Reason.MALFORMED)
    if a.rows and len(b.shape) == 2 and not b.rows:
        return _dense(tape, a, b, b.shape[1], turned=False)
    return _product(tape, a, b)


def _product(tape: Tape, a: Value, b: Value) -> Value:
    """Stacks of matrices, of which one axis may be the batch."""
    (a, b), place = aligned(tape, a, b)
    e = tape.emit

    def slope(dy: Value) -> list[Value]:
        by_a, by_b = e.matmul(dy, e.swapped(b)), e.matmul(e.swapped(a), dy)
        return [e.sum_to(by_a, a), e.sum_to(by_b, b)]

    return tape.record(e.matmul(a, b), [a, b], slope).at(place)


def _without_last(tape: Tape, y: Value) -> Value:
    return reshaped(tape, y, y.shape[:-1], y.place)


LINEAR: Final[Mapping[str, Operator]] = {
    "Gemm": Operator(_gemm, 2, 3, frozenset({"alpha", "beta", "transA", "transB"})),
    "MatMul": Operator(_matmul, 2, 2),
}
