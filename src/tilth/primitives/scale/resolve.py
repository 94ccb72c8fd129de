"""From annotations to shapes, under the bindings that a runtime chose."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping as MappingABC
from enum import IntEnum
from typing import Annotated, Any, NewType, TypeGuard, TypeVar

from tilth.primitives.scale.annotations import (
    Bounded,
    CompactMark,
    Fixed,
    Param,
    Path,
    SoleVariant,
    TypeName,
)
from tilth.primitives.scale.custom import CustomCodec
from tilth.primitives.scale.newtypes import NEW_TYPES
from tilth.primitives.scale.result import Err, Ok
from tilth.primitives.scale.shapes import (
    UNIT,
    Array,
    Bool,
    Bytes,
    Compact,
    Custom,
    Enumeration,
    Field,
    FixedBytes,
    Int,
    Mapping,
    Named,
    Option,
    Params,
    Sequence,
    Shape,
    Struct,
    Text,
    Tuple,
    Uint,
    Union,
    Variant,
    compact_integer,
)
from tilth.primitives.scale.structs import StructOptions, enum_path, options_of

_PLAIN: dict[object, Shape] = {
    bool: Bool(),
    str: Text(),
    bytes: Bytes(),
    None: UNIT,
    type(None): UNIT,
}
_CODEC = ("encode", "decode_at", "type_info")
_NO_WIDTH = (
    "an int (or Any) has no width of its own: annotate it u8, u16, u32, u64, u128, u256 or i8…i128"
)


class Resolver:
    """Knows what each placeholder, newtype and parameter stands for."""

    def __init__(self, bindings: MappingABC[object, object]) -> None:
        self._bindings = {**NEW_TYPES, **bindings}
        self._structs: dict[tuple[type, tuple[Shape, ...]], Struct] = {}

    def shape(self, annotation: object) -> Shape:
        base, marks = unwrapped(annotation)
        shape = None if base in (int, Any) else self._bare(base)
        for place, mark in enumerate(marks):
            if isinstance(mark, Path) and shape is not None:
                shape = pathed(shape, mark.path, self._params(mark.params), marks[:place])
            else:
                shape = self._marked(shape, mark)
        if shape is None:
            raise TypeError(_NO_WIDTH)
        return shape

    def _bare(self, base: Any) -> Shape:
        if base in self._bindings:
            bound = self._bindings[base]
            return Custom(bound) if is_codec(bound) else self.shape(bound)
        if base in _PLAIN:
            return _PLAIN[base]
        if isinstance(base, NewType):
            return self.shape(base.__supertype__)
        if isinstance(base, type) and not isinstance(base, types.GenericAlias):
            return self._class(base)
        return self._generic(base)

    def _class(self, cls: type) -> Shape:
        if options := options_of(cls):
            return self._struct(cls, (), options)
        if issubclass(cls, IntEnum):
            return enumeration(cls)
        if is_codec(codec := getattr(cls, "__scale_codec__", None)):
            return Custom(codec)
        raise TypeError(
            f"{cls.__qualname__} has no SCALE form: make it a @struct, or bind it in Codecs({{…}})"
        )

    def _generic(self, base: Any) -> Shape:
        origin, args = typing.get_origin(base), typing.get_args(base)
        if origin in (typing.Union, types.UnionType):
            return self._union(args)
        if origin is tuple and not (len(args) == 2 and args[1] is ...):
            return Tuple(tuple(self.shape(a) for a in args))
        if origin in (list, tuple, set, frozenset):
            return Sequence(self.shape(args[0]), origin)
        if origin is dict:
            return Mapping(self.shape(args[0]), self.shape(args[1]))
        if options := options_of(origin):
            return self._struct(origin, args, options)
        if isinstance(base, TypeVar):
            raise TypeError(f"the type parameter {base} is not bound: write its type in brackets")
        raise TypeError(f"{base!r} has no SCALE form")

    def _union(self, args: tuple[object, ...]) -> Shape:
        members = tuple(a for a in args if a is not type(None))
        if len(members) == len(args):
            return self._enum(members)
        return Option(self.shape(members[0]) if len(members) == 1 else self._enum(members))

    def _enum(self, members: tuple[object, ...]) -> Union:
        shapes = [self.shape(member) for member in members]
        structs = [s for s in shapes if isinstance(s, Struct)]
        if len(structs) < len(shapes):
            raise TypeError(f"an enum is a union of @struct classes, not {members}")
        variants = tuple(Variant(_index(s, i), s) for i, s in enumerate(structs))
        _check_variants(variants)
        if [s.cls for s in structs] == [Ok, Err]:
            params = (("T", structs[0].args[0]), ("E", structs[1].args[0]))
            return Union("Result", params, variants)
        return Union("", (), variants)

    def _struct(self, cls: type, args: tuple[object, ...], options: StructOptions) -> Struct:
        names: tuple[TypeVar, ...] = getattr(cls, "__parameters__", ())
        if len(names) != len(args):
            raise TypeError(f"{cls.__qualname__} takes {len(names)} types in brackets")
        chosen = dict(zip(names, args, strict=True))
        shapes = tuple(self.shape(a) for a in args)
        generic = tuple((n.__name__, s) for n, s in zip(names, shapes, strict=True))
        params = generic if options.params is None else self._params(options.params)
        known = Struct(
            cls, shapes, options.path, params, options, lambda: self._fields(cls, chosen)
        )
        # One object for each struct, so that its fields are resolved once.
        return self._structs.setdefault((cls, shapes), known)

    def _fields(self, cls: type, chosen: dict[TypeVar, object]) -> tuple[Field, ...]:
        hints = typing.get_type_hints(cls, include_extras=True)
        names = [f.name for f in dataclasses.fields(cls)]
        return tuple(
            Field(n, hints[n], self._field(cls, n, substituted(hints[n], chosen))) for n in names
        )

    def _field(self, cls: type, name: str, annotation: object) -> Shape:
        try:
            return self.shape(annotation)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.{name}: {error}") from None

    def _params(self, params: tuple[tuple[str, object], ...]) -> Params:
        return tuple((name, None if p is ... else self.shape(p)) for name, p in params)

    def _marked(self, shape: Shape | None, mark: object) -> Shape | None:
        match mark:
            case Uint() | Int():
                return mark
            case Param(name=name, default=default):
                return self.shape(self._bindings.get(name, default))
        if shape is None:
            return None
        match mark:
            case Fixed(size):
                return fixed(shape, size)
            case Bounded(limit):
                return bounded(shape, limit)
            case CompactMark():
                return compact(shape)
            case SoleVariant():
                return sole_variant(shape)
            case _:
                return shape


def unwrapped(annotation: object) -> tuple[Any, tuple[object, ...]]:
    if typing.get_origin(annotation) is Annotated:
        base, *marks = typing.get_args(annotation)
        return base, tuple(marks)
    return annotation, ()


def is_codec(value: object) -> TypeGuard[CustomCodec]:
    # isinstance() of a Protocol takes 40 µs, and a runtime's types ask 600 times
    return not isinstance(value, type) and all(hasattr(value, name) for name in _CODEC)


def substituted(annotation: Any, chosen: dict[TypeVar, object]) -> object:
    if isinstance(annotation, TypeVar):
        return chosen.get(annotation, annotation)
    free = getattr(annotation, "__parameters__", ())
    if not free or isinstance(annotation, type):
        return annotation
    return annotation[tuple(chosen.get(name, name) for name in free)]


def pathed(shape: Shape, path: str, params: Params, before: tuple[object, ...]) -> Shape:
    """A TypeName written before the path is the name of the type inside."""
    match shape:
        case Struct() | Union() | Named():
            return dataclasses.replace(shape, path=path, params=params or shape.params)
        case Enumeration():
            return dataclasses.replace(shape, path=path)
        case _:
            names = [mark.text for mark in before if isinstance(mark, TypeName)]
            return Named(path, params, shape, names[-1] if names else str(shape))


def fixed(shape: Shape, size: int) -> Shape:
    match shape:
        case Bytes():
            return FixedBytes(size)
        case Sequence(item=item, kind=kind) if kind in (list, tuple):
            return Array(item, size, kind)
        case _:
            raise TypeError(f"Fixed({size}) is for bytes, tuple[T, ...] and list[T], not {shape}")


def bounded(shape: Shape, limit: int) -> Shape:
    match shape:
        case Bytes() | Text() | Sequence() | Mapping():
            return dataclasses.replace(shape, bound=limit)
        case _:
            raise TypeError(f"Bounded({limit}) is for bytes, str and collections, not {shape}")


def compact(shape: Shape) -> Compact:
    integer = compact_integer(shape)
    if integer != UNIT and not (isinstance(integer, Uint) and integer.size <= 16):
        raise TypeError(f"Compact is for u8…u128 and newtypes of them, not {shape}")
    return Compact(shape)


def sole_variant(shape: Shape) -> Union:
    if not isinstance(shape, Struct):
        raise TypeError(f"SOLE_VARIANT is for a @struct, not {shape}")
    return Union("", (), (Variant(_index(shape, 0), shape),))


def enumeration(cls: type[IntEnum]) -> Enumeration:
    beyond = [m.name for m in cls if not 0 <= m.value <= 255]
    if beyond:
        raise TypeError(f"{cls.__qualname__}: the index of {beyond[0]} is not in 0…255")
    return Enumeration(cls, enum_path(cls))


def _index(struct: Struct, place: int) -> int:
    return place if struct.options.index is None else struct.options.index


def _check_variants(variants: tuple[Variant, ...]) -> None:
    taken: dict[int, str] = {}
    if len({v.struct.cls for v in variants}) < len(variants):
        raise TypeError(f"an enum has each class once: {', '.join(v.name for v in variants)}")
    for variant in variants:
        if not 0 <= variant.index <= 255:
            raise TypeError(f"the index of {variant.name} is not in 0…255")
        if variant.index in taken:
            both = f"{taken[variant.index]} and {variant.name}"
            raise TypeError(f"{both} have the same index {variant.index}")
        taken[variant.index] = variant.name
