"""The tools of a dev chain: blocks on demand, time, storage by hand, going back, forks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tilth.frame import (
    ROOT,
    DispatchFailure,
    InvalidBlock,
    InvalidTransactionError,
    Runtime,
    codec,
    u64,
)
from tilth.node.author import Filling, leave_empty
from tilth.node.block import Block
from tilth.node.build_mode import SEALING, BuildMode, manual
from tilth.node.chain import UnknownBlock
from tilth.node.entries import Entries
from tilth.node.impersonation import Impersonation
from tilth.node.plain import Json, Unreadable
from tilth.node.trial import Trial
from tilth.node.upgrade import Upgraded, successor, upgrade
from tilth.primitives.crypto.hashing import blake2_256, twox_128
from tilth.primitives.scale import DecodeError, EncodeError
from tilth.primitives.types import H256, AccountId, Id

if TYPE_CHECKING:
    from tilth.node.service import Node

Written = Mapping[bytes, bytes | None]
"""Storage keys and what they shall hold; None deletes."""

_NOW: Final = twox_128(b"Timestamp") + twox_128(b"Now")
_SLOT: Final = twox_128(b"Aura") + twox_128(b"CurrentSlot")
_LATEST: Final = 8_640_000_000_000_000  # that a Date of JavaScript's can be
_NOTHING: Final[Written] = MappingProxyType({})
_EVENTS: Final = tuple(
    twox_128(b"System") + twox_128(item) for item in (b"Events", b"EventCount", b"EventTopics")
)


class DevError(Exception):
    """Why a tool cannot do what was asked; a sentence for the one who asked."""


class NotADevChain(DevError):
    """The tools are for chains that are nobody's but a developer's."""


class EmptyPool(DevError):
    """Nothing is ready to fill a block."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment to return to: the best block, what was in the pool, the chain's time."""

    id: int
    best: Block
    transactions: tuple[bytes, ...]
    ahead: int
    next_moment: int | None


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """What left the best chain, highest first, and what took its place, lowest first."""

    retracted: tuple[Block, ...]
    enacted: tuple[Block, ...]


def _check_moment(moment: int) -> None:
    """A chain whose clock stood later could make no more blocks."""
    if not 0 <= moment <= _LATEST:
        raise DevError(f"{moment} is no time: it is from 0 to {_LATEST} ms since 1970")


class DevTools:
    """Acts on a node from its own thread; each block that a tool makes is a block like any other.

    All that is asked for but cannot be raises DevError.
    """

    def __init__(self, node: "Node") -> None:
        if node.spec.chain_type == "Live":
            raise NotADevChain(f"{node.spec.name} is a live chain: the tools are for dev chains")
        self._node = node
        self._chain = node.chain
        self._pool = node.pool
        self._author = node.author
        self._calendar = node.author.calendar
        self._snapshots: list[Snapshot] = []
        self._taken = 0
        self._impersonation = Impersonation()

    # Blocks.

    def new_block(
        self, count: int = 1, *, to: int | None = None, transactions: Sequence[bytes] = ()
    ) -> Block:
        """Make so many blocks, or as many as lead to a height, at least one; returns the last.

        They hold what is ready in the pool, or, where transactions are given, the first of them
        holds just these.
        """
        if to is not None:
            count = to - self._chain.best.number
        given = self._given(transactions, self._chain.best) if transactions else None
        block = self._build(filling=given)
        for _ in range(count - 1):
            block = self._build()
        return block

    def mine(self, count: int = 1, *, interval_ms: int | None = None) -> Block:
        """Make so many blocks, each so much later than the one before; returns the last."""
        if count < 1:
            raise DevError(f"{count} blocks cannot be made: ask for 1 or more")
        if interval_ms is not None and interval_ms < self._calendar.step:
            raise DevError(f"blocks are at least {self._calendar.step} ms apart")
        for _ in range(count):
            if interval_ms is not None:
                moment = self._calendar.moment_of(self._chain.best) + interval_ms
                self._calendar.next_moment = max(moment, self._calendar.now)
            self._build()
        return self._chain.best

    def _build(
        self,
        parent: Block | None = None,
        *,
        filling: Filling | None = None,
        written: Written = _NOTHING,
    ) -> Block:
        try:
            return self._author.build(parent, filling=filling, written=written)
        except InvalidBlock:
            raise
        except (AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as broken:
            # What is a panic in FRAME, or storage that somebody wrote and nobody can read.
            raise DevError(
                f"no block can be made on this state: {broken}; dev_revert or dev_setHead leads "
                "back to one that was better"
            ) from broken

    def create_block(
        self, *, create_empty: bool, finalize: bool, parent: Block | None = None
    ) -> Block:
        """As Substrate's manual seal; raises EmptyPool where there is nothing to put in."""
        parent = parent or self._chain.best
        block = self._build(parent, filling=None if create_empty else self._something(parent))
        if finalize:
            self.finalize(block)
        return block

    def _something(self, parent: Block) -> Filling:
        """Fills a block with what is ready, or refuses to make it."""

        def fill(body: list[bytes]) -> list[H256]:
            inherents = len(body)
            refused = self._author.fill(body) if parent is self._chain.best else []
            if len(body) == inherents:
                raise EmptyPool("nothing is ready in the pool")
            return refused

        return fill

    def finalize(self, block: Block) -> None:
        """Make it final, on whatever fork it is; raises InvalidBlock where others are already."""
        if self._chain.hash_at(block.number) != block.hash:
            self._set_head(block)
        self._chain.finalize(block.hash)

    def _given(self, transactions: Sequence[bytes], parent: Block) -> Filling:
        """Fills a block with these, whether the pool knows them or not."""
        runtime = self._chain.runtimes.at(parent.state)

        def fill(body: list[bytes]) -> list[H256]:
            for position, data in enumerate(transactions):
                try:
                    runtime.executive.apply_extrinsic(runtime.format.decode(data))
                except InvalidTransactionError as error:
                    raise DevError(f"transaction {position} is invalid: {error.error}") from error
                except DecodeError as error:
                    raise DevError(f"transaction {position} is no extrinsic: {error}") from error
                body.append(data)
            return []

        return fill

    # When blocks are made.

    def automine(self, on: bool) -> None:
        """Make blocks as the node was started to, or none until somebody asks for one."""
        self._node.seal_by(self._node.config.sealing if on else manual)

    def set_build_mode(self, mode: BuildMode) -> None:
        self._node.seal_by(SEALING[mode])

    # Time.

    def time_travel(self, moment: int) -> Block:
        """Make an empty block whose time this is, in ms since 1970; time goes on from there.

        For a time that has passed, Timestamp.Now is set back by hand.
        """
        calendar, best = self._calendar, self._chain.best
        _check_moment(moment)
        if moment >= calendar.moment_of(best) + calendar.step:
            calendar.next_moment = moment
            return self._build(filling=leave_empty)
        block = self._build(filling=leave_empty, written=self._moment(moment))
        calendar.set(moment)
        return block

    def _moment(self, moment: int) -> Written:
        values = {_NOW: codec(u64).encode(moment), _SLOT: self._calendar.slot_of(moment)}
        state = self._chain.best.state
        return {key: value for key, value in values.items() if key in state}

    def set_next_timestamp(self, moment: int) -> None:
        """The time of the next block, in ms since 1970; time goes on from there."""
        earliest = self._calendar.moment_of(self._chain.best) + self._calendar.step
        if moment < earliest:
            raise DevError(f"the next block cannot be before {earliest}; time_travel can go back")
        _check_moment(moment)
        self._calendar.next_moment = moment

    # Storage.

    def write(self, written: Written, block: Block | None = None) -> Block:
        """Make an empty block after which storage holds this; on the best block if none is named.

        Its header's state root is that of this state, so proofs hold; but nobody who executes the
        block again comes to it.
        """
        self._must_be_open(block or self._chain.best)
        return self._build(block, filling=leave_empty, written=written)

    def set_storage(self, values: Json, block: Block | None = None) -> Block:
        """The same with storage by name, `{"System": {"Account": [[[address], {"nonce": 7}]]}}`,
        or as pairs of hex; null deletes.
        """
        parent = block or self._chain.best
        entries = Entries(self._chain.runtimes.at(parent.state))
        try:
            return self.write(entries.written(values, parent.state), parent)
        except Unreadable as error:
            raise DevError(str(error)) from error

    def trial(self, block: Block | None = None) -> Trial:
        """What would happen after a block, the best one if none is named; nothing does."""
        parent = block or self._chain.best
        return Trial(self._chain.runtimes.at(parent.state), self._author, parent)

    def set_balance(self, account: AccountId, free: int) -> Block:
        """Give the account so much that is free, in planck; the total issuance follows."""
        runtime = self._chain.runtime
        balances: Any = next((each for each in runtime.pallets if each.name == "Balances"), None)
        if balances is None:
            raise DevError("this runtime has no Balances pallet")
        if free < 0:
            raise DevError(f"{free} is no balance of this chain: it is never below 0")
        with runtime.at(self._chain.best.state) as overlay:
            try:
                balances.force_set_balance.call(Id(account), free).dispatch(ROOT)
            except DispatchFailure as failure:
                raise DevError(runtime.explain(failure)) from failure
            except EncodeError as error:
                raise DevError(f"{free} is no balance of this chain: {error}") from error
            changes = overlay.changes()
        return self.write({k: v for k, v in changes.items() if not k.startswith(_EVENTS)})

    # Going back.

    def set_head(self, to: Block | int) -> Block:
        """Make a known block the best one; a number is a height, 0 or less counts back from here.

        Transactions of the blocks that are left do not come back to the pool.
        """
        block = self._block_at(to) if isinstance(to, int) else to
        waiting = self._pool.transactions()
        self._set_head(block)
        self._pool.restore(waiting)
        return block

    def _block_at(self, number: int) -> Block:
        height = number if number > 0 else self._chain.best.number + number
        block = self._chain.at(height) if height >= 0 else None
        if block is None:
            raise DevError(f"Block not found {number}")
        return block

    def snapshot(self) -> int:
        """Remember this moment; costs nothing. Returns what `revert` takes."""
        self._taken += 1
        self._snapshots.append(
            Snapshot(
                self._taken,
                self._chain.best,
                tuple(self._pool.transactions()),
                self._calendar.ahead,
                self._calendar.next_moment,
            )
        )
        return self._taken

    def revert(self, id: int) -> Block:
        """Return to a snapshot, again and again if need be; later ones are gone.

        Blocks, pool and time are as they were. What became final since is so no longer.
        """
        snapshot = next((each for each in self._snapshots if each.id == id), None)
        if snapshot is None:
            raise DevError(f"there is no snapshot {id}: it was never taken, or reverted past")
        self._set_head(snapshot.best)
        self._snapshots = [each for each in self._snapshots if each.id <= id]
        self._calendar.ahead = snapshot.ahead
        self._calendar.next_moment = snapshot.next_moment
        self._pool.restore(snapshot.transactions)
        return snapshot.best

    def _set_head(self, block: Block) -> None:
        try:
            self._chain.set_head(block)
        except (InvalidBlock, UnknownBlock) as error:
            raise DevError(f"{block} cannot be returned to: {error}") from error

    # Forks.

    def reorg(
        self, depth: int, *, transactions: Sequence[bytes] = (), keep: bool = True
    ) -> Reorganisation:
        """Replace the last `depth` blocks by a fork that is one longer.

        Its first block holds the transactions given, the others are empty. What was in the blocks
        replaced goes back to the pool, unless `keep` is False.
        """
        self._check_depth(depth)
        best = self._chain.best
        *retracted, base = islice((best, *self._chain.ancestors(best)), depth + 1)
        waiting, ahead = self._pool.transactions(), self._calendar.ahead
        # Another time makes them other blocks.
        replaced = self._calendar.moment_of(retracted[-1])
        self._calendar.next_moment = max(self._calendar.now, replaced) + 1
        fork = [self._build(base, filling=self._given(transactions, base))]
        while len(fork) <= depth:
            fork.append(self._build(fork[-1], filling=leave_empty))
        self._calendar.ahead = ahead
        if not keep:
            self._pool.restore(data for data in waiting if H256(blake2_256(data)) in self._pool)
        return Reorganisation(tuple(retracted), tuple(fork))

    def _check_depth(self, depth: int) -> None:
        open_blocks = self._chain.best.number - self._chain.finalized.number
        if depth < 1:
            raise DevError(f"a fork replaces at least 1 block, not {depth}")
        if depth > open_blocks:
            raise DevError(
                f"{open_blocks} blocks are not final yet, so no fork can replace {depth}: start "
                f"the chain with --finality-lag {depth} or more"
            )

    def _must_be_open(self, block: Block) -> None:
        final = self._chain.finalized
        if block.number < final.number or self._chain.block(block.hash) is None:
            raise DevError(f"nothing can follow {block}: block #{final.number} is final")

    # Code.

    def upgrade(self, kind: type[Runtime]) -> Upgraded:
        """Go on with another runtime, as after `set_code`: storage stays, migrations run.

        Its `spec_version` is raised where its author did not raise it. Raises UpgradeFailed, and
        then nothing has changed.
        """
        runtime = successor(kind, self._chain.best.state)
        runtime.format.waiver = self._impersonation
        return upgrade(self._chain, self._author, runtime)

    # Accounts.

    def impersonate(self, account: AccountId) -> None:
        """From now on any signature of this account will do."""
        self._impersonation.accounts.add(account)
        self._waive()

    def stop_impersonating(self, account: AccountId) -> None:
        self._impersonation.accounts.discard(account)

    def accept_mock_signatures(self, on: bool) -> None:
        """Whether 0xdeadbeef, filled up with 0xcd, does for a signature of any account."""
        self._impersonation.mock_signatures = on
        self._waive()

    def _waive(self) -> None:
        for runtime in self._chain.runtimes:
            runtime.format.waiver = self._impersonation
        self._pool.lift_bans()
