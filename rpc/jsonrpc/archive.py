"""archive_v1_*: any block this node knows, what its state holds, and how two states differ."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from tilth.node.service import Node
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.dispatch import subscription
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.rpc.jsonrpc.lookups import (
    SHAPES,
    BadHex,
    CallFailed,
    Lookup,
    Queries,
    Query,
    answers,
    call_runtime,
    lookup,
    read_choice,
    read_member,
    read_object,
    read_optional_member,
    unhex,
)
from tilth.rpc.jsonrpc.params import U64, Hash, list_of
from tilth.rpc.jsonrpc.shapes import hex_of

Event: TypeAlias = dict[str, Any]

# So many keys are looked at before others have their turn.
_STRIDE: Final = 64


@dataclass(frozen=True, slots=True)
class DiffQuery:
    """A part of the state to compare, as the client wrote it."""

    key: str
    shape: str
    child_trie: str | None


def read_diff_query(value: object) -> DiffQuery:
    members = read_object(value, "ArchiveStorageDiffItem")
    return DiffQuery(
        read_member(members, "key"),
        read_choice(members, "returnType", tuple(SHAPES)),
        read_optional_member(members, "childTrieKey"),
    )


DiffQueries: TypeAlias = Annotated[list[DiffQuery], list_of(read_diff_query)]


def archive_v1_genesisHash(node: Node) -> str:
    return hex_of(node.genesis_hash)


def archive_v1_finalizedHeight(node: Node) -> int:
    return node.chain.finalized.number


def archive_v1_hashByHeight(node: Node, height: U64) -> list[str]:
    """One block where it is final, else those of every fork."""
    if height <= node.chain.finalized.number:
        hash = node.chain.hash_at(height)
        return [] if hash is None else [hex_of(hash)]
    return [hex_of(block.hash) for block in node.chain.unfinalized() if block.number == height]


def archive_v1_header(node: Node, hash: Hash) -> str | None:
    block = node.chain.block(H256(hash))
    return None if block is None else hex_of(block.encoded_header)


def archive_v1_body(node: Node, hash: Hash) -> list[str] | None:
    block = node.chain.block(H256(hash))
    return None if block is None else [hex_of(data) for data in block.extrinsics]


def archive_v1_call(
    node: Node, hash: Hash, function: str, call_parameters: str
) -> dict[str, Any] | None:
    try:
        data = unhex(call_parameters)
    except BadHex as error:
        raise RpcError(-32602, str(error)) from None
    block = node.chain.block(H256(hash))
    if block is None:
        return None
    try:
        return {"success": True, "value": hex_of(call_runtime(node, block, function, data))}
    except CallFailed as error:
        return {"success": False, "error": str(error)}


@subscription("archive_v1_storageEvent", unsubscribe="archive_v1_stopStorage")
async def archive_v1_storage(
    node: Node, hash: Hash, items: Queries, child_trie: str | None = None
) -> AsyncIterator[Event]:
    try:
        wanted = [_paginated(query) for query in items]
        unhex(child_trie or "")
        state = _state(node, hash)
    except (BadHex, Refused) as error:
        yield {"event": "storageError", "error": str(error)}
        return
    # No state of ours has child tries, so whatever is looked up in one is absent.
    found = (item for each in wanted if child_trie is None for item in answers(state, each))
    for count, item in enumerate(found, 1):
        yield {"event": "storage", **item}
        if count % _STRIDE == 0:
            await asyncio.sleep(0)
    yield {"event": "storageDone"}


@subscription("archive_v1_storageDiffEvent", unsubscribe="archive_v1_storageDiff_stopStorageDiff")
async def archive_v1_storageDiff(
    node: Node, hash: Hash, items: DiffQueries, previous_hash: Hash | None = None
) -> AsyncIterator[Event]:
    try:
        parts = _parts(items)
        now, before = _state(node, hash), _state(node, previous_hash or _parent(node, hash))
    except (BadHex, Refused) as error:
        yield {"event": "storageDiffError", "error": str(error)}
        return
    for count, (key, new, old) in enumerate(_compared(now, before, parts), 1):
        if new != old:
            for event in _changes(parts, key, new, old):
                yield event
        if count % _STRIDE == 0:
            await asyncio.sleep(0)
    yield {"event": "storageDiffDone"}


class Refused(Exception):
    """The states asked for cannot be read; the text says why."""


def _state(node: Node, hash: bytes) -> Trie:
    block = node.chain.block(H256(hash))
    if block is None:
        raise Refused(f"UnknownBlock: State already discarded for {hex_of(hash)}")
    return block.state


def _parent(node: Node, hash: bytes) -> H256:
    block = node.chain.block(H256(hash))
    if block is None:
        raise Refused(f"Block header not present for {hex_of(hash)}")
    return block.parent_hash


def _paginated(query: Query) -> Lookup:
    wanted = lookup(query)
    if wanted.start is not None and not wanted.descends:
        raise Refused(
            "Invalid parameter: Pagination start key is only supported for descendants queries"
        )
    return wanted


Part: TypeAlias = tuple[bytes, str]
"""A key, and the shape in which what changed below it is told."""


def _parts(items: DiffQueries) -> list[Part]:
    """All of the state where nothing is named; in child tries, of which there are none, nothing."""
    if not items:
        return [(b"", "value")]
    named = [(unhex(item.key), item) for item in items]
    for item in items:
        unhex(item.child_trie or "")
    return [(key, item.shape) for key, item in named if item.child_trie is None]


def _compared(
    now: Trie, before: Trie, parts: list[Part]
) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    """Each key of either state below the parts, in ascending order, with both its values."""
    prefix: bytes | None = None
    for key in sorted({key for key, _ in parts}):
        if prefix is not None and key.startswith(prefix):
            continue
        prefix = key
        if now.root != before.root:
            yield from _merged(now.items(key), before.items(key))


def _merged(
    now: Iterator[tuple[bytes, bytes]], before: Iterator[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    new, old = next(now, None), next(before, None)
    while new is not None or old is not None:
        if old is None or (new is not None and new[0] < old[0]):
            assert new is not None, "one of the two is left"
            yield new[0], new[1], None
            new = next(now, None)
        elif new is None or old[0] < new[0]:
            yield old[0], None, old[1]
            old = next(before, None)
        else:
            yield new[0], new[1], old[1]
            new, old = next(now, None), next(before, None)


def _changes(
    parts: list[Part], key: bytes, new: bytes | None, old: bytes | None
) -> Iterator[Event]:
    """One event for each shape that was asked for; of a deleted key, the value it had."""
    value = old if new is None else new
    assert value is not None, "a key that differs is in one of the states"
    kind = "deleted" if new is None else "added" if old is None else "modified"
    asked = {shape for prefix, shape in parts if key.startswith(prefix)}
    for shape in SHAPES:
        if shape in asked:
            yield {"event": "storageDiff", "key": hex_of(key), **SHAPES[shape](value), "type": kind}


aliases = {"archive_v1_stopStorageDiff": "archive_v1_storageDiff_stopStorageDiff"}
