"""author_*: transactions on their way into a block."""

import asyncio
from typing import Any, Final, NoReturn

from tilth.frame import validity
from tilth.node import pool as pools
from tilth.node.pool import PoolError
from tilth.node.service import Node
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.client import Sink
from tilth.rpc.jsonrpc.dispatch import subscription, unsafe
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.rpc.jsonrpc.params import Hex, Json
from tilth.rpc.jsonrpc.shapes import hex_of

# @polkadot/api looks a block up when it hears `inBlock` and forgets to tell if it hears more
# meanwhile; a chain that finalizes at once must give it time.
FINALITY_PAUSE: Final = 0.1

# client/rpc-api/src/author/error.rs, primitives/runtime/src/transaction_validity.rs
INVALID_TEXT: Final[dict[type, str]] = {
    validity.Call: "Transaction call is not expected",
    validity.Payment: "Inability to pay some fees (e.g. account balance too low)",
    validity.Future: "Transaction will be valid in the future",
    validity.Stale: "Transaction is outdated",
    validity.BadProof: "Transaction has a bad signature",
    validity.AncientBirthBlock: "Transaction has an ancient birth block",
    validity.ExhaustsResources: "Transaction would exhaust the block limits",
    validity.BadMandatory: "A call was labelled as mandatory, but resulted in an Error.",
    validity.MandatoryValidation: (
        "Transaction dispatch is mandatory; transactions must not be validated."
    ),
    validity.BadSigner: "Invalid signing address",
    validity.IndeterminateImplicit: "The implicit data was unable to be calculated",
    validity.UnknownOrigin: "The transaction extension did not authorize any origin",
}


def author_submitExtrinsic(node: Node, extrinsic: Hex) -> str:
    try:
        return hex_of(node.pool.submit(extrinsic))
    except PoolError as error:
        _refuse(error, 1040, "Client error: Codec error: Could not decode `OpaqueExtrinsic`")


@subscription("author_extrinsicUpdate", unsubscribe="author_unwatchExtrinsic")
def author_submitAndWatchExtrinsic(node: Node, sink: Sink, bytes: Hex) -> None:
    try:
        node.pool.submit(bytes, watcher=_Watch(sink))
    except PoolError as error:
        _refuse(error, 1001, "Extrinsic has invalid format: Codec error")


class _Watch:
    """Passes a transaction's transitions on, the last one not at once after the one before."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._in_block_at = -FINALITY_PAUSE

    def __call__(self, status: pools.Status) -> None:
        now = self._loop.time()
        if not pools.is_last(status):
            self._in_block_at = now
            self._sink.send(status)
        elif now - self._in_block_at < FINALITY_PAUSE:
            self._loop.call_at(self._in_block_at + FINALITY_PAUSE, self._end, status)
        else:
            self._end(status)

    def _end(self, status: pools.Status) -> None:
        self._sink.send(status)
        self._sink.close()


def author_pendingExtrinsics(node: Node) -> list[str]:
    return [hex_of(data) for data in node.pool.pending()]


@unsafe
def author_removeExtrinsic(node: Node, bytes_or_hash: list[Json]) -> list[str]:
    hashes = [_hash_of(node, each) for each in bytes_or_hash]
    return [hex_of(hash) for hash in node.pool.remove(hashes)]


def _hash_of(node: Node, named: Any) -> H256:
    if isinstance(named, dict) and "hash" in named:
        return H256(_unhex(named["hash"]))
    if isinstance(named, dict) and "extrinsic" in named:
        return H256(node.runtime.format.decode(_unhex(named["extrinsic"])).hash)
    raise RpcError(-32602, "Invalid params", 'each entry is {"hash": …} or {"extrinsic": …}')


def _unhex(text: Any) -> bytes:
    try:
        return bytes.fromhex(str(text).removeprefix("0x"))
    except ValueError:
        raise RpcError(-32602, "Invalid params", "an entry is not hex") from None


def _refuse(error: PoolError, undecodable: int, text: str) -> NoReturn:
    match error:
        case pools.Undecodable():
            raise RpcError(undecodable, text)
        case pools.Rejected(error=validity.Invalid(reason=reason)):
            raise RpcError(1010, "Invalid Transaction", _invalid_text(reason))
        case pools.Rejected(error=unknown):
            raise RpcError(1011, "Unknown Transaction Validity", _debug(unknown.reason))
        case pools.AlreadyImported(hash=hash):
            raise RpcError(1013, "Transaction Already Imported", hex_of(hash))
        case pools.TooLowPriority(old=old, new=new):
            raise RpcError(
                1014,
                f"Priority is too low: ({old} vs {new})",
                "The transaction has too low priority to replace another transaction already "
                "in the pool.",
            )
        case pools.ImmediatelyDropped():
            raise RpcError(
                1016,
                "Immediately Dropped",
                "The transaction couldn't enter the pool because of the limit",
            )
        case pools.Banned():
            raise RpcError(1012, "Transaction is temporarily banned")
        case _:
            raise RpcError(
                1019,
                "No tags provided",
                "Transaction does not provide any tags, so the pool can't identify it",
            )


def _invalid_text(reason: Any) -> str:
    if isinstance(reason, validity.Custom):
        return f"Custom error: {reason.code}"
    return INVALID_TEXT[type(reason)]


def _debug(reason: Any) -> str:
    """Rust's debug form."""
    if isinstance(reason, validity.UnknownCustom):
        return f"Custom({reason.code})"
    return type(reason).__name__
