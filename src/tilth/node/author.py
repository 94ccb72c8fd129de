"""Authorship: making the next block of what is ready in the pool, and when."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

from tilth.frame import (
    InvalidTransactionError,
    Overlay,
    Runtime,
    codec,
    u64,
    validity,
)
from tilth.frame.apis import inherents
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.clock import Clock as Clock
from tilth.node.pool import Pool
from tilth.node.possession import Possession
from tilth.node.queues import Pooled
from tilth.node.store import StoreError
from tilth.primitives.crypto.hashing import twox_128
from tilth.primitives.types import H256, Digest, Header, PreRuntime

log = logging.getLogger(__name__)

_u64: Final = codec(u64)
_AURA: Final = b"aura"
_ZERO: Final = H256(bytes(32))
_NOTHING: Final[Mapping[bytes, bytes | None]] = MappingProxyType({})
_NOW: Final = twox_128(b"Timestamp") + twox_128(b"Now")
# client/basic-authorship: MAX_SKIPPED_TRANSACTIONS
_MOST_SKIPPED: Final = 8
# A block of so many transfers takes a thirtieth of a second, in which nobody is answered.
_MOST_AT_ONCE: Final = 256

Filling: TypeAlias = Callable[[list[bytes]], list[H256]]
"""Puts what it wants into the block that is open in the runtime, and into the body it is given.

Returns what turned out to be invalid.
"""


class Calendar:
    """When blocks are: now, but always later than their parent, by as much as the runtime asks."""

    def __init__(self, chain: Chain, clock: Clock) -> None:
        self._clock = clock
        self._chain = chain
        self._rules_of: Runtime | None = None
        self._slot_duration = self._step = 0
        self.ahead = 0
        """By how much the chain's time is ahead of the clock, since somebody has set it."""
        self.next_moment: int | None = None
        """The timestamp of the next block, if somebody has set it; time goes on from there."""

    @property
    def slot_duration(self) -> int:
        """0 where the runtime knows no slots."""
        self._read_rules()
        return self._slot_duration

    @property
    def step(self) -> int:
        """By how much, at least, a block is later than its parent."""
        self._read_rules()
        return self._step

    def _read_rules(self) -> None:
        """Once for each runtime."""
        runtime, best = self._chain.runtime, self._chain.best
        if runtime is not self._rules_of:
            self._slot_duration = self._slots_of(best)
            self._step, self._rules_of = self._least_step(runtime.pallets), runtime

    def _slots_of(self, best: Block) -> int:
        try:
            encoded = self._chain.call(best, "AuraApi_slot_duration", b"")
        except KeyError:  # without Aura, as the minimal template: manual seal has no slots
            return 0
        return int(_u64.decode(encoded))

    def _least_step(self, pallets: Sequence[Any]) -> int:
        timestamp = next((pallet for pallet in pallets if pallet.name == "Timestamp"), None)
        period: int = getattr(timestamp, "minimum_period", 1)
        # Half a slot, as is usual, means one block per slot.
        slot = self._slot_duration
        return slot if slot and 2 * period >= slot else max(period, 1)

    def slot_of(self, moment: int) -> bytes | None:
        """The number of the slot, encoded; None where the runtime knows no slots."""
        return _u64.encode(moment // self.slot_duration) if self.slot_duration else None

    def moment_after(self, parent: Block) -> int:
        """In milliseconds since 1970; the clock may have stood still or gone back."""
        told, self.next_moment = self.next_moment, None
        if told is not None:
            self.set(told)
        moment = self.now if told is None else told
        return max(moment, self.moment_of(parent) + self.step)

    def set(self, moment: int) -> None:
        """It is this time now, and goes on from there."""
        self.ahead = moment - self._clock.milliseconds()

    @property
    def now(self) -> int:
        """The chain's time."""
        return self._clock.milliseconds() + self.ahead

    @staticmethod
    def moment_of(block: Block) -> int:
        """The block's timestamp, 0 where it has none."""
        return int.from_bytes(block.state.get(_NOW) or b"", "little")


class Author:
    """Builds blocks and adds them to the chain."""

    def __init__(self, chain: Chain, pool: Pool, clock: Clock, possession: Possession) -> None:
        self._chain = chain
        self._pool = pool
        self._possession = possession
        self.calendar = Calendar(chain, clock)

    def build(
        self,
        parent: Block | None = None,
        *,
        filling: Filling | None = None,
        written: Mapping[bytes, bytes | None] = _NOTHING,
    ) -> Block:
        """Make a block of what is ready, or of what `filling` puts in, and add it to the chain.

        Above another block than the best one it stays empty: what is ready is so above the best.
        `written` is storage that is changed by hand at the block's end; None deletes.
        """
        parent = parent or self._chain.best
        if filling is None:
            filling = self.fill if parent is self._chain.best else leave_empty
        runtime = self._chain.runtimes.at(parent.state)
        with runtime.at(parent.state) as overlay:
            body = self.open(runtime, parent, self.calendar.moment_after(parent))
            refused = filling(body)
            header = runtime.executive.finalize_block()
        block = Block(header, header.hash, tuple(body), overlay.trie)
        if refused:
            self._pool.remove(refused)
        if written:
            block = _rewritten(block, written)
        self._chain.add(block, overlay.indexed)
        return block

    def open(self, runtime: Runtime, parent: Block, moment: int) -> list[bytes]:
        """Begin a block in the runtime, which is at the parent's state; returns its inherents."""
        slot = self.calendar.slot_of(moment)
        digest = Digest(() if slot is None else (PreRuntime(_AURA, slot),))
        runtime.executive.initialize_block(
            Header(parent.hash, parent.number + 1, _ZERO, _ZERO, digest)
        )
        data = {b"timstap0": _u64.encode(moment), **self._possession.inherent_data(parent)}
        if slot is not None:
            data[b"auraslot"] = slot
        made = inherents(runtime, data)
        for extrinsic in made:
            failure = runtime.executive.apply_extrinsic(extrinsic)
            assert failure is None, f"an inherent failed: {failure}"
        return [extrinsic.data for extrinsic in made]

    def fill(self, body: list[bytes], most: int | None = None) -> list[H256]:
        """Apply what is ready until the block is full; returns what turned out invalid.

        `most` is how many are tried at most.
        """
        overlay = self._chain.runtime.slot.overlay
        refused: list[H256] = []
        skipped, ready = 0, self._pool.ready()
        for pooled in islice(ready, most):
            error = self._applied(pooled, overlay)
            if error is None:
                body.append(pooled.extrinsic.data)
                overlay.settle()
                continue
            ready.skip_dependents()
            if not _is_full(error):
                refused.append(pooled.hash)
            elif skipped == _MOST_SKIPPED:
                break
            else:
                skipped += 1
        return refused

    def _applied(self, pooled: Pooled, overlay: Overlay) -> Exception | None:
        mark = overlay.mark()
        try:
            self._chain.runtime.executive.apply_extrinsic(pooled.extrinsic, verified=True)
        except InvalidTransactionError as error:
            return error
        except Exception as error:
            log.exception("transaction 0x%s broke the runtime", pooled.hash.hex())
            overlay.rollback(mark)
            return error
        return None


def leave_empty(_: list[bytes]) -> list[H256]:
    return []


def _rewritten(block: Block, written: Mapping[bytes, bytes | None]) -> Block:
    """The block with another state, of which its header knows."""
    state = block.state.update(written)
    header = replace(block.header, state_root=H256(state.root))
    return Block(header, header.hash, block.extrinsics, state)


def _is_full(error: Exception) -> bool:
    return isinstance(error, InvalidTransactionError) and isinstance(
        getattr(error.error, "reason", None), validity.ExhaustsResources
    )


class Sealer(Protocol):
    """Decides when the author makes a block."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Sealing(Protocol):
    """Makes the sealer of a node, once its author and pool exist."""

    def __call__(self, author: Author, pool: Pool) -> Sealer: ...


class InstantSeal:
    """A block as soon as the pool has something; what arrives in one breath shares a block.

    Where a flood arrives, clients have their turn between its blocks.
    """

    def __init__(self, author: Author, pool: Pool) -> None:
        self._author = author
        self._fill = partial(author.fill, most=_MOST_AT_ONCE)
        self._pool = pool
        self._scheduled = False
        self._running = False

    def start(self) -> None:
        self._running = True
        self._pool.on_ready.append(self._schedule)
        if self._pool.pending_count():
            self._schedule()

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
        waiting = self._pool.pending_count()
        if not self._running or not waiting:
            return
        if not _built(self._author, self._fill):
            return
        if 0 < self._pool.pending_count() < waiting:
            self._schedule()  # the block was full


class BatchSeal:
    """A block a moment after the last transaction arrived, but no later than `longest` seconds."""

    def __init__(
        self, author: Author, pool: Pool, *, quiet: float = 0.1, longest: float = 1.0
    ) -> None:
        self._author = author
        self._pool = pool
        self._quiet, self._longest = quiet, longest
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._pool.on_ready.append(self._wait)
        if self._pool.pending_count():
            self._wait()

    def stop(self) -> None:
        if self._wait in self._pool.on_ready:
            self._pool.on_ready.remove(self._wait)
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        if self._deadline is None:
            self._deadline = loop.time() + self._longest
        if self._timer is not None:
            self._timer.cancel()
        at = min(loop.time() + self._quiet, self._deadline)
        self._timer = loop.call_at(at, self._seal)

    def _seal(self) -> None:
        self._deadline = None
        waiting = self._pool.pending_count()
        if waiting and _built(self._author) and 0 < self._pool.pending_count() < waiting:
            self._wait()  # the block was full


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
        loop = asyncio.get_running_loop()
        self._at = max(self._at + self._seconds, loop.time())
        if _built(self._author):
            self._timer = loop.call_at(self._at, self._seal)


def _built(author: Author, filling: Filling | None = None) -> bool:
    """False where the chain can have no more blocks; it has told whoever must know."""
    try:
        author.build(filling=filling)
    except StoreError:
        return False
    except Exception:
        # A pallet's fault: it may be gone with the next block.
        log.exception("no block could be made")
    return True


class ManualSeal:
    """A block only when somebody asks for one."""

    def start(self) -> None: ...

    def stop(self) -> None: ...
