"""The JSON shapes of chain values, as the Rust node writes them."""

from typing import Any

from tilth.frame import RuntimeVersion, codec
from tilth.node.block import Block
from tilth.primitives.types import DigestItem, Header


def hex_of(data: bytes) -> str:
    return "0x" + data.hex()


def optional_hex(data: bytes | None) -> str | None:
    return None if data is None else "0x" + data.hex()


def header_json(header: Header) -> dict[str, Any]:
    """Numbers are minimal hex strings, digest items their SCALE bytes."""
    item = codec(DigestItem)
    return {
        "parentHash": hex_of(header.parent_hash),
        "number": hex(header.number),
        "stateRoot": hex_of(header.state_root),
        "extrinsicsRoot": hex_of(header.extrinsics_root),
        "digest": {"logs": [hex_of(item.encode(log)) for log in header.digest.logs]},
    }


def block_json(block: Block) -> dict[str, Any]:
    return {
        "block": {
            "header": header_json(block.header),
            "extrinsics": [hex_of(data) for data in block.extrinsics],
        },
        "justifications": None,
    }


def version_json(version: RuntimeVersion) -> dict[str, Any]:
    """The legacy form: APIs as pairs, the state version under its old and its new name."""
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "authoringVersion": version.authoring_version,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "apis": [[hex_of(id), number] for id, number in version.apis],
        "transactionVersion": version.transaction_version,
        "systemVersion": version.system_version,
        "stateVersion": version.system_version,
    }


def modern_version_json(version: RuntimeVersion) -> dict[str, Any]:
    """The form of the JSON-RPC interface specification: APIs by identifier."""
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "transactionVersion": version.transaction_version,
        "apis": {hex_of(id): number for id, number in version.apis},
    }
