"""What is kept about stored content, where it is found, and who may store for nothing."""

from typing import Annotated, Final, TypeAlias

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Bounded,
    Path,
    TypeName,
    replace,
    struct,
    u32,
    u64,
)
from tilth.pallets.transaction_storage.cid import CidCodec, ContentHash, HashingAlgorithm

MAX_BLOCK_TRANSACTIONS: Final = 512  # as on the Polkadot Bulletin chain
Cid: TypeAlias = Annotated[bytes, TypeName("Cid")]


@struct(path="pallet_bulletin_transaction_storage::TransactionInfo")
class TransactionInfo:
    """One stored content; `block_chunks` counts all chunks of the block up to and with it."""

    chunk_root: Annotated[H256, TypeName("<BlakeTwo256 as Hash>::Output")]
    content_hash: ContentHash
    hashing: HashingAlgorithm
    cid_codec: CidCodec
    size: u32
    block_chunks: Annotated[u32, TypeName("ChunkIndex")]


@struct(path="pallet_transaction_storage::ContentLocation")
class ContentLocation:
    """Where content stands: in which extrinsic of which block."""

    block: BlockNumber
    extrinsic: u32
    size: u32


@struct(path="pallet_transaction_storage::Provenance")
class Provenance:
    """Where an entry's bytes stand, and who has a deposit on it until it expires."""

    block: BlockNumber
    extrinsic: u32
    depositor: AccountId | None
    deposit: Balance


@struct(path="pallet_transaction_storage::Pin")
class Pin:
    """Content that is kept for ever; `since` is the block that decided it.

    The deposit never returns; nobody has one where an authorization paid, or root.
    """

    content_hash: ContentHash
    chunk_root: H256
    size: u32
    chunks_before: u64
    block: BlockNumber
    extrinsic: u32
    since: BlockNumber
    depositor: AccountId | None
    deposit: Balance


@struct(path="pallet_transaction_storage::Challenge")
class Challenge:
    """The chunk whose possession the next block's author must prove."""

    content_hash: ContentHash
    chunk: u32


BlockInfos: TypeAlias = Annotated[
    tuple[TransactionInfo, ...],
    Bounded(MAX_BLOCK_TRANSACTIONS),
]
BlockProvenances: TypeAlias = Annotated[tuple[Provenance, ...], Bounded(MAX_BLOCK_TRANSACTIONS)]


@struct(name="Account", unnamed=True)
class ForAccount:
    """The account may store anything."""

    who: Annotated[AccountId, TypeName("AccountId")]


@struct(name="Preimage", unnamed=True)
class ForPreimage:
    """Anyone may store the content with this hash."""

    content_hash: ContentHash


AuthorizationScope: TypeAlias = Annotated[
    ForAccount | ForPreimage,
    Path("pallet_bulletin_transaction_storage::AuthorizationScope", AccountId=AccountId),
    TypeName("AuthorizationScopeFor<T>"),
]


@struct(path="pallet_bulletin_transaction_storage::AuthorizationExtent")
class AuthorizationExtent:
    transactions: u32
    bytes: u64

    def covers(self, size: int) -> bool:
        return self.transactions > 0 and self.bytes >= size


@struct(
    path="pallet_bulletin_transaction_storage::Authorization", params={"BlockNumber": BlockNumber}
)
class Authorization:
    extent: AuthorizationExtent
    expiration: Annotated[BlockNumber, TypeName("BlockNumber")]

    def used(self, size: int) -> "Authorization | None":
        """What remains after storing so many bytes, if anything."""
        transactions, bytes_ = self.extent.transactions - 1, self.extent.bytes - size
        if transactions == 0 or bytes_ == 0:
            return None
        return replace(self, extent=AuthorizationExtent(transactions, bytes_))
