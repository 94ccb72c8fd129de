"""Blocks and extrinsics through the executive, with the system pallet alone."""

from dataclasses import dataclass

import pytest

from tilth.frame import (
    ROOT,
    AccountId,
    DefaultValue,
    DispatchClass,
    DispatchFailure,
    ErrorEnum,
    Extrinsic,
    InvalidBlock,
    InvalidTransactionError,
    Overlay,
    Pallet,
    Runtime,
    RuntimeCall,
    Signed,
    TransactionSource,
    Weight,
    call,
    ensure,
    event,
    signed,
    u32,
    validity,
)
from tilth.frame.extrinsic import BARE_V5, with_length
from tilth.node.signer import KeypairSigner
from tilth.pallets.system import (
    BlockLength,
    BlockWeights,
    CheckGenesis,
    CheckMortality,
    CheckNonce,
    CheckNonZeroSender,
    CheckSpecVersion,
    CheckTxVersion,
    CheckWeight,
    System,
    WeightReclaim,
)
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256, Digest, Header

ALICE = Keypair.from_uri("//Alice")
BOB = Keypair.from_uri("//Bob")


@event
class Counted:
    now: u32


class Error(ErrorEnum):
    TOO_MANY = "One cannot count further."


class Counter(Pallet[Counted, Error]):
    count = DefaultValue[u32]()

    @call(0)
    def add(self, who: Signed, amount: u32) -> None:
        """Count on."""
        self.count.put(self.count.get() + amount)
        self.emit(Counted(self.count.get()))
        ensure(self.count.get() < 100, Error.TOO_MANY)


class CountingRuntime(Runtime):
    system: System

    def __init__(self) -> None:
        super().__init__()
        system = System(
            block_weights=BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1)),
            block_length=BlockLength.max_with_normal_ratio(5 * 1024 * 1024),
        )
        self.system = self.add(0, system)
        self.counter = self.add(1, Counter())
        self.extensions = (
            CheckNonZeroSender(system),
            CheckSpecVersion(system),
            CheckTxVersion(system),
            CheckGenesis(system),
            CheckMortality(system),
            CheckNonce(system),
            CheckWeight(system),
            WeightReclaim(system),
        )


@dataclass
class Harness:
    runtime: CountingRuntime
    state: Trie

    def header(self, number: int = 1) -> Header:
        zero = H256(bytes(32))
        return Header(H256(b"\x11" * 32), number, zero, zero, Digest(()))

    def begin(self) -> None:
        self.runtime.slot.overlay = Overlay(self.state)
        self.runtime.executive.initialize_block(self.header())

    def end(self) -> Header:
        return self.runtime.executive.finalize_block()

    def signed(self, call: RuntimeCall, nonce: int = 0, pair: Keypair = ALICE) -> Extrinsic:
        data = KeypairSigner(pair).sign(self.runtime, call, nonce)
        return self.runtime.format.decode(data)

    def apply(self, call: RuntimeCall, nonce: int = 0, pair: Keypair = ALICE) -> object:
        return self.runtime.executive.apply_extrinsic(self.signed(call, nonce, pair))

    def events(self) -> list[object]:
        return [record.event.event for record in self.runtime.system.events.get()]


@pytest.fixture
def chain() -> Harness:
    runtime = CountingRuntime()
    with runtime.at(Trie.empty()) as overlay:
        runtime.system.genesis()
        runtime.system.accounts.inc_providers(AccountId(ALICE.account))
        state = overlay.commit()
    return Harness(runtime, state)


def reason(error: InvalidTransactionError) -> type:
    return type(error.error.reason)


def test_a_signed_call_counts_and_says_so(chain: Harness) -> None:
    chain.begin()

    assert chain.apply(chain.runtime.counter.add.call(5)) is None

    assert chain.runtime.counter.count.get() == 5
    assert chain.runtime.system.account_nonce(AccountId(ALICE.account)) == 1
    assert Counted(5) in chain.events()


def test_a_failed_call_leaves_nonce_and_event_only(chain: Harness) -> None:
    chain.begin()

    assert chain.apply(chain.runtime.counter.add.call(100)) is Error.TOO_MANY

    assert chain.runtime.counter.count.get() == 0
    assert chain.runtime.system.account_nonce(AccountId(ALICE.account)) == 1
    assert [type(each).__name__ for each in chain.events()] == ["ExtrinsicFailed"]


def test_a_future_nonce_may_not_be_applied(chain: Harness) -> None:
    chain.begin()
    before = chain.runtime.slot.overlay.changes()

    with pytest.raises(InvalidTransactionError) as error:
        chain.apply(chain.runtime.counter.add.call(1), nonce=1)

    assert reason(error.value) is validity.Future
    assert chain.runtime.slot.overlay.changes() == before


def test_a_nonce_is_used_once(chain: Harness) -> None:
    chain.begin()
    chain.apply(chain.runtime.counter.add.call(1))

    with pytest.raises(InvalidTransactionError) as error:
        chain.apply(chain.runtime.counter.add.call(1))

    assert reason(error.value) is validity.Stale


def test_an_account_that_does_not_exist_cannot_pay(chain: Harness) -> None:
    chain.begin()

    with pytest.raises(InvalidTransactionError) as error:
        chain.apply(chain.runtime.counter.add.call(1), pair=BOB)

    assert reason(error.value) is validity.Payment


def test_a_changed_byte_spoils_the_signature(chain: Harness) -> None:
    chain.begin()
    data = bytearray(chain.signed(chain.runtime.counter.add.call(1)).data)
    data[-1] ^= 1

    with pytest.raises(InvalidTransactionError) as error:
        chain.runtime.executive.apply_extrinsic(chain.runtime.format.decode(bytes(data)))

    assert reason(error.value) is validity.BadProof


def test_a_signature_is_bound_to_the_spec_version(chain: Harness) -> None:
    chain.begin()
    extrinsic = chain.signed(chain.runtime.counter.add.call(1))
    chain.runtime.spec_version = 2  # type: ignore[misc]

    with pytest.raises(InvalidTransactionError) as error:
        chain.runtime.executive.apply_extrinsic(extrinsic)

    assert reason(error.value) is validity.BadProof


def test_validation_tells_what_a_future_transaction_waits_for(chain: Harness) -> None:
    with chain.runtime.at(chain.state):
        chain.runtime.executive.begin_validation(H256(bytes(32)))
        extrinsic = chain.signed(chain.runtime.counter.add.call(1), nonce=2)
        valid = chain.runtime.executive.validate_transaction(
            TransactionSource.EXTERNAL, extrinsic, H256(bytes(32))
        )

    assert valid.requires == (ALICE.account + bytes([1, 0, 0, 0]),)
    assert valid.provides == (ALICE.account + bytes([2, 0, 0, 0]),)


def test_an_unsigned_call_has_no_validator(chain: Harness) -> None:
    body = bytes((BARE_V5,)) + chain.runtime.counter.add.call(1).encode()
    extrinsic = chain.runtime.format.decode(with_length(body))

    with chain.runtime.at(chain.state), pytest.raises(InvalidTransactionError) as error:
        chain.runtime.executive.validate_transaction(
            TransactionSource.EXTERNAL, extrinsic, H256(bytes(32))
        )

    assert reason(error.value) is validity.NoUnsignedValidator


def test_a_block_executes_again_to_the_same_roots(chain: Harness) -> None:
    chain.begin()
    extrinsics = [chain.signed(chain.runtime.counter.add.call(n), n) for n in range(3)]
    for extrinsic in extrinsics:
        chain.runtime.executive.apply_extrinsic(extrinsic)
    header = chain.end()

    with chain.runtime.at(chain.state):
        chain.runtime.executive.execute_block(header, extrinsics)
    with chain.runtime.at(chain.state), pytest.raises(InvalidBlock, match="state root"):
        chain.runtime.executive.execute_block(header, extrinsics[:-1])


def test_what_only_building_needed_is_gone_from_the_state(chain: Harness) -> None:
    chain.begin()
    chain.apply(chain.runtime.counter.add.call(1))
    chain.end()
    system = chain.runtime.system

    assert system.extrinsic_count.get() is None
    assert system.execution_phase.get() is None
    assert chain.runtime.slot.overlay.raw(b":extrinsic_index") is None
    assert len(system.events.get()) == system.event_count.get() == 2


def test_a_call_beyond_the_blocks_weight_is_not_included(chain: Harness) -> None:
    chain.begin()
    limit = chain.runtime.system.block_weights.per_class.normal.max_total
    assert limit is not None
    chain.runtime.system.register_extra_weight(limit, DispatchClass.NORMAL)

    with pytest.raises(InvalidTransactionError) as error:
        chain.apply(chain.runtime.counter.add.call(1))

    assert reason(error.value) is validity.ExhaustsResources


def test_root_remarks_and_nobody_else_sets_storage(chain: Harness) -> None:
    chain.begin()
    set_storage = chain.runtime.system.set_storage.call(((b"key", b"value"),))

    with pytest.raises(DispatchFailure):
        set_storage.dispatch(signed(AccountId(ALICE.account)))
    set_storage.dispatch(ROOT)

    assert chain.runtime.slot.overlay.raw(b"key") == b"value"


def test_protected_pallets_are_safe_from_root(chain: Harness) -> None:
    runtime = chain.runtime
    runtime.system.protected = ("Counter",)
    chain.begin()
    runtime.counter.count.put(7)
    key = runtime.counter.count.prefix

    for raw in (
        runtime.system.set_storage.call(((key, b""),)),
        runtime.system.kill_storage.call((key,)),
        runtime.system.kill_prefix.call(key[:3], 0),
        runtime.system.kill_prefix.call(b"", 0),
    ):
        with pytest.raises(DispatchFailure):
            raw.dispatch(ROOT)

    assert runtime.counter.count.get() == 7
