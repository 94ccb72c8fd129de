"""Metadata in version 16: with deprecations, view functions and several forms of extrinsics."""

from typing import Annotated, TypeAlias

from tilth.frame.metadata.v14 import EntryType, Extension, Modifier
from tilth.frame.metadata.v15 import CustomValue, OuterEnums, Param
from tilth.primitives.scale import Compact, Fixed, Path, struct, u8, u32
from tilth.primitives.scale.info import PortableRegistry, TypeId


@struct(index=0)
class NotDeprecated: ...


@struct(index=1)
class DeprecatedWithoutNote: ...


@struct(index=2)
class Deprecated:
    note: str
    since: str | None


ItemDeprecation: TypeAlias = Annotated[
    NotDeprecated | DeprecatedWithoutNote | Deprecated,
    Path("frame_metadata::v16::ItemDeprecationInfo"),
]
VariantDeprecation: TypeAlias = Annotated[
    DeprecatedWithoutNote | Deprecated, Path("frame_metadata::v16::VariantDeprecationInfo")
]


@struct
class Entry:
    name: str
    modifier: Modifier
    type: EntryType
    default: bytes
    docs: tuple[str, ...]
    deprecation: ItemDeprecation


@struct
class Storage:
    prefix: str
    entries: tuple[Entry, ...]


@struct
class Enum:
    """A pallet's calls, events or errors; the deprecations are by variant index."""

    type: TypeId
    deprecation: dict[u8, VariantDeprecation]


@struct
class Constant:
    name: str
    type: TypeId
    value: bytes
    docs: tuple[str, ...]
    deprecation: ItemDeprecation


@struct
class AssociatedType:
    name: str
    type: TypeId
    docs: tuple[str, ...]


@struct
class ViewFunction:
    id: Annotated[bytes, Fixed(32)]
    name: str
    inputs: tuple[Param, ...]
    output: TypeId
    docs: tuple[str, ...]
    deprecation: ItemDeprecation


@struct
class Pallet:
    name: str
    storage: Storage | None
    calls: Enum | None
    event: Enum | None
    constants: tuple[Constant, ...]
    error: Enum | None
    associated_types: tuple[AssociatedType, ...]
    view_functions: tuple[ViewFunction, ...]
    index: u8
    docs: tuple[str, ...]
    deprecation: ItemDeprecation


@struct
class Extrinsic:
    versions: bytes
    address: TypeId
    call: TypeId
    signature: TypeId
    extensions_by_version: dict[u8, tuple[Compact[u32], ...]]
    extensions: tuple[Extension, ...]


@struct
class Method:
    name: str
    inputs: tuple[Param, ...]
    output: TypeId
    docs: tuple[str, ...]
    deprecation: ItemDeprecation


@struct
class Api:
    name: str
    methods: tuple[Method, ...]
    docs: tuple[str, ...]
    version: Compact[u32]
    deprecation: ItemDeprecation


@struct
class V16:
    types: PortableRegistry
    pallets: tuple[Pallet, ...]
    extrinsic: Extrinsic
    apis: tuple[Api, ...]
    outer_enums: OuterEnums
    custom: dict[str, CustomValue]


@struct
class MetadataV16:
    magic: Annotated[bytes, Fixed(4)]
    version: u8
    body: V16
