"""dev_getBlockStats: how large a block is, and what proves it."""

from typing import Final, TypedDict

from tilth.frame import InvalidBlock
from tilth.node.service import Node
from tilth.primitives.scale import Compact, codec, u32
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.dispatch import fails, unsafe
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.params import Hash
from tilth.rpc.jsonrpc.witness import witness_of

# client/rpc-api/src/dev/error.rs
NOT_EXECUTED: Final = Fault(6003, "Failed to re-execute the specified block")


class BlockStats(TypedDict):
    """Sizes in bytes: of the trie nodes that the block's execution reads, and of the block."""

    witnessLen: int
    witnessCompactLen: int
    blockLen: int
    numExtrinsics: int


@unsafe
@fails(NOT_EXECUTED)
def dev_getBlockStats(node: Node, block_hash: Hash) -> BlockStats | None:
    """Execute a block again and measure what was read; null for one that has no parent here."""
    block = node.chain.block(H256(block_hash))
    parent = None if block is None else node.chain.block(block.parent_hash)
    if block is None or parent is None:
        return None
    try:
        witness = witness_of(node.chain.runtimes.at(parent.state), parent, block)
    except (InvalidBlock, ValueError):
        raise NOT_EXECUTED() from None
    count = len(block.extrinsics)
    body = len(codec(Compact[u32]).encode(count)) + sum(map(len, block.extrinsics))
    return {
        "witnessLen": witness.size(),
        "witnessCompactLen": witness.compact_size(),
        "blockLen": len(block.encoded_header) + body,
        "numExtrinsics": count,
    }
