"""Metadata in version 15: with the runtime APIs and the enums that gather all pallets."""

from typing import Annotated

from tilth.frame.metadata.v14 import Constant, Extension, Storage
from tilth.primitives.scale import Fixed, struct, u8
from tilth.primitives.scale.info import PortableRegistry, TypeId


@struct
class Pallet:
    name: str
    storage: Storage | None
    calls: TypeId | None
    event: TypeId | None
    constants: tuple[Constant, ...]
    error: TypeId | None
    index: u8
    docs: tuple[str, ...]


@struct
class Extrinsic:
    version: u8
    address: TypeId
    call: TypeId
    signature: TypeId
    extra: TypeId
    extensions: tuple[Extension, ...]


@struct
class Param:
    name: str
    type: TypeId


@struct
class Method:
    name: str
    inputs: tuple[Param, ...]
    output: TypeId
    docs: tuple[str, ...]


@struct
class Api:
    name: str
    methods: tuple[Method, ...]
    docs: tuple[str, ...]


@struct
class OuterEnums:
    call: TypeId
    event: TypeId
    error: TypeId


@struct
class CustomValue:
    type: TypeId
    value: bytes


@struct
class V15:
    types: PortableRegistry
    pallets: tuple[Pallet, ...]
    extrinsic: Extrinsic
    runtime: TypeId
    apis: tuple[Api, ...]
    outer_enums: OuterEnums
    custom: dict[str, CustomValue]


@struct
class MetadataV15:
    magic: Annotated[bytes, Fixed(4)]
    version: u8
    body: V15
