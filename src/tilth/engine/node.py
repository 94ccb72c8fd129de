"""One node of the author's graph, as the operators' rules see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from tilth.engine.graph import Array, Kind, Value
from tilth.engine.outcomes import Reason, Refused, printable

AuthorAttribute: TypeAlias = int | float | tuple[int, ...] | tuple[float, ...] | Array


@dataclass(frozen=True, slots=True)
class Node:
    operator: str
    name: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, AuthorAttribute]

    def integer(self, name: str, default: int) -> int:
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            self.refuse(f"attribute '{printable(name)}' is not an integer", Reason.MALFORMED)
        return value

    def number(self, name: str, default: float) -> float:
        value = self.attributes.get(name, default)
        if not isinstance(value, float | int) or not abs(value) < 1e30:
            self.refuse(f"attribute '{printable(name)}' is not a finite number", Reason.MALFORMED)
        return float(value)

    def axis(self, rank: int, default: int) -> int:
        """The attribute `axis` as an axis of one row; `rank` counts the batch axis too."""
        axis = self.integer("axis", default)
        if not -rank <= axis < rank:
            self.refuse(f"axis {axis} is outside a tensor of rank {rank}", Reason.MALFORMED)
        if axis % rank == 0:
            self.refuse("axis 0 is the batch: the rows would be mixed", Reason.BATCH_MIXED)
        return axis % rank - 1

    def refuse(self, text: str, reason: Reason = Reason.FORM_NOT_SUPPORTED) -> NoReturn:
        """Say what is wrong; the compiler says where."""
        raise Refused(reason, text)

    def require_rows(self, value: Value) -> None:
        if value.kind is not Kind.ROWS:
            self.refuse("it is applied to parameters or constants only, not to rows")

    def __str__(self) -> str:
        where = f"node '{printable(self.name)}'" if self.name else "a node without a name"
        return f"{where} ({printable(self.operator)})"
