"""What no decoder may accept, and what no encoder may write."""

import enum
import tracemalloc
from typing import Annotated, Any, Literal, TypeAlias

import pytest

from tilth.primitives.scale import (
    Bounded,
    Compact,
    DecodeError,
    EncodeError,
    Fixed,
    Path,
    Result,
    codec,
    i8,
    i128,
    replace,
    shapes,
    struct,
    u8,
    u16,
    u32,
    u64,
    u128,
    u256,
)
from tilth.primitives.scale.compacts import compact
from tilth.primitives.scale.reading import Reader, read
from tilth.primitives.scale.source import Source
from tilth.primitives.scale.writing import Writer, write
from tilth.primitives.types import H256, Perbill


@struct
class Tree:
    below: "list[Tree]"


@struct
class Leaf:
    pass


@struct
class Branch:
    left: "Expression"
    right: "Expression"


Expression: TypeAlias = Leaf | Branch


@struct
class Inner:
    amount: u128
    tags: list[str]


@struct
class Outer:
    owner: H256
    inner: Inner
    price: u16 | None


class Colour(enum.IntEnum):
    RED = 0
    BLUE = 4


OUTER = Outer(H256(bytes(32)), Inner(1, ["a"]), None)
MaybeU8: TypeAlias = u8 | None
UnitResult: TypeAlias = Result[None, u8]


def refused(annotation: object, data: str, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        codec(annotation).decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("annotation", "data"),
    [
        (Compact[u32], "0100"),  # 0 in two bytes
        (Compact[u32], "fd00"),  # 63 in two bytes
        (Compact[u32], "02000000"),
        (Compact[u32], "feff0000"),  # 16383 in four bytes
        (Compact[u32], "0301000000"),
        (Compact[u32], "03ffffff3f"),  # 2^30-1 in big mode
        (Compact[u64], "070000004000"),  # a leading zero byte
        (Compact[u128], "330000000000000000000000000000000000"),
    ],
)
def test_a_compact_integer_has_one_form(annotation: object, data: str) -> None:
    refused(annotation, data, "shortest compact form")


@pytest.mark.parametrize(
    ("annotation", "data"),
    [
        (Compact[u8], "0104"),  # 256
        (Compact[u16], "02000400"),  # 65536
        (Compact[u32], "070000000001"),  # 2^32
        (Compact[u64], "17000000000000000001"),
        (Compact[u128], "370000000000000000000000000000000001"),
        (Compact[u32], "ff" + "01" * 67),
        (Compact[Perbill], "070000000001"),
    ],
)
def test_a_compact_integer_fits_its_width(annotation: object, data: str) -> None:
    refused(annotation, data, "a compact integer up to")


@pytest.mark.parametrize(
    ("annotation", "most", "data"),
    [
        (Compact[u8], 255, "fd03"),
        (Compact[u16], 65535, "feff0300"),
        (Compact[u32], (1 << 32) - 1, "03ffffffff"),
        (Compact[u64], (1 << 64) - 1, "13" + "ff" * 8),
        (Compact[u128], (1 << 128) - 1, "33" + "ff" * 16),
        (Compact[u32], 63, "fc"),
        (Compact[u32], 64, "0101"),
        (Compact[u32], 16383, "fdff"),
        (Compact[u32], 16384, "02000100"),
        (Compact[u32], (1 << 30) - 1, "feffffff"),
        (Compact[u32], 1 << 30, "0300000040"),
    ],
)
def test_the_edges_of_each_compact_mode(annotation: object, most: int, data: str) -> None:
    assert codec(annotation).encode(most).hex() == data
    assert codec(annotation).decode(bytes.fromhex(data)) == most


def test_a_bool_is_zero_or_one() -> None:
    refused(bool, "02", "a bool")
    refused(tuple[u8, bool, u8], "000300", "At byte 1: expected a bool")
    refused(list[bool], "08 00 02", "At byte 2: expected a bool")


def test_an_option_is_zero_or_one() -> None:
    refused(MaybeU8, "0200", "the tag of an Option")


def test_an_enum_has_no_other_variants() -> None:
    refused(Expression, "02", "a variant of Leaf | Branch")
    refused(Colour, "01", "a variant of Colour, found the tag 1")
    refused(UnitResult, "02", "a variant of Result")


def test_a_string_is_utf8() -> None:
    refused(str, "08c328", "At byte 1: expected UTF-8")
    refused(str, "0ceda080", "UTF-8")  # a lone surrogate
    refused(str, "08c080", "UTF-8")  # an overlong zero


def test_the_input_is_used_up() -> None:
    refused(u32, "0000000001", "At byte 4: expected the end of the input, found 1 more bytes: 01")
    refused(bytes, "0061", "At byte 1: expected the end of the input")


def test_a_bound_counts() -> None:
    refused(Annotated[bytes, Bounded(2)], "0c616263", "at most 2 items, found 3")
    refused(Annotated[list[u8], Bounded(0)], "0400", "at most 0 items")
    refused(Annotated[str, Bounded(2)], "0c616263", "at most 2 items")
    refused(Annotated[dict[u8, u8], Bounded(1)], "0800000101", "at most 1 items")
    refused(Annotated[set[u8], Bounded(1)], "080001", "at most 1 items")


def test_a_bound_is_checked_before_the_items() -> None:
    refused(Annotated[list[u8], Bounded(3)], "03ffffffff", "at most 3 items")


@pytest.mark.parametrize(
    "annotation", [bytes, str, list[u8], list[u128], list[str], set[u16], dict[u8, str]]
)
def test_a_length_beyond_the_input_costs_nothing(annotation: object) -> None:
    decode = codec(annotation).decode
    data = bytes.fromhex("03ffffffff") + b"\x01" * 40
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="before the end"):
            decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 100_000


@pytest.mark.parametrize(
    "annotation",
    [list[None], set[None], dict[None, None], list[Leaf], list[Annotated[bytes, Fixed(0)]]],
)
def test_items_without_bytes_are_no_type(annotation: object) -> None:
    with pytest.raises(TypeError, match="its items have no bytes"):
        codec(annotation)


def nested(depth: int) -> Tree:
    tree = Tree([])
    for _ in range(depth):
        tree = Tree([tree])
    return tree


def test_nesting_ends_at_256_levels() -> None:
    tree = codec(Tree)
    deepest = tree.encode(nested(255))

    assert tree.encode(tree.decode(deepest)) == deepest
    with pytest.raises(DecodeError, match="at most 256 levels"):
        tree.decode(b"\x04" + deepest)
    with pytest.raises(DecodeError, match="at most 256 levels"):
        tree.decode(b"\x04" * 1_000_000)
    with pytest.raises(EncodeError, match="nested deeper than 256 levels"):
        tree.encode(nested(256))


def test_nesting_through_an_enum_ends_too() -> None:
    expression = codec(Expression)
    value = Branch(Leaf(), Branch(Leaf(), Leaf()))

    assert expression.decode(expression.encode(value)) == value
    with pytest.raises(DecodeError, match="at most 256 levels"):
        expression.decode(b"\x01" * 100_000)


def test_maps_and_sets_are_read_in_any_order_as_rust_does() -> None:
    assert codec(dict[u8, u8]).decode(bytes.fromhex("0c 0201 0102 0203")) == {1: 2, 2: 3}
    assert codec(set[u8]).decode(bytes.fromhex("0c 02 01 02")) == {1, 2}


@struct
class Key:
    number: u16
    name: str | None


@pytest.mark.parametrize(
    ("annotation", "value", "data"),
    [
        (dict[u16, u8], {256: 1, 2: 2}, "08 020002 000101"),
        (dict[bytes, u8], {b"b": 1, b"ab": 2, b"": 3}, "0c 0003 08616202 046201"),
        (set[str], {"é", "z", "𐀀", "\uffff"}, "10 047a 08c3a9 0cefbfbf 10f0908080"),
        (set[i8], {1, -1}, "08 ff 01"),
        (frozenset[bool], {True, False}, "08 00 01"),
        (set[u8 | None], {3, None}, "08 00 0103"),
        (set[tuple[u8, str | None]], {(1, "a"), (1, None)}, "08 0100 01010461"),
        (set[tuple[u8, ...]], {(2,), (1, 9), ()}, "0c 00 080109 0402"),
        (set[tuple[u8 | None, ...]], {(2,), (None, 9)}, "08 08000109 040102"),
        (set[Key], {Key(256, "a"), Key(2, "b"), Key(2, None)}, "0c 020000 0200010462 0001010461"),
        (set[Colour], {Colour.BLUE, Colour.RED}, "08 00 04"),
        (set[Leaf | Key], {Key(1, None), Leaf()}, "08 00 01010000"),
        (set[Compact[u32]], {64, 1}, "08 04 0101"),
        (set[H256], {H256(b"b" * 32), H256(b"a" * 32)}, "08" + "61" * 32 + "62" * 32),
        (set[Annotated[tuple[u8, ...], Fixed(2)]], {(2, 0), (1, 3)}, "08 0103 0200"),
    ],
)
def test_maps_and_sets_are_written_in_rusts_order(
    annotation: object, value: Any, data: str
) -> None:
    assert codec(annotation).encode(value) == bytes.fromhex(data)


@pytest.mark.parametrize("annotation", [set[list[u8]], dict[list[u8], u8], set[set[u8]]])
def test_what_has_no_order_or_hash_is_no_key(annotation: object) -> None:
    with pytest.raises(TypeError, match="cannot be a key"):
        codec(annotation)


@pytest.mark.parametrize(
    ("annotation", "value", "why"),
    [
        (u8, 256, "256 does not fit u8: 0 to 255 is allowed"),
        (u32, -1, "-1 does not fit u32"),
        (u64, 1 << 64, "does not fit u64"),
        (u128, 1 << 128, "does not fit u128"),
        (u128, -1, "-1 does not fit u128"),
        (u256, 1 << 256, "does not fit u256"),
        (u256, -1, "-1 does not fit u256"),
        (i8, 128, "128 does not fit i8: -128 to 127"),
        (i128, 1 << 127, "does not fit i128"),
        (i128, -(1 << 127) - 1, "does not fit i128"),
        (u32, 1.0, "1.0 is no u32"),
        (u128, "1", "'1' is no u128"),
        (bool, None, "None is no bool"),
        (bool, 2, "2 is no bool"),
        (bool, [], "is no bool"),
        (Compact[u8], 256, "256 does not fit u8"),
        (Compact[u32], -1, "-1 does not fit u32"),
        (Compact[u32], 1.5, "1.5 is no u32"),
        (Compact[u32], 100.5, "100.5 is no u32"),
        (Compact[Perbill], Perbill(1 << 32), "Perbill.parts: 4294967296 does not fit u32"),
        (H256, b"short", r"\[u8; 32\]: 32 items are needed, 5 were given"),
        (H256, "x" * 32, "bytes are needed"),
        (bytes, "text", "'text' is no Vec<u8>: bytes are needed"),
        (bytes, 5, "5 is no Vec<u8>"),
        (str, b"bytes", "a str is needed"),
        (str, "\ud800", "surrogates not allowed"),
        (Annotated[str, Bounded(3)], "éé", "at most 3 items fit, 4 were given"),
        (Annotated[bytes, Bounded(3)], b"four", "at most 3 items fit, 4 were given"),
        (Annotated[list[u8], Bounded(1)], [1, 2], "at most 1 items fit, 2 were given"),
        (Annotated[dict[u8, u8], Bounded(0)], {1: 1}, "at most 0 items fit"),
        (Annotated[set[u8], Bounded(0)], {1}, "at most 0 items fit"),
        (Annotated[tuple[u8, ...], Fixed(2)], (1,), "2 items are needed, 1 were given"),
        (tuple[u8, u8], (1, 2, 3), "is no"),
        (tuple[u8, u8], None, "None is no"),
        (None, 0, r"0 is no \(\)"),
        (list[u16], [1, 2, 70000], r"\[2\]: 70000 does not fit u16"),
        (list[u16], 5, "5 is no Vec<u16>"),
        (dict[u8, u8], {3: 256}, r"\[3\]: 256 does not fit u8"),
        (dict[u8, u8], [1], "is no BTreeMap"),
        (Colour, 1, "1 is none of its variants"),
        (Colour, "RED", "'RED' is none of its variants"),
        (Expression, OUTER, "is none of its variants"),
        (Leaf, OUTER, "is none of its variants"),
        (Outer, 5, "5 is no Outer: it has no owner"),
        (Outer, replace(OUTER, price=1 << 16), "Outer.price: 65536 does not fit u16"),
        (Outer, replace(OUTER, owner=H256(b"")), r"Outer.owner: \[u8; 32\]: 32 items are needed"),
        (Outer, replace(OUTER, inner=Inner(-1, [])), "Outer.inner.amount: -1 does not fit"),
        (Expression, Branch(Leaf(), 5), "is none of its variants"),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_not_written(annotation: object, value: Any, why: str) -> None:
    with pytest.raises(EncodeError, match=why):
        codec(annotation).encode(value)


def test_an_integer_that_python_refuses_to_print_is_refused_all_the_same() -> None:
    with pytest.raises(EncodeError, match="a value of type int too large to show does not fit u8"):
        codec(u8).encode(10**5000)
    with pytest.raises(EncodeError, match="too large to show does not fit u8"):
        codec(Compact[u8]).encode(10**5000)


def test_a_fault_too_deep_to_be_named_is_refused_all_the_same() -> None:
    tree = nested(60)
    tree.below.append("no tree")  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match=r"Tree\.below\[1\]: 'no tree' is no Tree"):
        codec(Tree).encode(tree)

    deep = tree.below[0]
    while deep.below:
        deep = deep.below[0]
    deep.below.append("no tree")  # type: ignore[arg-type]
    tree.below.pop()
    with pytest.raises(EncodeError, match="is no Tree: 'str' object has no attribute"):
        codec(Tree).encode(tree)


def test_a_shape_that_no_one_knows_is_refused() -> None:
    source = Source(shapes.UNIT)
    with pytest.raises(TypeError, match="cannot be read"):
        read(shapes.Shape(), Reader(source))
    with pytest.raises(TypeError, match="cannot be written"):
        write(shapes.Shape(), "v", Writer(source))


def test_the_compact_form_of_a_small_integer() -> None:
    assert compact(5, 255) == b"\x14"


def test_unsupported_annotations_say_what_to_write() -> None:
    class Bare:
        pass

    for annotation, why in [
        (int, "annotate it u8, u16"),
        (list[int], "annotate it u8, u16"),
        (Annotated[int, Bounded(1)], "annotate it u8, u16"),
        (float, "float has no SCALE form"),
        (Literal[1], r"typing.Literal\[1\] has no SCALE form"),
        (Annotated[list[Annotated[None, Fixed(1)]], Bounded(1)], r"Fixed.1. is for bytes"),
        (list[Compact[None]], "its items have no bytes"),
        (Bare, r"Bare has no SCALE form: make it a @struct, or bind it"),
        (Leaf | u8, "an enum is a union of @struct classes"),
        (Annotated[u8, Bounded(1)], "Bounded.1. is for bytes"),
        (Annotated[u8, Fixed(1)], "Fixed.1. is for bytes"),
        (Annotated[set[u8], Fixed(1)], "Fixed.1. is for bytes"),
        (Compact[i8], "Compact is for u8…u128"),
        (Compact[u256], "Compact is for u8…u128"),
        (Compact[str], "Compact is for u8…u128"),
    ]:
        with pytest.raises(TypeError, match=why):
            codec(annotation)


def test_an_error_in_a_declaration_names_the_field() -> None:
    @struct
    class Wrong:
        fine: u8
        wrong: list[int]

    with pytest.raises(TypeError, match=r"^Wrong\.wrong: an int .* has no width"):
        codec(Wrong)


def test_generated_code_shows_in_tracebacks() -> None:
    with pytest.raises(DecodeError) as caught:
        codec(Outer).decode(b"")

    lines = [str(entry.statement) for entry in caught.traceback]
    assert any("raise short(data, o" in line for line in lines)


def test_a_path_names_an_enum_in_errors() -> None:
    refused(Annotated[Leaf | Branch, Path("a::b::Expression")], "09", "a variant of Expression")
