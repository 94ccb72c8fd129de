"""Rust's `Default` for every shape."""

from __future__ import annotations

import dataclasses
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
    children,
)

Maker = Callable[[], Any]


def default_maker(shape: Shape, above: tuple[Shape, ...] = ()) -> Maker:
    """A function that returns the default: the same one each time, unless it could be changed."""
    if shape in above:
        raise TypeError(f"{shape} has no default: its default would contain itself")
    make = _maker(shape, (*above, shape))
    return make if _changeable(shape) else _constant(make())


def _maker(shape: Shape, above: tuple[Shape, ...]) -> Maker:
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
            return default_maker(inner, above)
        case _:
            return _composed(shape, above)


def _composed(shape: Shape, above: tuple[Shape, ...]) -> Maker:
    match shape:
        case Array(item=item, size=size, kind=kind):
            return _repeated(default_maker(item, above), size, kind)
        case Tuple(items):
            return _tuple([default_maker(i, above) for i in items])
        case Struct():
            return _struct(shape, above)
        case Union(variants=variants):
            return default_maker(variants[0].struct, above)
        case Enumeration(cls=cls):
            return _constant(next(iter(cls)))
        case _:
            assert isinstance(shape, Custom), "every other shape stands above"
            return _custom(shape.codec)


def _changeable(shape: Shape) -> bool:
    """Whether a default holds a list, a set or a dict."""
    match shape:
        case Mapping():
            return True
        case Option():
            return False
        case Sequence(kind=kind):
            return kind in (list, set)
        case Array(item=item, kind=kind):
            return kind is list or _changeable(item)
        case Union(variants=variants):
            return _changeable(variants[0].struct)
        case _:
            return any(map(_changeable, children(shape)))


def _constant(value: object) -> Maker:
    return lambda: value


def _repeated(make: Maker, size: int, kind: type) -> Maker:
    return lambda: kind(make() for _ in range(size))


def _tuple(makers: list[Maker]) -> Maker:
    return lambda: tuple(make() for make in makers) if makers else None


def _struct(shape: Struct, above: tuple[Shape, ...]) -> Maker:
    """A default that a field declares stands for an `impl Default` that is not derived."""
    declared = {field.name: field.default for field in dataclasses.fields(shape.cls)}
    makers = [
        default_maker(field.shape, above)
        if declared[field.name] is dataclasses.MISSING
        else _constant(declared[field.name])
        for field in shape.fields
    ]
    return lambda: shape.cls(*[make() for make in makers])


def _custom(codec: Any) -> Maker:
    if not hasattr(codec, "default"):
        raise TypeError(f"{type(codec).__name__} has no default")
    return _constant(codec.default)
