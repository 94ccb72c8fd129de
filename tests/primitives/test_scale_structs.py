"""Structs, enums and bindings: what a declaration becomes."""

import copy
import enum
from dataclasses import FrozenInstanceError, field
from typing import Annotated, Any, Generic, NewType, TypeAlias, TypeVar

import pytest

from tilth.primitives.scale import (
    COMPACT,
    SOLE_VARIANT,
    Bounded,
    Codecs,
    Compact,
    DecodeError,
    Fixed,
    Param,
    Path,
    Result,
    TypeName,
    TypeRegistry,
    codec,
    options_of,
    replace,
    scale_enum,
    struct,
    u8,
    u16,
    u32,
    u64,
    u128,
)
from tilth.primitives.scale.info import CompactDef, Primitive, PrimitiveDef, Type
from tilth.primitives.scale.names import type_name
from tilth.primitives.scale.structs import default_path, enum_path
from tilth.primitives.types import AccountId, AccountIndex, Balance, BlockNumber

T = TypeVar("T")


@struct
class Offer:
    """What is asked.

    And for how long.
    """

    price: u128
    until: u32 | None = None
    tags: list[str] = field(default_factory=list)


@struct(path="a::b::Renamed", name="Other", index=3, unnamed=True)
class Options:
    value: u8


@struct
class Pair(Generic[T]):
    first: T
    more: list[T]


@struct
class First:
    pass


@struct
class Second:
    pass


@scale_enum(path="x::Kind")
class Kind(enum.IntEnum):
    GOOD = 0


class Plain(enum.IntEnum):
    ONLY = 200


DatasetId = NewType("DatasetId", bytes)
Placeholder = NewType("Placeholder", int)


@struct
class Chain:
    next: "Chain | First"


Status: TypeAlias = Offer | First


class RuntimeCall:
    """A placeholder that each runtime binds."""


def test_a_struct_is_a_slotted_value() -> None:
    offer = Offer(5)

    assert offer == Offer(price=5, until=None, tags=[])
    assert offer != Offer(6)
    assert repr(offer) == "Offer(price=5, until=None, tags=[])"
    assert not hasattr(offer, "__dict__")
    assert hash(Options(1)) == hash(Options(1))


def test_replace_changes_only_what_is_named() -> None:
    offer = Offer(5, 6, ["a"])

    assert replace(offer, until=None) == Offer(5, None, ["a"])
    assert replace(offer) == offer
    assert replace(First()) == First()
    with pytest.raises(TypeError, match="unexpected keyword argument 'prize'"):
        replace(offer, prize=6)
    assert offer == Offer(5, 6, ["a"])


def test_a_struct_copies_as_any_value() -> None:
    assert copy.deepcopy(Offer(5, 6, ["a"])) == Offer(5, 6, ["a"])
    assert not issubclass(FrozenInstanceError, type(Offer(5)))


def test_options_are_kept_on_the_class() -> None:
    options = options_of(Options)

    assert options is not None
    assert (options.path, options.name, options.index, options.unnamed) == (
        "a::b::Renamed",
        "Other",
        3,
        True,
    )
    assert options_of(Kind) is None


def test_a_written_docstring_is_docs_and_an_invented_one_is_not() -> None:
    written, silent = options_of(Offer), options_of(First)

    assert written is not None
    assert written.docs == ("What is asked.", "", "And for how long.")
    assert silent is not None
    assert silent.docs == ()
    assert First.__doc__ is None


def test_options_are_not_inherited() -> None:
    class Child(Options):
        pass

    assert options_of(Child) is None
    with pytest.raises(TypeError, match="Child has no SCALE form"):
        codec(Child)


def test_a_pallets_types_live_in_its_pallet() -> None:
    inside = type("Dataset", (), {"__module__": "tilth.pallets.datasets.types"})
    outside = type("Row", (), {"__module__": "tilth.vault.rows"})

    assert default_path(inside) == "pallet_datasets::pallet::Dataset"
    assert default_path(inside, "Record") == "pallet_datasets::pallet::Record"
    assert default_path(outside) == "tilth_rows::Row"
    assert enum_path(Kind) == "x::Kind"
    assert enum_path(Plain) == "tilth_test_scale_structs::Plain"


def test_a_generic_struct_is_one_type_for_each_argument() -> None:
    small, large = codec(Pair[u8]), codec(Pair[u16])

    assert small.encode(Pair(1, [2])) == b"\x01\x04\x02"
    assert large.encode(Pair(1, [2])) == b"\x01\x00\x04\x02\x00"
    with pytest.raises(TypeError, match="Pair takes 1 types in brackets"):
        codec(Pair)
    with pytest.raises(TypeError, match="~T is not bound"):
        codec(list[T])  # type: ignore[valid-type]


def test_the_order_of_a_union_is_its_indices() -> None:
    here, there = codec(First | Second), codec(Second | First)

    assert here.encode(Second()) == b"\x01"
    assert there.encode(Second()) == b"\x00"
    assert codec(list[First | Second]).encode([First()]) == b"\x04\x00"
    assert codec(list[Second | First]).encode([First()]) == b"\x04\x01"


def test_an_explicit_index_wins_over_the_place() -> None:
    both = codec(Options | Second)

    assert both.encode(Options(9)) == b"\x03\x09"
    assert both.encode(Second()) == b"\x01"


def test_a_union_of_one_is_an_enum_when_told() -> None:
    assert codec(Second).encode(Second()) == b""
    assert codec(Annotated[Second, SOLE_VARIANT]).encode(Second()) == b"\x00"
    assert codec(Annotated[Options, SOLE_VARIANT]).encode(Options(1)) == b"\x03\x01"
    with pytest.raises(TypeError, match="SOLE_VARIANT is for a @struct"):
        codec(Annotated[u8, SOLE_VARIANT])


def test_indices_are_distinct_and_fit_a_byte() -> None:
    @struct(index=0)
    class Clash:
        pass

    @struct(index=256)
    class Beyond:
        pass

    class Far(enum.IntEnum):
        AWAY = 256

    with pytest.raises(TypeError, match="First and Clash have the same index 0"):
        codec(First | Clash)
    with pytest.raises(TypeError, match="the index of Beyond is not in 0…255"):
        codec(First | Beyond)
    with pytest.raises(TypeError, match="the index of AWAY is not in 0…255"):
        codec(Far)
    with pytest.raises(TypeError, match="an enum has each class once: Pair, Pair"):
        codec(Pair[u8] | Pair[u16])


def test_a_newtype_is_what_it_is_made_of() -> None:
    assert codec(DatasetId).encode(DatasetId(b"ab")) == b"\x08ab"
    assert codec(AccountId).fixed_size == 32


def test_a_runtime_binds_parameters_and_placeholders() -> None:
    wide = Codecs({"BlockNumber": u64, Placeholder: u16, DatasetId: Annotated[bytes, Fixed(2)]})

    assert codec(BlockNumber).fixed_size == 4
    assert wide.of(BlockNumber).fixed_size == 8
    assert wide.of(Balance).fixed_size == 16
    assert wide.of(list[BlockNumber]).encode([1]) == b"\x04" + b"\x01" + bytes(7)
    assert wide.of(Compact[BlockNumber]).decode(b"\x07\x00\x00\x00\x00\x01") == 1 << 32
    assert wide.of(Placeholder).encode(Placeholder(1)) == b"\x01\x00"
    assert wide.of(DatasetId).encode(DatasetId(b"ab")) == b"ab"


def test_codecs_are_compiled_once() -> None:
    codecs = Codecs()

    assert codecs.of(list[u8]) is codecs.of(list[u8])
    assert codecs.of(First | Second) is not codecs.of(Second | First)
    assert codec(Offer) is codec(Offer)
    assert repr(codecs.of(list[u8])) == "<Codec Vec<u8>>"


class CallCodec:
    """Calls of a toy runtime: one byte, or a batch of calls."""

    default = 7

    def encode(self, value: object) -> bytes:
        return bytes((value,)) if isinstance(value, int) else b""

    def decode_at(self, data: bytes, offset: int) -> tuple[int, int]:
        if offset >= len(data):
            raise DecodeError(offset, "a call", "nothing")
        return data[offset], offset + 1

    def type_info(self, registry: TypeRegistry) -> Type:
        return Type(("toy", "RuntimeCall"), (), CompactDef(registry.id_of(u8)))


def test_a_placeholder_takes_its_runtimes_codec() -> None:
    codecs = Codecs({RuntimeCall: CallCodec()})
    batch = codecs.of(tuple[u8, list[RuntimeCall]])
    registry = TypeRegistry(codecs)

    assert batch.encode((1, [2, 3])) == b"\x01\x08\x02\x03"
    assert batch.decode(b"\x01\x08\x02\x03") == (1, [2, 3])
    assert codecs.of(RuntimeCall).default == 7
    assert registry.id_of(RuntimeCall) == 0
    assert registry.types()[0].type.path == ("toy", "RuntimeCall")
    with pytest.raises(DecodeError, match="expected a call"):
        codecs.of(RuntimeCall).decode(b"")
    with pytest.raises(DecodeError, match="the items of a Vec<CallCodec>"):
        batch.decode(b"\x01\x04")
    with pytest.raises(TypeError, match=r"RuntimeCall has no SCALE form.*bind it"):
        codec(RuntimeCall)


def test_a_custom_codec_without_default_has_none() -> None:
    class Silent(CallCodec):
        default = property()

    with pytest.raises(TypeError, match="Silent has no default"):
        _ = Codecs({RuntimeCall: Silent()}).of(RuntimeCall).default


def test_defaults_are_rusts() -> None:
    assert codec(Offer).default == Offer(0, None, [])
    assert codec(First | Second).default == First()
    assert codec(Plain).default is Plain.ONLY
    assert codec(Annotated[tuple[u8, ...], Fixed(2)]).default == (0, 0)
    assert codec(tuple[bool, str, bytes, dict[u8, u8]]).default == (False, "", b"", {})
    assert codec(AccountId).default == bytes(32)


def test_a_default_is_made_anew() -> None:
    changed = codec(Offer).default
    changed.tags.append("mine")

    assert codec(Offer).default.tags == []
    assert codec(Status).default is not codec(Status).default
    for changeable in (set[u8], dict[u8, u8], Annotated[list[u8], Fixed(2)], Pair[u8]):
        assert codec(changeable).default is not codec(changeable).default


def test_a_default_that_cannot_change_is_shared() -> None:
    for same in (AccountId, Options, Annotated[tuple[AccountId, ...], Fixed(2)], MaybeOffer):
        assert codec(same).default is codec(same).default


def test_a_default_without_end_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Chain \| First has no default: its default would"):
        _ = codec(Chain | First).default
    assert codec(First | Chain).default == First()


MaybeOffer: TypeAlias = Offer | None
Outcome: TypeAlias = Result[None, list[u8]]
MaybeEither: TypeAlias = First | Second | None


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (u128, "u128"),
        (bool, "bool"),
        (None, "()"),
        (str, "String"),
        (bytes, "Vec<u8>"),
        (Annotated[bytes, Fixed(4)], "[u8; 4]"),
        (Annotated[tuple[u16, ...], Fixed(4)], "[u16; 4]"),
        (Annotated[bytes, Bounded(64)], "BoundedVec<u8, 64>"),
        (Annotated[list[AccountId], Bounded(9)], "BoundedVec<T::AccountId, 9>"),
        (Annotated[dict[u8, str], Bounded(9)], "BoundedBTreeMap<u8, String, 9>"),
        (Annotated[str, Bounded(9)], "String"),
        (AccountId, "T::AccountId"),
        (DatasetId, "DatasetId"),
        (BlockNumber, "BlockNumberFor<T>"),
        (Compact[Balance], "T::Balance"),
        (Annotated[int, Param("Depth", u8)], "Depth"),
        (Annotated[Balance, TypeName("BalanceOf<T>")], "BalanceOf<T>"),
        (Annotated[First | Second, Path("a::Status")], "Status"),
        (list[Offer], "Vec<Offer>"),
        (tuple[u8, ...], "Vec<u8>"),
        (set[u8], "BTreeSet<u8>"),
        (dict[u8, str], "BTreeMap<u8, String>"),
        (tuple[u8, str], "(u8, String)"),
        (MaybeOffer, "Option<Offer>"),
        (Outcome, "Result<(), Vec<u8>>"),
        (MaybeEither, "Option<_>"),
        (First | Second, None),
        (Pair[u8], "Pair<u8>"),
        (Options, "Other"),
        (Kind, "Kind"),
    ],
)
def test_a_fields_type_is_named_as_in_rust(annotation: object, name: str | None) -> None:
    assert type_name(annotation) == name


def test_any_stands_for_whatever_its_marks_say() -> None:
    chosen = Annotated[Any, Param("Chosen", u16)]

    assert codec(chosen).encode(1) == b"\x01\x00"
    assert type_name(chosen) == "Chosen"
    registry = TypeRegistry(Codecs())
    assert registry.id_of(chosen) == 0
    assert registry.types()[0].type.type_def == PrimitiveDef(Primitive.U16)


def test_a_path_renames_any_type() -> None:
    registry = TypeRegistry(Codecs())
    for annotation in (
        Annotated[Kind, Path("b::Kind")],
        Annotated[Offer, Path("b::Offer")],
        Annotated[AccountId, Path("b::Account")],
        Annotated[u8, Path("b::Byte")],
    ):
        number = registry.id_of(annotation)
        assert registry.types()[number].type.path[0] == "b"


def test_a_compact_newtype_is_compact_as_its_integer() -> None:
    byte = Annotated[u8, Path("b::Byte"), COMPACT]

    assert codec(byte).encode(64) == b"\x01\x01"
    assert codec(byte).decode(b"\x01\x01") == 64
    assert codec(Compact[Options]).encode(Options(64)) == b"\x01\x01"
    assert codec(Compact[Options]).decode(b"\x01\x01") == Options(64)
    with pytest.raises(DecodeError, match="up to 255"):
        codec(byte).decode(b"\x02\x00\x01\x00")


def test_a_compact_unit_has_no_bytes() -> None:
    unit = codec(Annotated[AccountIndex, COMPACT])

    assert unit.encode(None) == b""
    assert unit.decode(b"") is None
    assert unit.fixed_size == 0
