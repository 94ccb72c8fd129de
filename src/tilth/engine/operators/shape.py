"""Operators that arrange a row's values anew and never touch the batch axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

from tilth.engine.graph import Emitter, Gradient, Kind, Shape, Value, shown
from tilth.engine.node import Node
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason


@dataclass(frozen=True, slots=True)
class Flatten:
    arity: tuple[int, int] = (1, 1)
    attributes: frozenset[str] = frozenset({"axis"})

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        (x,) = inputs
        node.require_rows(x)
        axis = node.integer("axis", 1)
        if axis not in (1, -len(x.shape)):
            node.refuse(f"axis {axis} folds the batch into a row", Reason.BATCH_MIXED)
        return emit.reshape(x, (x.size,))

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        return [emit.reshape(gradient, inputs[0].shape)]


@dataclass(frozen=True, slots=True)
class Reshape:
    arity: tuple[int, int] = (2, 2)
    attributes: frozenset[str] = frozenset({"allowzero"})

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        x, target = inputs
        node.require_rows(x)
        return emit.reshape(x, _row_of(node, x, _integers(node, target)))

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        return [emit.reshape(gradient, inputs[0].shape), None]


def _integers(node: Node, value: Value) -> list[int]:
    if value.kind is not Kind.CONSTANT or value.data is None or value.data.dtype.kind != "i":
        node.refuse("its shape is not a constant of integers")
    if len(value.shape) != 1 or value.size > 8:
        node.refuse("its shape is a list of at most eight integers", Reason.MALFORMED)
    return [int(n) for n in value.data]


def _row_of(node: Node, x: Value, target: Sequence[int]) -> Shape:
    """One row's new shape: the batch, first in the target, must come out as long as before."""
    full = (None, *x.shape)
    if node.integer("allowzero", 0) == 0:
        copied = [full[i] if n == 0 and i < len(full) else n for i, n in enumerate(target)]
    else:
        copied = list(target)
    if not copied or any(n is not None and n < -1 for n in copied) or None in copied[1:]:
        node.refuse(f"cannot become {list(target)}", Reason.MALFORMED)
    batch, row = copied[0], [n for n in copied[1:] if n is not None]
    if batch not in (None, -1):
        node.refuse(
            f"{list(target)} fixes the batch: its first number is 0 or -1", Reason.BATCH_MIXED
        )
    if -1 in row and batch is None and row.count(-1) == 1:
        row[row.index(-1)] = x.size // max(1, -prod(row))
    if -1 in row or prod(row) != x.size:
        text = f"{shown(x)} as {list(target)} does not keep every row whole"
        node.refuse(text, Reason.BATCH_MIXED)
    return tuple(row)


SHAPE: Final[Mapping[str, Operator]] = {"Flatten": Flatten(), "Reshape": Reshape()}
