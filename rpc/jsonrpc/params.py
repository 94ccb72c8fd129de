"""Kinds of parameters: how JSON becomes a method's argument, and serde's words when it cannot."""

import binascii
import re
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, TypeAlias

from tilth.rpc.jsonrpc.schema import Shape
from tilth.rpc.jsonrpc.wire import U64_MAX, OutOfRange, encode, is_unicode, read_value, skip_blanks

Reader: TypeAlias = Callable[[object], Any]
# serde_json's recursion limit
_DEPTH: Final = 128


class Place(Enum):
    """Where serde_json says a misfit is: behind the value, before it, or nowhere."""

    BEHIND = 1
    BEFORE = 2
    NOWHERE = 3
    END = 4  # behind all parameters


class Misfit(Exception):
    """A JSON value that is not what a parameter takes, in serde's words."""

    def __init__(self, text: str, place: Place = Place.BEHIND) -> None:
        super().__init__(text)
        self.text = text
        self.place = place
        self.path: list[int | str] = []  # from the params to the misfit


def unexpected(value: object) -> str:
    """serde_json's name for a value that does not fit."""
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int() if -(2**63) <= value <= U64_MAX:
            return f"integer `{value}`"
        case int() | float():
            return f"floating point `{_double(value)}`"
        case str():
            return f"string {encode(value).decode() if is_unicode(value) else ascii(value)}"
        case list():
            return "sequence"
        case _:
            return "map"


def _double(value: float) -> str:
    return re.sub(r"e\+?(-?)0*", r"e\1", repr(float(value)))


def wrong_type(value: object, expected: str) -> Misfit:
    if isinstance(value, OutOfRange) or (type(value) is int and abs(value) >= 2**1024):
        return Misfit("number out of range")
    place = Place.BEFORE if isinstance(value, list | dict) else Place.BEHIND
    return Misfit(f"invalid type: {unexpected(value)}, expected {expected}", place)


def read_text(value: object) -> str:
    if type(value) is not str:
        raise wrong_type(value, "a string")
    if not is_unicode(value):
        raise Misfit("lone leading surrogate in hex escape")
    return value


def read_bool(value: object) -> bool:
    if type(value) is not bool:
        raise wrong_type(value, "a boolean")
    return value


def unsigned(bits: int) -> Callable[[object], int]:
    top = 2**bits - 1

    def read_unsigned(value: object) -> int:
        if type(value) is int:
            if 0 <= value <= top:
                return value
            if -(2**63) <= value <= U64_MAX:
                raise Misfit(f"invalid value: integer `{value}`, expected u{bits}")
        raise wrong_type(value, f"u{bits}")

    return read_unsigned


_HEX: Final = "a (both 0x-prefixed or not) hex string"


def _digits(value: object, expected: str) -> tuple[str, int]:
    if type(value) is not str:
        raise wrong_type(value, expected)
    return (value[2:], 2) if value.startswith("0x") else (value, 0)


def _unhex(digits: str, prefix: int) -> bytes:
    try:
        return binascii.unhexlify(digits if len(digits) % 2 == 0 else "0" + digits)
    except ValueError:
        bad = re.search(r"[^0-9a-fA-F]", digits)
        where = (bad.group(), bad.start() + prefix) if bad else ("", prefix)
        raise Misfit("invalid hex character: {}, at {}".format(*where)) from None


def read_hex(value: object) -> bytes:
    """Bytes as hex with or without 0x; an odd digit in front is a byte of its own (impl-serde)."""
    return _unhex(*_digits(value, _HEX))


def read_hash(value: object) -> bytes:
    if type(value) is str and len(value) == 66 and value.startswith("0x"):
        return _unhex(value[2:], 2)
    expected = f"{_HEX} with length of 64"
    digits, prefix = _digits(value, expected)
    if len(digits) != 64:
        raise Misfit(f"invalid length {len(digits)}, expected {expected}")
    return _unhex(digits, prefix)


def read_json(value: object) -> Any:
    """Any JSON value that serde_json would hold: finite, of whole characters, 128 levels deep."""
    level: list[object] = [value]
    for _ in range(_DEPTH - 1):
        level = [inner for item in level for inner in _parts(item)]
    if any(isinstance(item, list | dict) or _parts(item) for item in level):
        raise Misfit("recursion limit exceeded", Place.BEFORE)
    return value


def _parts(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, OutOfRange):
        raise wrong_type(value, "any value")
    if isinstance(value, str):
        read_text(value)
    return []


def _no_variant(name: str) -> Misfit:
    return Misfit(f"data did not match any variant of untagged enum {name}", Place.NOWHERE)


class FromHex(int):
    """A number that was written in hexadecimal, which some error texts tell."""


def read_number_or_hex(value: object) -> int:
    """A u64, or up to 256 bits as hex with or without 0x (sp_rpc's NumberOrHex)."""
    if type(value) is int and 0 <= value <= U64_MAX:
        return value
    if type(value) is str:
        digits = value.removeprefix("0x")
        if re.fullmatch(r"[0-9a-fA-F]{1,64}", digits):
            return FromHex(digits, 16)
    raise _no_variant("NumberOrHex")


def list_of(reader: Reader) -> Callable[[object], list[Any]]:
    def read_list(value: object) -> list[Any]:
        if type(value) is not list:
            raise wrong_type(value, "a sequence")
        read: list[Any] = []
        try:
            for item in value:
                read.append(reader(item))
        except Misfit as misfit:
            misfit.path.insert(0, len(read))
            raise
        return read

    return read_list


def list_or(reader: Reader) -> Reader:
    """One value or a list of them (sp_rpc's ListOrValue)."""

    def read_list_or_value(value: object) -> Any:
        try:
            return [reader(item) for item in value] if isinstance(value, list) else reader(value)
        except Misfit:
            raise _no_variant("ListOrValue") from None

    return read_list_or_value


def _natural(bits: int) -> Shape:
    return Shape({"type": "integer", "minimum": 0, "maximum": 2**bits - 1})


_HEX_SHAPE: Final = Shape({"title": "bytes", "type": "string", "pattern": "^(0x)?[0-9a-fA-F]*$"})
_HASH_SHAPE: Final = Shape({"title": "hash", "type": "string", "pattern": "^(0x)?[0-9a-fA-F]{64}$"})
_NUMBER: Final = {
    "title": "numberOrHex",
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": U64_MAX},
        {"type": "string", "pattern": "^(0x)?[0-9a-fA-F]{1,64}$"},
    ],
}

U32: TypeAlias = Annotated[int, unsigned(32), _natural(32)]
U64: TypeAlias = Annotated[int, unsigned(64), _natural(64)]
Hex: TypeAlias = Annotated[bytes, read_hex, _HEX_SHAPE]
Hash: TypeAlias = Annotated[bytes, read_hash, _HASH_SHAPE]
Hashes: TypeAlias = Annotated[
    bytes | list[bytes],
    list_or(read_hash),
    Shape({"anyOf": [_HASH_SHAPE.schema, {"type": "array", "items": _HASH_SHAPE.schema}]}),
]
Json: TypeAlias = Annotated[Any, read_json]
NumberOrHex: TypeAlias = Annotated[int, read_number_or_hex, Shape(_NUMBER)]
BlockNumbers: TypeAlias = Annotated[
    int | list[int],
    list_or(read_number_or_hex),
    Shape({"anyOf": [_NUMBER, {"type": "array", "items": _NUMBER}]}),
]
HexOrNothing: TypeAlias = Annotated[
    str,
    read_text,
    Shape({"title": "bytes", "type": "string", "pattern": "^((0x)?([0-9a-fA-F]{2})*)$"}),
]
"""Hex that the method reads itself, since what is wrong with it is the method's own error."""

PLAIN_READERS: Final[dict[object, Reader]] = {
    str: read_text,
    bool: read_bool,
    int: unsigned(64),
    bytes: read_hex,
}


def explain(misfit: Misfit, text: str, request: int) -> str:
    """The misfit in jsonrpsee's words, with its position in the request that starts there."""
    if misfit.place is Place.NOWHERE:
        return misfit.text
    origin, end = _members(text, request)["params"]
    if misfit.place is Place.END:
        return f"{misfit.text}{_position(text, origin, end)}"
    start = origin
    for depth, step in enumerate(misfit.path):
        spans = _members(text, start) if isinstance(step, str) else _elements(text, start)
        start, end = spans[step]
        if depth == 0 and isinstance(step, int):
            # jsonrpsee reads each positional parameter from behind its bracket or comma
            origin = max(text.rfind(",", 0, start), text.rfind("[", 0, start)) + 1
    return f"{misfit.text}{_position(text, origin, start if _before(misfit) else end)}"


def _before(misfit: Misfit) -> bool:
    return misfit.place is Place.BEFORE


def _position(text: str, origin: int, at: int) -> str:
    lines = text[origin:at].split("\n")
    return f" at line {len(lines)} column {len(lines[-1].encode(errors='replace'))}"


def _members(text: str, at: int) -> dict[int | str, tuple[int, int]]:
    """Where each member of the object at `at` starts and ends; the text was read before."""
    spans: dict[int | str, tuple[int, int]] = {}
    at = skip_blanks(text, at + 1)
    while text[at] != "}":
        key, at = read_value(text, at)
        start = skip_blanks(text, skip_blanks(text, at) + 1)
        _, end = read_value(text, start)
        spans[key] = start, end
        at = skip_blanks(text, end)
        if text[at] == ",":
            at = skip_blanks(text, at + 1)
    return spans


def _elements(text: str, at: int) -> dict[int | str, tuple[int, int]]:
    spans: dict[int | str, tuple[int, int]] = {}
    at = skip_blanks(text, at + 1)
    while text[at] != "]":
        _, end = read_value(text, at)
        spans[len(spans)] = at, end
        at = skip_blanks(text, end)
        if text[at] == ",":
            at = skip_blanks(text, at + 1)
    return spans
