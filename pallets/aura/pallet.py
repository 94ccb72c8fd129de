"""Aura: who may author, and which slot a block belongs to."""

from collections.abc import Sequence
from typing import Annotated, Final, Never, Protocol, TypeAlias

from tilth.frame import (
    AccountId,
    AssociatedType,
    Bounded,
    Const,
    DefaultValue,
    Digest,
    Fixed,
    KeyType,
    Measured,
    Moment,
    Pallet,
    Path,
    PreRuntime,
    RuntimeApi,
    TypeName,
    api_method,
    codec,
    struct,
    u32,
    u64,
)
from tilth.primitives.types import Consensus

ENGINE: Final = b"aura"
_u64: Final = codec(u64)
MAX_AUTHORITIES: Final = 32

AuthorityId: TypeAlias = Annotated[
    bytes,
    Fixed(32),
    KeyType(b"aura", "sr25519"),
    TypeName("sr25519::Public"),
    Path("sp_consensus_aura::sr25519::app_sr25519::Public"),
]
Slot: TypeAlias = Annotated[u64, Path("sp_consensus_slots::Slot")]
SlotDuration: TypeAlias = Annotated[u64, Path("sp_consensus_slots::SlotDuration")]


@struct(unnamed=True, index=1)
class AuthoritiesChange:
    authorities: tuple[AuthorityId, ...]


@struct(unnamed=True, index=2)
class OnDisabled:
    authority: u32


class BlockDigest(Protocol):
    """Where the digest of the block under construction is."""

    @property
    def digest(self) -> DefaultValue[Digest]: ...


class Aura(Pallet[Never, Never]):
    associated = (
        AssociatedType("AuthorityId", AuthorityId, "The key by which an author is known."),
    )
    system: BlockDigest
    slot_duration: Const[Moment]
    """How long a slot lasts, in milliseconds."""
    allow_multiple_blocks_per_slot: bool = False
    max_authorities: int = MAX_AUTHORITIES
    """Most authors; a longer choice is cut."""

    # The bound is the runtime's own and checked where authorities are chosen.
    authorities = DefaultValue[Annotated[tuple[AuthorityId, ...], Bounded(2**32 - 1)]]()
    """Who may author, in the order of their turns."""
    current_slot = DefaultValue[Slot]()
    """The slot of this block."""

    def genesis(self, *, authorities: Sequence[AuthorityId] = ()) -> None:
        self.authorities.put(tuple(authorities))

    def on_initialize(self, now: int) -> Measured:
        slot = self._slot_in_digest()
        if slot is None:
            return Measured(0, reads=1)
        current = self.current_slot.get()
        if self.allow_multiple_blocks_per_slot:
            assert current <= slot, "Slot must not decrease"
        else:
            assert current < slot, "Slot must increase"
        self.current_slot.put(slot)
        return Measured(0, reads=2, writes=1)

    def _slot_in_digest(self) -> int | None:
        for item in self.system.digest.get().logs:
            if isinstance(item, PreRuntime) and item.engine == ENGINE:
                return int(_u64.decode(item.data))
        return None

    def on_timestamp_set(self, now: int) -> None:
        assert now // self.slot_duration == self.current_slot.get(), (
            "Timestamp slot must match `CurrentSlot`"
        )

    def on_genesis_session(self, validators: Sequence[tuple[AccountId, bytes]]) -> None:
        if validators:
            assert not self.authorities.get(), "Authorities are already initialized!"
            self.authorities.put(tuple(key for _, key in validators))

    def on_new_session(
        self, index: int, *, changed: bool, validators: Sequence[tuple[AccountId, bytes]]
    ) -> None:
        """Other validators author, each in turn; without any, those before go on."""
        chosen = tuple(key for _, key in validators)[: self.max_authorities]
        if changed and chosen and chosen != self.authorities.get():
            self.authorities.put(chosen)
            self._deposit(AuthoritiesChange(chosen))

    def on_disabled(self, index: int) -> None:
        self._deposit(OnDisabled(index))

    def _deposit(self, log: AuthoritiesChange | OnDisabled) -> None:
        encoded = self.runtime.codecs.of(AuthoritiesChange | OnDisabled).encode(log)
        logs = self.system.digest.get().logs
        self.system.digest.put(Digest((*logs, Consensus(ENGINE, encoded))))

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (AuraApi(self),)

    def try_state(self) -> None:
        authorities = self.authorities.get()
        assert len(set(authorities)) == len(authorities), "an authority stands twice in the list"


class AuraApi(RuntimeApi):
    """What an author must know of the slots."""

    def __init__(self, aura: Aura) -> None:
        super().__init__(aura.runtime)
        self._aura = aura

    @api_method
    def slot_duration(self) -> SlotDuration:
        """How long a slot lasts, in milliseconds."""
        return self._aura.slot_duration

    @api_method
    def authorities(self) -> tuple[AuthorityId, ...]:
        """Who may author."""
        return self._aura.authorities.get()
