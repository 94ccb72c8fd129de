"""childstate_*: tries below a key of the state; no pallet of ours keeps any, so all are empty."""

from typing import Final

from tilth.node.block import Block
from tilth.node.service import Node
from tilth.rpc.jsonrpc.dispatch import fails
from tilth.rpc.jsonrpc.params import U32, Hash, Hex
from tilth.rpc.jsonrpc.reading import CLIENT, ReadProof, block_of, proof_of
from tilth.rpc.jsonrpc.schema import HashText, HexText

PREFIX: Final = b":child_storage:default:"  # primitives/storage: DEFAULT_CHILD_STORAGE_KEY_PREFIX


@fails(CLIENT)
def childstate_getKeys(
    node: Node, child_storage_key: Hex, prefix: Hex, hash: Hash | None = None
) -> list[HexText]:
    """All keys of a child trie with a prefix."""
    _checked(node, child_storage_key, hash)
    return []


@fails(CLIENT)
def childstate_getKeysPaged(
    node: Node,
    child_storage_key: Hex,
    prefix: Hex | None,
    count: U32,
    start_key: Hex | None = None,
    hash: Hash | None = None,
) -> list[HexText]:
    """The next keys of a child trie with a prefix."""
    _checked(node, child_storage_key, hash)
    return []


@fails(CLIENT)
def childstate_getStorage(
    node: Node, child_storage_key: Hex, key: Hex, hash: Hash | None = None
) -> HexText | None:
    """The value under a key of a child trie."""
    _checked(node, child_storage_key, hash)
    return None


@fails(CLIENT)
def childstate_getStorageEntries(
    node: Node, child_storage_key: Hex, keys: list[Hex], hash: Hash | None = None
) -> list[HexText | None]:
    """The values under several keys of a child trie."""
    _checked(node, child_storage_key, hash)
    return [None for _ in keys]


@fails(CLIENT)
def childstate_getStorageHash(
    node: Node, child_storage_key: Hex, key: Hex, hash: Hash | None = None
) -> HashText | None:
    """The hash of a value of a child trie."""
    _checked(node, child_storage_key, hash)
    return None


@fails(CLIENT)
def childstate_getStorageSize(
    node: Node, child_storage_key: Hex, key: Hex, hash: Hash | None = None
) -> int | None:
    """The size of a value of a child trie."""
    _checked(node, child_storage_key, hash)
    return None


@fails(CLIENT)
def state_getChildReadProof(
    node: Node, child_storage_key: Hex, keys: list[Hex], hash: Hash | None = None
) -> ReadProof:
    """A proof that there is no such child trie, and so none of the keys."""
    block = _checked(node, child_storage_key, hash)
    return proof_of(block, [child_storage_key] if keys else [])


def _checked(node: Node, child_storage_key: bytes, hash: bytes | None) -> Block:
    if not child_storage_key.startswith(PREFIX):
        raise CLIENT(error="Invalid child storage key")
    return block_of(node, hash)


aliases = {"childstate_getKeysPagedAt": childstate_getKeysPaged}
