"""Tensors of a graph under construction, and where in the author's view of one the batch stands.

Our own graph always has the batch first. Exporters move it: they transpose it behind the time axis
or fold it into one axis with the heads. A `Place` remembers what the author sees; a row's numbers
stay together whatever he does, or the node is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import prod
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tilth.engine.outcomes import Reason, Refused

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

SIZES: Final = (7919, 6007)
"""Two batch sizes, primes that no model has as a length: what differs between them is the batch."""


class Kind(Enum):
    ROWS = "rows"
    PARAMETER = "parameter"
    CONSTANT = "constant"


class Element(Enum):
    FLOAT = "floats"
    INTEGER = "integers"
    TRUTH = "truth values"


@dataclass(frozen=True, slots=True)
class Place:
    """The author's axis that holds the batch; with other factors of that axis before and after."""

    axis: int = 0
    before: int = 1
    after: int = 1

    @property
    def merged(self) -> bool:
        return self.before * self.after > 1


FIRST: Final = Place()


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor. The shape of `ROWS` is one row's, without the batch; an axis that the batch shares
    keeps its other factors. `twin` is a constant at the second of `SIZES`, `data` at the first."""

    name: str
    shape: Shape
    kind: Kind
    element: Element = Element.FLOAT
    trained: bool = False
    data: Array | None = None
    twin: Array | None = None
    place: Place = FIRST

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def rows(self) -> bool:
        return self.kind is Kind.ROWS

    @property
    def fixed(self) -> bool:
        return self.kind is Kind.CONSTANT and self.data is not None

    @property
    def lead(self) -> int:
        """How many axes stand before the shape in our own graph."""
        return 1 if self.rows else 0

    @property
    def rank(self) -> int:
        """As the author counts."""
        return len(self.shape) + (1 if self.rows and not self.place.merged else 0)

    def full(self, batch: int) -> Shape:
        """The author's shape at this batch size."""
        if not self.rows:
            return self.shape
        axis = self.place.axis
        if self.place.merged:
            return (*self.shape[:axis], self.shape[axis] * batch, *self.shape[axis + 1 :])
        return (*self.shape[:axis], batch, *self.shape[axis:])

    def inner(self, axis: int) -> int:
        """The author's axis, which is not the batch's, in `shape`."""
        return axis - 1 if self.rows and not self.place.merged and axis > self.place.axis else axis

    def holds_batch(self, axis: int) -> bool:
        return self.rows and axis == self.place.axis

    def at(self, place: Place) -> "Value":
        return self if place == self.place else replace(self, place=place)


@dataclass(frozen=True, slots=True, eq=False)
class Several:
    """What a node hands on as one sequence of tensors."""

    values: tuple[Value, ...]
    fixed: ClassVar[bool] = False
    twin: ClassVar[None] = None


@dataclass(frozen=True, slots=True)
class Outer:
    """A gradient kept as two factors: for each row left ⊗ right, or for sequences the sum over
    the first axis of their products."""

    left: Value
    right: Value

    @property
    def turned(self) -> "Outer":
        return Outer(self.right, self.left)


Gradient: TypeAlias = Value | Outer


def row_shape(operand: Value, rank: int) -> Shape:
    """The operand's shape beside the axes of one row; a leading 1 on the batch axis falls away."""
    if not operand.rows and len(operand.shape) == rank + 1 and operand.shape[0] == 1:
        return operand.shape[1:]
    return operand.shape


def together(a: Value, b: Value, *shapes: Shape) -> Shape:
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        text = f"the shapes {shown(a)} and {shown(b)} do not broadcast"
        raise Refused(Reason.MALFORMED, text) from None


def mixed(a: Value, b: Value) -> Refused:
    text = f"broadcasting {shown(b)} with {shown(a)} aligns a row's values with the batch axis"
    return Refused(Reason.BATCH_MIXED, text)


def shown(value: Value) -> str:
    """The author's shape, for a refusal."""
    dims = [str(n) for n in value.shape]
    place = value.place
    if value.rows and place.merged:
        dims[place.axis] = "*".join(
            [*([str(place.before)] if place.before > 1 else []), "N"]
            + ([str(place.after)] if place.after > 1 else [])
        )
    elif value.rows:
        dims.insert(place.axis, "N")
    return f"[{', '.join(dims)}]"


def regrouped(x: Value, one: Shape, other: Shape) -> tuple[Shape, Place]:
    """Shape and place of rows whose author's shape becomes `one` at the first of `SIZES` and
    `other` at the second, the order of the numbers kept."""
    moved = [i for i, (n, m) in enumerate(zip(one, other, strict=True)) if n != m]
    if len(moved) != 1 or one[moved[0]] % SIZES[0] or other[moved[0]] % SIZES[1]:
        raise _broken(x, one)
    axis = moved[0]
    return _regrouped_at(x, one, axis, one[axis] // SIZES[0])


def regrouped_statically(x: Value, target: Shape, batch: int) -> tuple[Shape, Place]:
    """The same for a file whose batch has one fixed size: the batch is looked for in the target,
    alone on an axis first."""
    axes = [i for i, n in enumerate(target) if n % batch == 0]
    for axis in sorted(axes, key=lambda i: (target[i] != batch, i)):
        try:
            return _regrouped_at(x, target, axis, target[axis] // batch)
        except Refused:
            continue
    raise _broken(x, target)


def _regrouped_at(x: Value, target: Shape, axis: int, factor: int) -> tuple[Shape, Place]:
    """Numbers of a row before the batch in memory order must stay before it, and after after it."""
    earlier, later = prod(target[:axis]), prod(target[axis + 1 :])
    before, after = _around(x)
    if before % earlier or after % later or (before // earlier) * (after // later) != factor:
        raise _broken(x, target)
    place = Place(axis, before // earlier, after // later)
    inner = (factor,) if place.merged else ()
    return (*target[:axis], *inner, *target[axis + 1 :]), place


def _around(x: Value) -> tuple[int, int]:
    """How many of a row's numbers the author's memory order has before the batch, and after."""
    axis, place = x.place.axis, x.place
    rest = axis + 1 if place.merged else axis
    return prod(x.shape[:axis]) * place.before, place.after * prod(x.shape[rest:])


def _broken(x: Value, target: Sequence[int]) -> Refused:
    wanted = ", ".join("N" if n == SIZES[0] else str(n) for n in target)
    text = f"{shown(x)} as [{wanted}] does not keep every row whole"
    return Refused(Reason.BATCH_MIXED, text)
