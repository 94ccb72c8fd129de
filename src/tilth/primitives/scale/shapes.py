"""The shapes that SCALE knows: what every annotation is reduced to before code is made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tilth.primitives.scale.custom import CustomCodec
    from tilth.primitives.scale.structs import StructOptions

Params = tuple[tuple[str, "Shape | None"], ...]


class Shape:
    """Immutable and compared by structure, so that equal Rust types are equal shapes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Uint(Shape):
    """An unsigned little-endian integer of so many bytes."""

    size: int

    def __str__(self) -> str:
        return f"u{8 * self.size}"


@dataclass(frozen=True, slots=True)
class Int(Shape):
    """A signed little-endian integer of so many bytes."""

    size: int

    def __str__(self) -> str:
        return f"i{8 * self.size}"


@dataclass(frozen=True, slots=True)
class Bool(Shape):
    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class Compact(Shape):
    inner: Shape

    def __str__(self) -> str:
        return f"Compact<{self.inner}>"


@dataclass(frozen=True, slots=True)
class Text(Shape):
    bound: int | None = None

    def __str__(self) -> str:
        return "String"


@dataclass(frozen=True, slots=True)
class Bytes(Shape):
    bound: int | None = None

    def __str__(self) -> str:
        return "Vec<u8>"


@dataclass(frozen=True, slots=True)
class FixedBytes(Shape):
    size: int

    def __str__(self) -> str:
        return f"[u8; {self.size}]"


@dataclass(frozen=True, slots=True)
class Array(Shape):
    item: Shape
    size: int
    kind: type

    def __str__(self) -> str:
        return f"[{self.item}; {self.size}]"


@dataclass(frozen=True, slots=True)
class Sequence(Shape):
    item: Shape
    kind: type
    bound: int | None = None

    def __str__(self) -> str:
        return f"Vec<{self.item}>" if self.kind in (list, tuple) else f"BTreeSet<{self.item}>"


@dataclass(frozen=True, slots=True)
class Mapping(Shape):
    key: Shape
    value: Shape
    bound: int | None = None

    def __str__(self) -> str:
        return f"BTreeMap<{self.key}, {self.value}>"


@dataclass(frozen=True, slots=True)
class Option(Shape):
    inner: Shape

    def __str__(self) -> str:
        return f"Option<{self.inner}>"


@dataclass(frozen=True, slots=True)
class Tuple(Shape):
    items: tuple[Shape, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


@dataclass(frozen=True, slots=True)
class Named(Shape):
    """A Rust newtype: a path around one unnamed field."""

    path: str
    params: Params
    inner: Shape
    inner_name: str | None
    """How Rust writes the type inside, where it shows it."""

    def __str__(self) -> str:
        return self.path.rpartition("::")[2]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    annotation: object
    shape: Shape


@dataclass(frozen=True)
class Struct(Shape):
    """Its fields are resolved when first asked for, because a struct may contain itself."""

    cls: type
    args: tuple[Shape, ...]
    path: str
    params: Params
    options: StructOptions
    resolve: Callable[[], tuple[Field, ...]] = field(compare=False, repr=False)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return self.resolve()

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True, slots=True)
class Variant:
    index: int
    struct: Struct

    @property
    def name(self) -> str:
        return self.struct.options.name or self.struct.cls.__name__


@dataclass(frozen=True, slots=True)
class Union(Shape):
    path: str
    params: Params
    variants: tuple[Variant, ...]

    def __str__(self) -> str:
        return self.path.rpartition("::")[2] or " | ".join(v.name for v in self.variants)


@dataclass(frozen=True, slots=True)
class Enumeration(Shape):
    cls: type[IntEnum]
    path: str

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True, slots=True)
class Custom(Shape):
    codec: CustomCodec

    def __str__(self) -> str:
        return type(self.codec).__name__


UNIT = Tuple(())


def children(shape: Shape) -> tuple[Shape, ...]:
    """The shapes that a value of this shape holds."""
    match shape:
        case Compact(inner) | Option(inner) | Named(inner=inner):
            return (inner,)
        case Array(item=item) | Sequence(item=item):
            return (item,)
        case Mapping(key=key, value=value):
            return (key, value)
        case Tuple(items):
            return items
        case Struct():
            return tuple(f.shape for f in shape.fields)
        case Union():
            return tuple(v.struct for v in shape.variants)
        case _:
            return ()


def compact_integer(shape: Shape) -> Shape:
    """The integer at the bottom of a newtype: what a compact form writes."""
    if isinstance(shape, Named):
        return compact_integer(shape.inner)
    if isinstance(shape, Struct) and len(shape.fields) == 1:
        return compact_integer(shape.fields[0].shape)
    return shape


def recursive_structs(shape: Shape) -> frozenset[Struct]:
    """The structs that contain themselves, at any distance."""
    found: set[Struct] = set()
    done: set[Shape] = set()

    def visit(node: Shape, above: tuple[Shape, ...]) -> None:
        if node in above:
            found.update(s for s in above[above.index(node) :] if isinstance(s, Struct))
        elif node not in done:
            for child in children(node):
                visit(child, (*above, node))
            done.add(node)

    visit(shape, ())
    return frozenset(found)


def fixed_size(shape: Shape, above: tuple[Shape, ...] = ()) -> int | None:
    """The number of bytes of every value, if it is the same for all."""
    match shape:
        case Uint(size) | Int(size) | FixedBytes(size):
            return size
        case Bool() | Enumeration():
            return 1
        case Compact() if compact_integer(shape.inner) == UNIT:
            return 0
        case Array(item=item, size=size):
            one = fixed_size(item, above)
            return None if one is None else one * size
        case Tuple() | Struct() | Named():
            return None if shape in above else _sum_fixed(children(shape), (*above, shape))
        case _:
            return None


def _sum_fixed(shapes: tuple[Shape, ...], above: tuple[Shape, ...]) -> int | None:
    total = 0
    for shape in shapes:
        size = fixed_size(shape, above)
        if size is None:
            return None
        total += size
    return total


def least_size(shape: Shape, above: tuple[Shape, ...] = ()) -> int:
    """The fewest bytes that a value can take: what bounds the items of a sequence."""
    match shape:
        case Uint() | Int() | FixedBytes() | Bool() | Enumeration():
            return fixed_size(shape) or 0
        case Array(item=item, size=size):
            return least_size(item, above) * size
        case Compact() if compact_integer(shape.inner) == UNIT:
            return 0
        case Union():
            return 1
        case Tuple() | Struct() | Named():
            return 0 if shape in above else _sum_least(children(shape), (*above, shape))
        case Custom(codec):
            return int(getattr(codec, "least_size", 1))
        case _:
            return 1


def _sum_least(shapes: tuple[Shape, ...], above: tuple[Shape, ...]) -> int:
    return sum(least_size(shape, above) for shape in shapes)
