"""Says which part of a value could not be encoded, after the fact."""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as struct_error
from typing import Any

from tilth.primitives.scale.errors import EncodeError, too_long, wrong_length
from tilth.primitives.scale.shapes import (
    Array,
    Bool,
    Bytes,
    Compact,
    FixedBytes,
    Int,
    Mapping,
    Named,
    Option,
    Sequence,
    Shape,
    Struct,
    Text,
    Tuple,
    Uint,
    Union,
)

FAILURES = (struct_error, OverflowError, TypeError, ValueError, AttributeError, LookupError)
"""What generated code raises at a value that does not fit."""

_WAY_LIMIT = 64
"""Steps into a value that are looked at: what lies deeper is reported without its place."""

Way = tuple[str, ...]
Faults = Iterator[tuple[Way, str]]


def fault(shape: Shape, value: object, error: Exception) -> EncodeError:
    """The error of the first part that is at fault, named by the way to it."""
    for way, reason in _faults(shape, value, ()):
        return EncodeError(f"{''.join(way)}: {reason}" if way else reason)
    if isinstance(error, EncodeError):
        return error
    return EncodeError(f"{_shown(value)} is no {shape}: {error}.")


def _faults(shape: Shape, value: Any, way: Way) -> Faults:
    if len(way) > _WAY_LIMIT:
        return
    match shape:
        case Compact(inner) | Named(inner=inner):
            yield from _faults(inner, value, way)
        case Option(inner) if value is not None:
            yield from _faults(inner, value, way)
        case Struct():
            yield from _fields(shape, value, way)
        case Union():
            for variant in shape.variants:
                if type(value) is variant.struct.cls:
                    yield from _fields(variant.struct, value, way)
        case Tuple() | Array() | Sequence() | Mapping():
            yield from _items(shape, value, way)
        case _:
            yield from ((way, reason) for reason in _leaf(shape, value))


def _leaf(shape: Shape, value: Any) -> Iterator[str]:
    match shape:
        case Uint(size):
            yield from _integer(shape, value, 0, (1 << 8 * size) - 1)
        case Int(size):
            yield from _integer(shape, value, -(1 << 8 * size - 1), (1 << 8 * size - 1) - 1)
        case Bool() if value not in (False, True):
            yield f"{_shown(value)} is no bool."
        case Bytes() | FixedBytes():
            yield from _bytes(shape, value)
        case Text(bound):
            yield from _text(shape, value, bound)


def _bytes(shape: Bytes | FixedBytes, value: Any) -> Iterator[str]:
    if not isinstance(value, bytes | bytearray):
        yield f"{_shown(value)} is no {shape}: bytes are needed."
    elif isinstance(shape, Bytes):
        yield from _bound(shape, len(value), shape.bound)
    elif len(value) != shape.size:
        yield str(wrong_length(str(shape), shape.size, value))


def _text(shape: Text, value: Any, bound: int | None) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{_shown(value)} is no {shape}: a str is needed."
    else:
        yield from _bound(shape, len(value.encode("utf-8", "surrogatepass")), bound)


def _bound(shape: Shape, length: int, bound: int | None) -> Iterator[str]:
    if bound is not None and length > bound:
        yield str(too_long(str(shape), bound, length))


def _integer(shape: Shape, value: Any, low: int, high: int) -> Iterator[str]:
    if not isinstance(value, int):
        yield f"{_shown(value)} is no {shape}."
    elif not low <= value <= high:
        yield f"{_shown(value)} does not fit {shape}: {low} to {high} is allowed."


def _fields(shape: Struct, value: Any, way: Way) -> Faults:
    way = way or (str(shape),)
    for field in shape.fields:
        if not hasattr(value, field.name):
            yield way, f"{_shown(value)} is no {shape}: it has no {field.name}."
        else:
            yield from _faults(field.shape, getattr(value, field.name), (*way, f".{field.name}"))


def _items(shape: Tuple | Array | Sequence | Mapping, value: Any, way: Way) -> Faults:
    try:
        parts = list(_parts(shape, value))
    except FAILURES:
        yield way, f"{_shown(value)} is no {shape}."
    else:
        for key, inner, item in parts:
            yield from _faults(inner, item, (*way, f"[{key}]"))


def _parts(
    shape: Tuple | Array | Sequence | Mapping, value: Any
) -> Iterator[tuple[object, Shape, Any]]:
    if isinstance(shape, Mapping):
        for k, v in value.items():
            yield _shown(k), shape.key, k
            yield _shown(k), shape.value, v
    elif isinstance(shape, Tuple):
        yield from ((i, s, v) for i, (s, v) in enumerate(zip(shape.items, value, strict=True)))
    else:
        yield from ((i, shape.item, v) for i, v in enumerate(value))


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # huge integers, and values nested without end
        return f"a value of type {type(value).__name__} too large to show"
    return text if len(text) <= 80 else f"{text[:77]}…"
