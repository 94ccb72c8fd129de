"""Values and bytes: round trips, and agreement with py-scale-codec through our own metadata."""

import enum
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.type_registry import load_type_registry_preset

from tilth.primitives.scale import (
    Bounded,
    Codec,
    Codecs,
    Compact,
    DecodeError,
    Fixed,
    Path,
    Result,
    TypeRegistry,
    codec,
    i8,
    i16,
    i32,
    i64,
    i128,
    shapes,
    struct,
    u8,
    u16,
    u32,
    u64,
    u128,
    u256,
)
from tilth.primitives.scale.info import PortableRegistry
from tilth.primitives.types import (
    H160,
    H256,
    AccountId,
    Digest,
    Era,
    Header,
    Index,
    MultiAddress,
    MultiSignature,
    Perbill,
)


@struct
class Data:
    free: u128
    reserved: u128
    flags: u128


@struct
class Account:
    nonce: u32
    active: bool
    hash: H256
    data: Data
    note: str


@struct
class Idle:
    pass


@struct
class Running:
    who: AccountId
    until: u32 | None


@struct(unnamed=True, index=7)
class Failed:
    reason: str
    code: u8


@struct(unnamed=True, index=9)
class Paused:
    since: Compact[u64]


@struct
class Tree:
    label: u8
    below: "list[Tree]"


class Colour(enum.IntEnum):
    RED = 0
    DEEP_BLUE = 4


# Aliases, because the checkers take these for types only where they stand as types.
Status: TypeAlias = Annotated[Idle | Running | Failed | Paused, Path("test::Status")]
MaybeU16: TypeAlias = u16 | None
UnitResult: TypeAlias = Result[None, u8]
StatusResult: TypeAlias = Result[bytes, Idle | Failed]

ANNOTATIONS: dict[str, Any] = {
    **{str(codec(a).shape): a for a in (u8, u16, u32, u64, u128, u256, i8, i16, i32, i64, i128)},
    "bool": bool,
    "unit": None,
    "String": str,
    "Vec<u8>": bytes,
    "[u8; 5]": Annotated[bytes, Fixed(5)],
    "[u16; 3]": Annotated[tuple[u16, ...], Fixed(3)],
    "[bool; 20]": Annotated[tuple[bool, ...], Fixed(20)],
    "[Vec<u8>; 2]": Annotated[list[bytes], Fixed(2)],
    "Compact<u8>": Compact[u8],
    "Compact<u16>": Compact[u16],
    "Compact<u32>": Compact[u32],
    "Compact<u64>": Compact[u64],
    "Compact<u128>": Compact[u128],
    "Compact<Perbill>": Compact[Perbill],
    "Option<u16>": MaybeU16,
    "Option<bool>": bool | None,
    "(u8, (bool, u128), String)": tuple[u8, tuple[bool, u128], str],
    "Vec<u32>": list[u32],
    "Vec<bool>": tuple[bool, ...],
    "Vec<(u8, H256)>": list[tuple[u8, H256]],
    "Vec<Option<Vec<u8>>>": list[bytes | None],
    "BoundedVec<u8, 6>": Annotated[bytes, Bounded(6)],
    "BoundedVec<u64, 4>": Annotated[list[u64], Bounded(4)],
    "BTreeMap<u16, String>": dict[u16, str],
    "BTreeMap<String, Vec<u32>>": dict[str, list[u32]],
    "BTreeSet<i16>": set[i16],
    "BTreeSet<(u8, bool)>": frozenset[tuple[u8, bool]],
    "BoundedBTreeMap<u8, u8>": Annotated[dict[u8, u8], Bounded(5)],
    "BoundedBTreeSet<u8>": Annotated[set[u8], Bounded(5)],
    "Account": Account,
    "Status": Status,
    "Vec<Status>": list[Status],
    "Option<Status>": Idle | Running | Failed | Paused | None,
    "Tree": Tree,
    "Colour": Colour,
    "Vec<Colour>": list[Colour],
    "Result<(), u8>": UnitResult,
    "Result<Vec<u8>, Status>": StatusResult,
    "H160": H160,
    "AccountId": AccountId,
    "MultiAddress": MultiAddress,
    "MultiSignature": MultiSignature,
    "Header": Header,
    "Digest": Digest,
    "Era": Era,
    "PortableRegistry": PortableRegistry,
}
NAMES = sorted(ANNOTATIONS)
CODECS = Codecs()
UNORDERED = [name for name in NAMES if "BTree" in name]  # decoded in any order, as Rust does


def values(shape: shapes.Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Any value of a shape."""
    match shape:
        case shapes.Uint(size):
            return st.integers(0, (1 << 8 * size) - 1) | st.integers(0, 99)
        case shapes.Int(size):
            return st.integers(-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1)
        case shapes.Bool():
            return st.booleans()
        case shapes.Text(bound):
            return st.text(max_size=(bound or 20) // 4)
        case shapes.Bytes(bound):
            return st.binary(max_size=bound or 80)
        case shapes.FixedBytes(size):
            return st.binary(min_size=size, max_size=size)
        case shapes.Option(inner):
            return st.none() | values(inner, depth)
        case shapes.Compact(inner) | shapes.Named(inner=inner):
            return values(inner, depth)
        case shapes.Tuple(items):
            made = st.tuples(*(values(i, depth) for i in items))
            return made if items else st.none()
        case shapes.Enumeration(cls=cls):
            return st.sampled_from(cls)
        case shapes.Union(variants=variants):
            return st.one_of([values(v.struct, depth) for v in variants])
        case shapes.Struct():
            fields = [values(f.shape, depth + 1) for f in shape.fields] if depth < 4 else []
            return st.builds(shape.cls, *fields) if fields or not shape.fields else st.nothing()
        case shapes.Custom():
            return st.just(Era()) | st.builds(Era.mortal, st.integers(0, 99999), st.integers(0))
        case _:
            return collections(shape, depth)


def collections(shape: shapes.Shape, depth: int) -> st.SearchStrategy[Any]:
    match shape:
        case shapes.Array(item=item, size=size, kind=kind):
            return st.lists(values(item, depth), min_size=size, max_size=size).map(kind)
        case shapes.Sequence(item=item, kind=kind, bound=bound):
            few = bound or (70 if shapes.fixed_size(item) else 3)
            made = values(item, depth)
            if made.is_empty:
                return st.just(kind())
            return st.lists(made, max_size=few, unique=kind in (set, frozenset)).map(kind)
        case shapes.Mapping(key=key, value=value, bound=bound):
            return st.dictionaries(values(key), values(value), max_size=bound or 4)
    raise AssertionError(shape)


def cases(names: list[str] = NAMES) -> st.SearchStrategy[tuple[Codec[Any], Any]]:
    made = {n: CODECS.of(ANNOTATIONS[n]) for n in names}
    return st.sampled_from(names).flatmap(
        lambda n: values(made[n].shape).map(lambda v: (made[n], v))
    )


@given(cases())
def test_decoding_undoes_encoding(case: tuple[Codec[Any], Any]) -> None:
    kind, value = case

    data = kind.encode(value)

    assert kind.decode(data) == value
    assert kind.decode_at(b"\xff" + data + b"\xff", 1) == (value, 1 + len(data))
    assert kind.fixed_size in (None, len(data))
    assert shapes.least_size(kind.shape) <= len(data)


@given(cases())
def test_every_truncation_and_every_extension_is_refused(case: tuple[Codec[Any], Any]) -> None:
    kind, value = case
    data = kind.encode(value)

    for end in {*range(min(len(data), 100)), len(data) - 1} - {-1}:
        with pytest.raises(DecodeError) as caught:
            kind.decode(data[:end])
        assert 0 <= caught.value.offset <= end
    with pytest.raises(DecodeError, match="more bytes"):
        kind.decode(data + b"\0")


@given(
    st.sampled_from(sorted(set(NAMES) - set(UNORDERED))),
    st.binary(max_size=40) | st.lists(st.sampled_from(b"\0\1\2\3\4\xff"), max_size=9).map(bytes),
)
def test_no_two_byte_strings_mean_the_same_value(name: str, data: bytes) -> None:
    kind = CODECS.of(ANNOTATIONS[name])
    try:
        value, end = kind.decode_at(data, 0)
    except DecodeError:
        return

    assert kind.encode(value) == data[:end]


@pytest.mark.parametrize("name", NAMES)
def test_the_default_has_an_encoding(name: str) -> None:
    kind = CODECS.of(ANNOTATIONS[name])

    assert kind.decode(kind.encode(kind.default)) == kind.default


def foreign(shape: shapes.Shape, value: Any) -> Any:
    """A value as py-scale-codec wants it."""
    match shape:
        case shapes.Custom():
            return {"period": value.period, "phase": value.phase} if value.period else "00"
        case shapes.Bytes() | shapes.FixedBytes():
            return "0x" + value.hex()
        case shapes.Option(inner):
            return None if value is None else foreign(inner, value)
        case shapes.Compact(inner) | shapes.Named(inner=inner):
            return foreign(inner, value)
        case shapes.Tuple(items):
            pairs = zip(items, value, strict=True) if items else ()
            return tuple(foreign(i, v) for i, v in pairs)
        case shapes.Array(item=item):
            return [foreign(item, v) for v in value]
        case shapes.Sequence(item=item, kind=kind, bound=bound):
            ordered = sorted(value) if kind in (set, frozenset) else value
            made = [foreign(item, v) for v in ordered]
            return (made,) if bound else made  # a bounded one is a tuple struct to it
        case shapes.Mapping(key=key, value=inner):
            return [(foreign(key, k), foreign(inner, value[k])) for k in sorted(value)]
        case shapes.Enumeration():
            return {"RED": "Red", "DEEP_BLUE": "DeepBlue"}.get(value.name, value.name.capitalize())
        case shapes.Union(variants=variants):
            variant = next(v for v in variants if v.struct.cls is type(value))
            return {variant.name: foreign(variant.struct, value)}
        case shapes.Struct():
            return foreign_fields(shape, value)
        case _:
            return value


def foreign_fields(shape: shapes.Struct, value: Any) -> Any:
    made = {f.name: foreign(f.shape, getattr(value, f.name)) for f in shape.fields}
    if shape.options.unnamed:
        return next(iter(made.values())) if len(made) == 1 else tuple(made.values())
    return made or None


def as_pairs(annotation: Any) -> Any:
    """py-scale-codec cannot encode a BTreeMap that metadata describes, but its pairs."""
    inner = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return list[tuple[get_args(inner)]] if get_origin(inner) is dict else annotation  # type: ignore[misc]


def sayable(value: Any) -> bool:
    """py-scale-codec has no Compact<()>."""
    return not isinstance(value, Index)


@pytest.fixture(scope="module")
def oracle() -> Callable[[str], Any]:
    """py-scale-codec, taught our types by a metadata V14 that we made."""
    registry = TypeRegistry(CODECS)
    ids = {name: registry.id_of(as_pairs(ANNOTATIONS[name])) for name in NAMES}
    types = codec(PortableRegistry).encode(PortableRegistry(registry.types()))
    unit = codec(Compact[u32]).encode(ids["unit"])
    metadata = b"meta\x0e" + types + b"\0" + unit + b"\4\0" + unit

    runtime = RuntimeConfigurationObject()
    runtime.update_type_registry(load_type_registry_preset("core"))
    parsed: Any = runtime.create_scale_object("MetadataVersioned", ScaleBytes(metadata))
    parsed.decode()
    runtime.add_portable_registry(parsed)
    return lambda name: runtime.create_scale_object(f"scale_info::{ids[name]}")


@pytest.mark.parametrize("name", NAMES)
def test_py_scale_codec_writes_the_same_bytes(name: str, oracle: Callable[[str], Any]) -> None:
    kind = CODECS.of(ANNOTATIONS[name])

    @settings(max_examples=40)
    @given(values(kind.shape).filter(sayable))
    def agree(value: Any) -> None:
        data = kind.encode(value)

        theirs = oracle(name).encode(foreign(kind.shape, value))
        assert bytes(theirs.data) == data

        read = oracle(name)
        read.decode(ScaleBytes(data))
        again = (read.value,) if name == "BoundedVec<u64, 4>" else read.value  # as in foreign
        assert bytes(oracle(name).encode(again).data) == data

    agree()
