"""author_*: transactions on their way into a block."""

import asyncio
from typing import Annotated, Any, Final, NoReturn, TypedDict

from tilth.frame import validity
from tilth.node import pool as pools
from tilth.node.pool import PoolError
from tilth.node.service import Node
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import DecodeError, codec
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.client import Sink
from tilth.rpc.jsonrpc.dispatch import fails, subscription, unsafe
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.lookups import bad_input, panic
from tilth.rpc.jsonrpc.params import Hex, Misfit, list_of, read_hash, read_hex, wrong_type
from tilth.rpc.jsonrpc.schema import HashText, HexText, Shape
from tilth.rpc.jsonrpc.shapes import hex_of

# @polkadot/api looks a block up when it hears `inBlock` and forgets to tell if it hears more
# meanwhile; a chain that finalizes at once must give it time.
FINALITY_PAUSE: Final = 0.1

# client/rpc-api/src/author/error.rs
BAD_FORMAT: Final = Fault(1001, "Extrinsic has invalid format: {error}")
VERIFICATION: Final = Fault(1002, "Verification Error: {error}")
INVALID: Final = Fault(1010, "Invalid Transaction")
UNKNOWN_VALIDITY: Final = Fault(1011, "Unknown Transaction Validity")
BANNED: Final = Fault(1012, "Transaction is temporarily banned")
ALREADY_IMPORTED: Final = Fault(1013, "Transaction Already Imported")
TOO_LOW_PRIORITY: Final = Fault(
    1014,
    "Priority is too low: ({old} vs {new})",
    "The transaction has too low priority to replace another transaction already in the pool.",
)
DROPPED: Final = Fault(
    1016,
    "Immediately Dropped",
    "The transaction couldn't enter the pool because of the limit",
)
NO_TAGS: Final = Fault(
    1019,
    "No tags provided",
    "Transaction does not provide any tags, so the pool can't identify it",
)
CLIENT: Final = Fault(1040, "Client error: {error}")
_REFUSALS: Final = (
    VERIFICATION,
    INVALID,
    UNKNOWN_VALIDITY,
    BANNED,
    ALREADY_IMPORTED,
    TOO_LOW_PRIORITY,
    DROPPED,
    NO_TAGS,
)

# primitives/runtime/src/transaction_validity.rs
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


class Broadcasting(TypedDict):
    broadcast: list[str]


class InBlock(TypedDict):
    inBlock: HashText


class Retracted(TypedDict):
    retracted: HashText


class FinalityTimeout(TypedDict):
    finalityTimeout: HashText


class FinalizedIn(TypedDict):
    finalized: HashText


class Usurped(TypedDict):
    """By another transaction, which this names."""

    usurped: HashText


TransactionStatus = (
    Annotated[str, Shape({"enum": ["future", "ready", "dropped", "invalid"]})]
    | Broadcasting
    | InBlock
    | Retracted
    | FinalityTimeout
    | FinalizedIn
    | Usurped
)


@fails(CLIENT, *_REFUSALS)
def author_submitExtrinsic(node: Node, extrinsic: Hex) -> HashText:
    """Bring a transaction into the pool; its hash."""
    try:
        return hex_of(node.pool.submit(extrinsic))
    except PoolError as error:
        _refuse(error, CLIENT)


@subscription(
    "author_extrinsicUpdate", unsubscribe="author_unwatchExtrinsic", item=TransactionStatus
)
@fails(BAD_FORMAT, *_REFUSALS)
def author_submitAndWatchExtrinsic(node: Node, sink: Sink, bytes: Hex) -> None:
    """Bring a transaction into the pool and hear of it until it is final, or out of the pool."""
    try:
        node.pool.submit(bytes, watcher=_Watch(sink))
    except PoolError as error:
        _refuse(error, BAD_FORMAT)


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


def author_pendingExtrinsics(node: Node) -> list[HexText]:
    """The transactions that can be included now, in the order in which they will be."""
    return [hex_of(data) for data in node.pool.pending()]


def _read_named(value: object) -> tuple[str, bytes]:
    """sc_rpc_api's ExtrinsicOrHash: the hash of a transaction, or all of it."""
    if not isinstance(value, dict) or len(value) != 1:
        raise wrong_type(value, "enum ExtrinsicOrHash")
    ((name, given),) = value.items()
    if name not in ("hash", "extrinsic"):
        raise Misfit(f"unknown variant `{name}`, expected `hash` or `extrinsic`")
    try:
        return name, (read_hash if name == "hash" else read_hex)(given)
    except Misfit as misfit:
        misfit.path.insert(0, name)
        raise


_Named = Annotated[
    list[tuple[str, bytes]],
    list_of(_read_named),
    Shape(
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"hash": {"type": "string"}, "extrinsic": {"type": "string"}},
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            },
        }
    ),
]


@unsafe
@fails(BAD_FORMAT)
def author_removeExtrinsic(node: Node, bytes_or_hash: _Named) -> list[HashText]:
    """Take transactions out of the pool, with all that depend on them; the hashes of all these."""
    hashes = [H256(data) if kind == "hash" else _hash_of(data) for kind, data in bytes_or_hash]
    return [hex_of(hash) for hash in node.pool.remove(hashes)]


def _hash_of(extrinsic: bytes) -> H256:
    try:
        codec(bytes).decode(extrinsic)
    except DecodeError as error:
        raise BAD_FORMAT(error=error) from None
    return H256(blake2_256(extrinsic))


def _refuse(error: PoolError, malformed: Fault) -> NoReturn:
    match error:
        case pools.Malformed():
            raise malformed(error=error)
        case pools.Undecodable():
            raise _unverified(error)
        case pools.Rejected(error=validity.Invalid(reason=reason)):
            raise INVALID(_invalid_text(reason))
        case pools.Rejected(error=unknown):
            raise UNKNOWN_VALIDITY(_debug(unknown.reason))
        case pools.AlreadyImported(hash=hash):
            raise ALREADY_IMPORTED(hex_of(hash))
        case pools.TooLowPriority(old=old, new=new):
            raise TOO_LOW_PRIORITY(old=old, new=new)
        case pools.ImmediatelyDropped():
            raise DROPPED()
        case pools.Banned():
            raise BANNED()
        case _:
            raise NO_TAGS()


def _unverified(error: PoolError) -> Exception:
    """The bytes behind the length are no extrinsic, over which a Rust node's runtime panics."""
    text = panic(bad_input("TaggedTransactionQueue_validate_transaction", error))
    return VERIFICATION(f'RuntimeApi("{text}")', error=f"Runtime error: {text}")


def _invalid_text(reason: Any) -> str:
    if isinstance(reason, validity.Custom):
        return f"Custom error: {reason.code}"
    return INVALID_TEXT[type(reason)]


def _debug(reason: Any) -> str:
    """Rust's debug form."""
    if isinstance(reason, validity.UnknownCustom):
        return f"Custom({reason.code})"
    return type(reason).__name__
