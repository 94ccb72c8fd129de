"""Session: which validators are at work; as much of it as clients read to name a block's author."""

from collections.abc import Sequence
from typing import Never

from tilth.frame import AccountId, DefaultValue, Pallet, u32


class Session(Pallet[Never, Never]):
    storage_version = 1

    validators = DefaultValue[tuple[AccountId, ...]]()
    """The accounts of those who author, in the order of their turns."""
    current_index = DefaultValue[u32]()
    """The number of the session."""

    def genesis(self, *, validators: Sequence[AccountId] = ()) -> None:
        self.validators.put(tuple(validators))
