"""Notices: what the chain tells those who listen, in an order that clients rely on."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from tilth.node.block import Block


class Phase(IntEnum):
    """Who hears of a block first: a client that reads its nonce upon `inBlock` must find it."""

    STATE = 0
    HEADS = 1
    TRANSACTIONS = 2
    WORK = 3


@dataclass(frozen=True, slots=True)
class Imported:
    """A block was added to the tree, or one that was known was made the best by hand."""

    block: Block
    is_best: bool
    retracted: tuple[Block, ...] = ()
    """Blocks that are no longer on the best chain, the highest first."""
    enacted: tuple[Block, ...] = ()
    """Blocks that are on it now, oldest first; the new best block is the last."""
    is_new: bool = True
    """False where the block was known already; it may then be below the one that was best."""


@dataclass(frozen=True, slots=True)
class Finalized:
    """Blocks became final; after finality was taken back by hand, the one it went back to."""

    blocks: tuple[Block, ...]
    """Oldest first."""
    pruned: tuple[Block, ...] = ()
    """Blocks of abandoned forks."""


Notice: TypeAlias = Imported | Finalized
Listener: TypeAlias = Callable[[Notice], None]


class Notices:
    """Calls each listener in turn, phase by phase; listeners are quick and never fail."""

    def __init__(self) -> None:
        self._listeners: tuple[dict[int, Listener], ...] = tuple({} for _ in Phase)
        self._next = 0

    def listen(self, phase: Phase, listener: Listener) -> Callable[[], None]:
        """Returns what ends the listening."""
        self._next += 1
        key, listeners = self._next, self._listeners[phase]
        listeners[key] = listener

        def stop() -> None:
            listeners.pop(key, None)

        return stop

    def tell(self, notice: Notice) -> None:
        for listeners in self._listeners:
            for listener in list(listeners.values()):
                listener(notice)
