"""engine_*: Substrate's manual seal."""

from typing import Final, TypedDict

from tilth.frame import InvalidBlock
from tilth.node.block import Block
from tilth.node.devtools import EmptyPool
from tilth.node.service import Node
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.dispatch import fails, unsafe
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.params import Hash, Json
from tilth.rpc.jsonrpc.schema import HashText
from tilth.rpc.jsonrpc.shapes import hex_of

# client/consensus/manual-seal/src/error.rs
EMPTY_POOL: Final = Fault(
    12000,
    "Transaction pool is empty, set create_empty to true, if you want to create empty blocks",
)
NO_PARENT: Final = Fault(13000, "Supplied parent_hash: {hash} doesn't exist in chain")
FINALIZATION: Final = Fault(16000, "Finalization Error: {reason}")
OTHER: Final = Fault(20000, "{reason}")


class ImportedAux(TypedDict):
    """What importing the block came to."""

    header_only: bool
    clear_justification_requests: bool
    needs_justification: bool
    bad_justification: bool
    is_new_best: bool


class CreatedBlock(TypedDict):
    """The block that was made."""

    hash: HashText
    aux: ImportedAux
    proof_size: int


@unsafe
@fails(EMPTY_POOL, NO_PARENT)
def engine_createBlock(
    node: Node, create_empty: bool, finalize: bool, parent_hash: Hash | None = None
) -> CreatedBlock:
    """Make a block of what is ready, upon the best block or another one."""
    parent = None if parent_hash is None else node.chain.block(H256(parent_hash))
    if parent is None and parent_hash is not None:
        raise NO_PARENT(hash=_short(parent_hash))
    try:
        block = node.dev.create_block(create_empty=create_empty, finalize=finalize, parent=parent)
    except EmptyPool:
        raise EMPTY_POOL() from None
    except InvalidBlock as error:
        raise OTHER(reason=str(error)) from None
    return {"hash": hex_of(block.hash), "aux": _aux(node, block), "proof_size": 0}


@unsafe
@fails(FINALIZATION, OTHER)
def engine_finalizeBlock(node: Node, hash: Hash, justification: Json = None) -> bool:
    """Make a block final, and all before it; true.

    A Rust node answers true also where it could not.
    """
    if justification is not None:
        raise OTHER(reason="no justifications are kept here: leave it out")
    block = node.chain.block(H256(hash))
    if block is None:
        raise FINALIZATION(reason=f"UnknownBlock: {hex_of(hash)}")
    try:
        node.dev.finalize(block)
    except InvalidBlock as error:
        raise FINALIZATION(reason=str(error)) from None
    return True


def _aux(node: Node, block: Block) -> ImportedAux:
    return {
        "header_only": False,
        "clear_justification_requests": False,
        "needs_justification": False,
        "bad_justification": False,
        "is_new_best": node.chain.best is block,
    }


def _short(hash: bytes) -> str:
    """As Rust displays a hash."""
    return f"0x{hash[:2].hex()}…{hash[-2:].hex()}"
