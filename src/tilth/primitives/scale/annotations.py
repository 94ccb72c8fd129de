"""The vocabulary of annotations: widths, bounds, and the names that metadata shows."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias, TypeVar

from tilth.primitives.scale.shapes import Int, Uint

T = TypeVar("T")

u8: TypeAlias = Annotated[int, Uint(1)]
u16: TypeAlias = Annotated[int, Uint(2)]
u32: TypeAlias = Annotated[int, Uint(4)]
u64: TypeAlias = Annotated[int, Uint(8)]
u128: TypeAlias = Annotated[int, Uint(16)]
u256: TypeAlias = Annotated[int, Uint(32)]
i8: TypeAlias = Annotated[int, Int(1)]
i16: TypeAlias = Annotated[int, Int(2)]
i32: TypeAlias = Annotated[int, Int(4)]
i64: TypeAlias = Annotated[int, Int(8)]
i128: TypeAlias = Annotated[int, Int(16)]


@dataclass(frozen=True, slots=True)
class Fixed:
    """On `bytes`: `[u8; size]`. On `tuple[T, ...]` or `list[T]`: `[T; size]`."""

    size: int


@dataclass(frozen=True, slots=True)
class Bounded:
    """`BoundedVec<_, limit>` and its like; on `str` the limit counts UTF-8 bytes."""

    limit: int


@dataclass(frozen=True, slots=True)
class Param:
    """A type that the runtime chooses by binding the name, as an associated type of `Config`."""

    name: str
    default: object
    type_name: str | None = None


@dataclass(frozen=True, slots=True)
class TypeName:
    """What metadata shows as a field's `typeName`; None shows nothing."""

    text: str | None


@dataclass(frozen=True, slots=True, init=False)
class Path:
    """A type's path in metadata, and its type parameters; `...` is a parameter left unsaid."""

    path: str
    params: tuple[tuple[str, object], ...]

    def __init__(self, path: str, /, **params: object) -> None:
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "params", tuple(params.items()))


@dataclass(frozen=True, slots=True)
class CompactMark:
    """Makes `Compact<T>` of an integer or of a newtype around one."""


@dataclass(frozen=True, slots=True)
class SoleVariant:
    """Makes an enum of one variant, where a union of one struct would be that struct."""


COMPACT = CompactMark()
SOLE_VARIANT = SoleVariant()

Compact: TypeAlias = Annotated[T, COMPACT]
