"""Session, Grandpa and Template: sessions with keys, voters who change, and the smallest pallet."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from tilth.frame import (
    BAD_ORIGIN,
    ROOT,
    AccountId,
    DecodeError,
    DispatchFailure,
    Perbill,
    Release,
    Runtime,
    RuntimeCall,
    SessionKeys,
    Weight,
    signed,
    struct,
)
from tilth.node.signer import KeypairSigner
from tilth.pallets.aura import Aura, AuthorityId
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.balances.events import Released
from tilth.pallets.grandpa import AuthorityId as VoterId
from tilth.pallets.grandpa import Grandpa
from tilth.pallets.grandpa.types import Error as GrandpaError
from tilth.pallets.grandpa.types import (
    Live,
    NewAuthorities,
    Paused,
    PendingChange,
    VotingPaused,
    VotingResumed,
)
from tilth.pallets.session import PeriodicSessions, Session
from tilth.pallets.session.pallet import WORST
from tilth.pallets.session.types import (
    Error,
    NewQueued,
    NewSession,
    OffenceSeverity,
    ValidatorDisabled,
    ValidatorReenabled,
)
from tilth.pallets.system import BlockLength, BlockWeights, System
from tilth.pallets.template import Template
from tilth.pallets.template.pallet import LARGEST, SomethingStored
from tilth.pallets.template.pallet import Error as TemplateError
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.types import H256, Consensus, Digest, Header, PreRuntime
from tilth.runtime.solo2503 import Solo2503

ALICE, BOB, CAROL, POOR = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3, 9))
PERIOD = 5
KEY, OTHER_KEY = bytes((7,)) * 32, bytes((8,)) * 32


@struct
class Keys:
    aura: AuthorityId
    grandpa: VoterId


def keys_of(number: int) -> Keys:
    return Keys(bytes((number,)) * 32, bytes((100 + number,)) * 32)


class Chosen:
    """A manager who chooses whom the test names."""

    def __init__(self) -> None:
        self.next: Sequence[AccountId] | None = None
        self.told: list[tuple[str, int]] = []

    def new_session_genesis(self, index: int) -> Sequence[AccountId] | None:
        return None

    def new_session(self, index: int) -> Sequence[AccountId] | None:
        self.told.append(("new", index))
        return self.next

    def start_session(self, index: int) -> None:
        self.told.append(("start", index))

    def end_session(self, index: int) -> None:
        self.told.append(("end", index))


class SessionRuntime(Runtime):
    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData, "SessionKeys": Keys}

    def __init__(self) -> None:
        super().__init__()
        self.system = self.frame_system = self.add(
            0,
            System(
                block_weights=BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1)),
                block_length=BlockLength.max_with_normal_ratio(5 * 1024 * 1024),
            ),
        )
        self.balances = self.add(
            1, Balances(accounts=self.frame_system.accounts, existential_deposit=100)
        )
        self.aura = self.add(2, Aura(system=self.frame_system, slot_duration=6_000))
        self.grandpa = self.add(3, Grandpa(system=self.frame_system))
        self.chosen = Chosen()
        self.session = self.add(
            4,
            Session(
                accounts=self.frame_system.accounts,
                ends=PeriodicSessions(PERIOD),
                manager=self.chosen,
                holders={"aura": self.aura, "grandpa": self.grandpa},
            ),
        )
        self.template = self.add(5, Template())
        self.extensions = ()


class Chain:
    """A chain whose blocks hold nothing but what the test does."""

    def __init__(self, runtime: SessionRuntime) -> None:
        self.runtime = runtime
        self.number = 0

    def begin(self) -> None:
        self.number += 1
        zero = H256(bytes(32))
        self.runtime.executive.initialize_block(Header(zero, self.number, zero, zero, Digest(())))

    def run_to(self, number: int) -> None:
        """End blocks and begin others until this one is begun."""
        while self.number < number:
            for pallet in self.runtime.pallets:
                pallet.on_finalize(self.number)
            self.begin()

    def happened(self, kind: Any) -> list[Any]:
        events = (record.event.event for record in self.runtime.frame_system.events.get())
        return [event for event in events if isinstance(event, kind)]

    def logs(self, engine: bytes) -> list[bytes]:
        logs = self.runtime.frame_system.digest.get().logs
        return [log.data for log in logs if isinstance(log, Consensus) and log.engine == engine]

    def dispatch(self, call: RuntimeCall, who: AccountId | None = None) -> Any:
        try:
            call.dispatch(ROOT if who is None else signed(who))
        except DispatchFailure as failure:
            return failure.reason
        return None


@pytest.fixture
def chain() -> Iterator[Chain]:
    runtime = SessionRuntime()
    endowed = [(who, 10_000) for who in (ALICE, BOB, CAROL)]
    validators = [(ALICE, ALICE, keys_of(1)), (BOB, BOB, keys_of(2))]
    genesis: dict[str, dict[str, Any]] = {
        "Balances": {"balances": endowed},
        "Session": {"keys": validators},
    }
    with runtime.at(runtime.build_genesis(genesis)):
        chain = Chain(runtime)
        chain.begin()
        yield chain
        runtime.try_state()


def test_the_first_validators_are_those_with_keys_at_genesis(chain: Chain) -> None:
    runtime = chain.runtime

    assert runtime.session.validators.get() == (ALICE, BOB)
    assert runtime.session.queued_keys.get() == ((ALICE, keys_of(1)), (BOB, keys_of(2)))
    assert runtime.aura.authorities.get() == (keys_of(1).aura, keys_of(2).aura)
    assert runtime.grandpa.authorities.get() == ((keys_of(1).grandpa, 1), (keys_of(2).grandpa, 1))
    assert runtime.grandpa.set_id_session.get(0) == 0
    assert runtime.frame_system.account[ALICE].consumers == 1


def test_an_account_without_money_that_has_keys_at_genesis_is_kept_alive() -> None:
    runtime = SessionRuntime()
    genesis = runtime.build_genesis({"Session": {"keys": [(POOR, POOR, keys_of(9))]}})

    with runtime.at(genesis):
        info = runtime.frame_system.account[POOR]
        assert (info.providers, info.consumers) == (1, 0)


def test_keys_are_registered_replaced_and_taken_back(chain: Chain) -> None:
    session = chain.runtime.session

    assert chain.dispatch(session.set_keys.call(keys_of(3), b""), CAROL) is None
    assert session.next_keys.get(CAROL) == keys_of(3)
    assert session.key_owner.get((b"aura", keys_of(3).aura)) == CAROL
    assert session.key_owner.get((b"gran", keys_of(3).grandpa)) == CAROL

    newer = Keys(keys_of(3).aura, bytes(32))
    assert chain.dispatch(session.set_keys.call(newer, b""), CAROL) is None
    assert session.key_owner.get((b"gran", keys_of(3).grandpa)) is None
    assert session.key_owner.get((b"gran", bytes(32))) == CAROL
    assert chain.runtime.frame_system.account[CAROL].consumers == 1

    assert chain.dispatch(session.purge_keys.call(), CAROL) is None
    assert session.next_keys.get(CAROL) is None
    assert session.key_owner.get((b"aura", keys_of(3).aura)) is None
    assert chain.runtime.frame_system.account[CAROL].consumers == 0
    assert chain.dispatch(session.purge_keys.call(), CAROL) is Error.NO_KEYS


def test_a_key_belongs_to_one_validator(chain: Chain) -> None:
    session = chain.runtime.session
    mixed = Keys(keys_of(3).aura, keys_of(1).grandpa)

    assert chain.dispatch(session.set_keys.call(mixed, b""), CAROL) is Error.DUPLICATED_KEY
    assert session.next_keys.get(CAROL) is None


def test_who_has_no_money_registers_no_keys(chain: Chain) -> None:
    session = chain.runtime.session

    assert chain.dispatch(session.set_keys.call(keys_of(9), b""), POOR) is Error.NO_ACCOUNT
    assert chain.dispatch(session.set_keys.call(keys_of(9), b"")) is BAD_ORIGIN


def test_sessions_end_when_their_period_does() -> None:
    ends = PeriodicSessions(period=10, offset=3)

    assert [number for number in range(30) if ends.should_end_session(number)] == [3, 13, 23]


def test_whom_the_manager_chooses_is_at_work_a_session_later(chain: Chain) -> None:
    runtime, session = chain.runtime, chain.runtime.session
    chain.dispatch(session.set_keys.call(keys_of(3), b""), CAROL)
    runtime.chosen.next = (CAROL, ALICE, POOR)

    chain.run_to(PERIOD)
    assert session.current_index.get() == 1
    assert chain.happened(NewSession) == [NewSession(1)]
    assert session.validators.get() == (ALICE, BOB)
    assert session.queued_keys.get() == ((CAROL, keys_of(3)), (ALICE, keys_of(1)))
    assert session.queued_changed.get()
    assert chain.logs(b"aura") == []

    chain.run_to(2 * PERIOD)
    assert session.validators.get() == (CAROL, ALICE)
    assert runtime.aura.authorities.get() == (keys_of(3).aura, keys_of(1).aura)
    # a compact count and the keys, under the index of AuthoritiesChange
    assert chain.logs(b"aura") == [bytes((1, 8)) + keys_of(3).aura + keys_of(1).aura]
    assert runtime.chosen.told[-3:] == [("end", 1), ("start", 2), ("new", 3)]


def test_a_session_takes_the_whole_block(chain: Chain) -> None:
    session = chain.runtime.session

    assert session.on_initialize(PERIOD) == chain.runtime.frame_system.block_weights.max_block
    assert session.on_initialize(PERIOD + 1) is None


def test_new_keys_alone_change_the_session_after_the_next(chain: Chain) -> None:
    session, aura = chain.runtime.session, chain.runtime.aura
    chain.dispatch(session.set_keys.call(keys_of(7), b""), ALICE)

    chain.run_to(PERIOD)
    assert aura.authorities.get()[0] == keys_of(1).aura
    assert session.queued_changed.get()
    chain.run_to(2 * PERIOD)

    assert aura.authorities.get()[0] == keys_of(7).aura
    assert not session.queued_changed.get()


def test_a_disabled_validator_is_reported_once_and_comes_back(chain: Chain) -> None:
    session = chain.runtime.session
    mild = OffenceSeverity(Perbill(1))

    assert session.disable(1, mild)
    assert session.disable(1)
    assert not session.disable(2)
    assert session.disabled_validators.get() == ((1, WORST),)
    assert chain.happened(ValidatorDisabled) == [ValidatorDisabled(BOB)]
    assert len(chain.logs(b"aura")) == len(chain.logs(b"FRNK")) == 1

    assert session.enable(1)
    assert not session.enable(1)
    assert session.disabled_validators.get() == ()
    assert chain.happened(ValidatorReenabled) == [ValidatorReenabled(BOB)]


def test_a_change_of_validators_forgets_who_was_disabled(chain: Chain) -> None:
    session = chain.runtime.session
    session.disable(0)
    chain.runtime.chosen.next = (BOB,)

    chain.run_to(PERIOD)
    assert session.disabled_validators.get()
    chain.run_to(2 * PERIOD)

    assert session.disabled_validators.get() == ()


class Maker:
    """A keystore that makes keys one can recognize."""

    def make(self, key_type: bytes, seed: bytes | None, scheme: str) -> bytes:
        return (key_type + scheme.encode() + (seed or b"")).ljust(32, b".")


def test_session_keys_are_made_by_the_node_and_read_back(chain: Chain) -> None:
    (api,) = (each for each in chain.runtime.apis if isinstance(each, SessionKeys))
    with pytest.raises(AssertionError, match="keystore"):
        api.generate_session_keys(None)
    api.keystore = Maker()

    made = api.generate_session_keys(b"//seed")

    assert made == b"aurasr25519//seed".ljust(32, b".") + b"graned25519//seed".ljust(32, b".")
    assert api.decode_session_keys(made) == ((made[:32], b"aura"), (made[32:], b"gran"))
    assert api.decode_session_keys(made[:40]) is None


def test_a_change_of_voters_is_announced_and_made(chain: Chain) -> None:
    grandpa = chain.runtime.grandpa
    voters = ((bytes(32), 1),)
    grandpa.schedule_change(voters, delay=1)

    assert grandpa.pending_change.get() == PendingChange(1, 1, voters, None)
    with pytest.raises(DispatchFailure) as failed:
        grandpa.schedule_change(voters, delay=0)
    assert failed.value.reason is GrandpaError.CHANGE_PENDING

    grandpa.on_finalize(1)
    (log,) = chain.logs(b"FRNK")
    # ScheduledChange: one voter of weight 1, then the delay
    assert log == bytes((1, 4)) + bytes(32) + bytes((1,)) + bytes(7) + bytes((1, 0, 0, 0))
    assert grandpa.authorities.get() != voters

    grandpa.on_finalize(2)
    assert grandpa.authorities.get() == voters
    assert chain.happened(NewAuthorities) == [NewAuthorities(voters)]
    assert grandpa.pending_change.get() is None


def test_a_stall_that_root_notes_forces_the_next_change(chain: Chain) -> None:
    grandpa = chain.runtime.grandpa
    stalled = grandpa.note_stalled.call(2, 7)

    assert chain.dispatch(stalled, ALICE) is BAD_ORIGIN
    assert chain.dispatch(stalled) is None
    assert grandpa.stalled.get() == (2, 7)

    chain.run_to(PERIOD)
    pending = grandpa.pending_change.get()
    assert pending is not None
    assert (pending.scheduled_at, pending.delay, pending.forced) == (PERIOD, 2, 7)
    assert grandpa.stalled.get() is None
    assert grandpa.next_forced.get() == PERIOD + 4
    assert grandpa.current_set_id.get() == 1
    # one set is remembered, because no room is configured for more
    assert grandpa.set_id_session.get(0) is None
    assert grandpa.set_id_session.get(1) == 1

    chain.run_to(PERIOD + 3)
    with pytest.raises(DispatchFailure) as failed:
        grandpa.schedule_change((), delay=0, forced=7)
    assert failed.value.reason is GrandpaError.TOO_SOON


def test_the_set_of_a_session_without_change_is_remembered_anew(chain: Chain) -> None:
    chain.run_to(PERIOD)

    assert chain.runtime.grandpa.set_id_session.get(0) == 1
    assert chain.runtime.grandpa.pending_change.get() is None


def test_voters_pause_and_resume(chain: Chain) -> None:
    grandpa = chain.runtime.grandpa
    with pytest.raises(DispatchFailure) as failed:
        grandpa.schedule_resume(0)
    assert failed.value.reason is GrandpaError.RESUME_FAILED

    grandpa.schedule_pause(1)
    with pytest.raises(DispatchFailure) as failed:
        grandpa.schedule_pause(0)
    assert failed.value.reason is GrandpaError.PAUSE_FAILED
    chain.run_to(2)
    grandpa.on_finalize(2)
    assert grandpa.state.get() == Paused()
    assert chain.happened(VotingPaused) == [VotingPaused()]

    grandpa.schedule_resume(0)
    grandpa.on_finalize(2)
    assert grandpa.state.get() == Live()
    assert chain.happened(VotingResumed) == [VotingResumed()]


def test_a_double_vote_cannot_be_reported_where_nobody_can_prove_whose_key_it_was(
    chain: Chain,
) -> None:
    prefix = bytes((3, 0))

    with pytest.raises(DecodeError, match="Void"):
        chain.runtime.calls_codec.decode_at(prefix + bytes(500), 0)
    assert chain.runtime.call("GrandpaApi_current_set_id", b"") == bytes(8)


def test_an_account_registers_its_keys_and_sets_the_number_by_signed_extrinsics() -> None:
    pair, runtime = Keypair.from_uri("//Alice"), Solo2503()
    alice = AccountId(pair.account)
    keys = runtime.types["SessionKeys"]
    assert isinstance(keys, type)
    calls = (
        runtime.session.set_keys.call(keys(KEY, OTHER_KEY), b""),
        runtime.template.do_something.call(7),
        runtime.template.cause_error.call(),
    )

    with runtime.at(runtime.build_genesis({"Balances": {"balances": [(alice, 10**18)]}})):
        zero, slot = H256(bytes(32)), PreRuntime(b"aura", (1).to_bytes(8, "little"))
        runtime.executive.initialize_block(Header(zero, 1, zero, zero, Digest((slot,))))
        for nonce, call in enumerate(calls):
            data = KeypairSigner(pair).sign(runtime, call, nonce)
            assert runtime.executive.apply_extrinsic(runtime.format.decode(data)) is None

        assert runtime.session.key_owner.get((b"gran", OTHER_KEY)) == alice
        assert runtime.template.something.get() == 8
        events = [record.event.event for record in runtime.system.events.get()]
        assert SomethingStored(7, alice) in events


def test_the_template_keeps_a_number_and_counts_it_up(chain: Chain) -> None:
    template = chain.runtime.template

    assert chain.dispatch(template.cause_error.call(), ALICE) is TemplateError.NONE_VALUE
    assert chain.dispatch(template.do_something.call(41), ALICE) is None
    assert chain.happened(SomethingStored) == [SomethingStored(41, ALICE)]
    assert chain.dispatch(template.cause_error.call(), BOB) is None
    assert template.something.get() == 42

    chain.dispatch(template.do_something.call(LARGEST), ALICE)
    assert chain.dispatch(template.cause_error.call(), ALICE) is TemplateError.STORAGE_OVERFLOW
    assert chain.dispatch(template.do_something.call(1)) is BAD_ORIGIN


class LaterSessions(SessionRuntime):
    release: ClassVar[Release] = Release.STABLE2506


@pytest.mark.parametrize(("kind", "tells"), [(SessionRuntime, False), (LaterSessions, True)])
def test_a_new_choice_is_told_since_stable2506(kind: type[SessionRuntime], tells: bool) -> None:
    """frame/session/src/lib.rs: NewQueued, before NewSession; whom nobody disabled, nothing frees
    in earlier releases, which take where later ones kill."""
    runtime = kind()
    keys = [(ALICE, ALICE, keys_of(1))]
    genesis = {"Balances": {"balances": [(ALICE, 10_000)]}, "Session": {"keys": keys}}
    with runtime.at(runtime.build_genesis(genesis)):
        chain = Chain(runtime)
        runtime.chosen.next = [ALICE]
        chain.run_to(PERIOD)
        told = [type(event) for event in chain.happened(NewQueued | NewSession)]
        assert told == ([NewQueued, NewSession] if tells else [NewSession])

        chain.run_to(2 * PERIOD - 1)
        runtime.slot.overlay.commit()
        chain.begin()
        disabled = runtime.session.disabled_validators.prefix
        assert runtime.session.queued_changed.get()
        assert (disabled in runtime.slot.overlay.changes()) is tells


class PaidSessions(SessionRuntime):
    release: ClassVar[Release] = Release.STABLE2603

    def __init__(self) -> None:
        super().__init__()
        self.session.deposits, self.session.key_deposit = self.balances, 700


@pytest.mark.parametrize("deposit", [700, 0])
def test_keys_cost_a_deposit_and_a_proof_in_later_releases(deposit: int) -> None:
    """frame/session/src/lib.rs: KeyDeposit of stable2509, ownership_proof_is_valid of stable2603;
    release_all tells what it released even where that is nothing."""
    runtime = PaidSessions()
    runtime.session.key_deposit = deposit
    aura = Keypair.from_uri("//Bob")
    grandpa = Keypair.from_uri("//Bob", scheme="ed25519")
    keys = Keys(aura.public, grandpa.public)
    proof = b"".join(pair.sign(b"POP_" + ALICE) for pair in (aura, grandpa))
    with runtime.at(runtime.build_genesis({"Balances": {"balances": [(ALICE, 10_000)]}})):
        chain = Chain(runtime)
        chain.begin()
        session = runtime.session
        for wrong in (b"", proof[:-1], proof + b"\0", bytes(128)):
            assert chain.dispatch(session.set_keys.call(keys, wrong), ALICE) is Error.INVALID_PROOF
        stolen = session.set_keys.call(keys, proof)
        assert chain.dispatch(stolen, BOB) is Error.INVALID_PROOF

        assert chain.dispatch(session.set_keys.call(keys, proof), ALICE) is None
        assert runtime.balances.held(session.Hold.KEYS, ALICE) == deposit
        assert chain.dispatch(session.set_keys.call(keys, proof), ALICE) is None
        assert runtime.balances.held(session.Hold.KEYS, ALICE) == deposit

        assert chain.dispatch(session.purge_keys.call(), ALICE) is None
        assert chain.happened(Released) == [Released(session.Hold.KEYS, ALICE, deposit)]
        assert runtime.balances.free_balance(ALICE) == 10_000
        assert ALICE in runtime.balances.holds, "an empty list of holds is left"
        runtime.try_state()


def test_older_releases_hold_nothing_for_keys() -> None:
    assert SessionRuntime().session.declared.hold_reasons is None
    assert PaidSessions().session.declared.hold_reasons is Session.Hold
