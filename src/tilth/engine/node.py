"""One node of the author's graph, as the operators' rules see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from tilth.engine.outcomes import Reason, Refused, printable
from tilth.engine.values import FIRST, Array, Element, Value, shown

AuthorAttribute: TypeAlias = int | float | str | tuple[int, ...] | tuple[float, ...] | Array


@dataclass(frozen=True, slots=True)
class Node:
    """`static_batch` is the batch size that the file itself fixes, if it does."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AuthorAttribute]
    opset: int
    static_batch: int | None = None

    def integer(self, name: str, default: int) -> int:
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            self.refuse(f"attribute '{printable(name)}' is not an integer", Reason.MALFORMED)
        return value

    def integers(self, name: str, default: Sequence[int]) -> tuple[int, ...]:
        """A short list; numbers beyond what a length can be refuse the node."""
        value = self.attributes.get(name, tuple(default))
        if not isinstance(value, tuple) or len(value) > 16:
            self.refuse(f"attribute '{printable(name)}' is not a short list", Reason.MALFORMED)
        numbers = tuple(n for n in value if isinstance(n, int) and abs(n) < 1 << 31)
        if len(numbers) != len(value):
            text = f"attribute '{printable(name)}' holds what is no length"
            self.refuse(text, Reason.MALFORMED)
        return numbers

    def number(self, name: str, default: float) -> float:
        value = self.attributes.get(name, default)
        if not isinstance(value, float | int) or not abs(value) < 1e30:
            self.refuse(f"attribute '{printable(name)}' is not a finite number", Reason.MALFORMED)
        return float(value)

    def text(self, name: str, default: str) -> str:
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            self.refuse(f"attribute '{printable(name)}' is not a word", Reason.MALFORMED)
        return value

    def axis(self, value: Value, default: int) -> int:
        """The attribute `axis` as an axis of the value's shape, which leaves the batch out."""
        return self.inner(value, self.integer("axis", default))

    def inner(self, value: Value, axis: int) -> int:
        """The author's axis as one of the value's shape."""
        counted = self.counted(axis, value.rank)
        if value.holds_batch(counted):
            self.refuse(f"axis {axis} is the batch: the rows would be mixed", Reason.BATCH_MIXED)
        return value.inner(counted)

    def counted(self, axis: int, rank: int) -> int:
        """The author's axis from the front."""
        if not -rank <= axis < rank:
            self.refuse(f"axis {axis} is outside a tensor of rank {rank}", Reason.MALFORMED)
        return axis % rank

    def refuse(self, text: str, reason: Reason = Reason.FORM_NOT_SUPPORTED) -> NoReturn:
        """Say what is wrong; the compiler says where."""
        raise Refused(reason, text)

    def require_rows(self, value: Value) -> None:
        if not value.rows:
            self.refuse("it is applied to parameters or constants only, not to rows")

    def require_floats(self, *values: Value) -> None:
        for value in values:
            if value.element is not Element.FLOAT:
                self.refuse(f"it is applied to {value.element.value}, not to floats")

    def require_batch_first(self, value: Value) -> None:
        self.require_rows(value)
        if value.place != FIRST:
            text = f"the batch is not the first axis of {shown(value)}"
            self.refuse(text, Reason.BATCH_MIXED)

    def constant(self, value: Value | None, what: str) -> Array:
        """The numbers of a constant that do not depend on the batch size."""
        if value is None or value.data is None or not value.fixed or value.twin is not None:
            self.refuse(f"its {what} is not a constant")
        return value.data

    def constant_integers(self, value: Value | None, what: str) -> tuple[int, ...]:
        numbers = self.constant(value, what)
        if numbers.dtype.kind != "i":
            self.refuse(f"its {what} is not a constant of integers")
        if numbers.size > 64:
            self.refuse(f"its {what} has {numbers.size} numbers", Reason.MALFORMED)
        return tuple(int(n) for n in numbers.ravel())

    def __str__(self) -> str:
        where = f"node '{printable(self.name)}'" if self.name else "a node without a name"
        return f"{where} ({printable(self.operator)})"
