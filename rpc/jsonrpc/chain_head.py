"""chainHead_v1_*: the head of the chain as a client follows it, and the blocks it holds there."""

from itertools import chain as joined
from typing import Final

from tilth.node.block import Block
from tilth.node.service import Node
from tilth.rpc.jsonrpc.client import Client, Sink, Undo
from tilth.rpc.jsonrpc.dispatch import fails, subscription
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.events import (
    FollowEvent,
    LimitReached,
    OperationAnswer,
    OperationStarted,
)
from tilth.rpc.jsonrpc.follow import (
    DUPLICATES,
    NOT_PINNED,
    TOO_MANY_FOLLOWS,
    Follow,
    Follows,
    Operation,
    Work,
    pages,
)
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
from tilth.rpc.jsonrpc.params import Hash, Hashes, HexOrNothing
from tilth.rpc.jsonrpc.schema import HexText
from tilth.rpc.jsonrpc.shapes import hex_of

_LIMIT_REACHED: Final[LimitReached] = {"result": "limitReached"}


# client/rpc-spec-v2/src/chain_head/error.rs
NO_RUNTIME: Final = Fault(
    -32802, "The `chainHead_follow` subscription was started with `withRuntime` set to `false`"
)
NOT_WAITING: Final = Fault(-32803, "Wait for continue event was not generated for the subscription")
BAD_PARAM: Final = Fault(-32602, "{error}")


@subscription("chainHead_v1_followEvent", unsubscribe="chainHead_v1_unfollow", item=FollowEvent)
@fails(TOO_MANY_FOLLOWS)
def chainHead_v1_follow(node: Node, sink: Sink, with_runtime: bool) -> Undo:
    """Tells of the blocks from the last final ones on; each is held until it is unpinned."""
    return sink.client.own(Follows).begin(node, sink, with_runtime=with_runtime)


@fails(NOT_PINNED)
def chainHead_v1_header(
    node: Node, client: Client, follow_subscription: str, hash: Hash
) -> HexText | None:
    """The header of a block that is held, in SCALE; null where the subscription is over."""
    follow = _follow(client, follow_subscription)
    return None if follow is None else hex_of(follow.pinned(hash).encoded_header)


@fails(NOT_PINNED)
def chainHead_v1_body(
    node: Node, client: Client, follow_subscription: str, hash: Hash
) -> OperationAnswer:
    """Ask for the extrinsics of a block that is held."""
    follow = _follow(client, follow_subscription)
    if follow is None:
        return _LIMIT_REACHED
    block = follow.pinned(hash)
    if not follow.room:
        return _LIMIT_REACHED
    return _started(follow.start(_body(block)))


@fails(NOT_PINNED, NO_RUNTIME, BAD_PARAM)
def chainHead_v1_call(
    node: Node,
    client: Client,
    follow_subscription: str,
    hash: Hash,
    function: str,
    call_parameters: HexOrNothing,
) -> OperationAnswer:
    """Ask for a call of the runtime API on the state of a block that is held."""
    data = _unhex(call_parameters)
    follow = _follow(client, follow_subscription)
    if follow is None:
        return _LIMIT_REACHED
    block = follow.pinned(hash)
    if not follow.with_runtime:
        raise NO_RUNTIME()
    if not follow.room:
        return _LIMIT_REACHED
    return _started(follow.start(_call(node, block, function, data)))


@fails(NOT_PINNED, BAD_PARAM)
def chainHead_v1_storage(
    node: Node,
    client: Client,
    follow_subscription: str,
    hash: Hash,
    items: Queries,
    child_trie: HexOrNothing | None = None,
) -> OperationAnswer:
    """Ask what keys hold in a block that is held; each item counts as one operation."""
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
    started = _started(operation)
    started["discardedItems"] = len(wanted) - len(taken)
    return started


@fails(NOT_PINNED, DUPLICATES)
def chainHead_v1_unpin(
    node: Node, client: Client, follow_subscription: str, hash_or_hashes: Hashes
) -> None:
    """Let go of blocks: of all of these, or of none."""
    follow = _follow(client, follow_subscription)
    if follow is not None:
        follow.unpin(hash_or_hashes if isinstance(hash_or_hashes, list) else [hash_or_hashes])


@fails(NOT_WAITING)
def chainHead_v1_continue(
    node: Node, client: Client, follow_subscription: str, operation_id: str
) -> None:
    """Ask for the next page of an operation that waits."""
    operation = _operation(client, follow_subscription, operation_id)
    if operation is None:
        return
    if not operation.waiting:
        raise NOT_WAITING()
    operation.waiting = False
    client.begin(operation)


def chainHead_v1_stopOperation(
    node: Node, client: Client, follow_subscription: str, operation_id: str
) -> None:
    """End an operation."""
    operation = _operation(client, follow_subscription, operation_id)
    if operation is not None:
        operation.close()


def _follow(client: Client, id_: str) -> Follow | None:
    return client.own(Follows).get(id_)


def _operation(client: Client, follow_id: str, id_: str) -> Operation | None:
    follow = _follow(client, follow_id)
    return None if follow is None else follow.operation(id_)


def _started(operation: Operation) -> OperationStarted:
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
        raise BAD_PARAM(error=error) from None


def _unhex(text: str) -> bytes:
    try:
        return unhex(text)
    except BadHex as error:
        raise BAD_PARAM(error=error) from None
