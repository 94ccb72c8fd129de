"""Watching: who hears of a transaction's transitions, from the pool until it is final."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from tilth.primitives.types import H256

Status: TypeAlias = str | dict[str, Any]
"""A transition as the wire names it: "ready", {"inBlock": hash}, …"""
Watcher: TypeAlias = Callable[[Status], None]

# client/transaction-pool/src/graph/listener.rs: MAX_FINALITY_WATCHERS
MOST_UNFINALIZED: Final = 512
_LAST: Final = frozenset(("finalized", "usurped", "dropped", "invalid", "finalityTimeout"))
_WAITING: Final = frozenset(("ready", "future"))


def is_last(status: Status) -> bool:
    """Whether nothing follows: the transaction is final, or out of the pool."""
    return (status if isinstance(status, str) else next(iter(status))) in _LAST


class Watchers:
    """Kept by transaction, not by its place: it may leave a block and come back."""

    def __init__(self) -> None:
        self._of: dict[H256, list[Watcher]] = {}
        self._included: dict[H256, list[H256]] = {}
        """By block, the watched transactions in it."""
        self._waiting: dict[H256, Status] = {}
        """How the watched transactions wait that are in the pool."""

    def add(self, hash: H256, watcher: Watcher) -> None:
        self._of.setdefault(hash, []).append(watcher)

    def remove(self, hash: H256, watcher: Watcher) -> None:
        watchers = self._of[hash]
        watchers.remove(watcher)
        if not watchers:
            del self._of[hash]
            self._waiting.pop(hash, None)

    def tell(self, hash: H256, status: Status) -> None:
        """Who heard last that it waits so, and was told nothing else since, hears nothing."""
        if hash not in self._of:
            return
        watchers = self._of.pop(hash) if is_last(status) else self._of[hash]
        if self._waits_so_already(hash, status):
            return
        for watcher in tuple(watchers):
            watcher(status)

    def _waits_so_already(self, hash: H256, status: Status) -> bool:
        before = self._waiting.pop(hash, None)
        if isinstance(status, str) and status in _WAITING:
            self._waiting[hash] = status
        return status == before

    def included(self, block: H256, hashes: Iterable[H256]) -> None:
        watched = [hash for hash in hashes if hash in self._of] if self._of else []
        if not watched:
            return
        self._included[block] = watched
        self._tell_all(watched, "inBlock", block)
        while len(self._included) > MOST_UNFINALIZED:
            oldest = next(iter(self._included))
            self._tell_all(self._included.pop(oldest), "finalityTimeout", oldest)

    def retracted(self, block: H256) -> None:
        self._tell_all(self._included.pop(block, ()), "retracted", block)

    def finalized(self, block: H256) -> None:
        self._tell_all(self._included.pop(block, ()), "finalized", block)

    def _tell_all(self, hashes: Iterable[H256], status: str, block: H256) -> None:
        for hash in hashes:
            self.tell(hash, {status: f"0x{block.hex()}"})
