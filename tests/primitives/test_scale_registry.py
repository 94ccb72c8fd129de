"""Type information: as a recorded Substrate runtime describes the same types."""

import enum
import gzip
from pathlib import Path as File
from typing import Annotated, Any, TypeAlias

import pytest

from tilth.primitives.scale import (
    Bounded,
    Codecs,
    Compact,
    CustomCodec,
    Fixed,
    Path,
    Result,
    TypeName,
    TypeRegistry,
    codec,
    scale_enum,
    struct,
    u8,
    u32,
    u64,
    u128,
    u256,
)
from tilth.primitives.scale.info import (
    ArrayDef,
    CompactDef,
    CompositeDef,
    Field,
    PortableRegistry,
    PortableType,
    Primitive,
    PrimitiveDef,
    SequenceDef,
    TupleDef,
    Type,
    TypeDef,
    TypeParameter,
    Variant,
    VariantDef,
)
from tilth.primitives.types import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Digest,
    DigestItem,
    Era,
    FixedU128,
    Header,
    MultiAddress,
    MultiSignature,
    Perbill,
)

RECORDED = File(__file__).parents[1] / "vectors/scale/solo2503_metadata_v15.scale.gz"
Types = tuple[PortableType, ...]


@struct(path="frame_system::AccountInfo")
class AccountInfo:
    nonce: u32
    data: "Node"


@struct
class Node:
    below: "list[Node]"


@struct
class Opened:
    """A dataset is open."""

    who: AccountId
    price: Annotated[Balance, TypeName("BalanceOf<T>")]


@struct(unnamed=True, index=5, name="Shut")
class Closed:
    since: BlockNumber


Status: TypeAlias = Annotated[Opened | Closed, Path("pallet_x::Status", Number=BlockNumber)]
UnitResult: TypeAlias = Result[None, u8]
MaybeU8: TypeAlias = u8 | None


@scale_enum(path="frame_support::dispatch::Pays")
class Pays(enum.IntEnum):
    YES = 0
    NO = 1


class Named(enum.IntEnum):
    """Three ways."""

    NOT_OWNER = 0
    Already = 1


def tree(types: Types, number: int, depth: int = 7) -> object:
    """A type with all it refers to in place of the numbers."""
    made = types[number].type
    if not depth:
        return made.path

    def expand(value: Any) -> object:
        match value:
            case Field(name, inner, type_name, docs):
                return name, tree(types, inner, depth - 1), type_name, docs
            case Variant(name, fields, index, docs):
                return name, tuple(map(expand, fields)), index, docs
            case CompositeDef(parts) | VariantDef(parts):
                return type(value), tuple(map(expand, parts))
            case ArrayDef(length, inner):
                return length, tree(types, inner, depth - 1)
            case SequenceDef(inner) | CompactDef(inner):
                return type(value), tree(types, inner, depth - 1)
            case TupleDef(inners):
                return tuple(tree(types, inner, depth - 1) for inner in inners)
            case TypeParameter(name, inner):
                return name, None if inner is None else tree(types, inner, depth - 1)
            case _:
                return value

    return made.path, tuple(map(expand, made.type_params)), expand(made.type_def), made.docs


@pytest.fixture(scope="module")
def recorded() -> Types:
    metadata = gzip.decompress(RECORDED.read_bytes())
    start = metadata.index(b"meta\x0f") + 5

    registry, end = codec(PortableRegistry).decode_at(metadata, start)

    assert codec(PortableRegistry).encode(registry) == metadata[start:end]
    return registry.types  # type: ignore[no-any-return]  # codec() is not generic


@pytest.mark.parametrize(
    ("annotation", "path"),
    [
        (AccountId, "sp_core::crypto::AccountId32"),
        (H256, "primitive_types::H256"),
        (MultiAddress, "sp_runtime::multiaddress::MultiAddress"),
        (MultiSignature, "sp_runtime::MultiSignature"),
        (DigestItem, "sp_runtime::generic::digest::DigestItem"),
        (Digest, "sp_runtime::generic::digest::Digest"),
        (Header, "sp_runtime::generic::header::Header"),
        (Era, "sp_runtime::generic::era::Era"),
        (Perbill, "sp_arithmetic::per_things::Perbill"),
        (FixedU128, "sp_arithmetic::fixed_point::FixedU128"),
        (Pays, "frame_support::dispatch::Pays"),
    ],
)
def test_substrates_types_are_described_as_a_real_runtime_does(
    annotation: object, path: str, recorded: Types
) -> None:
    registry = TypeRegistry(Codecs())
    number = registry.id_of(annotation)
    theirs = next(t.id for t in recorded if "::".join(t.type.path) == path)

    assert tree(registry.types(), number) == tree(recorded, theirs)


def described(annotation: object) -> tuple[Type, Types]:
    registry = TypeRegistry(Codecs())
    number = registry.id_of(annotation)
    return registry.types()[number].type, registry.types()


def test_a_bounded_vec_is_described_as_a_real_runtime_does(recorded: Types) -> None:
    theirs = next(t.type for t in recorded if t.type.path[-1:] == ("BoundedVec",))
    ours, types = described(Annotated[list[u64], Bounded(3)])

    assert ours.path == theirs.path
    assert [p.name for p in ours.type_params] == [p.name for p in theirs.type_params]
    assert ours.type_params[1] == theirs.type_params[1] == TypeParameter("S", None)
    assert ours.type_def == CompositeDef((Field(None, 2, "Vec<T>"),))
    assert types[2].type.type_def == SequenceDef(1)


def test_other_bounded_collections() -> None:
    bounded_map, types = described(Annotated[dict[u8, str], Bounded(3)])

    assert bounded_map.path == ("bounded_collections", "bounded_btree_map", "BoundedBTreeMap")
    assert bounded_map.type_params[2] == TypeParameter("S", None)
    assert isinstance(bounded_map.type_def, CompositeDef)
    (field,) = bounded_map.type_def.fields
    assert field.type_name == "BTreeMap<K, V>"
    assert types[field.type].type.path == ("BTreeMap",)

    bounded_set, _ = described(Annotated[set[u8], Bounded(3)])
    assert bounded_set.path == ("bounded_collections", "bounded_btree_set", "BoundedBTreeSet")
    assert described(set[u8])[0].path == ("BTreeSet",)

    weak = Path("bounded_collections::weak_bounded_vec::WeakBoundedVec")
    ours, types = described(Annotated[list[u8], Bounded(3), weak])
    assert ours.path[-1] == "WeakBoundedVec"
    assert ours.type_params == (TypeParameter("T", 1), TypeParameter("S", None))
    assert types[2].type.type_def == SequenceDef(1)


def test_an_enum_lists_its_variants() -> None:
    status, types = described(Status)

    assert status.path == ("pallet_x", "Status")
    assert [p.name for p in status.type_params] == ["Number"]
    assert isinstance(status.type_def, VariantDef)
    opened, shut = status.type_def.variants
    assert (opened.name, opened.index, opened.docs) == ("Opened", 0, ("A dataset is open.",))
    assert [(f.name, f.type_name) for f in opened.fields] == [
        ("who", "T::AccountId"),
        ("price", "BalanceOf<T>"),
    ]
    assert (shut.name, shut.index, shut.docs) == ("Shut", 5, ())
    assert [(f.name, f.type_name) for f in shut.fields] == [(None, "BlockNumberFor<T>")]
    assert types[shut.fields[0].type].type.type_def == PrimitiveDef(Primitive.U32)


def test_a_fieldless_enum_is_spelled_as_in_rust() -> None:
    named, _ = described(Named)

    assert named.path == ("tilth_test_scale_registry", "Named")
    assert named.docs == ("Three ways.",)
    assert named.type_def == VariantDef((Variant("NotOwner", (), 0), Variant("Already", (), 1)))


def test_option_and_result_are_enums() -> None:
    option, _ = described(MaybeU8)
    result, types = described(UnitResult)

    assert option == Type(
        ("Option",),
        (TypeParameter("T", 1),),
        VariantDef((Variant("None", (), 0), Variant("Some", (Field(None, 1),), 1))),
    )
    assert result == Type(
        ("Result",),
        (TypeParameter("T", 1), TypeParameter("E", 2)),
        VariantDef((Variant("Ok", (Field(None, 1),), 0), Variant("Err", (Field(None, 2),), 1))),
    )
    assert types[1].type.type_def == TupleDef(())


def test_plain_types() -> None:
    plain: list[tuple[object, TypeDef]] = [
        (bool, PrimitiveDef(Primitive.BOOL)),
        (str, PrimitiveDef(Primitive.STR)),
        (Annotated[str, Bounded(4)], PrimitiveDef(Primitive.STR)),
        (u128, PrimitiveDef(Primitive.U128)),
        (bytes, SequenceDef(1)),
        (tuple[u8, ...], SequenceDef(1)),
        (Annotated[bytes, Fixed(4)], ArrayDef(4, 1)),
        (tuple[u8, bool], TupleDef((1, 2))),
        (Compact[Perbill], CompactDef(1)),
    ]
    for annotation, definition in plain:
        assert described(annotation)[0] == Type((), (), definition)
    assert described(u256)[0].path == ("primitive_types", "U256")


def test_each_type_is_registered_once() -> None:
    registry = TypeRegistry(Codecs())
    for same in [
        (bytes, list[u8], tuple[u8, ...]),
        (Balance, u128),
        (BlockNumber, u32),
        (Annotated[bytes, Fixed(32)], Annotated[tuple[u8, ...], Fixed(32)]),
        (list[bytes], tuple[list[u8], ...]),
        (set[u8], frozenset[u8]),
        (Annotated[bytes, Bounded(1)], Annotated[list[u8], Bounded(2)]),
        (Annotated[str, Bounded(1)], str),
    ]:
        assert len({registry.id_of(annotation) for annotation in same}) == 1

    definitions = [t.type for t in registry.types()]
    assert len(definitions) == len(set(definitions))


def test_a_type_comes_before_what_it_is_made_of() -> None:
    registry = TypeRegistry(Codecs())

    assert registry.id_of(u8) == 0
    assert registry.id_of(list[AccountId]) == 1
    assert registry.id_of(AccountId) == 2
    assert [t.id for t in registry.types()] == [0, 1, 2, 3]


def test_a_type_may_contain_itself() -> None:
    node, types = described(Node)

    assert node.type_def == CompositeDef((Field("below", 1, "Vec<Node>"),))
    assert types[1].type.type_def == SequenceDef(0)


def test_bindings_decide_the_type() -> None:
    wide = TypeRegistry(Codecs({"BlockNumber": u64}))

    assert wide.id_of(BlockNumber) == wide.id_of(u64)


def test_a_described_type_is_added_once() -> None:
    registry = TypeRegistry(Codecs())
    error = Type(("a", "Error"), (), VariantDef((Variant("Bad", (), 0),)))

    assert registry.add(error) == registry.add(error) == 0
    assert registry.types() == (PortableType(0, error),)


def test_a_field_is_named_as_its_annotation_reads() -> None:
    registry = TypeRegistry(Codecs())

    field = registry.field(list[AccountId], "owners", "Who own it.")

    assert field == Field("owners", 0, "Vec<T::AccountId>", ("Who own it.",))


class Call:
    """Bound below."""


class CallCodec:
    """A codec whose type contains itself, as a runtime's calls do."""

    def encode(self, value: object) -> bytes:
        return bytes(str(value), "ascii")

    def decode_at(self, data: bytes, offset: int) -> tuple[object, int]:
        return data[offset], offset + 1

    def type_info(self, registry: TypeRegistry) -> Type:
        batch = Variant("batch", (registry.field(list[Call], "calls"),), 0)
        return Type(("toy", "RuntimeCall"), (), VariantDef((batch,)))


def test_a_custom_type_may_contain_itself() -> None:
    registry = TypeRegistry(Codecs({Call: CallCodec()}))

    assert isinstance(CallCodec(), CustomCodec)
    assert registry.id_of(Call) == 0
    assert registry.types()[1].type.type_def == SequenceDef(0)
    assert registry.types()[0].type.path == ("toy", "RuntimeCall")
