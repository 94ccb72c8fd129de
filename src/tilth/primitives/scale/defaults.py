"""Rust's `Default` for every shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tilth.primitives.scale.shapes import (
    Array,
    Bool,
    Bytes,
    Compact,
    Custom,
    Enumeration,
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

Maker = Callable[[], Any]


def default_maker(shape: Shape) -> Maker:
    """A function that makes the default anew, because lists and maps may be changed."""
    match shape:
        case Uint() | Int():
            return int
        case Bool():
            return bool
        case Text():
            return str
        case Bytes():
            return bytes
        case FixedBytes(size):
            return _constant(bytes(size))
        case Option():
            return _constant(None)
        case Sequence(kind=kind):
            return kind
        case Mapping():
            return dict
        case Compact(inner) | Named(inner=inner):
            return default_maker(inner)
        case _:
            return _composed(shape)


def _composed(shape: Shape) -> Maker:
    match shape:
        case Array(item=item, size=size, kind=kind):
            return _repeated(default_maker(item), size, kind)
        case Tuple(items):
            return _tuple([default_maker(i) for i in items])
        case Struct():
            return _struct(shape.cls, [default_maker(f.shape) for f in shape.fields])
        case Union(variants=variants):
            return default_maker(variants[0].struct)
        case Enumeration(cls=cls):
            return _constant(next(iter(cls)))
        case Custom(codec):
            return _custom(codec)
        case _:
            raise TypeError(f"{shape} has no default")


def _constant(value: object) -> Maker:
    return lambda: value


def _repeated(make: Maker, size: int, kind: type) -> Maker:
    return lambda: kind(make() for _ in range(size))


def _tuple(makers: list[Maker]) -> Maker:
    return lambda: tuple(make() for make in makers) if makers else None


def _struct(cls: type, makers: list[Maker]) -> Maker:
    return lambda: cls(*[make() for make in makers])


def _custom(codec: Any) -> Maker:
    if not hasattr(codec, "default"):
        raise TypeError(f"{type(codec).__name__} has no default")
    return _constant(codec.default)
