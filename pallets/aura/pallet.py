"""Aura: who may author, and which slot a block belongs to."""

from collections.abc import Sequence
from typing import Annotated, Final, Never, Protocol, TypeAlias

from tilth.frame import (
    Bounded,
    Const,
    DefaultValue,
    Digest,
    Fixed,
    Measured,
    Moment,
    Pallet,
    Path,
    PreRuntime,
    RuntimeApi,
    TypeName,
    api_method,
    codec,
    u64,
)

ENGINE: Final = b"aura"

AuthorityId: TypeAlias = Annotated[
    bytes,
    Fixed(32),
    TypeName("sr25519::Public"),
    Path("sp_consensus_aura::sr25519::app_sr25519::Public"),
]
Slot: TypeAlias = Annotated[u64, Path("sp_consensus_slots::Slot")]
SlotDuration: TypeAlias = Annotated[u64, Path("sp_consensus_slots::SlotDuration")]


class BlockDigest(Protocol):
    """Where the digest of the block under construction is."""

    @property
    def digest(self) -> DefaultValue[Digest]: ...


class Aura(Pallet[Never, Never]):
    system: BlockDigest
    slot_duration: Const[Moment]
    """How long a slot lasts, in milliseconds."""
    allow_multiple_blocks_per_slot: bool = False

    authorities = DefaultValue[Annotated[tuple[AuthorityId, ...], Bounded(32)]]()
    """Who may author, in the order of their turns."""
    current_slot = DefaultValue[Slot]()
    """The slot of this block."""

    def genesis(self, *, authorities: Sequence[bytes] = ()) -> None:
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
                return int(codec(u64).decode(item.data))
        return None

    def on_timestamp_set(self, now: int) -> None:
        assert now // self.slot_duration == self.current_slot.get(), (
            "Timestamp slot must match `CurrentSlot`"
        )

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
