"""Operators that make one number of many of a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

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
        node.require_floats(x)
        chosen = _axes(node, x, axes)
        if not chosen:
            return x
        inner = sorted(x.inner(axis) for axis in chosen)
        kept = self.over(tape, x, inner)
        return kept if node.integer("keepdims", 1) else _dropped(tape, kept, chosen, inner)

    def over(self, tape: Tape, x: Value, axes: Sequence[int]) -> Value:
        e = tape.emit
        y = e.reduce(f"Reduce{self.of}", x, axes)
        many = prod(x.shape[axis] for axis in axes)

        def slope(dy: Value) -> list[Value]:
            if self.of in ("Max", "Min"):
                return [_shared(e, x, y, dy, axes)]
            return [e.expand(e.scaled(dy, 1 / many if self.of == "Mean" else 1), x.shape)]

        return tape.record(y, [x], slope).at(x.place)


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
}
