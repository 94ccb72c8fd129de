"""The types that a metadata refers to, numbered as they are met."""

from __future__ import annotations

import dataclasses
from functools import singledispatchmethod

from tilth.primitives.scale.codec import Codecs
from tilth.primitives.scale.info import (
    ArrayDef,
    CompactDef,
    CompositeDef,
    Field,
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
    segments,
)
from tilth.primitives.scale.names import type_name, wire_name
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
    Params,
    Sequence,
    Shape,
    Struct,
    Text,
    Tuple,
    Uint,
    Union,
)
from tilth.primitives.scale.structs import doc_lines

U8 = Uint(1)
_SOME_BOUND = 1
_BOUNDED = "bounded_collections::bounded_"


def plain(definition: TypeDef) -> Type:
    return Type((), (), definition)


_PENDING = plain(TupleDef(()))


class TypeRegistry:
    """Numbers types as scale-info does: a type before what it is made of, each once."""

    def __init__(self, codecs: Codecs) -> None:
        self._codecs = codecs
        self._ids: dict[object, int] = {}
        self._types: list[Type] = []

    def id_of(self, annotation: object) -> int:
        """The number of an annotation's type, registered with all it refers to."""
        return self._id(self._codecs.shape(annotation))

    def types(self) -> tuple[PortableType, ...]:
        return tuple(PortableType(number, made) for number, made in enumerate(self._types))

    def type_of(self, number: int) -> Type:
        return self._types[number]

    def add(self, made: Type) -> int:
        """The number of a type described by hand."""
        return self._reserve(made) if made not in self._ids else self._ids[made]

    def field(self, annotation: object, name: str | None = None, *docs: str) -> Field:
        """A field as metadata shows it, named as its annotation reads."""
        return Field(name, self.id_of(annotation), type_name(annotation), docs)

    def variants(self, annotation: object) -> tuple[Variant, ...]:
        """The variants of a union or of a struct that stands alone."""
        shape = self._codecs.shape(annotation)
        assert isinstance(shape, Union), "only unions have variants"
        return self._variants(shape)

    def _reserve(self, made: Type, key: object = None) -> int:
        self._ids[made if key is None else key] = number = len(self._types)
        self._types.append(made)
        return number

    def _id(self, shape: Shape) -> int:
        shape = normal(shape)
        if shape in self._ids:
            return self._ids[shape]
        number = self._reserve(_PENDING, shape)
        self._types[number] = self._describe(shape)
        return number

    def _params(self, params: Params) -> tuple[TypeParameter, ...]:
        return tuple(TypeParameter(n, None if s is None else self._id(s)) for n, s in params)

    def _wrapper(self, path: str, params: Params, inner: Shape, text: str | None) -> Type:
        """A composite around one unnamed field."""
        arguments = self._params(params)
        field = Field(None, self._id(inner), text)
        return Type(segments(path), arguments, CompositeDef((field,)))

    def _fields(self, struct: Struct) -> tuple[Field, ...]:
        unnamed = struct.options.unnamed
        return tuple(
            Field(
                None if unnamed else wire_name(f.name), self._id(f.shape), type_name(f.annotation)
            )
            for f in struct.fields
        )

    def _variants(self, shape: Union) -> tuple[Variant, ...]:
        return tuple(
            Variant(v.name, self._fields(v.struct), v.index, v.struct.options.docs)
            for v in shape.variants
        )

    @singledispatchmethod
    def _describe(self, shape: Shape) -> Type:
        assert isinstance(shape, Custom), "every other shape is registered below"
        return shape.codec.type_info(self)

    @_describe.register
    def _(self, shape: Uint) -> Type:
        if shape.size == 32:
            words = Array(Uint(8), 4, tuple)
            return self._wrapper("primitive_types::U256", (), words, "[u64; 4]")
        return plain(PrimitiveDef(Primitive[f"U{8 * shape.size}"]))

    @_describe.register
    def _(self, shape: Int) -> Type:
        return plain(PrimitiveDef(Primitive[f"I{8 * shape.size}"]))

    @_describe.register
    def _(self, shape: Bool) -> Type:
        return plain(PrimitiveDef(Primitive.BOOL))

    @_describe.register
    def _(self, shape: Text) -> Type:
        return plain(PrimitiveDef(Primitive.STR))

    @_describe.register
    def _(self, shape: Compact) -> Type:
        return plain(CompactDef(self._id(shape.inner)))

    @_describe.register
    def _(self, shape: Array) -> Type:
        return plain(ArrayDef(shape.size, self._id(shape.item)))

    @_describe.register
    def _(self, shape: Sequence) -> Type:
        item = shape.item
        params: Params = (("T", item),)
        if shape.kind is list:
            if shape.bound is None:
                return plain(SequenceDef(self._id(item)))
            return self._wrapper(
                f"{_BOUNDED}vec::BoundedVec", (*params, ("S", None)), Sequence(item, list), "Vec<T>"
            )
        if shape.bound is None:
            return self._wrapper("BTreeSet", params, Sequence(item, list), None)
        return self._wrapper(
            f"{_BOUNDED}btree_set::BoundedBTreeSet",
            (*params, ("S", None)),
            Sequence(item, set),
            "BTreeSet<T>",
        )

    @_describe.register
    def _(self, shape: Mapping) -> Type:
        params: Params = (("K", shape.key), ("V", shape.value))
        if shape.bound is None:
            pairs = Sequence(Tuple((shape.key, shape.value)), list)
            return self._wrapper("BTreeMap", params, pairs, None)
        return self._wrapper(
            f"{_BOUNDED}btree_map::BoundedBTreeMap",
            (*params, ("S", None)),
            Mapping(shape.key, shape.value),
            "BTreeMap<K, V>",
        )

    @_describe.register
    def _(self, shape: Option) -> Type:
        params = self._params((("T", shape.inner),))
        some = Field(None, self._id(shape.inner))
        variants = Variant("None", (), 0), Variant("Some", (some,), 1)
        return Type(("Option",), params, VariantDef(variants))

    @_describe.register
    def _(self, shape: Tuple) -> Type:
        return plain(TupleDef(tuple(self._id(item) for item in shape.items)))

    @_describe.register
    def _(self, shape: Named) -> Type:
        inner = shape.inner
        if isinstance(inner, Bytes | Sequence) and inner.bound is not None:
            item = U8 if isinstance(inner, Bytes) else inner.item
            params = shape.params or (("T", item), ("S", None))
            return self._wrapper(shape.path, params, Sequence(item, list), "Vec<T>")
        return self._wrapper(shape.path, shape.params, inner, shape.inner_name)

    @_describe.register
    def _(self, shape: Struct) -> Type:
        params, fields = self._params(shape.params), self._fields(shape)
        return Type(segments(shape.path), params, CompositeDef(fields), shape.options.docs)

    @_describe.register
    def _(self, shape: Union) -> Type:
        params = self._params(shape.params)
        return Type(segments(shape.path), params, VariantDef(self._variants(shape)))

    @_describe.register
    def _(self, shape: Enumeration) -> Type:
        variants = tuple(Variant(pascal(m.name), (), int(m)) for m in shape.cls)
        return Type(
            segments(shape.path),
            (),
            VariantDef(variants),
            doc_lines(shape.cls.__dict__.get("__doc__")),
        )


def normal(shape: Shape) -> Shape:
    """The shape by which metadata tells types apart: not by Python's kinds, nor by bounds."""
    match shape:
        case Bytes(bound):
            return Sequence(U8, list, bounded(bound))
        case FixedBytes(size):
            return Array(U8, size, tuple)
        case Text():
            return Text()
        case Array(item=item, size=size):
            return Array(normal(item), size, tuple)
        case Sequence(item=item, kind=kind, bound=bound):
            of = list if kind in (list, tuple) else set
            return Sequence(normal(item), of, bounded(bound))
        case Mapping(key=key, value=value, bound=bound):
            return Mapping(normal(key), normal(value), bounded(bound))
        case Option(inner):
            return Option(normal(inner))
        case Compact(inner):
            return Compact(normal(inner))
        case Tuple(items):
            return Tuple(tuple(map(normal, items)))
        case Named(inner=inner):
            return dataclasses.replace(shape, inner=normal(inner))
        case _:
            return shape


def bounded(bound: int | None) -> int | None:
    return None if bound is None else _SOME_BOUND


def pascal(name: str) -> str:
    """`NOT_OWNER` as Rust spells a variant: `NotOwner`."""
    return "".join(p.capitalize() for p in name.split("_")) if name.isupper() else name
