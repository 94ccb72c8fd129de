"""state_*: storage of any block, runtime calls, metadata, and who wants to hear of changes."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from tilth.node.block import Block
from tilth.node.chain import UnknownBlock
from tilth.node.notices import Imported, Notice, Phase
from tilth.node.service import Node
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.client import Sink
from tilth.rpc.jsonrpc.dispatch import subscription, unsafe
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.rpc.jsonrpc.params import U32, Hash, Hex
from tilth.rpc.jsonrpc.shapes import hex_of, optional_hex, version_json

# client/rpc: STORAGE_KEYS_PAGED_MAX_COUNT
MOST_KEYS: Final = 1000


def state_getStorage(node: Node, key: Hex, hash: Hash | None = None) -> str | None:
    return optional_hex(_block(node, hash).state.get(key))


def state_getStorageHash(node: Node, key: Hex, hash: Hash | None = None) -> str | None:
    value = _block(node, hash).state.get(key)
    return None if value is None else hex_of(blake2_256(value))


@unsafe
def state_getStorageSize(node: Node, key: Hex, hash: Hash | None = None) -> int | None:
    """The size of the value, or of all values below the key where it is a prefix."""
    state = _block(node, hash).state
    value = state.get(key)
    if value is not None:
        return len(value)
    sizes = [len(data) for _, data in state.items(key)]
    return sum(sizes) if sizes else None


def state_getKeysPaged(
    node: Node,
    prefix: Hex | None,
    count: U32,
    start_key: Hex | None = None,
    hash: Hash | None = None,
) -> list[str]:
    if count > MOST_KEYS:
        message = f"count exceeds maximum value. value: {count}, max: {MOST_KEYS}"
        raise RpcError(4002, message)
    keys = _block(node, hash).state.keys(prefix or b"", start_key)
    return [hex_of(key) for key in islice(keys, count)]


@unsafe
def state_getKeys(node: Node, prefix: Hex, hash: Hash | None = None) -> list[str]:
    return [hex_of(key) for key in _block(node, hash).state.keys(prefix)]


@unsafe
def state_getPairs(node: Node, prefix: Hex, hash: Hash | None = None) -> list[list[str]]:
    pairs = _block(node, hash).state.items(prefix)
    return [[hex_of(key), hex_of(value)] for key, value in pairs]


def state_queryStorageAt(
    node: Node, keys: list[Hex], at: Hash | None = None
) -> list[dict[str, Any]]:
    block = _block(node, at)
    return [_changes(block, ((key, block.state.get(key)) for key in keys))]


@unsafe
def state_queryStorage(
    node: Node, keys: list[Hex], block: Hash, hash: Hash | None = None
) -> list[dict[str, Any]]:
    """Every change of the keys from one block to another: first all values, then what differs."""
    last: dict[bytes, bytes | None] = {}
    found: list[dict[str, Any]] = []
    for each in _range(node, block, hash):
        values = {key: each.state.get(key) for key in keys}
        changed = {k: v for k, v in values.items() if k not in last or last[k] != v}
        if changed:
            found.append(_changes(each, changed.items()))
        last = values
    return found


def state_getReadProof(node: Node, keys: list[Hex], hash: Hash | None = None) -> dict[str, Any]:
    block = _block(node, hash)
    return {"at": hex_of(block.hash), "proof": [hex_of(part) for part in block.state.proof(keys)]}


def state_getMetadata(node: Node, hash: Hash | None = None) -> str:
    _block(node, hash)
    return hex_of(node.runtime.metadata(14))


def state_getRuntimeVersion(node: Node, hash: Hash | None = None) -> dict[str, Any]:
    _block(node, hash)
    return version_json(node.runtime.version)


def state_call(node: Node, name: str, bytes: Hex, hash: Hash | None = None) -> str:
    block = _block(node, hash)
    return hex_of(_call_runtime(node, block, name, bytes))


def _call_runtime(node: Node, block: Block, name: str, data: bytes) -> bytes:
    """A call of the runtime API; what goes wrong is an error object."""
    try:
        return node.chain.call(block, name, data)
    except KeyError:
        raise RpcError(
            4003, f"Client error: Execution failed: Exported method {name} is not found"
        ) from None
    except ValueError as error:
        message = f"Client error: Execution failed: Bad input data provided to {name}: {error}"
        raise RpcError(4003, message) from None


@subscription("state_runtimeVersion", unsubscribe="state_unsubscribeRuntimeVersion")
def state_subscribeRuntimeVersion(node: Node, sink: Sink) -> Callable[[], None]:
    current = node.runtime.version
    sink.send(version_json(current))

    def on_notice(notice: Notice) -> None:
        nonlocal current
        if isinstance(notice, Imported) and notice.is_best and node.runtime.version != current:
            current = node.runtime.version
            sink.send(version_json(current))

    return node.chain.notices.listen(Phase.STATE, on_notice)


@subscription("state_storage", unsubscribe="state_unsubscribeStorage")
def state_subscribeStorage(
    node: Node, sink: Sink, keys: list[Hex] | None = None
) -> Callable[[], None]:
    if keys is None:
        raise RpcError(-32601, "RPC call is unsafe to be called externally")
    watched = list(dict.fromkeys(keys))
    best = node.chain.best
    last = {key: best.state.get(key) for key in watched}
    sink.send(_changes(best, last.items()))

    def on_notice(notice: Notice) -> None:
        if not (isinstance(notice, Imported) and notice.is_best):
            return
        state = notice.block.state
        changed = {key: now for key in watched if (now := state.get(key)) != last[key]}
        if changed:
            last.update(changed)
            sink.send(_changes(notice.block, changed.items()))

    return node.chain.notices.listen(Phase.STATE, on_notice)


def _changes(block: Block, values: Iterable[tuple[bytes, bytes | None]]) -> dict[str, Any]:
    return {
        "block": hex_of(block.hash),
        "changes": [[hex_of(key), optional_hex(value)] for key, value in values],
    }


def _range(node: Node, first: bytes, last: bytes | None) -> list[Block]:
    end, start = _block(node, last), _block(node, first)
    blocks = [end]
    while blocks[-1].number > start.number:
        blocks.append(node.chain.expect(blocks[-1].parent_hash))
    if blocks[-1].hash != start.hash:
        raise RpcError(4001, "Invalid block range")
    return blocks[::-1]


def _block(node: Node, hash: bytes | None) -> Block:
    try:
        return node.block(None if hash is None else H256(hash))
    except UnknownBlock:
        assert hash is not None, "the best block is known"
        shown = hex_of(hash)
        raise RpcError(
            4003, f"Client error: UnknownBlock: Header was not found in the database: {shown}"
        ) from None


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
