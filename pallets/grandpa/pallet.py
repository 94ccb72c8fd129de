"""Grandpa: whose votes would make blocks final, and how that changes.

Tilth's nodes do not vote: what is final is decided elsewhere. This is the pallet's half on the
chain, state for state, for runtimes that have it: the authorities, their changes and pauses, and
the logs by which voters would hear of them. Votes are not seen, so none is ever reported twice.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Protocol, TypeAlias

from tilth.frame import (
    AccountId,
    AssociatedType,
    BlockNumber,
    Const,
    DefaultValue,
    Digest,
    DispatchFailure,
    Measured,
    Pallet,
    Root,
    RuntimeApi,
    RuntimeCall,
    Signed,
    StorageMap,
    StorageValue,
    TransactionSource,
    Twox64,
    TypeName,
    Unsigned,
    ValidTransaction,
    call,
    ensure,
    invalid,
    u32,
    u64,
    validity,
)
from tilth.pallets.grandpa.api import GrandpaApi
from tilth.pallets.grandpa.types import (
    MAX_AUTHORITIES,
    Authorities,
    Authority,
    AuthorityId,
    Change,
    EquivocationProof,
    Error,
    ForcedChange,
    KeyOwnerProof,
    Live,
    Log,
    NewAuthorities,
    OnDisabled,
    Pause,
    Paused,
    PendingChange,
    PendingPause,
    PendingResume,
    Resume,
    ScheduledChange,
    SessionIndex,
    SetId,
    Stall,
    StoredState,
    VotingPaused,
    VotingResumed,
)
from tilth.primitives.types import Consensus

ENGINE: Final = b"FRNK"

Proof: TypeAlias = Annotated[
    EquivocationProof, TypeName("Box<EquivocationProof<T::Hash, BlockNumberFor<T>>>")
]


class Chain(Protocol):
    """Where the block's number and digest are."""

    @property
    def digest(self) -> DefaultValue[Digest]: ...

    def block_number(self) -> int: ...


class Grandpa(Pallet[NewAuthorities | VotingPaused | VotingResumed, Error]):
    associated = (AssociatedType("KeyOwnerProof", KeyOwnerProof, "What proves whose a key was."),)
    storage_version = 5

    system: Chain
    max_authorities: Const[u32] = MAX_AUTHORITIES
    """Most authorities."""
    max_nominators: Const[u32] = 0
    """Most nominators of a validator."""
    max_set_id_session_entries: Const[u64] = 0
    """For how many sets it is remembered when they voted."""

    state = DefaultValue[StoredState](default=Live())
    """Whether the authorities vote."""
    pending_change = StorageValue[PendingChange]()
    """Who votes next, and from when."""
    next_forced = StorageValue[BlockNumber]()
    """From which block on another change may be forced."""
    stalled = StorageValue[Stall]()
    """What is known of the stall, where nothing becomes final any more."""
    current_set_id = DefaultValue[SetId]()
    """How often the authorities have changed."""
    set_id_session = StorageMap[Twox64[SetId], SessionIndex]()
    """The last session of each set of authorities; it tells who had which key then."""
    authorities = DefaultValue[Authorities]()
    """Who votes, and how much each vote weighs."""

    # Nobody can make the proof that these two take: with historical sessions a runtime could.

    @call(0)
    def report_equivocation(
        self,
        who: Signed,
        equivocation_proof: Proof,
        key_owner_proof: KeyOwnerProof,
    ) -> None:
        """Report that an authority voted twice."""
        raise DispatchFailure(Error.INVALID_KEY_OWNERSHIP_PROOF)

    @call(1)
    def report_equivocation_unsigned(
        self,
        who: Unsigned,
        equivocation_proof: Proof,
        key_owner_proof: KeyOwnerProof,
    ) -> None:
        """Report that an authority voted twice, as a block's author."""
        raise DispatchFailure(Error.INVALID_KEY_OWNERSHIP_PROOF)

    # frame/grandpa/src/default_weights.rs: three microseconds and a write
    @call(2, weight=Measured(3_000_000, writes=1))
    def note_stalled(
        self, who: Root, delay: BlockNumber, best_finalized_block_number: BlockNumber
    ) -> None:
        """Say that nothing becomes final any more: the next session forces a change."""
        self.stalled.put((delay, best_finalized_block_number))

    def validate_unsigned(
        self, source: TransactionSource, call: RuntimeCall
    ) -> ValidTransaction | None:
        raise invalid(validity.Call())

    def genesis(self, *, authorities: Sequence[Authority] = ()) -> None:
        self.current_set_id.put(0)
        self._initialize(authorities)

    def on_finalize(self, now: int) -> None:
        pending = self.pending_change.get()
        if pending is not None:
            self._go_on_with(pending, now)
        state = self.state.get()
        if isinstance(state, PendingPause | PendingResume):
            self._go_on_to(state, now)

    def schedule_change(
        self, authorities: Sequence[Authority], *, delay: int, forced: int | None = None
    ) -> None:
        """Let others vote after so many blocks; fails while another change is pending."""
        ensure(not self.pending_change.exists(), Error.CHANGE_PENDING)
        now = self.system.block_number()
        if forced is not None:
            earliest = self.next_forced.get()
            ensure(earliest is None or earliest <= now, Error.TOO_SOON)
            self.next_forced.put(now + 2 * delay)
        self.pending_change.put(PendingChange(now, delay, tuple(authorities), forced))

    def schedule_pause(self, delay: int) -> None:
        """Let nobody vote after so many blocks."""
        ensure(isinstance(self.state.get(), Live), Error.PAUSE_FAILED)
        self.state.put(PendingPause(self.system.block_number(), delay))

    def schedule_resume(self, delay: int) -> None:
        """Let the paused authorities vote again after so many blocks."""
        ensure(isinstance(self.state.get(), Paused), Error.RESUME_FAILED)
        self.state.put(PendingResume(self.system.block_number(), delay))

    def on_genesis_session(self, validators: Iterable[tuple[AccountId, AuthorityId]]) -> None:
        self._initialize(_equal(validators))

    def on_new_session(
        self,
        index: int,
        *,
        changed: bool,
        validators: Iterable[tuple[AccountId, AuthorityId]],
    ) -> None:
        """Other validators are other voters; a change that cannot be made now is not made."""
        if changed or self.stalled.get() is not None:
            self._change_to(_equal(validators))
        self.set_id_session[self.current_set_id.get()] = index

    def on_disabled(self, index: int) -> None:
        self._deposit(OnDisabled(index))

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (GrandpaApi(self.runtime, self),)

    def try_state(self) -> None:
        voters = [who for who, _ in self.authorities.get()]
        assert len(set(voters)) == len(voters), "an authority stands twice in the list"

    def _initialize(self, authorities: Sequence[Authority]) -> None:
        if authorities:
            assert not self.authorities.get(), "Authorities are already initialized!"
            assert len(authorities) <= self.max_authorities, "there are too many authorities"
            self.authorities.put(tuple(authorities))
        # later sessions are noted as they begin
        self.set_id_session[0] = 0

    def _change_to(self, authorities: Sequence[Authority]) -> None:
        delay, median = self.stalled.take() or (0, None)
        try:
            self.schedule_change(authorities, delay=delay, forced=median)
        except DispatchFailure:
            return
        current = self.current_set_id.get() + 1
        self.current_set_id.put(current)
        kept = max(self.max_set_id_session_entries, 1)
        if current >= kept:
            del self.set_id_session[current - kept]

    def _go_on_with(self, pending: PendingChange, now: int) -> None:
        """Tell the voters of the change when it is scheduled, and make it when it is due."""
        if now == pending.scheduled_at:
            change = Change(pending.next_authorities, pending.delay)
            forced = pending.forced
            self._deposit(
                ScheduledChange(change) if forced is None else ForcedChange(forced, change)
            )
        if now == pending.scheduled_at + pending.delay:
            self.authorities.put(pending.next_authorities)
            self.emit(NewAuthorities(pending.next_authorities))
            self.pending_change.kill()

    def _go_on_to(self, state: PendingPause | PendingResume, now: int) -> None:
        pausing = isinstance(state, PendingPause)
        if now == state.scheduled_at:
            self._deposit(Pause(state.delay) if pausing else Resume(state.delay))
        if now == state.scheduled_at + state.delay:
            self.state.put(Paused() if pausing else Live())
            self.emit(VotingPaused() if pausing else VotingResumed())

    def _deposit(self, log: Log) -> None:
        encoded: Any = self.runtime.codecs.of(Log).encode(log)
        digest = self.system.digest
        digest.put(Digest((*digest.get().logs, Consensus(ENGINE, encoded))))


def _equal(validators: Iterable[tuple[AccountId, AuthorityId]]) -> list[Authority]:
    """Every validator's vote weighs the same."""
    return [(key, 1) for _, key in validators]
