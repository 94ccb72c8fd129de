"""The transaction pool: what waits to be included, in the order in which an author takes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Final, TypeAlias

from tilth.frame import (
    Extrinsic,
    InvalidTransactionError,
    Overlay,
    TransactionSource,
    ValidTransaction,
)
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.notices import Finalized, Imported, Notice, Phase
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.types import H256

# client/transaction-pool: the defaults of `--pool-limit` and `--pool-kbytes`; the future queue has
# a tenth of both
READY_LIMIT: Final = 8192
READY_BYTES: Final = 20_480 * 1024
FUTURE_LIMIT: Final = READY_LIMIT // 10
FUTURE_BYTES: Final = READY_BYTES // 10

Status: TypeAlias = str | dict[str, Any]
"""A transition as the wire names it: "ready", {"inBlock": hash}, …"""
Watcher: TypeAlias = Callable[[Status], None]


def is_last(status: Status) -> bool:
    """Whether nothing follows: the transaction is final, or out of the pool."""
    name = status if isinstance(status, str) else next(iter(status))
    return name in ("finalized", "usurped", "dropped", "invalid", "finalityTimeout")


class PoolError(Exception):
    """Why the pool does not take a transaction."""


class Undecodable(PoolError):
    """The bytes are no extrinsic of this runtime."""


class Rejected(PoolError):
    """The runtime says the transaction is invalid, or cannot say."""

    def __init__(self, error: Any) -> None:
        self.error = error
        super().__init__(str(error))


class AlreadyImported(PoolError):
    def __init__(self, hash: bytes) -> None:
        self.hash = hash
        super().__init__(f"0x{hash.hex()}")


class TooLowPriority(PoolError):
    def __init__(self, old: int, new: int) -> None:
        self.old, self.new = old, new
        super().__init__(f"{old} vs {new}")


class ImmediatelyDropped(PoolError):
    """The pool is full of better ones."""


class Banned(PoolError):
    """The transaction was invalid a short while ago."""


class NoTags(PoolError):
    """A transaction without tags cannot be told from others."""


@dataclass(slots=True, eq=False)
class Pooled:
    """A transaction in the pool."""

    extrinsic: Extrinsic
    hash: H256
    valid: ValidTransaction
    valid_till: int
    """The last block that may hold it."""
    order: int
    missing: set[bytes] = field(default_factory=set)
    """Tags that nothing ready provides; empty in a ready transaction."""
    watchers: list[Watcher] = field(default_factory=list)

    @property
    def rank(self) -> tuple[int, int, int]:
        """Lower is taken earlier: priority, then what dies sooner, then what came first."""
        return -self.valid.priority, self.valid_till, self.order


class Pool:
    """Ready transactions can be included now, one after another; future ones wait for a tag."""

    def __init__(
        self,
        chain: Chain,
        *,
        ready_limit: int = READY_LIMIT,
        ready_bytes: int = READY_BYTES,
    ) -> None:
        self._chain = chain
        self._limits = {
            True: (ready_limit, ready_bytes),
            False: (ready_limit // 10, ready_bytes // 10),
        }
        self._all: dict[H256, Pooled] = {}
        self._ready: dict[H256, Pooled] = {}
        self._future: dict[H256, Pooled] = {}
        self._bytes = {True: 0, False: 0}
        self._provider: dict[bytes, Pooled] = {}
        """By tag, the ready transaction that provides it."""
        self._waiting: dict[bytes, dict[H256, Pooled]] = {}
        """By tag, the future transactions that miss it."""
        self._inclusions: dict[H256, dict[H256, list[Watcher]]] = {}
        """By block, the transactions in it that somebody watches."""
        self._next_order = 0
        self._validator = _Validator(chain)
        self.on_ready: list[Callable[[], None]] = []
        """Called when something can be included."""
        chain.notices.listen(Phase.TRANSACTIONS, self._on_notice)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, hash: H256) -> bool:
        return hash in self._all

    def submit(
        self,
        data: bytes,
        source: TransactionSource = TransactionSource.EXTERNAL,
        watcher: Watcher | None = None,
    ) -> H256:
        """Take a transaction in; raises PoolError. The watcher hears every transition."""
        extrinsic = self._decode(data)
        hash = H256(extrinsic.hash)
        if hash in self._all:
            raise AlreadyImported(hash)
        valid = self._validator.validate(source, extrinsic)
        if not valid.provides:
            raise NoTags
        pooled = self._pooled(extrinsic, hash, valid)
        if watcher is not None:
            pooled.watchers.append(watcher)
        self._insert(pooled)
        return hash

    def _decode(self, data: bytes) -> Extrinsic:
        try:
            return self._chain.runtime.format.decode(data)
        except ValueError as error:
            raise Undecodable(str(error)) from error

    def _pooled(self, extrinsic: Extrinsic, hash: H256, valid: ValidTransaction) -> Pooled:
        self._next_order += 1
        now = self._chain.best.number
        till = min(now + valid.longevity, 2**64 - 1)
        return Pooled(extrinsic, hash, valid, till, self._next_order)

    def _insert(self, pooled: Pooled) -> None:
        pooled.missing = {tag for tag in pooled.valid.requires if tag not in self._provider}
        if pooled.missing:
            self._keep(pooled, self._future, "future")
            for tag in pooled.missing:
                self._waiting.setdefault(tag, {})[pooled.hash] = pooled
            return
        self._make_ready(pooled)
        if pooled.hash in self._all:
            for listener in self.on_ready:
                listener()

    def _make_ready(self, pooled: Pooled) -> None:
        """Ready the transaction, then all that waited for it."""
        waiting = [pooled]
        while waiting:
            ready = waiting.pop(0)
            self._replace_rivals(ready)
            self._keep(ready, self._ready, "ready")
            for tag in ready.valid.provides:
                self._provider[tag] = ready
                waiting.extend(self._promoted(tag))

    def _promoted(self, tag: bytes) -> list[Pooled]:
        """Future transactions that missed nothing but this tag."""
        promoted = []
        for pooled in self._waiting.pop(tag, {}).values():
            pooled.missing.discard(tag)
            if not pooled.missing:
                self._forget(pooled)
                promoted.append(pooled)
        return promoted

    def _replace_rivals(self, pooled: Pooled) -> None:
        """A transaction that provides the same tags must be worth more than those it replaces."""
        rivals = {
            rival.hash: rival
            for tag in pooled.valid.provides
            if (rival := self._provider.get(tag)) is not None
        }
        if not rivals:
            return
        worth = sum(rival.valid.priority for rival in rivals.values())
        if worth >= pooled.valid.priority:
            raise TooLowPriority(worth, pooled.valid.priority)
        for rival in rivals.values():
            self._remove_tree(rival, {"usurped": f"0x{pooled.hash.hex()}"})

    def _keep(self, pooled: Pooled, queue: dict[H256, Pooled], status: str) -> None:
        ready = queue is self._ready
        limit, limit_bytes = self._limits[ready]
        queue[pooled.hash] = self._all[pooled.hash] = pooled
        self._bytes[ready] += pooled.extrinsic.length
        while len(queue) > limit or self._bytes[ready] > limit_bytes:
            worst = max(queue.values(), key=lambda kept: kept.rank)
            if worst is pooled:
                self._forget(pooled)
                raise ImmediatelyDropped
            self._remove_tree(worst, "dropped")
        _tell(pooled, status)

    def _forget(self, pooled: Pooled) -> None:
        self._all.pop(pooled.hash, None)
        for ready, queue in ((True, self._ready), (False, self._future)):
            if queue.pop(pooled.hash, None) is not None:
                self._bytes[ready] -= pooled.extrinsic.length
        for tag in pooled.valid.provides:
            if self._provider.get(tag) is pooled:
                del self._provider[tag]
        for tag in pooled.missing:
            waiting = self._waiting.get(tag, {})
            waiting.pop(pooled.hash, None)
            if not waiting:
                self._waiting.pop(tag, None)

    def _remove_tree(self, pooled: Pooled, status: Status) -> None:
        """Remove a transaction and, as dropped, all that depend on it."""
        if pooled.hash not in self._all:
            return
        provided = set(pooled.valid.provides)
        self._forget(pooled)
        _tell(pooled, status)
        for other in [o for o in self._ready.values() if provided & set(o.valid.requires)]:
            self._remove_tree(other, "dropped" if status == "dropped" else "invalid")

    def remove(self, hashes: list[H256]) -> list[H256]:
        """Remove transactions by their owner's wish, with all that depend on them."""
        before = set(self._all)
        for hash in hashes:
            if (pooled := self._all.get(hash)) is not None:
                self._remove_tree(pooled, "dropped")
        return [hash for hash in before if hash not in self._all]

    def invalidate(self, pooled: Pooled) -> None:
        """An author found that the transaction can no longer be included."""
        self._remove_tree(pooled, "invalid")

    def ready(self) -> Iterator[Pooled]:
        """Ready transactions in the order in which they can be included, the best first."""
        blocked: dict[bytes, list[Pooled]] = {}
        open_: dict[H256, int] = {}
        heap: list[tuple[tuple[int, int, int], Pooled]] = []
        for pooled in self._ready.values():
            needs = [tag for tag in pooled.valid.requires if tag in self._provider]
            open_[pooled.hash] = len(needs)
            for tag in needs:
                blocked.setdefault(tag, []).append(pooled)
            if not needs:
                heappush(heap, (pooled.rank, pooled))
        while heap:
            _, pooled = heappop(heap)
            yield pooled
            for tag in pooled.valid.provides:
                for waiting in blocked.pop(tag, ()):
                    open_[waiting.hash] -= 1
                    if not open_[waiting.hash]:
                        heappush(heap, (waiting.rank, waiting))

    def pending(self) -> list[bytes]:
        """Encoded ready transactions, in order."""
        return [pooled.extrinsic.data for pooled in self.ready()]

    def pending_count(self) -> int:
        return len(self._ready)

    def next_nonce(self, nonce: int, tag_of: Callable[[int], bytes]) -> int:
        """The first nonce from `nonce` on whose tag no ready transaction provides."""
        while tag_of(nonce) in self._provider:
            nonce += 1
        return nonce

    def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, Finalized):
            for block in notice.blocks:
                self._end_watching(block, "finalized")
        elif notice.is_best:
            self._on_best(notice)

    def _on_best(self, notice: Imported) -> None:
        for block in notice.retracted:
            self._retract(block)
        for block in notice.enacted:
            self._include(block)
        for block in notice.retracted:
            self._resubmit(block)
        self._drop_expired()

    def _include(self, block: Block) -> None:
        """Prune what the block holds, and ready what its transactions unblock."""
        status = {"inBlock": f"0x{block.hash.hex()}"}
        watched: dict[H256, list[Watcher]] = {}
        for data in block.extrinsics:
            pooled = self._prune(data)
            if pooled is not None and pooled.watchers:
                watched[pooled.hash] = pooled.watchers
                _tell(pooled, status)
        if watched:
            self._inclusions[block.hash] = watched

    def _prune(self, data: bytes) -> Pooled | None:
        pooled = self._all.get(H256(blake2_256(data)))
        if pooled is None:
            self._prune_foreign(data)
            return None
        self._forget(pooled)
        for tag in pooled.valid.provides:
            for promoted in self._promoted(tag):
                self._make_ready(promoted)
        return pooled

    def _prune_foreign(self, data: bytes) -> None:
        """Another author's transaction with the same tags makes ours stale."""
        extrinsic = self._chain.runtime.format.decode(data)
        if extrinsic.is_bare:
            return
        for tag in self._validator.tags_before(self._chain.best, extrinsic):
            rival = self._provider.get(tag)
            if rival is not None:
                self._remove_tree(rival, {"usurped": f"0x{extrinsic.hash.hex()}"})
            for promoted in self._promoted(tag):
                self._make_ready(promoted)

    def _retract(self, block: Block) -> None:
        status = {"retracted": f"0x{block.hash.hex()}"}
        for watchers in self._inclusions.get(block.hash, {}).values():
            for watcher in watchers:
                watcher(status)

    def _resubmit(self, block: Block) -> None:
        watched = self._inclusions.pop(block.hash, {})
        for data in block.extrinsics:
            try:
                hash = self.submit(data, TransactionSource.IN_BLOCK)
            except PoolError:
                continue
            self._all[hash].watchers.extend(watched.get(hash, ()))

    def _end_watching(self, block: Block, status: str) -> None:
        for watchers in self._inclusions.pop(block.hash, {}).values():
            for watcher in watchers:
                watcher({status: f"0x{block.hash.hex()}"})

    def _drop_expired(self) -> None:
        now = self._chain.best.number
        for pooled in [p for p in self._all.values() if p.valid_till <= now]:
            self._remove_tree(pooled, "invalid")


def _tell(pooled: Pooled, status: Status) -> None:
    for watcher in pooled.watchers:
        watcher(status)


class _Validator:
    """Validates transactions at the best block; the state is prepared once per block."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._at: Block | None = None
        self._overlay: Overlay

    def validate(self, source: TransactionSource, extrinsic: Extrinsic) -> ValidTransaction:
        runtime = self._chain.runtime
        current = runtime.slot.overlay
        runtime.slot.overlay = overlay = self._prepared()
        mark = overlay.mark()
        try:
            return runtime.executive.validate(source, extrinsic)
        except InvalidTransactionError as error:
            raise Rejected(error.error) from error
        finally:
            overlay.rollback(mark)
            runtime.slot.overlay = current

    def _prepared(self) -> Overlay:
        best = self._chain.best
        if self._at is not best:
            self._at, self._overlay = best, Overlay(best.state)
            runtime = self._chain.runtime
            current = runtime.slot.overlay
            runtime.slot.overlay = self._overlay
            try:
                runtime.executive.begin_validation(best.hash)
            finally:
                runtime.slot.overlay = current
        return self._overlay

    def tags_before(self, block: Block, extrinsic: Extrinsic) -> tuple[bytes, ...]:
        """The tags a transaction gave when it was included."""
        parent = self._chain.expect(block.parent_hash)
        runtime = self._chain.runtime
        with runtime.at(parent.state):
            try:
                valid = runtime.executive.validate_transaction(
                    TransactionSource.IN_BLOCK, extrinsic, parent.hash
                )
            except InvalidTransactionError:
                return ()
        return valid.provides
