"""chainHead_v1_*: the head of the chain as a client follows it, and the blocks it holds there."""

from itertools import chain as joined
from typing import Annotated, Any, Final, TypeAlias

from tilth.node.block import Block
from tilth.node.service import Node
from tilth.rpc.jsonrpc.client import Client, Sink, Undo
from tilth.rpc.jsonrpc.dispatch import subscription
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.rpc.jsonrpc.follow import Follow, Follows, Operation, Work, pages
from tilth.rpc.jsonrpc.lookups import (
    BadHex,
    CallFailed,
    Lookup,
    Queries,
    answers,
    call_runtime,
    lookup,
    unhex,
)
from tilth.rpc.jsonrpc.params import Hash, list_or, read_hash
from tilth.rpc.jsonrpc.shapes import hex_of

Hashes: TypeAlias = Annotated[bytes | list[bytes], list_or(read_hash)]
Answer: TypeAlias = dict[str, Any]

_LIMIT_REACHED: Final[Answer] = {"result": "limitReached"}


@subscription("chainHead_v1_followEvent", unsubscribe="chainHead_v1_unfollow")
def chainHead_v1_follow(node: Node, sink: Sink, with_runtime: bool) -> Undo:
    return sink.client.own(Follows).begin(node, sink, with_runtime=with_runtime)


def chainHead_v1_header(
    node: Node, client: Client, follow_subscription: str, hash: Hash
) -> str | None:
    follow = _follow(client, follow_subscription)
    return None if follow is None else hex_of(follow.pinned(hash).encoded_header)


def chainHead_v1_body(node: Node, client: Client, follow_subscription: str, hash: Hash) -> Answer:
    follow = _follow(client, follow_subscription)
    if follow is None:
        return _LIMIT_REACHED
    block = follow.pinned(hash)
    if not follow.room:
        return _LIMIT_REACHED
    return _started(follow.start(_body(block)))


def chainHead_v1_call(
    node: Node,
    client: Client,
    follow_subscription: str,
    hash: Hash,
    function: str,
    call_parameters: str,
) -> Answer:
    data = _unhex(call_parameters)
    follow = _follow(client, follow_subscription)
    if follow is None:
        return _LIMIT_REACHED
    block = follow.pinned(hash)
    if not follow.with_runtime:
        raise RpcError(
            -32802,
            "The `chainHead_follow` subscription was started with `withRuntime` set to `false`",
        )
    if not follow.room:
        return _LIMIT_REACHED
    return _started(follow.start(_call(node, block, function, data)))


def chainHead_v1_storage(
    node: Node,
    client: Client,
    follow_subscription: str,
    hash: Hash,
    items: Queries,
    child_trie: str | None = None,
) -> Answer:
    follow = _follow(client, follow_subscription)
    if follow is None:
        return _LIMIT_REACHED
    wanted = _lookups(items)
    _unhex(child_trie or "")
    block, taken = follow.pinned(hash), wanted[: follow.room]
    if wanted and not taken:
        return _LIMIT_REACHED
    # No state of ours has child tries, so whatever is looked up in one is absent.
    work = _storage(block, taken if child_trie is None else [])
    operation = follow.start(work, weight=len(taken))
    return {**_started(operation), "discardedItems": len(wanted) - len(taken)}


def chainHead_v1_unpin(
    node: Node, client: Client, follow_subscription: str, hash_or_hashes: Hashes
) -> None:
    follow = _follow(client, follow_subscription)
    if follow is not None:
        follow.unpin(hash_or_hashes if isinstance(hash_or_hashes, list) else [hash_or_hashes])


def chainHead_v1_continue(
    node: Node, client: Client, follow_subscription: str, operation_id: str
) -> None:
    operation = _operation(client, follow_subscription, operation_id)
    if operation is None:
        return
    if not operation.waiting:
        raise RpcError(-32803, "Wait for continue event was not generated for the subscription")
    operation.waiting = False
    client.begin(operation)


def chainHead_v1_stopOperation(
    node: Node, client: Client, follow_subscription: str, operation_id: str
) -> None:
    operation = _operation(client, follow_subscription, operation_id)
    if operation is not None:
        operation.close()


def _follow(client: Client, id_: str) -> Follow | None:
    return client.own(Follows).get(id_)


def _operation(client: Client, follow_id: str, id_: str) -> Operation | None:
    follow = _follow(client, follow_id)
    return None if follow is None else follow.operation(id_)


def _started(operation: Operation) -> Answer:
    return {"result": "started", "operationId": operation.id}


def _body(block: Block) -> Work:
    yield "operationBodyDone", {"value": [hex_of(data) for data in block.extrinsics]}


def _call(node: Node, block: Block, function: str, data: bytes) -> Work:
    try:
        output = call_runtime(node, block, function, data)
    except CallFailed as error:
        yield "operationError", {"error": str(error)}
    else:
        yield "operationCallDone", {"output": hex_of(output)}


def _storage(block: Block, wanted: list[Lookup]) -> Work:
    """What is read at once comes in one event, what stands below a key in pages."""
    here = [item for each in wanted if not each.descends for item in answers(block.state, each)]
    below = joined.from_iterable(answers(block.state, each) for each in wanted if each.descends)
    if here:
        yield "operationStorageItems", {"items": here}
    yield from pages(below)
    yield "operationStorageDone", {}


def _lookups(items: Queries) -> list[Lookup]:
    try:
        return [lookup(query) for query in items]
    except BadHex as error:
        raise RpcError(-32602, str(error)) from None


def _unhex(text: str) -> bytes:
    try:
        return unhex(text)
    except BadHex as error:
        raise RpcError(-32602, str(error)) from None
