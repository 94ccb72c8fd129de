"""transaction_v1_* and transactionWatch_v1_*: bringing a transaction in, unseen or watched."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from tilth.frame import TransactionSource, validity
from tilth.node import pool as pools
from tilth.node.block import Block
from tilth.node.notices import Finalized, Imported, Notice, Phase
from tilth.node.pool import PoolError
from tilth.node.service import Node
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.author import INVALID_TEXT
from tilth.rpc.jsonrpc.client import Client, Sink
from tilth.rpc.jsonrpc.dispatch import fails, subscription
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.events import TransactionEvent
from tilth.rpc.jsonrpc.lookups import CallFailed, call_runtime
from tilth.rpc.jsonrpc.params import Hex

MOST_BROADCASTS: Final = 256
"""Of one client at a time. A Rust node allows 16, and PAPI waits for ever for the seventeenth."""
MOST_ENDED: Final = 256
"""Broadcasts that ended by themselves and are still known to their client's `stop`."""

NO_OPERATION: Final = Fault(-32602, "Invalid operation id")

_VALID: Final = b"\x00"  # how a TransactionValidity begins that is Ok

# client/rpc-spec-v2/src/transaction/{transaction,error}.rs
_UNDECODABLE: Final = "Extrinsic bytes cannot be decoded"
_USURPED: Final = "Extrinsic was rendered invalid by another extrinsic"
_INVALID: Final = "Extrinsic marked as invalid"
_DROPPED: Final = "Extrinsic dropped from the pool due to exceeding limits"
_FINALITY_TIMEOUT: Final = "Maximum number of finality watchers has been reached"

Event: TypeAlias = dict[str, Any]


def transaction_v1_broadcast(node: Node, client: Client, transaction: Hex) -> str | None:
    """Bring a transaction in again and again until it is final or stopped.

    Answers what stops it, or null where the client has too many. What becomes of it is not told.
    """
    return client.own(Broadcasts).begin(node, client, transaction)


@fails(NO_OPERATION)
def transaction_v1_stop(node: Node, client: Client, operation_id: str) -> None:
    """Bring a transaction in no more."""
    client.own(Broadcasts).stop(operation_id)


@subscription(
    "transactionWatch_v1_watchEvent",
    unsubscribe="transactionWatch_v1_unwatch",
    item=TransactionEvent,
)
def transactionWatch_v1_submitAndWatch(node: Node, sink: Sink, bytes: Hex) -> None:
    """Bring a transaction in and hear of it; a refusal is an event too."""
    try:
        node.pool.submit(bytes, watcher=_Watch(node, sink, H256(blake2_256(bytes))))
    except PoolError as error:
        sink.send({"event": "invalid", "error": _refusal(error)})
        sink.close()


class Broadcasts:
    """The transactions that one client wants in a block until it says stop, or leaves."""

    def __init__(self) -> None:
        self._running: dict[str, Broadcast] = {}
        self._ended: deque[str] = deque(maxlen=MOST_ENDED)

    def begin(self, node: Node, client: Client, data: bytes) -> str | None:
        """The id that stops it; None where there are too many already."""
        if len(self._running) >= MOST_BROADCASTS:
            return None
        id_ = client.new_id()
        broadcast = self._running[id_] = Broadcast(node, client, data, partial(self._end, id_))
        broadcast.begin()
        return id_

    def stop(self, id_: str) -> None:
        """Raises RpcError for what was never begun, or stopped before."""
        broadcast = self._running.pop(id_, None)
        if broadcast is not None:
            broadcast.stop()
        elif id_ in self._ended:
            self._ended.remove(id_)
        else:
            raise NO_OPERATION()

    def _end(self, id_: str) -> None:
        self._running.pop(id_, None)
        self._ended.append(id_)


class Broadcast:
    """Submits a transaction again with every new best block that finds it neither in nor waiting.

    What is invalid now may be valid later, and what was dropped may find room. It ends when the
    transaction is final, or can be none; then the client need not stop it, but may.
    """

    def __init__(self, node: Node, client: Client, data: bytes, on_end: Callable[[], None]) -> None:
        self._node = node
        self._client = client
        self._data = data
        self._on_end = on_end
        self._hash = H256(blake2_256(data))
        self._pooled = False
        self._included = False
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Handle | None = None
        self._stop_listening = node.chain.notices.listen(Phase.WORK, self._on_notice)

    def begin(self) -> None:
        self._submit()

    def stop(self) -> None:
        """What it brought into the pool leaves it again."""
        self._stop_trying()
        if self._pooled:
            self._node.pool.remove([self._hash])

    def _stop_trying(self) -> None:
        self._stop_listening()
        if self._next is not None:
            self._next.cancel()

    def _end(self) -> None:
        self._stop_trying()
        self._on_end()

    def _on_notice(self, notice: Notice) -> None:
        match notice:
            case _ if self._client.closed:
                self._stop_trying()
            case Imported(is_best=True):
                self._on_best(notice)
            case Finalized() if self._is_in(notice.blocks):
                self._end()

    def _on_best(self, notice: Imported) -> None:
        """However many blocks arrive in one breath, one try is enough."""
        stays = self._included and not self._is_in(notice.retracted)
        self._included = stays or self._is_in(notice.enacted)
        if self._next is None:
            self._next = self._loop.call_soon(self._submit)

    def _is_in(self, blocks: tuple[Block, ...]) -> bool:
        return any(self._data in block.extrinsics for block in blocks)

    def _submit(self) -> None:
        self._next = None
        if self._included or self._hash in self._node.pool:
            return
        try:
            if self._is_valid():
                self._node.pool.submit(self._data)
                self._pooled = True
        except CallFailed:  # it is no transaction, and will be none
            self._end()
        except PoolError:  # it may do better on the next block
            self._pooled = False

    def _is_valid(self) -> bool:
        """Asked before the pool is, which for half an hour will not look again at what was not."""
        best = self._node.chain.best
        asked = bytes((TransactionSource.EXTERNAL,)) + self._data + best.hash
        answer = call_runtime(
            self._node, best, "TaggedTransactionQueue_validate_transaction", asked
        )
        return answer[:1] == _VALID


class _Watch:
    """Tells a transaction's transitions in the words of the JSON-RPC interface."""

    def __init__(self, node: Node, sink: Sink, hash: H256) -> None:
        self._node = node
        self._sink = sink
        self._hash = hash
        self._validated = False

    def __call__(self, status: pools.Status) -> None:
        event = self._event(status)
        if event is not None:
            self._sink.send(event)
        if pools.is_last(status):
            self._sink.close()

    def _event(self, status: pools.Status) -> Event | None:
        match status:
            case "ready" | "future":
                return self._once_validated()
            case {"inBlock": block}:
                return {"event": "bestChainBlockIncluded", "block": self._place(block)}
            case {"retracted": _}:
                return {"event": "bestChainBlockIncluded", "block": None}
            case {"finalized": block}:
                return {"event": "finalized", "block": self._place(block)}
            case {"usurped": _}:
                return {"event": "invalid", "error": _USURPED}
            case "invalid":
                return {"event": "invalid", "error": _INVALID}
            case "dropped":
                return {"event": "dropped", "error": _DROPPED}
            case {"finalityTimeout": _}:
                return {"event": "dropped", "error": _FINALITY_TIMEOUT}
            case _:  # "broadcast", which the interface has dropped
                return None

    def _once_validated(self) -> Event | None:
        """A future transaction that becomes ready is not told of twice."""
        if self._validated:
            return None
        self._validated = True
        return {"event": "validated"}

    def _place(self, block: str) -> Event:
        body = self._node.chain.expect(H256(bytes.fromhex(block[2:]))).extrinsics
        index = next(i for i, data in enumerate(body) if blake2_256(data) == self._hash)
        return {"hash": block, "index": index}


def _refusal(error: PoolError) -> str:
    match error:
        case pools.Undecodable():
            return _UNDECODABLE
        case pools.Rejected(error=validity.Invalid(reason=validity.Custom(code=code))):
            return f"Invalid transaction with custom error: {code}"
        case pools.Rejected(error=validity.Invalid(reason=reason)):
            return f"Invalid transaction: {INVALID_TEXT[type(reason)]}"
        case pools.Rejected(error=unknown):
            return f"Unknown transaction validity: {type(unknown.reason).__name__}"
        case pools.AlreadyImported():
            return "Transaction is already imported"
        case pools.TooLowPriority(old=old, new=new):
            return f"The priority of the transaction is too low (pool {old} > current {new})"
        case pools.ImmediatelyDropped():
            return "The transaction could not enter the pool because of the limit"
        case pools.Banned():
            return "Transaction is temporarily banned"
        case _:
            return "Transaction does not provide any tags, so the pool cannot identify it"
