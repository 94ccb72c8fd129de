"""archive_v1_*: any block this node knows, what its state holds, and how two states differ."""

from collections.abc import AsyncIterator
from typing import Final, cast

from tilth.node.service import Node
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.differences import DiffQueries, changes, compared, parts_of
from tilth.rpc.jsonrpc.dispatch import fails, subscription
from tilth.rpc.jsonrpc.errors import Fault, unknown_block
from tilth.rpc.jsonrpc.events import (
    ArchiveEvent,
    ArchiveItem,
    CallAnswer,
    Difference,
    DifferenceEvent,
)
from tilth.rpc.jsonrpc.lookups import (
    BadHex,
    CallFailed,
    Lookup,
    Queries,
    Query,
    answers,
    call_runtime,
    lookup,
    unhex,
)
from tilth.rpc.jsonrpc.params import U64, Hash, HexOrNothing
from tilth.rpc.jsonrpc.reading import in_turns
from tilth.rpc.jsonrpc.schema import HashText, HexText
from tilth.rpc.jsonrpc.shapes import hex_of

BAD_PARAM: Final = Fault(-32602, "{error}")


def archive_v1_genesisHash(node: Node) -> HashText:
    """The hash of the first block."""
    return hex_of(node.genesis_hash)


def archive_v1_finalizedHeight(node: Node) -> int:
    """The number of the last final block."""
    return node.chain.finalized.number


def archive_v1_hashByHeight(node: Node, height: U64) -> list[HashText]:
    """One block where it is final, else those of every fork."""
    if height <= node.chain.finalized.number:
        hash = node.chain.hash_at(height)
        return [] if hash is None else [hex_of(hash)]
    return [hex_of(block.hash) for block in node.chain.unfinalized() if block.number == height]


def archive_v1_header(node: Node, hash: Hash) -> HexText | None:
    """A block's header, in SCALE."""
    block = node.chain.block(H256(hash))
    return None if block is None else hex_of(block.encoded_header)


def archive_v1_body(node: Node, hash: Hash) -> list[HexText] | None:
    """A block's extrinsics."""
    block = node.chain.block(H256(hash))
    return None if block is None else [hex_of(data) for data in block.extrinsics]


@fails(BAD_PARAM)
def archive_v1_call(
    node: Node, hash: Hash, function: str, call_parameters: HexOrNothing
) -> CallAnswer | None:
    """Call the runtime API on a block's state; null where there is no such block."""
    try:
        data = unhex(call_parameters)
    except BadHex as error:
        raise BAD_PARAM(error=error) from None
    block = node.chain.block(H256(hash))
    if block is None:
        return None
    try:
        return {"success": True, "value": hex_of(call_runtime(node, block, function, data))}
    except CallFailed as error:
        return {"success": False, "error": str(error)}


@subscription("archive_v1_storageEvent", unsubscribe="archive_v1_stopStorage")
async def archive_v1_storage(
    node: Node, hash: Hash, items: Queries, child_trie: HexOrNothing | None = None
) -> AsyncIterator[ArchiveEvent]:
    """Tells what keys hold in a block's state, one event for each, then that it is done."""
    try:
        wanted = [_paginated(query) for query in items]
        unhex(child_trie or "")
        state = _state(node, hash)
    except (BadHex, _Refused) as error:
        yield {"event": "storageError", "error": str(error)}
        return
    # No state of ours has child tries, so whatever is looked up in one is absent.
    found = (item for each in wanted if child_trie is None for item in answers(state, each))
    async for item in in_turns(found):
        yield cast(ArchiveItem, {"event": "storage", **item})
    yield {"event": "storageDone"}


@subscription("archive_v1_storageDiffEvent", unsubscribe="archive_v1_storageDiff_stopStorageDiff")
async def archive_v1_storageDiff(
    node: Node, hash: Hash, items: DiffQueries | None = None, previous_hash: Hash | None = None
) -> AsyncIterator[DifferenceEvent]:
    """Tells how a block's state differs from its parent's, or from another's."""
    try:
        parts = parts_of(items or [])
        now, before = _state(node, hash), _state(node, previous_hash or _parent(node, hash))
    except (BadHex, _Refused) as error:
        yield {"event": "storageDiffError", "error": str(error)}
        return
    async for key, new, old in in_turns(compared(now, before, parts)):
        for change in changes(parts, key, new, old):
            yield cast(Difference, {"event": "storageDiff", **change})
    yield {"event": "storageDiffDone"}


class _Refused(Exception):
    """The states asked for cannot be read; the text says why."""


def _state(node: Node, hash: bytes) -> Trie:
    block = node.chain.block(H256(hash))
    if block is None:
        raise _Refused(f"UnknownBlock: {unknown_block(hash)}")
    return block.state


def _parent(node: Node, hash: bytes) -> H256:
    block = node.chain.block(H256(hash))
    if block is None:
        raise _Refused(f"Block header not present for {hex_of(hash)}")
    return block.parent_hash


def _paginated(query: Query) -> Lookup:
    wanted = lookup(query)
    if wanted.start is not None and not wanted.descends:
        raise _Refused(
            "Invalid parameter: Pagination start key is only supported for descendants queries"
        )
    return wanted


aliases = {"archive_v1_stopStorageDiff": "archive_v1_storageDiff_stopStorageDiff"}
