"""scale-info's description of types: the form in which metadata carries them."""

from enum import IntEnum
from typing import Annotated, TypeAlias

from tilth.primitives.scale.annotations import Compact, Path, u8, u32
from tilth.primitives.scale.structs import scale_enum, struct

TypeId: TypeAlias = Compact[u32]


@struct(path="scale_info::ty::fields::Field")
class Field:
    name: str | None
    type: TypeId
    type_name: str | None = None
    docs: tuple[str, ...] = ()


@struct(path="scale_info::ty::variant::Variant")
class Variant:
    name: str
    fields: tuple[Field, ...]
    index: u8
    docs: tuple[str, ...] = ()


@scale_enum(path="scale_info::ty::TypeDefPrimitive")
class Primitive(IntEnum):
    BOOL = 0
    CHAR = 1
    STR = 2
    U8 = 3
    U16 = 4
    U32 = 5
    U64 = 6
    U128 = 7
    U256 = 8
    I8 = 9
    I16 = 10
    I32 = 11
    I64 = 12
    I128 = 13
    I256 = 14


@struct(name="Composite")
class CompositeDef:
    fields: tuple[Field, ...]


@struct(name="Variant")
class VariantDef:
    variants: tuple[Variant, ...]


@struct(name="Sequence")
class SequenceDef:
    type: TypeId


@struct(name="Array")
class ArrayDef:
    len: u32
    type: TypeId


@struct(name="Tuple", unnamed=True)
class TupleDef:
    fields: tuple[TypeId, ...]


@struct(name="Primitive", unnamed=True)
class PrimitiveDef:
    primitive: Primitive


@struct(name="Compact")
class CompactDef:
    type: TypeId


@struct(name="BitSequence")
class BitSequenceDef:
    bit_store_type: TypeId
    bit_order_type: TypeId


TypeDef: TypeAlias = Annotated[
    CompositeDef
    | VariantDef
    | SequenceDef
    | ArrayDef
    | TupleDef
    | PrimitiveDef
    | CompactDef
    | BitSequenceDef,
    Path("scale_info::ty::TypeDef"),
]


@struct(path="scale_info::ty::TypeParameter")
class TypeParameter:
    name: str
    type: TypeId | None


@struct(path="scale_info::ty::Type")
class Type:
    path: tuple[str, ...]
    type_params: tuple[TypeParameter, ...]
    type_def: TypeDef
    docs: tuple[str, ...] = ()


@struct(path="scale_info::portable::PortableType")
class PortableType:
    id: TypeId
    type: Type


@struct(path="scale_info::portable::PortableRegistry")
class PortableRegistry:
    types: tuple[PortableType, ...]


def segments(path: str) -> tuple[str, ...]:
    """A path as metadata holds it."""
    return tuple(path.split("::")) if path else ()
