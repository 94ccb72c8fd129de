"""Rules that differ by release or by a number's width, as FRAME's source has them.

No recording stands behind these expectations; the comments name the file they are read from.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from tilth.frame import (
    PARITY_DB,
    ROCKS_DB,
    ROOT,
    AccountId,
    DbWeight,
    DispatchInfo,
    Err,
    InvalidTransactionError,
    Release,
    Runtime,
    TransactionSource,
    Weight,
    hashing,
    signed,
    u64,
    validity,
)
from tilth.frame.apis import applied
from tilth.node.replay import Replayed
from tilth.node.signer import KeypairSigner
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.grandpa import Grandpa
from tilth.pallets.proxy import Proxy
from tilth.pallets.system import (
    BlockLength,
    BlockWeights,
    CheckNonce,
    CheckWeight,
    System,
)
from tilth.pallets.system.limits import LimitsPerClass, WeightsOfClass
from tilth.pallets.transaction_payment import (
    ChargeTransactionPayment,
    ConstantMultiplier,
    PerByte,
    PerPicosecond,
    Polynomial,
    Term,
    TransactionPayment,
)
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.scale import DecodeError
from tilth.primitives.types import H256, Digest, Header, Id, Sr25519
from tilth.runtime.powers import DevPowers, ProxyType

ALICE = KeypairSigner(Keypair.from_uri("//Alice"))
BOB = AccountId(b"\x02" * 32)
ZERO = H256(bytes(32))
MOST = 2**64 - 1
DEPOSIT = 1_000


class Narrow(Runtime):
    """Balances of 64 bits, fees through either currency, limits as a test wants them."""

    types: ClassVar[Mapping[object, object]] = {
        "AccountData": AccountData,
        "Balance": u64,
        "ProxyType": ProxyType,
    }
    legacy: ClassVar[bool] = False
    weight_to_fee: ClassVar[Any] = staticmethod(lambda weight: 0)
    limits: ClassVar[BlockWeights] = BlockWeights.with_sensible_defaults(Weight(10**12, MOST))

    def __init__(self) -> None:
        super().__init__()
        length = BlockLength.max_with_normal_ratio(1_000)
        self.system = self.add(3, System(block_weights=self.limits, block_length=length))
        self.balances = self.add(
            5, Balances(accounts=self.system.accounts, existential_deposit=DEPOSIT)
        )
        self.grandpa = self.add(7, Grandpa(system=self.system))
        self.proxy = self.add(
            9,
            Proxy(
                currency=self.balances,
                powers=DevPowers(spending=(), datasets=(), compute=()),
                proxy_deposit_base=1,
                proxy_deposit_factor=1,
                announcement_deposit_base=1,
                announcement_deposit_factor=1,
            ),
        )
        self.payment = self.add(
            11,
            TransactionPayment(
                currency=self.balances.legacy if self.legacy else self.balances,
                limits=self.system,
                weight_to_fee=self.weight_to_fee,
                length_to_fee=PerByte(1),
                fee_multiplier_update=ConstantMultiplier(),
            ),
        )
        self.extensions = (
            CheckNonce(self.system),
            CheckWeight(self.system),
            ChargeTransactionPayment(self.payment),
        )


def composed(release: Release = Release.STABLE2503, **changed: Any) -> Any:
    return type("Chosen", (Narrow,), {"release": release, **changed})()


def begun(runtime: Any, money: int = 10**15) -> Replayed:
    genesis = runtime.build_genesis({"Balances": {"balances": [(ALICE.account, money)]}})
    chain = Replayed(runtime, genesis)
    chain.begin(Header(H256(b"\x11" * 32), 1, ZERO, ZERO, Digest(())))
    return chain


def refusal(runtime: Any, extrinsic: Any) -> Any:
    """Why the extrinsic is not valid, if it is not."""
    try:
        runtime.executive.validate(TransactionSource.EXTERNAL, extrinsic)
    except InvalidTransactionError as error:
        return error.error
    return None


@pytest.fixture(params=[Release.STABLE2409, Release.STABLE2503], ids=lambda each: each.name)
def release(request: Any) -> Any:
    return request.param


def test_the_older_currency_is_tried_while_validation_still_takes_the_fee(release: Release) -> None:
    """frame/transaction-payment/src/payment.rs: CurrencyAdapter::can_withdraw_fee, of stable2412,
    does not ask whether the account lives on; before, validation was the withdrawal."""
    runtime = composed(release, legacy=True)
    begun(runtime, DEPOSIT + 10)
    extrinsic = runtime.format.decode(ALICE.sign(runtime, runtime.system.remark.call(b""), 0))
    payment = validity.Invalid(validity.Payment())
    assert len(extrinsic.data) > 10

    valid = None if release is Release.STABLE2503 else payment
    assert refusal(runtime, extrinsic) == valid
    assert applied(runtime, extrinsic) == Err(payment)


def test_who_is_asked_first_about_what_nobody_signed(release: Release) -> None:
    """primitives/runtime/src/generic/checked_extrinsic.rs: the extensions before stable2412."""
    runtime = composed(release)
    begun(runtime)
    exhausts, call = (
        validity.Invalid(reason) for reason in (validity.ExhaustsResources(), validity.Call())
    )
    long = runtime.format.unsigned(runtime.system.remark.call(bytes(2_000)))
    first = call if release is Release.STABLE2503 else exhausts

    assert refusal(runtime, long) == first
    assert applied(runtime, long) == Err(first)


def test_an_authorized_upgrade_is_urgent_and_checked_by_release(release: Release) -> None:
    """frame/system/src/lib.rs: before stable2503 the version is part of the validation."""
    runtime = composed(release)
    begun(runtime)
    system, outdated = runtime.system, runtime.code
    code_hash = H256(hashing.blake2_256(outdated))
    apply = runtime.format.unsigned(system.apply_authorized_upgrade.call(outdated))

    def ask(authorize: Any) -> Any:
        authorize.call(code_hash).dispatch(ROOT)
        return runtime.validate_unsigned(TransactionSource.EXTERNAL, apply.call)

    later = release is Release.STABLE2503
    assert ask(system.authorize_upgrade_without_checks).priority == (MOST if later else 100)
    if later:
        assert ask(system.authorize_upgrade).priority == MOST
    else:
        with pytest.raises(InvalidTransactionError):
            ask(system.authorize_upgrade)


def test_grandpa_takes_no_unsigned_call_but_reports() -> None:
    """frame/grandpa/src/equivocation.rs: InvalidTransaction::Call for any other call."""
    runtime = composed()
    begun(runtime)
    unsigned = runtime.format.unsigned(runtime.grandpa.note_stalled.call(1, 1))

    assert refusal(runtime, unsigned) == validity.Invalid(validity.Call())


@pytest.mark.parametrize(
    "price", [PerPicosecond(10**9), Polynomial((Term(integer=10**9), Term(integer=1)))]
)
def test_fees_and_priorities_are_as_wide_as_balances(price: Any) -> None:
    """primitives/weights/src/lib.rs and FixedU128::saturating_mul_int saturate at the Balance."""
    runtime = composed(weight_to_fee=price)
    begun(runtime)
    dear = runtime.system.kill_prefix.call(b"", 2**32 - 1)
    extrinsic = runtime.format.decode(ALICE.sign(runtime, dear, 0))

    assert runtime.payment.fee_of_weight(Weight(10**12, 0)) == MOST
    assert runtime.payment.fee(100, extrinsic.info, 7) == MOST
    info = runtime.call("TransactionPaymentApi_query_info", extrinsic.data + bytes((9, 0, 0, 0)))
    assert info.endswith(MOST.to_bytes(8, "little"))
    assert runtime.payment.priority(10, extrinsic.info, MOST, MOST) == MOST


def test_weights_that_do_not_add_up_in_64_bits_exhaust_a_limited_class() -> None:
    """frame/system/src/extensions/check_weight.rs: checked_accrue unless the class is unlimited."""
    zero, all_of_it = Weight(0, 0), Weight(MOST, MOST)
    limited = WeightsOfClass(zero, None, all_of_it, zero)
    per_class = LimitsPerClass(limited, limited, WeightsOfClass(zero, None, None, None))
    runtime = composed(limits=BlockWeights(zero, all_of_it, per_class))
    chain = begun(runtime)
    half = Weight(2**63, 0)
    runtime.system.remark.info = lambda args: DispatchInfo(half)

    def send(nonce: int) -> bytes:
        return chain.include(ALICE.sign(runtime, runtime.system.remark.call(b""), nonce))[0]

    assert send(0) == b"\x00\x00"
    assert send(1) == b"\x01\x00\x06", "ExhaustsResources"


def test_money_set_aside_without_a_consumer_gets_one() -> None:
    """frame/balances/src/lib.rs: `Defensively bumping a consumer ref`."""
    runtime = composed()
    begun(runtime)
    accounts = runtime.system.accounts
    accounts.inc_providers(BOB)
    accounts.set_data(BOB, AccountData(free=DEPOSIT, reserved=5))
    assert accounts.consumers_of(BOB) == 0

    transfer = runtime.balances.transfer_keep_alive.call(Id(BOB), 1)
    for _ in range(2):
        transfer.dispatch(signed(ALICE.account))

    assert accounts.consumers_of(BOB) == 1


def test_taking_what_is_not_there_writes_nothing() -> None:
    """frame/support/src/storage/unhashed.rs: take kills only what it found."""
    runtime = composed()
    begun(runtime)
    before = set(runtime.slot.overlay.changes())

    runtime.proxy.remove_proxies.call().dispatch(signed(ALICE.account))

    assert set(runtime.slot.overlay.changes()) - before <= {b":transaction_level:"}


def test_hooks_run_in_the_order_of_the_declaration() -> None:
    """frame/support/procedural/src/construct_runtime: AllPalletsWithSystem is not sorted."""
    declared = composed(declaration_order=("System", "TransactionPayment", "Balances"))

    names = [pallet.name for pallet in declared.pallets]
    assert names == ["System", "TransactionPayment", "Balances", "Grandpa", "Proxy"]
    assert [pallet.index for pallet in composed().pallets] == [3, 5, 7, 9, 11]
    assert declared.balances.index == 5


def test_extensions_may_have_another_price_of_accesses_than_calls() -> None:
    """Where only ExtensionsWeightInfo is `()`, its accesses cost what RocksDB's do."""

    class Priced(Runtime):
        db_weight: ClassVar[DbWeight] = PARITY_DB

        def __init__(self) -> None:
            super().__init__()
            self.system = self.add(0, System(extension_db=ROCKS_DB))
            self.extensions = ()

    system = Priced().system
    heap_pages = system.set_heap_pages.call(1)

    assert heap_pages.info.call_weight == Weight(2_836_000 + 50_000_000, 0)
    assert system.extension_weight("check_genesis") == Weight(3_577_000 + 25_000_000, 0)


def test_addresses_may_be_accounts_and_signatures_of_one_scheme() -> None:
    """primitives/runtime/src/traits/mod.rs: IdentityLookup; a signature that is no enum has no
    index before it."""
    plain = composed(types={**Narrow.types, "Address": AccountId, "Signature": Sr25519})
    call = plain.balances.transfer_keep_alive.call(BOB, DEPOSIT)
    body, carried = call.encode(), bytes((0, 0))  # nonce and tip
    assert body == bytes((5, 3)) + BOB + bytes.fromhex("a10f")  # no index, no kind of address

    data = ALICE.sign(plain, call, 0)

    assert data[2:35] == b"\x84" + ALICE.account
    assert data[35 + 64 :] == carried + body
    replayed = begun(plain)
    result, _ = replayed.include(data)
    assert result == bytes(2)
    assert plain.balances.free_balance(BOB) == DEPOSIT
    forged = data[:40] + bytes((data[40] ^ 1,)) + data[41:]
    assert replayed.include(forged)[0] == bytes.fromhex("010004")  # BadProof
    with pytest.raises(DecodeError):
        plain.format.decode(ALICE.sign(composed(), composed().system.remark.call(b""), 0))
