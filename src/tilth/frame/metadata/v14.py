"""Metadata in version 14: the form every client reads, and the parts later versions keep."""

from enum import IntEnum
from typing import Annotated, Final, TypeAlias

from tilth.frame.storage import Hasher
from tilth.primitives.scale import Fixed, Path, scale_enum, struct, u8
from tilth.primitives.scale.info import PortableRegistry, TypeId

MAGIC: Final = b"meta"


@scale_enum(path="frame_metadata::v14::StorageEntryModifier")
class Modifier(IntEnum):
    OPTIONAL = 0
    DEFAULT = 1
    REQUIRED = 2


@struct(unnamed=True)
class Plain:
    value: TypeId


@struct
class Map:
    hashers: tuple[Hasher, ...]
    key: TypeId
    """One type, or the tuple of the keys' types where there are several hashers."""
    value: TypeId


EntryType: TypeAlias = Annotated[Plain | Map, Path("frame_metadata::v14::StorageEntryType")]


@struct
class Entry:
    name: str
    modifier: Modifier
    type: EntryType
    default: bytes
    docs: tuple[str, ...]


@struct
class Storage:
    prefix: str
    entries: tuple[Entry, ...]


@struct
class Constant:
    name: str
    type: TypeId
    value: bytes
    docs: tuple[str, ...]


@struct
class Pallet:
    name: str
    storage: Storage | None
    calls: TypeId | None
    event: TypeId | None
    constants: tuple[Constant, ...]
    error: TypeId | None
    index: u8


@struct
class Extension:
    identifier: str
    type: TypeId
    implicit: TypeId


@struct
class Extrinsic:
    type: TypeId
    version: u8
    extensions: tuple[Extension, ...]


@struct
class V14:
    types: PortableRegistry
    pallets: tuple[Pallet, ...]
    extrinsic: Extrinsic
    runtime: TypeId


@struct
class MetadataV14:
    """What is served: the magic bytes, the version, the description."""

    magic: Annotated[bytes, Fixed(4)]
    version: u8
    body: V14
