"""Off-chain work: what a pallet asks of the node, as data."""

from collections.abc import Callable
from typing import Any, Protocol

from tilth.frame.call import RuntimeCall
from tilth.primitives.types import AccountId


class Offchain(Protocol):
    """What a pallet may know of the node that asks it for work."""

    @property
    def account(self) -> AccountId:
        """The account the node signs with."""
        ...


class Task(Protocol):
    """Work a node owes: derived from state, so that a skipped or repeated block does no harm."""

    @property
    def identity(self) -> bytes:
        """The same work has the same identity; the node never runs it twice at a time."""
        ...

    @property
    def then(self) -> Callable[[Any], RuntimeCall | None]:
        """The call that the answer becomes."""
        ...
