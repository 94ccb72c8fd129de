"""What the legacy methods that read a block's state share: which block it is, and proofs."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypedDict, TypeVar

from tilth.node.block import Block
from tilth.node.chain import UnknownBlock
from tilth.node.service import Node
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.errors import Fault, unknown_block
from tilth.rpc.jsonrpc.schema import HashText, HexText
from tilth.rpc.jsonrpc.shapes import hex_of

T = TypeVar("T")

# client/rpc-api/src/state/error.rs
TOO_MANY: Final = Fault(4002, "count exceeds maximum value. value: {value}, max: {max}")
CLIENT: Final = Fault(4003, "Client error: {error}")

# client/rpc: STORAGE_KEYS_PAGED_MAX_COUNT
MOST_KEYS: Final = 1000
# So many entries are looked at before others have their turn.
_STRIDE: Final = 64


class ReadProof(TypedDict):
    """The nodes of the state trie that prove what keys hold, or that they hold nothing."""

    at: HashText
    proof: list[HexText]


def block_of(node: Node, hash: bytes | None) -> Block:
    """The block whose state is read, the best one if none is named; raises RpcError."""
    try:
        return node.block(None if hash is None else H256(hash))
    except UnknownBlock as error:
        raise CLIENT(error=f"UnknownBlock: {unknown_block(error.hash)}") from None


def runtime_of(node: Node, hash: bytes | None) -> Block:
    """As `block_of`, where a Rust node asks the runtime API, which says it in other words."""
    try:
        return node.block(None if hash is None else H256(hash))
    except UnknownBlock as error:
        raise CLIENT(error=no_runtime_at(error.hash)) from None


def no_runtime_at(hash: bytes) -> str:
    """sp_api's words for a block that is not here."""
    return f"Api called for an unknown Block: {unknown_block(hash)}"


def proof_of(block: Block, keys: list[bytes]) -> ReadProof:
    proof = block.state.proof(keys) if keys else []
    return {"at": hex_of(block.hash), "proof": [hex_of(part) for part in proof]}


async def in_turns(items: Iterable[T], each: int = 1) -> AsyncIterator[T]:
    """As many items as there are, with a turn for other clients, and for blocks, in between.

    `each` is how many entries are read for one of them.
    """
    stride = max(_STRIDE // each, 1)
    for count, item in enumerate(items, 1):
        yield item
        if count % stride == 0:
            await asyncio.sleep(0)
