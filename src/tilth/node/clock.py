"""The clock, as a node needs it: handed in, so that a whole node can run in virtual time."""

from typing import Protocol


class Clock(Protocol):
    def milliseconds(self) -> int:
        """Since 1970, in UTC."""
        ...
