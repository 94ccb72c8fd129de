"""Session: which validators are at work; as much of it as clients read to name a block's author."""

from collections.abc import Sequence
from typing import Never

from tilth.frame import AccountId, DefaultValue, Pallet, RuntimeApi, u32
from tilth.pallets.session.keys import SessionKeys


class Session(Pallet[Never, Never]):
    storage_version = 1

    keys: tuple[bytes, ...] = ()
    """The types of the keys that a validator's node has, four bytes each; all are sr25519."""

    validators = DefaultValue[tuple[AccountId, ...]]()
    """The accounts of those who author, in the order of their turns."""
    current_index = DefaultValue[u32]()
    """The number of the session."""

    def genesis(self, *, validators: Sequence[AccountId] = ()) -> None:
        self.validators.put(tuple(validators))

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (SessionKeys(self.runtime, self.keys),) if self.keys else ()
