"""Bans: transactions that may not come back for a while, because they were just seen off."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from tilth.node.clock import Clock
from tilth.primitives.types import H256

# client/transaction-pool/src/graph/pool.rs: Options::ban_time
BAN_MS: Final = 30 * 60 * 1000


class Bans:
    """Forgets the oldest bans rather than keep many more than `expected`."""

    def __init__(self, clock: Clock, expected: int, lasting: int = BAN_MS) -> None:
        self._clock = clock
        self._lasting = lasting
        self._expected = expected
        self._until: dict[H256, int] = {}

    def add(self, hashes: Iterable[H256]) -> None:
        banned, until = self._until, self._clock.milliseconds() + self._lasting
        for hash in hashes:
            banned.pop(hash, None)
            banned[hash] = until
        if len(banned) > 2 * self._expected:
            for oldest in list(islice(banned, len(banned) - self._expected)):
                del banned[oldest]

    def lift(self) -> None:
        """Forget all of them."""
        self._until.clear()

    def __contains__(self, hash: H256) -> bool:
        until = self._until.get(hash)
        return until is not None and until > self._clock.milliseconds()
