"""What the Grandpa pallet keeps, reports and refuses, and the proof that a voter voted twice."""

from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, NoReturn, TypeAlias, TypeVar

from tilth.frame import (
    H256,
    BlockNumber,
    Bounded,
    DecodeError,
    ErrorEnum,
    Fixed,
    KeyType,
    Param,
    Path,
    TypeName,
    event,
    struct,
    u32,
    u64,
)

if TYPE_CHECKING:
    from tilth.primitives.scale import TypeRegistry
    from tilth.primitives.scale.info import Type

Id = TypeVar("Id")
V = TypeVar("V")
S = TypeVar("S")

MAX_AUTHORITIES: Final = 32

AuthorityId: TypeAlias = Annotated[
    bytes,
    Fixed(32),
    KeyType(b"gran", "ed25519"),
    TypeName("ed25519::Public"),
    Path("sp_consensus_grandpa::app::Public"),
]
Signature: TypeAlias = Annotated[
    bytes, Fixed(64), TypeName("ed25519::Signature"), Path("sp_consensus_grandpa::app::Signature")
]
Authority: TypeAlias = tuple[AuthorityId, u64]
"""Who votes, and how much the vote weighs."""
Authorities: TypeAlias = Annotated[
    tuple[Authority, ...],
    Bounded(MAX_AUTHORITIES),
    Path("bounded_collections::weak_bounded_vec::WeakBoundedVec", T=Authority, S=...),
]
Number: TypeAlias = Annotated[BlockNumber, TypeName("N")]
Hash: TypeAlias = Annotated[H256, TypeName("H")]


@struct
class Live: ...


@struct
class PendingPause:
    scheduled_at: Number
    delay: Number


@struct
class Paused: ...


@struct
class PendingResume:
    scheduled_at: Number
    delay: Number


StoredState: TypeAlias = Annotated[
    Live | PendingPause | Paused | PendingResume,
    Path("pallet_grandpa::StoredState", N=BlockNumber),
]


@struct(path="pallet_grandpa::StoredPendingChange", params={"N": BlockNumber, "Limit": ...})
class PendingChange:
    """Other authorities, and when they begin."""

    scheduled_at: Number
    delay: Number
    next_authorities: Annotated[Authorities, TypeName("BoundedAuthorityList<Limit>")]
    forced: Annotated[BlockNumber | None, TypeName("Option<N>")]
    """The last block that was final, where the change is to end a stall."""


@event
class NewAuthorities:
    """Others vote from now on."""

    authority_set: Annotated[tuple[Authority, ...], TypeName("AuthorityList")]


@event(name="Paused")
class VotingPaused:
    """Nobody votes any more."""


@event(name="Resumed")
class VotingResumed:
    """The authorities vote again."""


class Error(ErrorEnum):
    PAUSE_FAILED = "Only live authorities can be paused."
    RESUME_FAILED = "Only paused authorities can resume."
    CHANGE_PENDING = "Another change of the authorities is pending."
    TOO_SOON = "A forced change is not allowed so soon after the last one."
    INVALID_KEY_OWNERSHIP_PROOF = "The proof does not show who owned the key."
    INVALID_EQUIVOCATION_PROOF = "The proof does not show that a voter voted twice."
    DUPLICATE_OFFENCE_REPORT = "The offence was reported already."


@struct(path="finality_grandpa::Prevote", params={"H": H256, "N": BlockNumber})
class Prevote:
    target_hash: Hash
    target_number: Number


@struct(path="finality_grandpa::Precommit", params={"H": H256, "N": BlockNumber})
class Precommit:
    target_hash: Hash
    target_number: Number


@struct(path="finality_grandpa::Equivocation")
class Doubled(Generic[Id, V, S]):
    """Two votes of one voter in one round, both signed."""

    round_number: u64
    identity: Id
    first: Annotated[tuple[V, S], TypeName("(V, S)")]
    second: Annotated[tuple[V, S], TypeName("(V, S)")]


@struct(unnamed=True, name="Prevote")
class PrevotedTwice:
    votes: Annotated[
        Doubled[AuthorityId, Prevote, Signature],
        TypeName(
            "finality_grandpa::Equivocation<AuthorityId, finality_grandpa::Prevote<\nH, N>, "
            "AuthoritySignature,>"
        ),
    ]


@struct(unnamed=True, name="Precommit")
class PrecommittedTwice:
    votes: Annotated[
        Doubled[AuthorityId, Precommit, Signature],
        TypeName(
            "finality_grandpa::Equivocation<AuthorityId, finality_grandpa::Precommit\n<H, N>, "
            "AuthoritySignature,>"
        ),
    ]


Equivocation: TypeAlias = Annotated[
    PrevotedTwice | PrecommittedTwice,
    Path("sp_consensus_grandpa::Equivocation", H=H256, N=BlockNumber),
    TypeName("Equivocation<H, N>"),
]


@struct(path="sp_consensus_grandpa::EquivocationProof", params={"H": H256, "N": BlockNumber})
class EquivocationProof:
    set_id: Annotated[u64, TypeName("SetId")]
    equivocation: Equivocation


class _NoValues:
    """Void: nothing can be read or written as it."""

    least_size = 1

    def encode(self, value: object) -> NoReturn:
        raise TypeError("Void has no values")

    def decode_at(self, data: bytes, offset: int) -> NoReturn:
        raise DecodeError(offset, "nothing: Void has no values", "something")

    def type_info(self, registry: "TypeRegistry") -> "Type":
        from tilth.primitives.scale.info import Type, VariantDef, segments

        return Type(segments("sp_core::Void"), (), VariantDef(()))


class Void:
    """A type without values: a call that takes one cannot be made."""

    __scale_codec__ = _NoValues()


KeyOwnerProof: TypeAlias = Annotated[Any, Param("KeyOwnerProof", Void, "T::KeyOwnerProof")]
"""Who owned a key at some time; a runtime without historical sessions cannot prove it."""
OpaqueProof: TypeAlias = Annotated[bytes, Path("sp_runtime::OpaqueValue")]


@struct
class Change:
    """What a log says of a change: sp_consensus_grandpa::ScheduledChange."""

    next_authorities: tuple[Authority, ...]
    delay: BlockNumber


@struct(unnamed=True, index=1)
class ScheduledChange:
    change: Change


@struct(unnamed=True, index=2)
class ForcedChange:
    median: BlockNumber
    change: Change


@struct(unnamed=True, index=3)
class OnDisabled:
    index: u64


@struct(unnamed=True, index=4)
class Pause:
    delay: BlockNumber


@struct(unnamed=True, index=5)
class Resume:
    delay: BlockNumber


Log: TypeAlias = ScheduledChange | ForcedChange | OnDisabled | Pause | Resume
"""What the runtime tells the voters, in a block's digest."""
Stall: TypeAlias = tuple[BlockNumber, BlockNumber]
"""For how long to wait before a forced change, and the last block that was final."""
SessionIndex: TypeAlias = u32
SetId: TypeAlias = u64
