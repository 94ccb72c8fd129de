"""Proxy: who acts for whom, within which limits, and what is announced before."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.frame import (
    CANNOT_LOOKUP,
    H256,
    ROOT,
    AccountId,
    BadOrigin,
    DeclarationError,
    DispatchFailure,
    Err,
    Ok,
    Pays,
    RuntimeCall,
    hashing,
    signed,
)
from tilth.node.signer import KeypairSigner
from tilth.pallets.balances.events import Error as BalancesError
from tilth.pallets.balances.events import Reserved, Transfer, Unreserved
from tilth.pallets.proxy import Proxy
from tilth.pallets.proxy.types import (
    Announced,
    Announcement,
    DepositKind,
    DepositPoked,
    Error,
    ProxyAdded,
    ProxyDefinition,
    ProxyExecuted,
    ProxyRemoved,
    PureCreated,
)
from tilth.pallets.system.events import Error as SystemError
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.types import Digest, Header, Id, Raw
from tilth.runtime import DevRuntime
from tilth.runtime.powers import DevPowers, ProxyType
from tilth.runtime.solo2503 import Solo2503
from tilth.runtime.units import MILLI, UNIT

ALICE, BOB, CAROL, DAVE = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3, 4))
BASE, FACTOR = UNIT, 100 * MILLI
ANNOUNCED = 200 * MILLI
ANY, NON_TRANSFER = ProxyType.ANY, ProxyType.NON_TRANSFER
DATASETS, COMPUTE = ProxyType.DATASETS, ProxyType.COMPUTE


class Office:
    """A chain on which four accounts have money, one block begun."""

    def __init__(self, runtime: DevRuntime) -> None:
        self.runtime = runtime

    @property
    def proxy(self) -> Proxy:
        return self.runtime.proxy

    def go(self, call: RuntimeCall, who: AccountId) -> Any:
        """Make a call as an account; returns why it failed, if it did."""
        try:
            call.dispatch(signed(who))
        except DispatchFailure as failure:
            return failure.reason
        return None

    def happened(self) -> list[Any]:
        """The events since the last time they were asked for."""
        events = [record.event.event for record in self.runtime.system.events.get()]
        self.runtime.system.events.kill()
        return events

    def outcome(self, call: RuntimeCall, who: AccountId) -> Any:
        """What a proxied call came to."""
        assert self.go(call, who) is None
        executed = self.happened()[-1]
        assert isinstance(executed, ProxyExecuted)
        return executed.result

    def error(self, reason: Any) -> Any:
        return Err(self.runtime.dispatch_error(reason))

    def let(self, who: AccountId, delegate: AccountId, kind: ProxyType, delay: int = 0) -> Any:
        return self.go(self.proxy.add_proxy.call(Id(delegate), kind, delay), who)

    def pay(self, amount: int = UNIT) -> RuntimeCall:
        return self.runtime.balances.transfer_keep_alive.call(Id(DAVE), amount)

    def as_(self, real: AccountId, call: RuntimeCall, kind: ProxyType | None = None) -> RuntimeCall:
        return self.proxy.proxy.call(Id(real), kind, call)

    def reserved(self, who: AccountId) -> int:
        reserved: int = self.runtime.system.account[who].data.reserved
        return reserved


@pytest.fixture(scope="module")
def runtime() -> DevRuntime:
    return DevRuntime()


def begin(runtime: DevRuntime, number: int) -> None:
    zero = H256(bytes(32))
    runtime.executive.initialize_block(Header(zero, number, zero, zero, Digest(())))


@pytest.fixture
def office(runtime: DevRuntime) -> Iterator[Office]:
    endowed = [(who, 1_000 * UNIT) for who in (ALICE, BOB, CAROL, DAVE)]
    with runtime.at(runtime.build_genesis({"Balances": {"balances": endowed}})):
        begin(runtime, 1)
        yield Office(runtime)
        runtime.try_state()


def hash_of(call: RuntimeCall) -> H256:
    return H256(hashing.blake2_256(call.encode()))


def test_an_account_lets_another_act_for_it(office: Office) -> None:
    assert office.let(ALICE, BOB, ANY) is None
    assert office.happened() == [
        Reserved(ALICE, BASE + FACTOR),
        ProxyAdded(ALICE, BOB, ANY, 0),
    ]

    assert office.go(office.as_(ALICE, office.pay()), BOB) is None

    assert office.happened() == [Transfer(ALICE, DAVE, UNIT), ProxyExecuted(Ok(None))]


def test_nobody_acts_for_another_without_leave(office: Office) -> None:
    office.let(ALICE, BOB, ANY)

    assert office.go(office.as_(BOB, office.pay()), ALICE) is Error.NOT_PROXY
    assert office.go(office.as_(ALICE, office.pay(), DATASETS), BOB) is Error.NOT_PROXY


def test_a_call_that_fails_leaves_only_the_event(office: Office) -> None:
    office.let(ALICE, BOB, ANY)
    root_only = office.runtime.system.set_heap_pages.call(1)

    assert office.outcome(office.as_(ALICE, root_only), BOB) == Err(BadOrigin())


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [(ANY, True), (NON_TRANSFER, False), (DATASETS, False), (COMPUTE, False)],
)
def test_a_kind_that_spends_nothing_pays_nobody(
    office: Office, kind: ProxyType, allowed: bool
) -> None:
    office.let(ALICE, BOB, kind)
    filtered = office.error(SystemError.CALL_FILTERED)

    expected = Ok(None) if allowed else filtered
    assert office.outcome(office.as_(ALICE, office.pay()), BOB) == expected


def test_limits_hold_for_calls_within_calls(office: Office) -> None:
    office.let(ALICE, BOB, NON_TRANSFER)
    batch = office.runtime.utility.batch_all.call((office.pay(),))

    filtered = office.error(SystemError.CALL_FILTERED)
    assert office.outcome(office.as_(ALICE, batch), BOB) == filtered


def test_the_narrower_kind_can_be_asked_for(office: Office) -> None:
    office.let(ALICE, BOB, ANY)
    office.let(ALICE, BOB, NON_TRANSFER)

    filtered = office.error(SystemError.CALL_FILTERED)
    assert office.outcome(office.as_(ALICE, office.pay(), NON_TRANSFER), BOB) == filtered
    assert office.outcome(office.as_(ALICE, office.pay()), BOB) == Ok(None)


def test_a_proxy_gives_no_power_that_it_has_not(office: Office) -> None:
    proxy, filtered = office.proxy, office.error(SystemError.CALL_FILTERED)
    office.let(ALICE, BOB, NON_TRANSFER)
    stronger = proxy.add_proxy.call(Id(CAROL), ANY, 0)
    equal = proxy.add_proxy.call(Id(CAROL), NON_TRANSFER, 0)

    assert office.outcome(office.as_(ALICE, stronger), BOB) == filtered
    assert office.outcome(office.as_(ALICE, equal), BOB) == Ok(None)
    weaken = proxy.remove_proxy.call(Id(CAROL), ANY, 0)
    assert office.outcome(office.as_(ALICE, weaken), BOB) == filtered
    assert office.outcome(office.as_(ALICE, proxy.remove_proxies.call()), BOB) == filtered


def test_the_strongest_kind_may_take_all_power_away(office: Office) -> None:
    office.let(ALICE, BOB, ANY)

    assert office.outcome(office.as_(ALICE, office.proxy.remove_proxies.call()), BOB) == Ok(None)
    assert ALICE not in office.proxy.proxies
    assert office.reserved(ALICE) == 0


def test_proxies_are_kept_in_order_and_cost_each(office: Office) -> None:
    for delegate, kind, delay in ((DAVE, ANY, 0), (BOB, COMPUTE, 0), (BOB, ANY, 2), (BOB, ANY, 1)):
        assert office.let(ALICE, delegate, kind, delay) is None

    granted, deposit = office.proxy.proxies[ALICE]
    assert granted == (
        ProxyDefinition(BOB, ANY, 1),
        ProxyDefinition(BOB, ANY, 2),
        ProxyDefinition(BOB, COMPUTE, 0),
        ProxyDefinition(DAVE, ANY, 0),
    )
    assert deposit == office.reserved(ALICE) == BASE + 4 * FACTOR


def test_what_is_no_new_proxy_is_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.proxy, "max_proxies", 1)
    office.let(ALICE, BOB, ANY)

    assert office.let(ALICE, ALICE, ANY) is Error.NO_SELF_PROXY
    assert office.let(ALICE, BOB, ANY) is Error.DUPLICATE
    assert office.let(ALICE, CAROL, ANY) is Error.TOO_MANY
    lost = office.proxy.add_proxy.call(Raw(b"nowhere"), ANY, 0)
    assert office.go(lost, ALICE) == CANNOT_LOOKUP
    monkeypatch.setattr(office.proxy, "proxy_deposit_base", 10**6 * UNIT)
    assert office.let(BOB, CAROL, ANY) is BalancesError.INSUFFICIENT_BALANCE


def test_a_proxy_is_removed_by_exactly_what_it_was_added_by(office: Office) -> None:
    office.let(ALICE, BOB, ANY, 1)
    remove = office.proxy.remove_proxy.call
    office.happened()

    assert office.go(remove(Id(BOB), ANY, 0), ALICE) is Error.NOT_FOUND
    assert office.go(remove(Id(BOB), ANY, 1), CAROL) is Error.NOT_FOUND
    assert office.go(remove(Id(BOB), ANY, 1), ALICE) is None
    assert office.happened() == [
        Unreserved(ALICE, BASE + FACTOR),
        ProxyRemoved(ALICE, BOB, ANY, 1),
    ]
    assert ALICE not in office.proxy.proxies


def test_a_delayed_proxy_announces_and_waits(office: Office) -> None:
    call = office.pay()
    office.let(ALICE, BOB, ANY, 3)
    assert office.go(office.as_(ALICE, call), BOB) is Error.UNANNOUNCED
    office.happened()

    assert office.go(office.proxy.announce.call(Id(ALICE), hash_of(call)), BOB) is None

    assert office.happened() == [
        Reserved(BOB, BASE + ANNOUNCED),
        Announced(ALICE, BOB, hash_of(call)),
    ]
    due = office.proxy.proxy_announced.call(Id(BOB), Id(ALICE), None, call)
    begin(office.runtime, 3)
    assert office.go(due, CAROL) is Error.UNANNOUNCED
    begin(office.runtime, 4)
    assert office.go(due, CAROL) is None
    assert office.happened() == [
        Unreserved(BOB, BASE + ANNOUNCED),
        Transfer(ALICE, DAVE, UNIT),
        ProxyExecuted(Ok(None)),
    ]
    assert office.go(due, CAROL) is Error.UNANNOUNCED
    assert BOB not in office.proxy.announcements


def test_only_a_proxy_announces_and_not_too_much(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.proxy, "max_pending", 1)
    office.let(ALICE, BOB, ANY, 3)
    announce = office.proxy.announce.call(Id(ALICE), H256(bytes(32)))

    assert office.go(announce, CAROL) is Error.NOT_PROXY
    assert office.go(announce, BOB) is None
    assert office.go(announce, BOB) is Error.TOO_MANY


def test_an_announcement_is_taken_back_or_forbidden(office: Office) -> None:
    proxy, one, two = office.proxy, H256(b"\x01" * 32), H256(b"\x02" * 32)
    office.let(ALICE, BOB, ANY, 3)
    for call_hash in (one, two):
        assert office.go(proxy.announce.call(Id(ALICE), call_hash), BOB) is None
    assert office.reserved(BOB) == BASE + 2 * ANNOUNCED

    assert office.go(proxy.remove_announcement.call(Id(CAROL), one), BOB) is Error.NOT_FOUND
    assert office.go(proxy.remove_announcement.call(Id(ALICE), one), BOB) is None
    assert proxy.announcements[BOB] == ((Announcement(ALICE, two, 1),), BASE + ANNOUNCED)
    assert office.go(proxy.reject_announcement.call(Id(BOB), two), CAROL) is Error.NOT_FOUND
    assert office.go(proxy.reject_announcement.call(Id(BOB), two), ALICE) is None
    assert office.reserved(BOB) == 0


def create(office: Office, kind: ProxyType = ANY, index: int = 0) -> AccountId:
    """Alice makes a pure account."""
    assert office.go(office.proxy.create_pure.call(kind, 0, index), ALICE) is None
    created = office.happened()[-1]
    assert isinstance(created, PureCreated)
    return created.pure


def test_a_pure_account_is_named_by_its_origin(office: Office) -> None:
    pure = create(office, COMPUTE, 7)

    # block 1, extrinsic 0, the kind's index, 7
    seed = b"modlpy/proxy____" + ALICE + bytes.fromhex("01000000 00000000 03 0700")
    assert pure == hashing.blake2_256(seed)
    assert office.proxy.proxies[pure] == ((ProxyDefinition(ALICE, COMPUTE, 0),), BASE + FACTOR)
    again = office.proxy.create_pure.call(COMPUTE, 0, 7)
    assert office.go(again, ALICE) is Error.DUPLICATE


def test_a_pure_account_acts_by_its_proxy_and_ends_by_itself(office: Office) -> None:
    pure = create(office)
    office.runtime.balances.transfer_keep_alive(ALICE, Id(pure), 10 * UNIT)
    assert office.outcome(office.as_(pure, office.pay()), ALICE) == Ok(None)
    kill = office.proxy.kill_pure.call(Id(ALICE), ANY, 0, 1, 0)

    assert office.go(kill, ALICE) is Error.NO_PERMISSION
    wrong = office.proxy.kill_pure.call(Id(ALICE), ANY, 0, 1, 1)
    assert office.outcome(office.as_(pure, wrong), ALICE) == office.error(Error.NO_PERMISSION)
    assert office.outcome(office.as_(pure, kill), ALICE) == Ok(None)
    assert office.reserved(ALICE) == 0
    assert office.go(office.as_(pure, office.pay()), ALICE) is Error.NOT_PROXY


def test_deposits_follow_their_prices_for_free(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = office.proxy
    office.let(ALICE, BOB, ANY)
    office.let(BOB, ALICE, ANY)
    office.go(proxy.announce.call(Id(BOB), H256(bytes(32))), ALICE)
    office.happened()
    poke = proxy.poke_deposit.call()
    assert poke.dispatch(signed(ALICE)).pays_fee is Pays.YES
    assert poke.dispatch(signed(CAROL)).pays_fee is Pays.YES
    assert office.happened() == []

    monkeypatch.setattr(proxy, "proxy_deposit_base", 2 * BASE)
    monkeypatch.setattr(proxy, "announcement_deposit_factor", 0)
    assert poke.dispatch(signed(ALICE)).pays_fee is Pays.NO

    assert office.happened() == [
        Reserved(ALICE, BASE),
        DepositPoked(ALICE, DepositKind.PROXIES, BASE + FACTOR, 2 * BASE + FACTOR),
        Unreserved(ALICE, ANNOUNCED),
        DepositPoked(ALICE, DepositKind.ANNOUNCEMENTS, BASE + ANNOUNCED, BASE),
    ]
    assert office.reserved(ALICE) == 3 * BASE + FACTOR
    assert proxy.proxies[ALICE][1] + proxy.announcements[ALICE][1] == office.reserved(ALICE)


def test_a_proxied_call_weighs_its_own_and_what_it_takes_to_find_the_proxy(office: Office) -> None:
    inner = office.pay()
    call = office.as_(ALICE, inner)
    db = office.runtime.db_weight

    own = office.proxy.own_weight("proxy")
    assert own.ref_time == 25_084_085 + 32 * 33_574 + 3 * db.read
    assert call.info.call_weight == own + db.of(1, 1) + inner.info.call_weight
    assert call.info.dispatch_class is inner.info.dispatch_class


def test_only_accounts_have_proxies(office: Office) -> None:
    with pytest.raises(DispatchFailure) as failure:
        office.proxy.remove_proxies.call().dispatch(ROOT)

    assert failure.value.reason == BadOrigin()


def test_a_key_acts_for_another_account_by_signed_extrinsics(runtime: DevRuntime) -> None:
    alice, bob = (Keypair.from_uri(uri) for uri in ("//Alice", "//Bob"))
    real, delegate = AccountId(alice.account), AccountId(bob.account)
    endowed = [(real, 100 * UNIT), (delegate, 100 * UNIT)]
    office = Office(runtime)
    steps = (
        (alice, runtime.proxy.add_proxy.call(Id(delegate), ANY, 0)),
        (bob, office.as_(real, office.pay())),
    )

    with runtime.at(runtime.build_genesis({"Balances": {"balances": endowed}})):
        begin(runtime, 1)
        for pair, step in steps:
            data = KeypairSigner(pair).sign(runtime, step, 0)
            decoded = runtime.format.decode(data)
            assert decoded.call == step
            assert runtime.executive.apply_extrinsic(decoded) is None

        assert runtime.balances.free_balance(DAVE) == UNIT
        assert ProxyExecuted(Ok(None)) in office.happened()


def test_a_runtime_that_has_no_kinds_of_proxy_is_told_so() -> None:
    runtime = Solo2503()
    unfit = Proxy(
        currency=runtime.balances,
        powers=DevPowers(spending=(), datasets=(), compute=()),
        proxy_deposit_base=BASE,
        proxy_deposit_factor=FACTOR,
        announcement_deposit_base=BASE,
        announcement_deposit_factor=FACTOR,
    )

    with pytest.raises(DeclarationError, match="NoProxyType"):
        runtime.add(31, unfit)


@given(
    other=st.tuples(
        st.binary(min_size=32, max_size=32).map(AccountId),
        st.sampled_from(ProxyType),
        st.integers(0, 2**16 - 1),
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    )
)
def test_every_origin_has_a_pure_account_of_its_own(
    runtime: DevRuntime, other: tuple[AccountId, ProxyType, int, tuple[int, int]]
) -> None:
    known = (ALICE, ANY, 0, (1, 0))
    same = runtime.proxy.pure_account(*other) == runtime.proxy.pure_account(*known)

    assert same == (other == known)
