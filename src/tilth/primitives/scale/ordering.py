"""Rust's `Ord` for the keys of maps and the items of sets."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from tilth.primitives.scale.shapes import (
    Array,
    Bool,
    Bytes,
    Compact,
    Enumeration,
    FixedBytes,
    Int,
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

Key = Callable[[Any], Any]


def sort_key(shape: Shape) -> Key | None:
    """What `sorted` needs to order values as Rust would; None where Python's order is the same."""
    match shape:
        case Uint() | Int() | Bool() | Bytes() | FixedBytes() | Text() | Enumeration():
            return None
        case Named(inner=inner) | Compact(inner):
            return sort_key(inner)
        case Option(inner):
            return _option(sort_key(inner) or _same)
        case Tuple(items):
            return _tuple([sort_key(i) for i in items])
        case Array(item=item, kind=kind) | Sequence(item=item, kind=kind) if kind is tuple:
            return _items(sort_key(item))
        case Struct():
            return _struct(shape)
        case Union():
            return _union(shape)
        case _:
            raise TypeError(f"{shape} cannot be a key: it has no order, or no hash")


def _same(value: Any) -> Any:
    return value


def _option(inner: Key) -> Key:
    return lambda v: (0,) if v is None else (1, inner(v))


def _tuple(keys: list[Key | None]) -> Key | None:
    if not any(keys):
        return None if keys else lambda _: ()
    each = [k or _same for k in keys]
    return lambda v: tuple(k(x) for k, x in zip(each, v, strict=True))


def _items(key: Key | None) -> Key | None:
    return key and (lambda v: tuple(map(key, v)))


def _struct(shape: Struct) -> Key:
    parts = [(attrgetter(f.name), sort_key(f.shape) or _same) for f in shape.fields]
    return lambda v: tuple(key(get(v)) for get, key in parts)


def _union(shape: Union) -> Key:
    # Rust's derived Ord compares the place of the variant, not its codec index.
    places = {v.struct.cls: (i, _struct(v.struct)) for i, v in enumerate(shape.variants)}

    def key(value: Any) -> tuple[int, Any]:
        place, fields = places[type(value)]
        return place, fields(value)

    return key
