"""Other chains by configuration: releases, widths of numbers, prices and roots, as FRAME has them.

No recording stands behind these expectations; each is worked out by hand from FRAME's source, which
a comment names where it is not the whole of frame_system or pallet_balances.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from tilth.frame import (
    FREE_DB,
    WEIGHTLESS,
    AccountId,
    DecodeError,
    Release,
    Runtime,
    RuntimeCall,
    Weight,
    u64,
)
from tilth.frame.apis import inherents
from tilth.frame.extrinsic import BARE_V4, BARE_V5, GENERAL_V5, with_length
from tilth.node.replay import Replayed
from tilth.node.signer import KeypairSigner
from tilth.pallets.authorship import Authorship
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.system import (
    CheckNonce,
    CheckWeight,
    System,
)
from tilth.pallets.timestamp import Timestamp
from tilth.pallets.transaction_payment import (
    Burn,
    ChargeTransactionPayment,
    Fixed,
    PayAccount,
    PayAuthor,
    Share,
    TransactionPayment,
)
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.scale import Compact, codec
from tilth.primitives.trie import Layout, ordered_root
from tilth.primitives.types import H256, Digest, Header, Id
from tilth.runtime.minimal import Minimal, Minimal2409, Minimal2603
from tilth.runtime.solo2503 import Solo2503
from tilth.runtime.solochain import Solo2407, Solo2409, Solo2603, Solochain

ALICE, BOB = (KeypairSigner(Keypair.from_uri(uri)) for uri in ("//Alice", "//Bob"))
NOBODY, TREASURY, AUTHOR = (AccountId(bytes((number,)) * 32) for number in (9, 7, 8))
RICH = 10**18
ZERO = H256(bytes(32))


class Chain:
    """A runtime at work on blocks of its own, phase by phase."""

    def __init__(self, runtime: Any, sudo: bool = True) -> None:
        self.runtime = runtime
        self.parent = H256(b"\x11" * 32)
        self.number = 0
        endowed = [(ALICE.account, RICH), (BOB.account, RICH)]
        config: dict[str, Any] = {"Balances": {"balances": endowed}}
        if sudo:
            config["Sudo"] = {"key": ALICE.account}
        self.replayed = Replayed(runtime, runtime.build_genesis(config))

    def open(self) -> Mapping[bytes, bytes | None]:
        self.number += 1
        return self.replayed.begin(Header(self.parent, self.number, ZERO, ZERO, Digest(())))

    def tell_time(self) -> tuple[bytes, Mapping[bytes, bytes | None]]:
        (inherent,) = inherents(
            self.runtime, {b"timstap0": (self.number * 6_000).to_bytes(8, "little")}
        )
        return inherent.data, self.replayed.include(inherent.data)[1]

    def send(
        self, call: RuntimeCall, nonce: int = 0, tip: int = 0, who: KeypairSigner = ALICE
    ) -> tuple[list[str], Mapping[bytes, bytes | None]]:
        """Include a transaction; the names of its events, and what it wrote."""
        self.runtime.system.events.kill()
        data = who.sign_with(self.runtime, call, self.values(nonce, tip))
        result, written = self.replayed.include(data)
        assert result[0] == 0, f"refused: {result.hex()}"
        return self.happened(), written

    def values(self, nonce: int, tip: int) -> tuple[Any, ...]:
        pipeline = self.runtime.pipeline
        return tuple(
            type(value)(tip) if isinstance(extension, ChargeTransactionPayment) else value
            for extension, value in zip(
                pipeline.extensions, pipeline.values_for(nonce), strict=True
            )
        )

    def happened(self) -> list[str]:
        events = [record.event.event for record in self.runtime.system.events.get()]
        return [_name(event) for event in events]

    def close(self) -> Header:
        header, _ = self.replayed.end()
        self.parent = header.hash
        return header

    def transfer(self, to: AccountId = BOB.account, value: int = 10**12) -> RuntimeCall:
        call: RuntimeCall = self.runtime.balances.transfer_keep_alive.call(Id(to), value)
        return call


def _name(event: Any) -> str:
    name = type(event).__name__
    if name in ("Deposit", "BurnedDebt", "Rescinded", "Issued"):
        return f"{name} {event.amount}"
    return name


def opened(runtime: Runtime) -> Chain:
    chain = untimed(runtime)
    chain.tell_time()
    return chain


def untimed(runtime: Runtime) -> Chain:
    """With a first block that was begun; a chain with slots takes no time without one."""
    chain = Chain(runtime)
    chain.open()
    return chain


TRANSFER: list[tuple[type[Runtime], list[str]]] = [
    (Minimal2409, ["Withdraw", "Transfer", "Deposit 0"]),
    (Minimal, ["Withdraw", "Transfer"]),
    (Minimal2603, ["Withdraw", "Transfer", "BurnedDebt 1"]),
]


@pytest.mark.parametrize(("profile", "events"), TRANSFER)
def test_a_transfer_is_told_as_its_release_tells_it(
    profile: type[Runtime], events: list[str]
) -> None:
    told, _ = opened(profile()).send(opened(profile()).transfer())

    assert told == [*events, "TransactionFeePaid", "ExtrinsicSuccess"]


REFUND: list[tuple[type[Runtime], list[str]]] = [
    (Solo2409, ["Rescinded 99", "BalanceSet", "Sudid"]),
    (Solo2407, ["BalanceSet", "Sudid"]),
    (Solochain, ["Rescinded 99", "BalanceSet", "Sudid"]),
    (Solo2603, ["Rescinded 99", "BalanceSet", "Sudid"]),
]


@pytest.mark.parametrize(("profile", "events"), REFUND)
def test_money_set_by_root_is_reported_since_stable2409(
    profile: type[Runtime], events: list[str]
) -> None:
    chain = untimed(profile())
    runtime = chain.runtime
    call = runtime.sudo.sudo.call(
        runtime.balances.force_set_balance.call(Id(BOB.account), RICH - 99)
    )

    told, _ = chain.send(call)

    assert told[1 : 1 + len(events)] == events
    assert told[1 + len(events)].startswith("Deposit "), "sudo gives its fee back"


@pytest.mark.parametrize("profile", [Solo2409, Solochain, Solo2603])
def test_dust_is_burned_aloud_since_stable2509(profile: type[Runtime]) -> None:
    chain = untimed(profile())
    balances, sudo = chain.runtime.balances, chain.runtime.sudo
    chain.send(sudo.sudo.call(balances.force_set_balance.call(Id(BOB.account), 10**12)))
    almost_all = 10**12 - balances.existential_deposit  # with the fee, less than the deposit stays

    told, _ = chain.send(balances.transfer_allow_death.call(Id(ALICE.account), almost_all), who=BOB)

    burned = [name for name in told if name.startswith("BurnedDebt")]
    assert told[:3] == ["Withdraw", "KilledAccount", "DustLost"]
    # stable2603 burns the dust and then the fee
    assert [told[3], len(burned)] == ([burned[0], 2] if profile is Solo2603 else ["Transfer", 0])


def test_a_fee_waits_in_storage_only_while_its_call_runs() -> None:
    """transaction-payment/src/payment.rs of stable2512: deposit_txfee, then take."""
    chain = opened(Minimal2603())
    credit = chain.runtime.payment.tx_payment_credit

    _, written = chain.send(chain.transfer(), tip=5)

    assert written[credit.prefix] is None
    assert credit.get() is None


def test_before_stable2512_there_is_no_place_for_a_fee() -> None:
    assert "TxPaymentCredit" not in {item.name for item in Minimal().payment.declared.storage}
    assert "TxPaymentCredit" in {item.name for item in Minimal2603().payment.declared.storage}


def test_balances_events_shift_in_stable2509() -> None:
    def index(runtime: Any, name: str) -> int:
        return [event.__name__ for event in runtime.balances.declared.events].index(name)

    old, new = Minimal(), Minimal2603()

    assert [index(old, "Minted"), index(old, "Burned"), index(old, "Upgraded")] == [10, 11, 14]
    assert [index(new, "MintedCredit"), index(new, "BurnedDebt")] == [11, 13]
    assert index(new, "Unexpected") == 29


def test_initialize_clears_inherents_until_stable2509() -> None:
    key = Solochain().system.inherents_applied.prefix

    for profile, cleared in ((Minimal2409, True), (Minimal, True), (Minimal2603, False)):
        written = Chain(profile()).open()
        assert (key in written) == cleared, profile


def test_the_header_counts_towards_the_block_since_stable2603() -> None:
    """The empty header: three hashes, the number in one byte, a digest without items."""
    chain = Chain(Minimal2603())
    written = chain.open()
    inherent, _ = chain.tell_time()
    overhead = 3 * 32 + 1 + 1 + 1

    size = chain.runtime.system.block_size
    assert written[size.prefix] == overhead.to_bytes(4, "little")
    assert size.get() == overhead + len(inherent)
    chain.close()
    assert chain.replayed.state.get(size.prefix) is None


def test_inherents_are_built_in_the_preamble_of_the_release() -> None:
    for profile, preamble in ((Minimal2409, BARE_V4), (Minimal, BARE_V5), (Minimal2603, BARE_V5)):
        chain = Chain(profile())
        chain.open()
        inherent, _ = chain.tell_time()
        assert inherent[1] == preamble


def test_version_5_is_unreadable_before_stable2412() -> None:
    call = Minimal().system.remark.call(b"").encode()
    for preamble in (bytes((BARE_V5,)), bytes((GENERAL_V5, 0))):
        with pytest.raises(DecodeError):
            Minimal2409().format.decode(with_length(preamble + call))
    assert Minimal2409().format.decode(with_length(bytes((BARE_V4,)) + call)).is_bare


def test_a_general_transaction_names_known_extensions_since_stable2606() -> None:
    class Minimal2606(Minimal2603):
        release: ClassVar[Release] = Release.STABLE2606

    def body(runtime: Runtime, version: int) -> bytes:
        explicit = runtime.pipeline.explicit.encode(runtime.pipeline.values_for(0))
        call = Minimal().system.remark.call(b"").encode()
        return with_length(bytes((GENERAL_V5, version)) + explicit + call)

    older, newer = Minimal2603(), Minimal2606()
    assert older.format.decode(body(older, 1)).signer is None
    assert newer.format.decode(body(newer, 0)).signer is None
    with pytest.raises(DecodeError):
        newer.format.decode(body(newer, 1))


def test_signed_extensions_weigh_nothing_and_stop_at_the_first_that_fails() -> None:
    """A nonce too high is seen before the missing money: stable2409 prepares one by one."""
    poor = KeypairSigner(Keypair.from_uri("//Poor"))
    results = {}
    for profile in (Minimal2409, Minimal):
        chain = opened(profile())
        chain.send(chain.transfer(poor.account, 1))
        call = chain.transfer(value=1)
        data = poor.sign_with(chain.runtime, call, chain.values(nonce=3, tip=10))
        results[profile] = chain.replayed.include(data)[0]
        weight = chain.runtime.pipeline.weight(chain.values(0, 0), call)
        assert (weight == Weight(0, 0)) == (profile is Minimal2409)

    assert results[Minimal2409].hex() == "010002", "Future"
    assert results[Minimal].hex() == "010001", "Payment"


def test_weights_by_default_cost_what_rocksdb_costs_where_the_runtime_names_no_cost() -> None:
    """minimal template: DbWeight and every WeightInfo are ()"""
    runtime = Minimal()
    call = runtime.balances.transfer_keep_alive.call(Id(BOB.account), 1)

    assert runtime.system.db_weight == FREE_DB
    assert call.info.call_weight == Weight(39_051_000 + 25_000_000 + 100_000_000, 3_593)


def test_the_minimal_template_asks_one_unit_and_lets_its_multiplier_fall() -> None:
    chain = opened(Minimal())
    before = chain.runtime.balances.free_balance(ALICE.account)

    chain.send(chain.transfer(value=100))
    chain.close()

    account = chain.replayed.state.get(chain.runtime.system.account.key_of(ALICE.account))
    free = before - 100 - 1
    # nonce, consumers, providers, sufficients, then balances of 64 bits and the flags
    expected = (1, 0, 1, 0), free.to_bytes(8, "little")
    assert account is not None
    assert account[:16] == b"".join(number.to_bytes(4, "little") for number in expected[0])
    assert account[16:24] == expected[1]
    assert account[24:] == bytes(16 + 15) + b"\x80"
    multiplier = chain.runtime.payment.next_fee_multiplier.prefix
    assert chain.replayed.state.get(multiplier) == bytes(16)


def test_the_window_of_256_block_hashes_forgets_the_first_in_block_258() -> None:
    chain = Chain(Minimal())
    hashes = chain.runtime.system.block_hash

    def known() -> list[bool]:
        return [chain.replayed.state.get(hashes.key_of(number)) is not None for number in range(3)]

    for _ in range(257):
        chain.open()
        chain.tell_time()
        chain.close()
    assert known() == [True, True, True]

    chain.open()
    chain.tell_time()
    chain.close()
    assert known() == [True, False, True]


class Wide(Minimal):
    """Block numbers of 64 bits."""

    types: ClassVar[Mapping[object, object]] = {**Minimal.types, "BlockNumber": u64}


def test_block_numbers_may_be_of_64_bits() -> None:
    chain = Chain(Wide())
    chain.open()
    chain.tell_time()
    header = chain.close()
    state, system = chain.replayed.state, chain.runtime.system

    assert state.get(system.number.prefix) == (1).to_bytes(8, "little")
    # the hasher of BlockHash keeps its key readable: eight bytes of it here
    assert system.block_hash.key_of(0)[-8:] == bytes(8)
    assert len(system.block_hash.key_of(0)) == 32 + 8 + 8
    far = Header(ZERO, 2**40, ZERO, ZERO, Digest(()))
    encoded = chain.runtime.codecs.of(Header).encode(far)
    assert (
        encoded[32:39]
        == codec(Compact[u64]).encode(2**40)
        == b"\x0b" + (2**40).to_bytes(6, "little")
    )
    assert chain.runtime.codecs.of(Header).decode(encoded) == far
    assert header.number == 1


@pytest.mark.parametrize(
    ("version", "state", "extrinsics"),
    [(0, Layout.V0, Layout.V0), (1, Layout.V1, Layout.V0), (2, Layout.V1, Layout.V1)],
)
def test_the_system_version_chooses_the_layout_of_both_tries(
    version: int, state: Layout, extrinsics: Layout
) -> None:
    class Chosen(Minimal):
        system_version: ClassVar[int] = version

    chain = Chain(Chosen())
    chain.open()
    inherent, _ = chain.tell_time()
    remark = chain.runtime.system.remark.call(bytes(64))  # longer than a node keeps inline
    data = ALICE.sign(chain.runtime, remark, 0)
    chain.replayed.include(data)
    header = chain.close()

    assert chain.runtime.state_layout is state
    assert header.extrinsics_root == ordered_root([inherent, data], extrinsics)
    other = Layout.V0 if extrinsics is Layout.V1 else Layout.V1
    assert header.extrinsics_root != ordered_root([inherent, data], other)


class Bare(Runtime):
    """As little as a chain can have; `settings` say how fees travel."""

    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData}
    settings: ClassVar[Mapping[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.system = self.add(0, System(extension_weights={}).weighing(WEIGHTLESS))
        self.timestamp = self.add(1, Timestamp(minimum_period=1).weighing(WEIGHTLESS))
        self.balances = self.add(
            2, Balances(accounts=self.system.accounts, existential_deposit=10).weighing(WEIGHTLESS)
        )
        self.authorship = self.add(
            3, Authorship(system=self.system, find_author=lambda logs: AUTHOR)
        )
        legacy = self.settings.get("legacy", False)
        currency: Any = self.balances.legacy if legacy else self.balances
        self.payment = self.add(
            4,
            TransactionPayment(
                currency=currency,
                limits=self.system,
                destination=self.destination(currency),
                weight_to_fee=Fixed(0),
                length_to_fee=Fixed(101),
                tells_empty_refunds=self.settings.get("empty_refunds"),
            ).weighing(WEIGHTLESS),
        )
        self.extensions = (
            CheckNonce(self.system),
            CheckWeight(self.system),
            ChargeTransactionPayment(self.payment),
        )

    def destination(self, currency: Any) -> Any:
        treasury = PayAccount(currency, TREASURY)
        author = PayAuthor(currency, self.authorship.author_now)
        return {
            "burn": Burn(currency),
            "treasury": treasury,
            "author": author,
            "shared": Share(treasury, author),
            "tips": Share(Burn(currency), author, fees=(100, 0)),
            "twice": Share(treasury, author, fees=(0, 100)),
            "alice": Share(PayAccount(currency, ALICE.account), author, fees=(0, 100)),
        }[self.settings.get("to", "burn")]


def told(release: Release, **settings: Any) -> list[str]:
    """The events of a remark with a tip of 50 for a fee of 101, on a chain set up so."""
    chosen = type("Chosen", (Bare,), {"settings": settings, "release": release})
    chain = Chain(chosen(), sudo=False)
    chain.open()
    chain.tell_time()
    events, _ = chain.send(chain.runtime.system.remark.call(b""), tip=50)
    assert events[-2:] == ["TransactionFeePaid", "ExtrinsicSuccess"]
    return events[:-2]


def test_fees_and_tips_go_where_the_runtime_says() -> None:
    old, new = Release.STABLE2503, Release.STABLE2603

    assert told(old, to="burn") == ["Withdraw"]
    assert told(new, to="burn") == ["Withdraw", "BurnedDebt 151"]
    assert told(old, to="treasury") == ["Withdraw", "NewAccount", "Endowed", "Deposit 151"]
    assert told(new, to="author") == ["Withdraw", "NewAccount", "Endowed", "Deposit 151"]
    # four fifths of 101 are 80; the rest and the tip are the author's
    assert told(old, to="shared") == [
        "Withdraw", "NewAccount", "Endowed", "Deposit 80", "NewAccount", "Endowed", "Deposit 71",
    ]  # fmt: skip


def test_a_tip_may_be_the_authors_and_the_fee_nobodys() -> None:
    """As observed on a runtime of stable2603."""
    assert told(Release.STABLE2603, to="tips") == [
        "Withdraw", "BurnedDebt 101", "NewAccount", "Endowed", "Deposit 50",
    ]  # fmt: skip


def test_who_gets_nothing_hears_nothing() -> None:
    """frame/support/src/traits/tokens/imbalance/on_unbalanced.rs: what is zero is dropped first."""
    authors = ["NewAccount", "Endowed", "Deposit 151"]

    for release in (Release.STABLE2503, Release.STABLE2603):
        assert told(release, to="alice") == ["Withdraw", *authors]
        assert told(release, to="twice") == ["Withdraw", *authors]


def test_a_refund_of_nothing_is_told_by_early_builds_only() -> None:
    """frame/transaction-payment/src/payment.rs: `refund_amount > Zero::zero()`, which stable2503
    brought and late builds of stable2409 have too."""
    told_aloud, silent = ["Withdraw", "Deposit 0"], ["Withdraw"]

    assert told(Release.STABLE2409) == told_aloud
    assert told(Release.STABLE2412) == told_aloud
    assert told(Release.STABLE2503) == silent
    assert told(Release.STABLE2409, empty_refunds=False) == silent
    assert told(Release.STABLE2503, empty_refunds=True) == told_aloud


def test_the_older_currency_tells_a_dropped_fee_as_rescinded_since_stable2409() -> None:
    """frame/balances/src/impl_currency.rs: Drop for NegativeImbalance"""
    assert told(Release.STABLE2407, legacy=True) == ["Withdraw"]
    for release in (Release.STABLE2409, Release.STABLE2503, Release.STABLE2603):
        assert told(release, legacy=True) == ["Withdraw", "Rescinded 151"]


def test_a_runtime_without_weights_weighs_only_its_base() -> None:
    chain = Chain(Bare(), sudo=False)
    chain.open()
    chain.tell_time()
    limits = chain.runtime.system.block_weights
    base = limits.per_class.normal.base_extrinsic
    before = chain.runtime.system.block_weight.get().normal

    call = chain.runtime.system.remark.call(b"\x01" * 10)
    data = ALICE.sign(chain.runtime, call, 0)
    chain.replayed.include(data)

    assert call.info.call_weight == Weight(0, 0)
    used = chain.runtime.system.block_weight.get().normal - before
    assert used == base + Weight(0, len(data)), "the extrinsic itself travels in the proof"


def test_the_session_pallet_of_the_recorded_chain_is_an_addition() -> None:
    names = [pallet.name for pallet in Solochain().pallets]

    assert [pallet.name for pallet in Solo2503().pallets] == [*names, "Session"]
    assert [pallet.name for pallet in Solo2409().pallets] == [*names[:-1], "TemplateModule"]
