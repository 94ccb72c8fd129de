"""Template: keeps one number. The smallest pallet that has all the parts, to read first.

It is the pallet of Substrate's solochain template. From top to bottom: what may happen, what may
go wrong, what is kept, and the calls.
"""

from types import MappingProxyType
from typing import Annotated

from tilth.frame import (
    AccountId,
    ErrorEnum,
    Measured,
    Pallet,
    Signed,
    StorageValue,
    TypeName,
    call,
    ensure,
    event,
    some,
    u32,
)

LARGEST = 2**32 - 1


@event
class SomethingStored:
    """A user has set a new value."""

    something: u32
    """The new value."""
    who: Annotated[AccountId, TypeName("T::AccountId")]
    """Who has set it."""


class Error(ErrorEnum):
    """The name is what clients match, the sentence what a wallet shows."""

    NONE_VALUE = "No value was ever set."
    STORAGE_OVERFLOW = "The value is as large as it can be."


class Template(Pallet[SomethingStored, Error]):
    # solochain template: pallets/template/src/weights.rs
    weights = MappingProxyType(
        {
            "do_something": Measured(9_000_000, writes=1),
            "cause_error": Measured(6_000_000, 1_489, reads=1, writes=1),
        }
    )

    something = StorageValue[u32]()
    """The value, once someone has set it."""

    @call(0)
    def do_something(self, who: Signed, something: u32) -> None:
        """Set the value; anyone may."""
        self.something.put(something)
        self.emit(SomethingStored(something, who))

    @call(1)
    def cause_error(self, who: Signed) -> None:
        """Add one to the value: fails where there is none, and where it would not fit."""
        old = some(self.something.get(), Error.NONE_VALUE)
        ensure(old < LARGEST, Error.STORAGE_OVERFLOW)
        self.something.put(old + 1)
