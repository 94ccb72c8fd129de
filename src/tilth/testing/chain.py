"""A chain in this process whose next block is always open: a test acts in it and closes it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar, cast

from tilth.frame import (
    ROOT,
    AccountId,
    Codec,
    DispatchFailure,
    Extrinsic,
    Origin,
    Overlay,
    Runtime,
    RuntimeCall,
    codec,
    replace,
    signed,
    u64,
)
from tilth.frame.apis import inherents
from tilth.node.block import Block
from tilth.node.chain import genesis_block
from tilth.node.possession import Possession
from tilth.node.signer import KeypairSigner
from tilth.pallets.balances import Balances
from tilth.primitives.era import Era
from tilth.primitives.trie import Layout, Trie, ordered_root
from tilth.primitives.types import H256, Digest, Header, Id, PreRuntime
from tilth.testing.contents import NOTHING, Contents, Past
from tilth.testing.events import Events
from tilth.testing.keyring import Keyring

R = TypeVar("R", bound=Runtime)
S = TypeVar("S", bound=Runtime)

BEGINNING: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""The time of the first block."""
_SLOT: Final = timedelta(seconds=6)
_ZERO: Final = H256(bytes(32))
_u64: Final[Codec[int]] = codec(u64)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A moment of a chain; as a context manager it is returned to at the end."""

    chain: "Chain[Any]"
    parent: Block
    state: Trie
    body: tuple[bytes, ...]
    now: datetime

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.chain.revert(self)


class Chain(Generic[R]):
    """Blocks of one runtime, executed as a node executes them, without a node.

    Storage is read and written through the pallets themselves (`chain.runtime.counter.count`)
    and is that of the open block.
    """

    def __init__(
        self,
        runtime: R,
        blocks: list[Block],
        keyring: Keyring,
        *,
        now: datetime = BEGINNING,
        contents: Mapping[bytes, bytes] = NOTHING,
    ) -> None:
        """Goes on after these blocks, the first of which is genesis; `begun` makes that.

        `contents` are what is stored, by hash, and in none of the blocks.
        """
        self.runtime = runtime
        self.keyring = keyring
        self.blocks = blocks
        """The blocks that are closed, genesis first."""
        self._outside = runtime.slot.overlay
        self._slot_ms = _slot_duration(runtime, blocks[-1].state)
        past = Past(runtime, blocks)
        self._contents = Contents(runtime, past, contents)
        self._possession = Possession(past, self._contents)
        self._body: list[bytes] = []
        self._open(now)

    @classmethod
    def begun(cls, runtime: R, genesis: Trie, keyring: Keyring | None = None) -> Self:
        """A chain with nothing but genesis, as `runtime.build_genesis` makes it."""
        layout = Layout.V1 if runtime.system_version >= 2 else Layout.V0
        first = genesis_block(genesis, H256(ordered_root([], layout)))
        return cls(runtime, [first], keyring or Keyring())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.runtime.slot.overlay = self._outside

    # The open block.

    @property
    def number(self) -> int:
        """The number of the open block."""
        return self.blocks[-1].number + 1

    @property
    def now(self) -> datetime:
        """The time of the open block."""
        return self._now

    @property
    def events(self) -> Events:
        """What has happened in the block that is open, or that `at` looks at."""
        return self._events()

    def dispatch(self, call: RuntimeCall, origin: AccountId | Origin) -> Events:
        """Make a call in the open block, without an extrinsic: no fee, no nonce, no signature.

        Raises DispatchFailure, and then nothing has happened.
        """
        before = self._event_count()
        self._contents.note(call)
        call.dispatch(origin if isinstance(origin, Origin) else signed(origin))
        return self._events(before)

    def submit(
        self,
        call: RuntimeCall,
        by: AccountId,
        *,
        tip: int = 0,
        nonce: int | None = None,
        period: int = 0,
    ) -> Events:
        """Sign the call and put the transaction into the open block.

        It is valid for `period` blocks, or for ever with 0.
        Raises InvalidTransactionError where it may not be included, and DispatchFailure where it
        was included and failed: its fee is paid then.
        """
        return self.include(self.sign(call, by, tip=tip, nonce=nonce, period=period))

    def include(self, extrinsic: bytes) -> Events:
        """Put an extrinsic into the open block; raises as `submit` does, or DecodeError."""
        before = self._event_count()
        failure = self._apply(self.runtime.format.decode(extrinsic))
        if failure is not None:
            raise DispatchFailure(failure)
        return self._events(before)

    def sign(
        self,
        call: RuntimeCall,
        by: AccountId,
        *,
        tip: int = 0,
        nonce: int | None = None,
        period: int = 0,
    ) -> bytes:
        """The transaction's bytes, for the open block."""
        following = self.runtime.system.account_nonce(by) if nonce is None else nonce
        era = Era.mortal(period, self.blocks[-1].number) if period else Era()
        values = _values(self.runtime, following, tip=tip, era=era)
        return KeypairSigner(self.keyring.pair(by)).sign_with(self.runtime, call, values)

    def account(self, balance: int = 0) -> AccountId:
        """A new account that can sign, with so much money."""
        account = self.keyring.fresh()
        if balance:
            self.dispatch(self._balances().force_set_balance.call(Id(account), balance), ROOT)
        return account

    # The next one.

    def build(self, count: int = 1) -> Block:
        """Close the open block and open the next, so many times; returns the last one closed."""
        for _ in range(count):
            self._build(self._now + _SLOT)
        return self.blocks[-1]

    def build_to(self, number: int) -> None:
        """Go on until the block of this number is open."""
        if number < self.number:
            raise ValueError(f"block {self.number} is open already: revert to go back")
        self.build(number - self.number)

    def travel(self, to: datetime | timedelta) -> Block:
        """Close the open block; the next one is at that time, or so much later."""
        moment = self._now + to if isinstance(to, timedelta) else to
        if moment <= self._now:
            raise ValueError(f"time only goes on: the open block is of {self._now}")
        self._build(moment)
        return self.blocks[-1]

    def upgraded(self, runtime: S) -> "Chain[S]":
        """The chain as it goes on with another runtime, whose migrations have just run."""
        self.runtime.slot.overlay.write_raw(b":code", runtime.code)
        self._close()
        known = self._contents.dispatched
        return Chain(runtime, self.blocks, self.keyring, now=self._now + _SLOT, contents=known)

    def check(self) -> None:
        """Raise AssertionError where an invariant of a pallet does not hold now."""
        self.runtime.try_state()

    # Back in time.

    @contextmanager
    def at(self, block: Block | int) -> Iterator[R]:
        """Within, storage and events are those after a closed block; -1 is the last one."""
        found = self.blocks[block] if isinstance(block, int) else block
        with self.runtime.at(found.state):
            yield self.runtime

    def snapshot(self) -> Snapshot:
        """Now, the open block included, to return to; `with chain.snapshot():` does so itself."""
        overlay = self.runtime.slot.overlay
        state = overlay.trie.update(overlay.changes())
        return Snapshot(self, self.blocks[-1], state, tuple(self._body), self._now)

    def revert(self, to: Snapshot) -> None:
        """Forget what has happened since; a snapshot may be returned to again and again."""
        height = to.parent.number
        if height >= len(self.blocks) or self.blocks[height] is not to.parent:
            raise ValueError("the snapshot lies in a future that was reverted")
        del self.blocks[height + 1 :]
        self.runtime.slot.overlay = Overlay(to.state)
        self._body, self._now = list(to.body), to.now

    def _build(self, following: datetime) -> None:
        self._close()
        self._open(following)

    def _close(self) -> None:
        header = self.runtime.executive.finalize_block()
        state = self.runtime.slot.overlay.trie
        self.blocks.append(Block(header, header.hash, tuple(self._body), state))

    def _open(self, now: datetime) -> None:
        parent, moment = self.blocks[-1], round(now.timestamp() * 1000)
        slot = _u64.encode(moment // self._slot_ms)
        digest = Digest((PreRuntime(b"aura", slot),))
        self._now, self._body = now, []
        self.runtime.slot.overlay = Overlay(parent.state)
        self.runtime.executive.initialize_block(
            Header(parent.hash, parent.number + 1, _ZERO, _ZERO, digest)
        )
        data = {
            b"timstap0": _u64.encode(moment),
            b"auraslot": slot,
            **self._possession.inherent_data(parent),
        }
        for extrinsic in inherents(self.runtime, data):
            failure = self._apply(extrinsic)
            assert failure is None, f"an inherent failed: {failure}"

    def _apply(self, extrinsic: Extrinsic) -> Any:
        failure = self.runtime.executive.apply_extrinsic(extrinsic)
        self._body.append(extrinsic.data)
        return failure

    def _event_count(self) -> int:
        return cast(int, self.runtime.system.event_count.get())

    def _events(self, since: int = 0) -> Events:
        item = self.runtime.system.events
        stored = self.runtime.slot.overlay.raw(item.prefix) or b"\x00"
        return Events(lambda: item.value.decode(stored)[since:])

    def _balances(self) -> Balances:
        for pallet in self.runtime.pallets:
            if isinstance(pallet, Balances):
                return pallet
        raise LookupError("this runtime has no Balances pallet: an account can have no money")


def _slot_duration(runtime: Runtime, state: Trie) -> int:
    """In milliseconds; where nothing counts slots, any length will do."""
    try:
        with runtime.at(state):
            return _u64.decode(runtime.call("AuraApi_slot_duration", b""))
    except KeyError:
        return _SLOT // timedelta(milliseconds=1)


def _values(runtime: Runtime, nonce: int, *, tip: int, era: Era) -> tuple[Any, ...]:
    """What the transaction's extensions carry."""
    values = list(runtime.pipeline.values_for(nonce))
    wanted: dict[str, Any] = {
        "ChargeTransactionPayment": {"tip": tip},
        "CheckMortality": {"era": era},
    }
    names = [extension.identifier for extension in runtime.extensions]
    if tip and "ChargeTransactionPayment" not in names:
        raise ValueError("transactions of this runtime pay nothing, so none can carry a tip")
    return tuple(
        replace(value, **wanted[name]) if name in wanted else value
        for name, value in zip(names, values, strict=True)
    )
