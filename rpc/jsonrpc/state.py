"""state_*: storage of any block, runtime calls, metadata, and who wants to hear of changes."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, TypedDict

from tilth.node.block import Block
from tilth.node.notices import Imported, Notice, Phase
from tilth.node.service import Node
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.trie import Layout, Trie
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.client import Client, Sink
from tilth.rpc.jsonrpc.differences import compared
from tilth.rpc.jsonrpc.dispatch import fails, subscription, unsafe
from tilth.rpc.jsonrpc.errors import UNSAFE_CALL, Fault, unknown_block
from tilth.rpc.jsonrpc.lookups import CallFailed, call_runtime
from tilth.rpc.jsonrpc.params import U32, Hash, Hex
from tilth.rpc.jsonrpc.reading import (
    CLIENT,
    MOST_KEYS,
    TOO_MANY,
    ReadProof,
    block_of,
    in_turns,
    proof_of,
    runtime_of,
)
from tilth.rpc.jsonrpc.schema import HashText, HexText
from tilth.rpc.jsonrpc.shapes import RuntimeVersionJson, hex_of, optional_hex, version_json

HASHED_SIZE: Final = 33  # primitives/storage: TRIE_VALUE_NODE_THRESHOLD

# client/rpc-api/src/state/error.rs
BAD_RANGE: Final = Fault(4001, "Cannot resolve a block range ['{first}' ... '{last}]. {details}")


class StorageChanges(TypedDict):
    """What keys hold in a block."""

    block: HashText
    changes: list[tuple[HexText, HexText | None]]


class MigrationStatus(TypedDict):
    """How many values are still stored as in state version 0, and how many there are."""

    topRemainingToMigrate: int
    childRemainingToMigrate: int
    totalTop: int
    totalChild: int


@fails(CLIENT)
def state_getStorage(node: Node, key: Hex, hash: Hash | None = None) -> HexText | None:
    """The value under a key in a block's state."""
    return optional_hex(block_of(node, hash).state.get(key))


@fails(CLIENT)
def state_getStorageHash(node: Node, key: Hex, hash: Hash | None = None) -> HashText | None:
    """The blake2-256 hash of a value."""
    value = block_of(node, hash).state.get(key)
    return None if value is None else hex_of(blake2_256(value))


@fails(CLIENT)
async def state_getStorageSize(node: Node, key: Hex, hash: Hash | None = None) -> int | None:
    """The size of the value, or of all values below the key where it is a prefix."""
    state = block_of(node, hash).state
    value = state.get(key)
    if value is not None:
        return len(value)
    total = 0
    async for _, data in in_turns(state.items(key)):
        total += len(data)
    return total or None


@fails(TOO_MANY, CLIENT)
def state_getKeysPaged(
    node: Node,
    prefix: Hex | None,
    count: U32,
    start_key: Hex | None = None,
    hash: Hash | None = None,
) -> list[HexText]:
    """The next keys with a prefix, in ascending order, at most 1000."""
    if count > MOST_KEYS:
        raise TOO_MANY(value=count, max=MOST_KEYS)
    keys = block_of(node, hash).state.keys(prefix or b"", start_key)
    return [hex_of(key) for key in islice(keys, count)]


@fails(CLIENT)
async def state_getKeys(node: Node, prefix: Hex, hash: Hash | None = None) -> list[HexText]:
    """All keys with a prefix."""
    keys = block_of(node, hash).state.keys(prefix)
    return [hex_of(key) async for key in in_turns(keys)]


@unsafe
@fails(CLIENT)
async def state_getPairs(
    node: Node, prefix: Hex, hash: Hash | None = None
) -> list[tuple[HexText, HexText]]:
    """All keys with a prefix, and their values."""
    pairs = block_of(node, hash).state.items(prefix)
    return [(hex_of(key), hex_of(value)) async for key, value in in_turns(pairs)]


@fails(BAD_RANGE)
async def state_queryStorageAt(
    node: Node, keys: list[Hex], at: Hash | None = None
) -> list[StorageChanges]:
    """What the keys hold in one block; nothing where no key is named."""
    block = at or node.chain.best.hash
    return await _history(_range(node, block, block), keys)


@unsafe
@fails(BAD_RANGE)
async def state_queryStorage(
    node: Node, keys: list[Hex], block: Hash, hash: Hash | None = None
) -> list[StorageChanges]:
    """Every change of the keys from one block to another: first all values, then what differs."""
    return await _history(_range(node, block, hash or node.chain.best.hash), keys)


@fails(CLIENT)
def state_getReadProof(node: Node, keys: list[Hex], hash: Hash | None = None) -> ReadProof:
    """A proof of what keys hold, against the block's state root."""
    return proof_of(block_of(node, hash), keys)


@fails(CLIENT)
def state_getMetadata(node: Node, hash: Hash | None = None) -> HexText:
    """The runtime's description in version 14; others are answered by `state_call`."""
    return hex_of(node.chain.runtimes.metadata(runtime_of(node, hash).state, 14))


@fails(CLIENT)
def state_getRuntimeVersion(node: Node, hash: Hash | None = None) -> RuntimeVersionJson:
    """The version of the runtime that built on a block."""
    return version_json(node.chain.runtimes.version(runtime_of(node, hash).state))


@fails(CLIENT)
def state_call(node: Node, name: str, bytes: Hex, hash: Hash | None = None) -> HexText:
    """Call a method of the runtime API, as `Core_version`, with SCALE-encoded arguments."""
    try:
        return hex_of(call_runtime(node, block_of(node, hash), name, bytes))
    except CallFailed as error:
        raise CLIENT(error=error) from None


@unsafe
@fails(CLIENT)
async def state_trieMigrationStatus(node: Node, hash: Hash | None = None) -> MigrationStatus:
    """Values of 33 bytes and more that are not stored by their hash, as state version 1 has it."""
    entries = block_of(node, hash).state.items()
    sizes = [len(value) async for _, value in in_turns(entries)]
    inline = node.runtime.state_layout is Layout.V0
    return {
        "topRemainingToMigrate": sum(size >= HASHED_SIZE for size in sizes) if inline else 0,
        "childRemainingToMigrate": 0,
        "totalTop": len(sizes),
        "totalChild": 0,
    }


@subscription(
    "state_runtimeVersion", unsubscribe="state_unsubscribeRuntimeVersion", item=RuntimeVersionJson
)
def state_subscribeRuntimeVersion(node: Node, sink: Sink) -> Callable[[], None]:
    """Tells the runtime's version, now and whenever it changes."""
    current = node.runtime.version
    sink.send(version_json(current))

    def on_notice(notice: Notice) -> None:
        nonlocal current
        if isinstance(notice, Imported) and notice.is_best and node.runtime.version != current:
            current = node.runtime.version
            sink.send(version_json(current))

    return node.chain.notices.listen(Phase.STATE, on_notice)


@subscription("state_storage", unsubscribe="state_unsubscribeStorage", item=StorageChanges)
@fails(UNSAFE_CALL)
def state_subscribeStorage(
    node: Node, sink: Sink, client: Client, keys: list[Hex] | None = None
) -> Callable[[], None]:
    """Tells what the keys hold, now and whenever it changes with the best block.

    Without keys it tells of every change, to the node's operator alone.
    """
    if keys is not None:
        return _watch_keys(node, sink, keys)
    if not client.trusted():
        raise UNSAFE_CALL()
    return _watch_all(node, sink)


def _watch_keys(node: Node, sink: Sink, keys: list[bytes]) -> Callable[[], None]:
    best = node.chain.best
    last = {key: best.state.get(key) for key in keys}
    if keys:
        sink.send(_changes(best, [(key, last[key]) for key in keys]))

    def on_notice(notice: Notice) -> None:
        if not (isinstance(notice, Imported) and notice.is_best):
            return
        state = notice.block.state
        changed = {key: now for key in last if (now := state.get(key)) != last[key]}
        if changed:
            last.update(changed)
            sink.send(_changes(notice.block, changed.items()))

    return node.chain.notices.listen(Phase.STATE, on_notice)


def _watch_all(node: Node, sink: Sink) -> Callable[[], None]:
    before = node.chain.best.state

    def on_notice(notice: Notice) -> None:
        nonlocal before
        if isinstance(notice, Imported) and notice.is_best:
            now = notice.block.state
            sink.send(_changes(notice.block, _differences(now, before)))
            before = now

    return node.chain.notices.listen(Phase.STATE, on_notice)


def _differences(now: Trie, before: Trie) -> Iterable[tuple[bytes, bytes | None]]:
    return ((key, new) for key, new, _ in compared(now, before, [(b"", "value")]))


def _changes(block: Block, values: Iterable[tuple[bytes, bytes | None]]) -> StorageChanges:
    return {
        "block": hex_of(block.hash),
        "changes": [(hex_of(key), optional_hex(value)) for key, value in values],
    }


async def _history(blocks: list[Block], keys: list[bytes]) -> list[StorageChanges]:
    last: dict[bytes, bytes | None] = {}
    found: list[StorageChanges] = []
    async for block in in_turns(blocks, max(len(keys), 1)):
        values = {key: block.state.get(key) for key in keys}
        changed = {k: v for k, v in values.items() if k not in last or last[k] != v}
        if changed:
            found.append(_changes(block, changed.items()))
        last = values
    return found


def _range(node: Node, first: bytes, last: bytes) -> list[Block]:
    """The blocks from one to another, in the words of a Rust node where there are none."""
    start, end = node.chain.block(H256(first)), node.chain.block(H256(last))
    if start is None or end is None:
        missing = first if start is None else last
        raise BAD_RANGE(
            first=_quoted(hex_of(first)),
            last=_quoted(f"Some({hex_of(last)})"),
            details=f"UnknownBlock: {unknown_block(missing)}",
        )
    if start.number > end.number:
        raise _no_range(start, end, "from number > to number")
    blocks = [end]
    while blocks[-1].number > start.number:
        blocks.append(node.chain.expect(blocks[-1].parent_hash))
    if blocks[-1].hash != start.hash:
        raise _no_range(start, end, "from and to are on different forks")
    return blocks[::-1]


def _no_range(start: Block, end: Block, details: str) -> Exception:
    named = [_quoted(f"{block.number} ({hex_of(block.hash)})") for block in (start, end)]
    return BAD_RANGE(first=named[0], last=named[1], details=details)


def _quoted(text: str) -> str:
    return f'"{text}"'


aliases = {
    "state_getStorageAt": state_getStorage,
    "state_getStorageHashAt": state_getStorageHash,
    "state_getStorageSizeAt": state_getStorageSize,
    "state_getKeysPagedAt": state_getKeysPaged,
    "state_callAt": state_call,
    "chain_getRuntimeVersion": state_getRuntimeVersion,
    "chain_subscribeRuntimeVersion": state_subscribeRuntimeVersion,
    "chain_unsubscribeRuntimeVersion": "state_unsubscribeRuntimeVersion",
}
