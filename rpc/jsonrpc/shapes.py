"""The JSON shapes of chain values, as the Rust node writes them."""

from typing import Final, TypedDict

from tilth.frame import RuntimeVersion, codec
from tilth.node.block import Block
from tilth.primitives.types import DigestItem, Header
from tilth.rpc.jsonrpc.schema import HashText, HexText, Quantity

_digest_item: Final = codec(DigestItem)


def hex_of(data: bytes) -> str:
    return "0x" + data.hex()


def optional_hex(data: bytes | None) -> str | None:
    return None if data is None else "0x" + data.hex()


class DigestJson(TypedDict):
    logs: list[HexText]


class HeaderJson(TypedDict):
    """A block's header; each digest item as its SCALE bytes."""

    parentHash: HashText
    number: Quantity
    stateRoot: HashText
    extrinsicsRoot: HashText
    digest: DigestJson


class BlockJson(TypedDict):
    """Header and body."""

    header: HeaderJson
    extrinsics: list[HexText]


class SignedBlockJson(TypedDict):
    """A block, and what proves that it is final, of which this chain has nothing."""

    block: BlockJson
    justifications: None


class RuntimeVersionJson(TypedDict):
    """Which runtime a block was made by: its APIs as pairs of identifier and version.

    `stateVersion` is the old name of `systemVersion`.
    """

    specName: str
    implName: str
    authoringVersion: int
    specVersion: int
    implVersion: int
    apis: list[tuple[HexText, int]]
    transactionVersion: int
    systemVersion: int
    stateVersion: int


class RuntimeSpec(TypedDict):
    """A runtime's version in the form of the JSON-RPC interface: APIs by identifier."""

    specName: str
    implName: str
    specVersion: int
    implVersion: int
    transactionVersion: int
    apis: dict[str, int]


def header_json(header: Header) -> HeaderJson:
    return {
        "parentHash": hex_of(header.parent_hash),
        "number": hex(header.number),
        "stateRoot": hex_of(header.state_root),
        "extrinsicsRoot": hex_of(header.extrinsics_root),
        "digest": {"logs": [hex_of(_digest_item.encode(log)) for log in header.digest.logs]},
    }


def block_json(block: Block) -> SignedBlockJson:
    return {
        "block": {
            "header": header_json(block.header),
            "extrinsics": [hex_of(data) for data in block.extrinsics],
        },
        "justifications": None,
    }


def version_json(version: RuntimeVersion) -> RuntimeVersionJson:
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "authoringVersion": version.authoring_version,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "apis": [(hex_of(id), number) for id, number in version.apis],
        "transactionVersion": version.transaction_version,
        "systemVersion": version.system_version,
        "stateVersion": version.system_version,
    }


def modern_version_json(version: RuntimeVersion) -> RuntimeSpec:
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "transactionVersion": version.transaction_version,
        "apis": {hex_of(id): number for id, number in version.apis},
    }
