"""Authorship: making the next block of what is ready in the pool."""

import asyncio
import logging
from typing import Final, Protocol

from tilth.frame import (
    Extrinsic,
    InvalidTransactionError,
    Overlay,
    codec,
    u64,
    validity,
)
from tilth.frame.apis import inherents
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.pool import Pool, Pooled
from tilth.primitives.types import H256, Digest, Header, PreRuntime

log = logging.getLogger(__name__)

_AURA: Final = b"aura"
_ZERO: Final = H256(bytes(32))


class Clock(Protocol):
    def milliseconds(self) -> int:
        """Since 1970, in UTC."""
        ...


class Author:
    """Builds blocks on the best one; its timestamps never stand still."""

    def __init__(self, chain: Chain, pool: Pool, clock: Clock) -> None:
        self._chain = chain
        self._pool = pool
        self._clock = clock
        self._slot_duration = codec(u64).decode(
            chain.call(chain.genesis, "AuraApi_slot_duration", b"")
        )
        self._last_moment = 0
        self.next_moment: int | None = None
        """The timestamp of the next block, if somebody has set it."""

    def build(self, parent: Block | None = None) -> Block:
        """Make a block of what is ready and add it to the chain."""
        parent = parent or self._chain.best
        runtime, overlay = self._chain.runtime, Overlay(parent.state)
        current = runtime.slot.overlay
        runtime.slot.overlay = overlay
        try:
            block, refused = self._build(parent)
        finally:
            runtime.slot.overlay = current
        for pooled in refused:
            self._pool.invalidate(pooled)
        self._chain.add(block)
        return block

    def _build(self, parent: Block) -> tuple[Block, list[Pooled]]:
        runtime, moment = self._chain.runtime, self._moment()
        slot = codec(u64).encode(moment // self._slot_duration)
        runtime.executive.initialize_block(
            Header(parent.hash, parent.number + 1, _ZERO, _ZERO, Digest((PreRuntime(_AURA, slot),)))
        )
        data = {b"timstap0": codec(u64).encode(moment), b"auraslot": slot}
        body = [self._included(extrinsic) for extrinsic in inherents(runtime, data)]
        refused = self._fill(body) if parent is self._chain.best else []
        header = runtime.executive.finalize_block()
        return Block(header, header.hash, tuple(body), runtime.slot.overlay.trie), refused

    def _included(self, extrinsic: Extrinsic) -> bytes:
        failure = self._chain.runtime.executive.apply_extrinsic(extrinsic)
        assert failure is None, f"an inherent failed: {failure}"
        return extrinsic.data

    def _fill(self, body: list[bytes]) -> list[Pooled]:
        """Apply what is ready until the block is full; returns what turned out invalid."""
        executive, slot = self._chain.runtime.executive, self._chain.runtime.slot
        refused: list[Pooled] = []
        for pooled in self._pool.ready():
            try:
                executive.apply_extrinsic(pooled.extrinsic, verified=True)
            except InvalidTransactionError as error:
                if _is(error, validity.ExhaustsResources):
                    break
                if not _is(error, validity.Future):
                    refused.append(pooled)
                continue
            body.append(pooled.extrinsic.data)
            slot.overlay.settle()
        return refused

    def _moment(self) -> int:
        """Now, or a millisecond after the last block if the clock has not moved on."""
        moment = self.next_moment or max(self._clock.milliseconds(), self._last_moment + 1)
        self._last_moment, self.next_moment = moment, None
        return moment

    def continue_from(self, moment: int) -> None:
        """Never author before this timestamp: the one of the best block."""
        self._last_moment = max(self._last_moment, moment)


def _is(error: InvalidTransactionError, kind: type) -> bool:
    return isinstance(getattr(error.error, "reason", None), kind)


class Sealer(Protocol):
    """Decides when the author makes a block."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class InstantSeal:
    """A block as soon as the pool has something; what arrives in one breath shares a block."""

    def __init__(self, author: Author, pool: Pool) -> None:
        self._author = author
        self._pool = pool
        self._scheduled = False
        self._running = False

    def start(self) -> None:
        self._running = True
        self._pool.on_ready.append(self._schedule)

    def stop(self) -> None:
        self._running = False
        if self._schedule in self._pool.on_ready:
            self._pool.on_ready.remove(self._schedule)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._seal)

    def _seal(self) -> None:
        self._scheduled = False
        if not self._running or not self._pool.pending_count():
            return
        block = self._author.build()
        if self._pool.pending_count() and len(block.extrinsics) > 1:
            self._schedule()  # the block was full


class SlotSeal:
    """A block every so many seconds, empty or not."""

    def __init__(self, author: Author, seconds: float) -> None:
        self._author = author
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._at = loop.time() + self._seconds
        self._timer = loop.call_at(self._at, self._seal)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _seal(self) -> None:
        self._author.build()
        loop = asyncio.get_running_loop()
        self._at = max(self._at + self._seconds, loop.time())
        self._timer = loop.call_at(self._at, self._seal)


class ManualSeal:
    """A block only when somebody asks for one."""

    def start(self) -> None: ...

    def stop(self) -> None: ...
