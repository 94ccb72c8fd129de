"""JSON as the node reads and writes it: strict towards clients, compact and spliceable outwards."""

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Final, NoReturn


class Encoded(bytes):
    """A JSON text that is spliced into replies and notifications as it is."""

    __slots__ = ()


class OutOfRange:
    """A number beyond a double or an integer of sane size; no parameter takes it."""


OUT_OF_RANGE: Final = OutOfRange()
ABSENT: Final = object()
U64_MAX: Final = 2**64 - 1
# Python refuses to convert integers of more digits; 2^256 has 78.
_MOST_DIGITS: Final = 4300

_blanks = re.compile(r"[ \t\n\r]*").match


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float | OutOfRange:
    value = float(text)
    return value if isfinite(value) else OUT_OF_RANGE


def _whole(text: str) -> int | OutOfRange:
    return int(text) if len(text) <= _MOST_DIGITS else OUT_OF_RANGE


_decode = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant).raw_decode
# An own integer parser costs a call per integer, so it only runs where the plain one gave up.
_decode_slowly = json.JSONDecoder(
    parse_float=_finite, parse_int=_whole, parse_constant=_refuse_constant
).raw_decode


def skip_blanks(text: str, at: int) -> int:
    found = _blanks(text, at)
    return found.end() if found else at


def read_value(text: str, at: int) -> tuple[Any, int]:
    """The JSON value that starts at `at`, and where it ends.

    Raises ValueError for what is no JSON, RecursionError for what is nested too deeply.
    """
    try:
        return _decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _decode_slowly(text, at)


def read(text: str) -> Any:
    """The one JSON value of a text that starts with it; raises as `read_value` does."""
    value, end = read_value(text, 0)
    if end != len(text) and skip_blanks(text, end) != len(text):
        raise ValueError("text after the value")
    return value


def read_items(text: str) -> Iterator[tuple[Any, int]]:
    """Each item of the array a text is, with its start; only one is held at a time."""
    at = skip_blanks(text, 1)
    if text[at : at + 1] != "]":
        while True:
            value, end = read_value(text, at)
            yield value, at
            at = skip_blanks(text, end)
            mark = text[at : at + 1]
            if mark == "]":
                break
            if mark != ",":
                raise ValueError("an item must be followed by a comma or a bracket")
            at = skip_blanks(text, at + 1)
    if skip_blanks(text, at + 1) != len(text):
        raise ValueError("text after the array")


def _hex(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    raise TypeError(f"a result holds a {type(value).__name__}, which has no JSON form")


# A result that contains itself ends in a RecursionError as surely as in the check that is left out.
_dump = json.JSONEncoder(
    ensure_ascii=False,
    separators=(",", ":"),
    allow_nan=False,
    check_circular=False,
    default=_hex,
).encode


def to_json(value: object) -> bytes:
    """JSON without blanks; bytes become 0x-prefixed hex, what is Encoded already stays as it is."""
    return value if type(value) is Encoded else _dump(value).encode()


def encode(value: object) -> Encoded:
    """`to_json`, for results that are sent more than once."""
    return value if type(value) is Encoded else Encoded(_dump(value).encode())


def is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogate, which JSON escapes can smuggle in."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_id(value: object) -> bool:
    """Whether a value may identify a request: null, a u64 or a string."""
    if type(value) is int:
        return 0 <= value <= U64_MAX
    return value is None or (type(value) is str and is_unicode(value))


def encode_id(value: object) -> bytes:
    return b"%d" % value if type(value) is int else to_json(value)


def success(id_: object, result: bytes) -> bytes:
    return b"".join((b'{"jsonrpc":"2.0","id":', encode_id(id_), b',"result":', result, b"}"))


def failure(id_: object, error: bytes) -> bytes:
    return b"".join((b'{"jsonrpc":"2.0","id":', encode_id(id_), b',"error":', error, b"}"))


NOTIFICATION_END: Final = b"}}"


def notification_start(method: str, subscription: str) -> bytes:
    """All of a notification up to its result; `NOTIFICATION_END` follows the result."""
    return b"".join(
        (
            b'{"jsonrpc":"2.0","method":',
            encode(method),
            b',"params":{"subscription":',
            encode(subscription),
            b',"result":',
        )
    )
