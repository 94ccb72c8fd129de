"""Operators that make one number of many of a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final, TypeAlias

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.operators.arithmetic import reshaped
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import Element, Value, shown


@dataclass(frozen=True, slots=True)
class Reduction:
    """`Sum`, `Mean`, `Max` or `Min`."""

    of: str

    def __call__(self, tape: Tape, node: Node, x: Value, axes: Value | None = None) -> Value:
        return _reduced(self.over, tape, node, x, axes)

    def over(self, tape: Tape, x: Value, axes: Sequence[int]) -> Value:
        e = tape.emit
        y = e.reduce(f"Reduce{self.of}", x, axes)
        many = prod(x.shape[axis] for axis in axes)

        def slope(dy: Value) -> list[Value]:
            if self.of in ("Max", "Min"):
                return [_shared(e, x, y, dy, axes)]
            return [e.expand(e.scaled(dy, 1 / many if self.of == "Mean" else 1), x.shape)]

        return tape.record(y, [x], slope).at(x.place)


Over: TypeAlias = Callable[[Tape, Value, Sequence[int]], Value]
Formula: TypeAlias = tuple[Value, Callable[[], Value]]


def _reduced(over: Over, tape: Tape, node: Node, x: Value, axes: Value | None) -> Value:
    node.require_floats(x)
    chosen = _axes(node, x, axes)
    if not chosen:
        return x
    inner = sorted(x.inner(axis) for axis in chosen)
    kept = over(tape, x, inner)
    return kept if node.integer("keepdims", 1) else _dropped(tape, kept, chosen, inner)


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of many by a formula: its value, and its slope by each of them."""

    formula: Callable[[Emitter, Value, Sequence[int]], Formula]

    def __call__(self, tape: Tape, node: Node, x: Value, axes: Value | None = None) -> Value:
        if node.integer("noop_with_empty_axes", 0):
            node.refuse("without axes it would measure each number alone")
        return _reduced(self._over, tape, node, x, axes)

    def _over(self, tape: Tape, x: Value, axes: Sequence[int]) -> Value:
        e = tape.emit
        y, slope = self.formula(e, x, axes)
        return tape.record(y, [x], lambda dy: [e.mul(dy, slope())]).at(x.place)


def _l1(e: Emitter, x: Value, axes: Sequence[int]) -> Formula:
    return e.reduce("ReduceSum", e.map("Abs", x), axes), lambda: e.map("Sign", x)


def _l2(e: Emitter, x: Value, axes: Sequence[int]) -> Formula:
    """Flat at zero, as in PyTorch."""
    y = e.map("Sqrt", e.reduce("ReduceSum", e.mul(x, x), axes))
    return y, lambda: e.where_positive(y, e.div(x, y), e.number(0))


def _sum_of_squares(e: Emitter, x: Value, axes: Sequence[int]) -> Formula:
    return e.reduce("ReduceSum", e.mul(x, x), axes), lambda: e.scaled(x, 2)


def _log_of_powers(e: Emitter, x: Value, axes: Sequence[int]) -> Formula:
    top = e.reduce("ReduceMax", x, axes)
    total = e.reduce("ReduceSum", e.map("Exp", e.sub(x, top)), axes)
    y = e.add(e.map("Log", total), top)
    return y, lambda: e.map("Exp", e.sub(x, y))


def _shared(e: Emitter, x: Value, y: Value, dy: Value, axes: Sequence[int]) -> Value:
    """Equal extremes share their gradient, as in PyTorch."""
    winners = e.cast(e.compare("Equal", x, y), Element.FLOAT)
    return e.div(e.mul(dy, winners), e.reduce("ReduceSum", winners, axes))


def _axes(node: Node, x: Value, axes: Value | None) -> list[int]:
    """The author's axes from the front."""
    if axes is not None:
        given = node.constant_integers(axes, "list of axes")
    else:
        given = node.integers("axes", ())
    if not given and node.integer("noop_with_empty_axes", 0):
        return []
    if not given and x.rows:
        node.refuse("without axes it reduces the batch too", Reason.BATCH_MIXED)
    counted = sorted({node.counted(axis, x.rank) for axis in given or range(x.rank)})
    for axis in counted:
        node.inner(x, axis)
    return counted


def _dropped(tape: Tape, kept: Value, chosen: Sequence[int], inner: Sequence[int]) -> Value:
    shape = tuple(n for i, n in enumerate(kept.shape) if i not in inner)
    earlier = sum(axis < kept.place.axis for axis in chosen)
    return reshaped(tape, kept, shape, replace(kept.place, axis=kept.place.axis - earlier))


@dataclass(frozen=True, slots=True)
class Pooled:
    """A reduction over everything but the channels."""

    reduction: Reduction

    def __call__(self, tape: Tape, node: Node, x: Value) -> Value:
        node.require_batch_first(x)
        node.require_floats(x)
        if len(x.shape) < 2:
            node.refuse(f"{shown(x)} has nothing beside its channels", Reason.MALFORMED)
        return self.reduction.over(tape, x, range(1, len(x.shape)))


_ATTRIBUTES: Final = frozenset({"axes", "keepdims", "noop_with_empty_axes"})

REDUCE: Final[Mapping[str, Operator]] = {
    "GlobalAveragePool": Operator(Pooled(Reduction("Mean"))),
    "GlobalMaxPool": Operator(Pooled(Reduction("Max"))),
    **{
        f"Reduce{of}": Operator(Reduction(of), 1, 2, _ATTRIBUTES)
        for of in ("Max", "Mean", "Min", "Sum")
    },
    "ReduceL1": Operator(Measure(_l1), 1, 2, _ATTRIBUTES),
    "ReduceL2": Operator(Measure(_l2), 1, 2, _ATTRIBUTES),
    "ReduceLogSumExp": Operator(Measure(_log_of_powers), 1, 2, _ATTRIBUTES),
    "ReduceSumSquare": Operator(Measure(_sum_of_squares), 1, 2, _ATTRIBUTES),
}
