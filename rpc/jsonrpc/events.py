"""What the subscriptions of the JSON-RPC interface tell: the forms of their events."""

from typing import Annotated, Literal, NotRequired, TypeAlias, TypedDict

from tilth.rpc.jsonrpc.schema import HashText, HexText, Shape
from tilth.rpc.jsonrpc.shapes import RuntimeSpec


class ValidRuntime(TypedDict):
    type: Literal["valid"]
    spec: RuntimeSpec


class InvalidRuntime(TypedDict):
    type: Literal["invalid"]
    error: str


RuntimeEvent: TypeAlias = ValidRuntime | InvalidRuntime


class Initialized(TypedDict):
    """The last final blocks, oldest first; the runtime only where it was asked for."""

    event: Literal["initialized"]
    finalizedBlockHashes: list[HashText]
    finalizedBlockRuntime: NotRequired[RuntimeEvent]


class NewBlock(TypedDict):
    """A block on one that was told of; `newRuntime` is null where it left the runtime alone."""

    event: Literal["newBlock"]
    blockHash: HashText
    parentBlockHash: HashText
    newRuntime: NotRequired[RuntimeEvent | None]


class BestBlockChanged(TypedDict):
    event: Literal["bestBlockChanged"]
    bestBlockHash: HashText


class Finalized(TypedDict):
    """Blocks that became final, oldest first, and those that never will."""

    event: Literal["finalized"]
    finalizedBlockHashes: list[HashText]
    prunedBlockHashes: list[HashText]


class OperationBodyDone(TypedDict):
    event: Literal["operationBodyDone"]
    operationId: str
    value: list[HexText]


class OperationCallDone(TypedDict):
    event: Literal["operationCallDone"]
    operationId: str
    output: HexText


class StorageItem(TypedDict):
    """A key, and what was asked of it."""

    key: HexText
    value: NotRequired[HexText]
    hash: NotRequired[HashText]
    closestDescendantMerkleValue: NotRequired[HexText]


class OperationStorageItems(TypedDict):
    event: Literal["operationStorageItems"]
    operationId: str
    items: list[StorageItem]


class OperationEvent(TypedDict):
    """An operation is done, or waits to be continued."""

    event: Literal["operationStorageDone", "operationWaitingForContinue", "operationInaccessible"]
    operationId: str


class OperationError(TypedDict):
    event: Literal["operationError"]
    operationId: str
    error: str


class Stop(TypedDict):
    """The subscription is over; what it held is let go."""

    event: Literal["stop"]


FollowEvent: TypeAlias = (
    Initialized
    | NewBlock
    | BestBlockChanged
    | Finalized
    | OperationBodyDone
    | OperationCallDone
    | OperationStorageItems
    | OperationEvent
    | OperationError
    | Stop
)


class OperationStarted(TypedDict):
    """`discardedItems` of a storage request were too many to be looked up."""

    result: Literal["started"]
    operationId: str
    discardedItems: NotRequired[int]


class LimitReached(TypedDict):
    """Too many operations, or a subscription that is over."""

    result: Literal["limitReached"]


OperationAnswer: TypeAlias = OperationStarted | LimitReached


class TransactionBlock(TypedDict):
    hash: HashText
    index: int


class Validated(TypedDict):
    event: Literal["validated"]


class BestChainBlockIncluded(TypedDict):
    """Null where the block it was in was taken back."""

    event: Literal["bestChainBlockIncluded"]
    block: TransactionBlock | None


class TransactionFinalized(TypedDict):
    event: Literal["finalized"]
    block: TransactionBlock


class TransactionEnded(TypedDict):
    event: Literal["error", "invalid", "dropped"]
    error: str


TransactionEvent: TypeAlias = (
    Validated | BestChainBlockIncluded | TransactionFinalized | TransactionEnded
)


class CallSucceeded(TypedDict):
    success: Annotated[bool, Shape({"const": True})]
    value: HexText


class CallRefused(TypedDict):
    success: Annotated[bool, Shape({"const": False})]
    error: str


CallAnswer: TypeAlias = CallSucceeded | CallRefused


class ArchiveItem(TypedDict):
    """A key, and what was asked of it."""

    event: Literal["storage"]
    key: HexText
    value: NotRequired[HexText]
    hash: NotRequired[HashText]
    closestDescendantMerkleValue: NotRequired[HexText]


class ArchiveDone(TypedDict):
    event: Literal["storageDone"]


class ArchiveError(TypedDict):
    event: Literal["storageError"]
    error: str


ArchiveEvent: TypeAlias = ArchiveItem | ArchiveDone | ArchiveError


class Difference(TypedDict):
    """A key that was added, changed or deleted; of a deleted one, the value it had."""

    event: Literal["storageDiff"]
    key: HexText
    value: NotRequired[HexText]
    hash: NotRequired[HashText]
    type: Literal["added", "modified", "deleted"]


class DifferenceDone(TypedDict):
    event: Literal["storageDiffDone"]


class DifferenceError(TypedDict):
    event: Literal["storageDiffError"]
    error: str


DifferenceEvent: TypeAlias = Difference | DifferenceDone | DifferenceError
