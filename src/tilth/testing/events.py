"""What happened, as a test looks at it: events in order, compared as the structs they are."""

from collections.abc import Callable, Sequence
from difflib import ndiff
from functools import cached_property
from typing import Any, overload

from tilth.frame import Pallet, RuntimeEvent
from tilth.pallets.system.types import EventRecord
from tilth.testing.showing import show


class Events(Sequence[Any]):
    """The events of a block or of one call; decoded when they are looked at.

    Equal to any sequence of the same events: `assert events == [Counted(alice, 5)]`.
    """

    def __init__(self, read: Callable[[], Sequence[EventRecord]]) -> None:
        self._read = read

    @cached_property
    def records(self) -> tuple[EventRecord, ...]:
        """The events with their pallet and the phase of the block."""
        return tuple(self._read())

    @cached_property
    def _events(self) -> tuple[Any, ...]:
        return tuple(record.event.event for record in self.records)

    def of(self, *kinds: "type | Pallet[Any, Any]") -> "Events":
        """Only those of these classes, or of these pallets of the runtime."""
        pallets = {kind.name for kind in kinds if isinstance(kind, Pallet)}
        classes = tuple(kind for kind in kinds if isinstance(kind, type))
        return Events(
            lambda: [
                record
                for record in self.records
                if record.event.pallet in pallets or isinstance(record.event.event, classes)
            ]
        )

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return self._events == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none

    def lines(self) -> list[str]:
        return [show(record.event) for record in self.records]

    def __repr__(self) -> str:
        return "\n".join(("no events",) if not self.records else self.lines())


def explain(operator: str, left: object, right: object) -> list[str] | None:
    """What pytest shows of a comparison with events that does not hold."""
    if operator in ("in", "not in") and isinstance(right, Events):
        return [f"{show(left)} {operator} the events", "the events are:", *_listed(right)]
    if operator == "==" and isinstance(left, Events) and isinstance(right, Sequence):
        return ["the events differ", *_difference(left, right)]
    if operator == "==" and isinstance(right, Events) and isinstance(left, Sequence):
        return ["the events differ", *_difference(right, left)]
    return None


def _listed(events: Events) -> list[str]:
    return [f"  {line}" for line in events.lines()] or ["  none"]


def _difference(happened: Events, expected: Sequence[object]) -> list[str]:
    """`-` was expected, `+` happened instead."""
    wanted = [show(_named(each, happened)) for each in expected]
    return ["- expected, + happened", *(line.rstrip() for line in ndiff(wanted, happened.lines()))]


def _named(event: object, happened: Events) -> object:
    """The expected event with its pallet's name, where one of its class happened."""
    for record in happened.records:
        if type(record.event.event) is type(event):
            return RuntimeEvent(record.event.pallet, event)
    return event
