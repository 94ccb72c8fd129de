"""The pool's two queues: transactions that can be included now, and those that miss something."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Self

from tilth.frame import Extrinsic
from tilth.node.refusals import TooLowPriority
from tilth.primitives.types import H256


@dataclass(slots=True, eq=False)
class Pooled:
    """A transaction in the pool; it names no tag twice."""

    extrinsic: Extrinsic
    hash: H256
    priority: int
    requires: tuple[bytes, ...]
    provides: tuple[bytes, ...]
    valid_till: int
    """The last block that may hold it."""
    missing: set[bytes] = field(default_factory=set)
    """Tags that nothing ready provides; empty in a ready transaction."""
    order: int = 0
    """When it became ready, counted from the first."""

    @property
    def rank(self) -> tuple[int, int, int]:
        """Lower is taken earlier: priority, then what dies sooner, then what came first."""
        return -self.priority, self.valid_till, self.order


class Ready:
    """No two provide the same tag. A tag that none provides is provided by the state."""

    def __init__(self) -> None:
        self.bytes = 0
        self._all: dict[H256, Pooled] = {}
        self._provider: dict[bytes, Pooled] = {}
        self._needing: dict[bytes, dict[H256, Pooled]] = {}
        self._worst: list[tuple[int, int, Pooled]] = []
        """A heap; what has left the queue meanwhile is skipped."""
        self._next_order = 0

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Pooled]:
        return iter(self._all.values())

    def get(self, hash: H256) -> Pooled | None:
        return self._all.get(hash)

    def provides(self, tag: bytes) -> bool:
        return tag in self._provider

    def provider(self, tag: bytes) -> Pooled:
        return self._provider[tag]

    def needing(self, tag: bytes) -> Iterable[Pooled]:
        return self._needing.get(tag, {}).values()

    def add(self, pooled: Pooled) -> list[Pooled]:
        """Returns what it replaces; raises TooLowPriority where it may not."""
        replaced = self._replace_rivals(pooled)
        self._next_order += 1
        pooled.order = self._next_order
        self._all[pooled.hash] = pooled
        self.bytes += pooled.extrinsic.length
        for tag in pooled.provides:
            self._provider[tag] = pooled
        for tag in pooled.requires:
            self._needing.setdefault(tag, {})[pooled.hash] = pooled
        self._note_worth(pooled)
        return replaced

    def _replace_rivals(self, pooled: Pooled) -> list[Pooled]:
        """A transaction that provides the same tags must be worth more than those it replaces."""
        provides = pooled.provides
        rivals = {
            rival.hash: rival for tag in provides if (rival := self._provider.get(tag)) is not None
        }
        if not rivals:
            return []
        worth = sum(rival.priority for rival in rivals.values())
        if worth >= pooled.priority:
            raise TooLowPriority(worth, pooled.priority)
        return self.remove_trees(rivals.values(), staying=frozenset(provides))

    def remove_trees(
        self, roots: Iterable[Pooled], staying: frozenset[bytes] = frozenset()
    ) -> list[Pooled]:
        """Remove transactions and all that depend on them, but for tags that stay provided."""
        removed, waiting = [], list(roots)
        while waiting:
            pooled = waiting.pop()
            if self._all.get(pooled.hash) is not pooled:
                continue
            self._forget(pooled)
            removed.append(pooled)
            for tag in pooled.provides:
                if tag not in staying:
                    waiting.extend(self.needing(tag))
        return removed

    def take(self, tag: bytes) -> Pooled | None:
        """Remove the one that provides the tag, which the state provides from now on."""
        pooled = self._provider.get(tag)
        if pooled is not None:
            self._forget(pooled)
        return pooled

    def _forget(self, pooled: Pooled) -> None:
        del self._all[pooled.hash]
        self.bytes -= pooled.extrinsic.length
        for tag in pooled.provides:
            del self._provider[tag]
        for tag in pooled.requires:
            _discard(self._needing, tag, pooled.hash)

    def _note_worth(self, pooled: Pooled) -> None:
        heappush(self._worst, (pooled.priority, pooled.order, pooled))
        if len(self._worst) > 2 * len(self._all) + 64:
            self._worst = [(each.priority, each.order, each) for each in self]
            heapify(self._worst)

    def worst(self) -> Pooled:
        """The least worth, the oldest of them: newer ones are preferred where the queue is full."""
        while True:
            pooled = self._worst[0][2]
            if self._all.get(pooled.hash) is pooled:
                return pooled
            heappop(self._worst)


class BestFirst:
    """Ready transactions in the order in which they can be included, the best first.

    The queue must not change while it is walked.
    """

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._open: dict[H256, int] = {}
        """How many tags of those that wait are still to be provided."""
        self._last: Pooled | None = None
        self._heap: list[tuple[tuple[int, int, int], Pooled]] = []
        for pooled in ready:
            needs = sum(ready.provides(tag) for tag in pooled.requires)
            if needs:
                self._open[pooled.hash] = needs
            else:
                self._heap.append((pooled.rank, pooled))
        heapify(self._heap)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Pooled:
        if self._last is not None:
            self._unblock(self._last)
        if not self._heap:
            raise StopIteration
        self._last = heappop(self._heap)[1]
        return self._last

    def skip_dependents(self) -> None:
        """What depends on the last one is not offered: it was not included."""
        self._last = None

    def _unblock(self, included: Pooled) -> None:
        for tag in included.provides:
            for pooled in self._ready.needing(tag):
                self._open[pooled.hash] -= 1
                if not self._open[pooled.hash]:
                    heappush(self._heap, (pooled.rank, pooled))


class Future:
    """Transactions that miss a tag, oldest first."""

    def __init__(self) -> None:
        self.bytes = 0
        self._all: dict[H256, Pooled] = {}
        self._waiting: dict[bytes, dict[H256, Pooled]] = {}
        self._providing: dict[bytes, dict[H256, Pooled]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Pooled]:
        return iter(self._all.values())

    def get(self, hash: H256) -> Pooled | None:
        return self._all.get(hash)

    def add(self, pooled: Pooled) -> None:
        self._all[pooled.hash] = pooled
        self.bytes += pooled.extrinsic.length
        for tag in pooled.missing:
            self._waiting.setdefault(tag, {})[pooled.hash] = pooled
        for tag in pooled.provides:
            self._providing.setdefault(tag, {})[pooled.hash] = pooled

    def remove(self, pooled: Pooled) -> None:
        del self._all[pooled.hash]
        self.bytes -= pooled.extrinsic.length
        for tag in pooled.missing:
            _discard(self._waiting, tag, pooled.hash)
        for tag in pooled.provides:
            _discard(self._providing, tag, pooled.hash)

    def satisfy(self, tags: Iterable[bytes]) -> list[Pooled]:
        """Take out those that missed nothing but these tags."""
        satisfied = []
        for tag in tags:
            for pooled in list(self._waiting.get(tag, {}).values()):
                _discard(self._waiting, tag, pooled.hash)
                pooled.missing.discard(tag)
                if not pooled.missing:
                    self.remove(pooled)
                    satisfied.append(pooled)
        return satisfied

    def take(self, tag: bytes) -> list[Pooled]:
        """Remove those that would provide the tag."""
        taken = list(self._providing.get(tag, {}).values())
        for pooled in taken:
            self.remove(pooled)
        return taken


def _discard(table: dict[bytes, dict[H256, Pooled]], tag: bytes, hash: H256) -> None:
    waiting = table[tag]
    del waiting[hash]
    if not waiting:
        del table[tag]
