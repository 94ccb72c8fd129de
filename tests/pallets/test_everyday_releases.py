"""Utility, Multisig and Proxy in later releases of FRAME: what they report besides."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from tilth.frame import (
    FREE_DB,
    ROCKS_DB,
    WEIGHTLESS,
    AccountId,
    DbWeight,
    DecodeError,
    Ok,
    Pallet,
    Release,
    RuntimeCall,
    Weight,
    hashing,
    signed,
)
from tilth.pallets.multisig import Multisig
from tilth.pallets.multisig.pallet import account_of
from tilth.pallets.multisig.types import MultisigExecuted, Timepoint
from tilth.pallets.proxy import Proxy
from tilth.pallets.proxy.types import (
    Announced,
    ProxyExecuted,
    ProxyRemoved,
    PureCreated,
    PureCreatedAt,
    PureKilled,
)
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import System
from tilth.pallets.utility import Utility
from tilth.primitives.types import H256, Digest, Header, Id
from tilth.runtime import DevRuntime
from tilth.runtime.powers import ProxyType
from tilth.runtime.units import UNIT

ALICE, BOB = (AccountId(bytes((number,)) * 32) for number in (1, 2))


class LaterRuntime(DevRuntime):
    release: ClassVar[Release] = Release.STABLE2512


class OlderRuntime(DevRuntime):
    release: ClassVar[Release] = Release.STABLE2409


class CheapRuntime(DevRuntime):
    """Its accesses cost nothing, but its pallets were measured where they do."""

    db_weight: ClassVar[DbWeight] = FREE_DB

    def add(self, index: int, pallet: Any, name: str | None = None) -> Any:
        if isinstance(pallet, System):
            pallet.weighing(WEIGHTLESS)
        if isinstance(pallet, Utility | Multisig | Proxy):
            pallet.weighing(pallet.weights, db=ROCKS_DB)
        return super().add(index, pallet, name)


class PlainRuntime(DevRuntime):
    """Its weights are figures, with nothing to be added for accesses."""

    weighed: ClassVar[dict[type[Pallet[Any, Any]], dict[str, Weight]]] = {
        Utility: {"batch": Weight(100, 3), "batch_each": Weight(7, 0)},
        Sudo: {"sudo": Weight(5, 0)},
        Multisig: {"cancel_as_multi": Weight(9, 0)},
        System: {"remark": Weight(0, 0)},
    }

    def add(self, index: int, pallet: Any, name: str | None = None) -> Any:
        if type(pallet) in self.weighed:
            pallet.weighing(self.weighed[type(pallet)])
        return super().add(index, pallet, name)


@pytest.fixture(scope="module")
def later() -> LaterRuntime:
    return LaterRuntime()


@pytest.fixture
def runtime(later: LaterRuntime) -> Iterator[LaterRuntime]:
    endowed = [(ALICE, 1000 * UNIT), (BOB, 1000 * UNIT)]
    with later.at(later.build_genesis({"Balances": {"balances": endowed}})):
        zero = H256(bytes(32))
        later.executive.initialize_block(Header(zero, 1, zero, zero, Digest(())))
        yield later


def made(runtime: DevRuntime, call: RuntimeCall, *kinds: type) -> list[Any]:
    """The events of these kinds that the call leaves."""
    runtime.system.events.kill()
    call.dispatch(signed(ALICE))
    return [
        record.event.event
        for record in runtime.system.events.get()
        if isinstance(record.event.event, kinds)
    ]


def test_a_pure_account_is_born_with_its_place_and_its_end_is_told(runtime: LaterRuntime) -> None:
    proxy = runtime.proxy
    (born,) = made(runtime, proxy.create_pure.call(ProxyType.ANY, 0, 3), PureCreatedAt)
    assert born == PureCreatedAt(born.pure, ALICE, ProxyType.ANY, 3, 1, 0)

    killed = proxy.kill_pure.call(Id(ALICE), ProxyType.ANY, 3, born.at, born.extrinsic_index)
    events = made(runtime, proxy.proxy.call(Id(born.pure), None, killed), PureKilled, ProxyExecuted)

    assert events == [PureKilled(born.pure, ALICE, ProxyType.ANY, 3), ProxyExecuted(Ok(None))]


def test_all_proxies_that_end_are_told_one_by_one(runtime: LaterRuntime) -> None:
    proxy = runtime.proxy
    for kind in (ProxyType.ANY, ProxyType.COMPUTE):
        proxy.add_proxy.call(Id(BOB), kind, 0).dispatch(signed(ALICE))

    assert made(runtime, proxy.remove_proxies.call(), ProxyRemoved) == [
        ProxyRemoved(ALICE, BOB, ProxyType.ANY, 0),
        ProxyRemoved(ALICE, BOB, ProxyType.COMPUTE, 0),
    ]


def test_a_call_that_one_member_makes_is_told_as_one_that_several_make(
    runtime: LaterRuntime,
) -> None:
    remark = runtime.system.remark.call(b"")
    alone = runtime.multisig.as_multi_threshold_1.call((BOB,), remark)

    (executed,) = made(runtime, alone, MultisigExecuted)

    account, call_hash = account_of([ALICE, BOB], 1), hashing.blake2_256(remark.encode())
    assert executed == MultisigExecuted(ALICE, Timepoint(1, 0), account, call_hash, Ok(None))


def test_a_forced_batch_weighs_as_one_afterwards_too(runtime: LaterRuntime) -> None:
    utility, remark = runtime.utility, runtime.system.remark.call(b"")

    post = utility.force_batch.call((remark,)).dispatch(signed(ALICE))

    own = utility.own_weight("force_batch", 1)
    assert post.actual_weight == own + remark.info.call_weight
    assert own != utility.own_weight("batch", 1)


def test_an_event_has_the_index_that_its_release_gives_it(later: LaterRuntime) -> None:
    stable2503 = DevRuntime()
    told = Announced(ALICE, BOB, H256(bytes(32)))

    assert later.proxy.encode_event(told)[1] == 3
    assert stable2503.proxy.encode_event(told)[1] == 2
    with pytest.raises(KeyError):
        later.proxy.encode_event(PureCreated(ALICE, BOB, ProxyType.ANY, 0))


@pytest.mark.parametrize(
    ("pallet", "name", "index"),
    [
        ("Utility", "if_else", 6),
        ("Utility", "dispatch_as_fallible", 7),
        ("Multisig", "poke_deposit", 4),
        ("Proxy", "poke_deposit", 10),
    ],
)
def test_a_release_decodes_no_call_that_a_later_one_brought(
    pallet: str, name: str, index: int
) -> None:
    def calls(runtime: DevRuntime) -> dict[str, int]:
        (found,) = (each for each in runtime.pallets if each.name == pallet)
        return {call.name: call.index for call in found.declared.calls}

    older = OlderRuntime()
    assert calls(DevRuntime())[name] == index
    assert name not in calls(older)
    (place,) = (each.index for each in older.pallets if each.name == pallet)
    with pytest.raises(DecodeError, match="the index of a call"):
        older.calls_codec.decode_at(bytes((place, index)) + bytes(100), 0)


def test_the_account_behind_a_call_costs_what_the_runtime_asks_not_the_benchmark() -> None:
    """frame/utility/src/lib.rs: the weights of `()` are RocksDB's, T::DbWeight may be nothing."""
    runtime, inner = CheapRuntime(), Weight(0, 0)
    remark = runtime.system.remark.call(b"")
    assert remark.info.call_weight == inner
    reads = ROCKS_DB.of(reads=2, writes=0)

    assert runtime.utility.as_derivative.call(0, remark).info.call_weight == (
        Weight(6_097_000, 3_997) + reads
    )
    assert runtime.multisig.as_multi_threshold_1.call((BOB,), remark).info.call_weight == (
        Weight(20_470_382 + 397 * len(remark.encode()), 3_997) + reads
    )
    assert runtime.proxy.proxy.call(Id(BOB), None, remark).info.call_weight == (
        Weight(25_084_085 + 33_574 * 32, 4_706) + ROCKS_DB.of(reads=3, writes=0)
    )


def test_a_weight_may_be_a_plain_one() -> None:
    runtime = PlainRuntime()
    remark = runtime.system.remark.call(b"")

    assert runtime.utility.batch.call((remark, remark)).info.call_weight == Weight(100 + 2 * 7, 3)
    assert runtime.sudo.sudo.call(remark).info.call_weight == Weight(5, 0)
    assert runtime.multisig.cancel_as_multi.call(
        2, (BOB,), Timepoint(1, 0), bytes(32)
    ).info.call_weight == Weight(9, 0)
