"""The transaction pool: what waits to be included, in the order in which an author takes it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tilth.frame import Extrinsic, TransactionSource, validity
from tilth.node.bans import BAN_MS, Bans
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.clock import Clock
from tilth.node.notices import Finalized, Imported, Notice, Phase
from tilth.node.queues import BestFirst, Future, Pooled, Ready
from tilth.node.refusals import AlreadyImported as AlreadyImported
from tilth.node.refusals import Banned as Banned
from tilth.node.refusals import ImmediatelyDropped as ImmediatelyDropped
from tilth.node.refusals import Malformed as Malformed
from tilth.node.refusals import NoTags as NoTags
from tilth.node.refusals import PoolError as PoolError
from tilth.node.refusals import Rejected as Rejected
from tilth.node.refusals import TooLowPriority as TooLowPriority
from tilth.node.refusals import Undecodable as Undecodable
from tilth.node.validator import Validator
from tilth.node.watching import Status as Status
from tilth.node.watching import Watcher as Watcher
from tilth.node.watching import Watchers
from tilth.node.watching import is_last as is_last
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import DecodeError, codec
from tilth.primitives.types import H256

# client/transaction-pool: the defaults of `--pool-limit` and `--pool-kbytes`; the future queue has
# a tenth of both
READY_LIMIT: Final = 8192
READY_BYTES: Final = 20_480 * 1024
_NEVER: Final = 2**64 - 1


class Pool:
    """Ready transactions can be included now, one after another; future ones wait for a tag.

    Substrate's pool (client/transaction-pool/src/graph), but for two things: who sends again what
    is in the pool is not banned for it, and a transaction whose place another author's took is
    told that it was usurped.
    """

    def __init__(
        self,
        chain: Chain,
        clock: Clock,
        *,
        ready_limit: int = READY_LIMIT,
        ban_ms: int = BAN_MS,
        ready_bytes: int = READY_BYTES,
    ) -> None:
        self._chain = chain
        self._ready = Ready()
        self._future = Future()
        self._limit, self._limit_bytes = ready_limit, ready_bytes
        self._bans = Bans(clock, ready_limit + ready_limit // 10, ban_ms)
        self._watchers = Watchers()
        self._validator = Validator(chain)
        self._runtime = chain.runtime
        self.on_ready: list[Callable[[], None]] = []
        """Called when something can be included."""
        self.on_taken: list[Callable[[bytes], None]] = []
        """Called with every transaction that is taken in."""
        chain.notices.listen(Phase.TRANSACTIONS, self._on_notice)

    def __len__(self) -> int:
        return len(self._ready) + len(self._future)

    def __contains__(self, hash: H256) -> bool:
        return self._find(hash) is not None

    def _find(self, hash: H256) -> Pooled | None:
        return self._ready.get(hash) or self._future.get(hash)

    def submit(
        self,
        data: bytes,
        source: TransactionSource = TransactionSource.EXTERNAL,
        watcher: Watcher | None = None,
    ) -> H256:
        """Take a transaction in; raises PoolError. The watcher hears every transition."""
        extrinsic = self._decode(data)
        hash = H256(extrinsic.hash)
        if hash in self._bans:
            raise Banned
        if watcher is None:
            self._take_in(extrinsic, hash, source)
        else:
            self._take_in_watched(extrinsic, hash, source, watcher)
        return hash

    def _take_in_watched(
        self, extrinsic: Extrinsic, hash: H256, source: TransactionSource, watcher: Watcher
    ) -> None:
        self._watchers.add(hash, watcher)
        try:
            self._take_in(extrinsic, hash, source)
        except PoolError:
            self._watchers.remove(hash, watcher)
            raise

    def _take_in(self, extrinsic: Extrinsic, hash: H256, source: TransactionSource) -> None:
        if self._find(hash) is not None:
            raise AlreadyImported(hash)
        pooled = self._validated(extrinsic, hash, source)
        self._import(pooled)
        self._enforce_limits(pooled)
        for taken in self.on_taken:
            taken(extrinsic.data)
        if not pooled.missing:
            for listener in self.on_ready:
                listener()

    def _decode(self, data: bytes) -> Extrinsic:
        try:
            return self._chain.runtime.format.decode(data)
        except ValueError as error:
            _check_framed(data)
            raise Undecodable(str(error)) from error

    def _validated(self, extrinsic: Extrinsic, hash: H256, source: TransactionSource) -> Pooled:
        try:
            valid = self._validator.validate(source, extrinsic)
        except Rejected as error:
            if isinstance(error.error, validity.Invalid):
                self._bans.add((hash,))
            raise
        if not valid.provides:
            self._bans.add((hash,))
            raise NoTags
        till = min(self._chain.best.number + valid.longevity, _NEVER)
        requires, provides = _distinct(valid.requires), _distinct(valid.provides)
        return Pooled(extrinsic, hash, valid.priority, requires, provides, till)

    def _import(self, pooled: Pooled) -> None:
        pooled.missing = {tag for tag in pooled.requires if not self._ready.provides(tag)}
        if pooled.missing:
            self._future.add(pooled)
            self._watchers.tell(pooled.hash, "future")
        else:
            self._make_ready(pooled)
            self._promote(pooled.provides)

    def _make_ready(self, pooled: Pooled) -> None:
        replaced = self._ready.add(pooled)
        self._watchers.tell(pooled.hash, "ready")
        for other in replaced:
            self._usurp(other, pooled.hash)

    def _promote(self, tags: Iterable[bytes]) -> None:
        """Ready all that waited for these tags alone, and all that waited for those."""
        if not len(self._future):
            return
        waiting = deque(self._future.satisfy(tags))
        while waiting:
            pooled = waiting.popleft()
            try:
                self._make_ready(pooled)
            except TooLowPriority:
                rival = next(tag for tag in pooled.provides if self._ready.provides(tag))
                self._usurp(pooled, self._ready.provider(rival).hash)
            else:
                waiting.extend(self._future.satisfy(pooled.provides))

    def _usurp(self, pooled: Pooled, by: H256) -> None:
        self._watchers.tell(pooled.hash, {"usurped": f"0x{by.hex()}"})

    def _enforce_limits(self, newcomer: Pooled) -> None:
        dropped: list[Pooled] = []
        ready, future = self._ready, self._future
        while len(ready) > self._limit or ready.bytes > self._limit_bytes:
            dropped += ready.remove_trees((ready.worst(),))
        while len(future) > self._limit // 10 or future.bytes > self._limit_bytes // 10:
            oldest = next(iter(future))
            future.remove(oldest)
            dropped.append(oldest)
        if not dropped:
            return
        self._bans.add(pooled.hash for pooled in dropped)
        for pooled in dropped:
            if pooled is not newcomer:
                self._watchers.tell(pooled.hash, "dropped")
        if newcomer in dropped:
            raise ImmediatelyDropped

    def remove(self, hashes: Iterable[H256]) -> list[H256]:
        """Remove transactions as invalid, with all that depend on them; they may not come back.

        Those that depend on them may.
        """
        named = [pooled for hash in hashes if (pooled := self._find(hash)) is not None]
        self._bans.add(pooled.hash for pooled in named)
        removed = self._ready.remove_trees(named)
        for pooled in named:
            if self._future.get(pooled.hash) is pooled:
                self._future.remove(pooled)
                removed.append(pooled)
        for pooled in removed:
            self._watchers.tell(pooled.hash, "invalid")
        return [pooled.hash for pooled in removed]

    def restore(self, transactions: Iterable[bytes]) -> None:
        """Hold just these, as far as they are valid now, and be open to all others: the chain was
        set back by hand.
        """
        kept = {H256(blake2_256(data)): data for data in transactions}
        left = [pooled.hash for pooled in self._all() if pooled.hash not in kept]
        self._ready, self._future = Ready(), Future()
        self._bans.lift()
        for hash in left:
            self._watchers.tell(hash, "dropped")
        for hash, data in kept.items():
            self._take_back(data, hash)

    def lift_bans(self) -> None:
        """What was refused or seen off may come again: the rules have changed."""
        self._bans.lift()

    def _all(self) -> Iterator[Pooled]:
        """What is ready in the order of inclusion, then what waits."""
        yield from self.ready()
        yield from self._future

    def transactions(self) -> list[bytes]:
        """All that it holds, encoded; what depends on another comes after it."""
        return [pooled.extrinsic.data for pooled in self._all()]

    def ready(self) -> BestFirst:
        """Ready transactions in the order in which they can be included, the best first."""
        return BestFirst(self._ready)

    def pending(self) -> list[bytes]:
        """Encoded ready transactions, in order."""
        return [pooled.extrinsic.data for pooled in self.ready()]

    def pending_count(self) -> int:
        return len(self._ready)

    def next_nonce(self, nonce: int, tag_of: Callable[[int], bytes]) -> int:
        """The first nonce from `nonce` on whose tag no ready transaction provides."""
        while self._ready.provides(tag_of(nonce)):
            nonce += 1
        return nonce

    def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, Finalized):
            for block in notice.blocks:
                self._watchers.finalized(block.hash)
        elif notice.is_best:
            self._on_best(notice)

    def _on_best(self, notice: Imported) -> None:
        for block in notice.retracted:
            self._watchers.retracted(block.hash)
        included: set[H256] = set()
        for block in notice.enacted:
            included.update(self._enact(block))
        for block in reversed(notice.retracted):
            self._resubmit(block, included)
        if self._chain.runtime is not self._runtime:
            # What it holds was read by another runtime, and signed for it.
            self._runtime = self._chain.runtime
            self.restore(self.transactions())
        self._drop_expired()

    def _enact(self, block: Block) -> list[H256]:
        """Prune what the block holds, and ready what its transactions unblock."""
        hashes = [H256(blake2_256(data)) for data in block.extrinsics]
        self._bans.add(hashes)
        if len(self):
            for data, hash in zip(block.extrinsics, hashes, strict=True):
                self._prune(block, data, hash)
        self._watchers.included(block.hash, hashes)
        return hashes

    def _prune(self, block: Block, data: bytes, hash: H256) -> None:
        pooled = self._find(hash)
        tags = self._foreign_tags(block, data) if pooled is None else pooled.provides
        for tag in tags:
            rivals = self._future.take(tag)
            if (rival := self._ready.take(tag)) is not None:
                rivals.append(rival)
            for rival in rivals:
                if rival is not pooled:
                    self._usurp(rival, hash)
        self._promote(tags)

    def _foreign_tags(self, block: Block, data: bytes) -> tuple[bytes, ...]:
        """Of a transaction that came by another way than this pool."""
        parent = self._chain.expect(block.parent_hash)
        runtime = self._chain.runtimes.at(parent.state)
        extrinsic = runtime.format.decode(data)
        if extrinsic.is_bare and runtime.is_inherent(extrinsic):
            return ()
        return self._validator.tags_given(block, extrinsic)

    def _resubmit(self, block: Block, included: set[H256]) -> None:
        """What an abandoned block held, and the best chain does not, waits again."""
        for data in block.extrinsics:
            hash = H256(blake2_256(data))
            if hash not in included:
                self._take_back(data, hash)

    def _take_back(self, data: bytes, hash: H256) -> None:
        """Who watches a transaction hears why it may not come back."""
        try:
            self._take_in(self._decode(data), hash, TransactionSource.EXTERNAL)
        except ImmediatelyDropped:
            self._watchers.tell(hash, "dropped")
        except PoolError:
            self._watchers.tell(hash, "invalid")

    def _drop_expired(self) -> None:
        now = self._chain.best.number
        expired = [each.hash for each in self._ready if each.valid_till <= now]
        expired += [each.hash for each in self._future if each.valid_till <= now]
        if expired:
            self.remove(expired)


def _check_framed(data: bytes) -> None:
    try:
        codec(bytes).decode(data)
    except DecodeError as error:
        raise Malformed(str(error)) from error


def _distinct(tags: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tags if len(tags) < 2 else tuple(dict.fromkeys(tags))
