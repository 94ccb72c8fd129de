"""What is kept about stored content, and where it is found."""

from typing import Annotated, Final, TypeAlias

from tilth.frame import H256, BlockNumber, Bounded, TypeName, struct, u32
from tilth.pallets.transaction_storage.cid import CidCodec, ContentHash, HashingAlgorithm

MAX_BLOCK_TRANSACTIONS: Final = 512  # as on the Polkadot Bulletin chain
Cid: TypeAlias = Annotated[bytes, TypeName("Cid")]


@struct(path="pallet_transaction_storage::TransactionInfo")
class TransactionInfo:
    """One stored content; `block_chunks` counts all chunks of the block up to and with it."""

    chunk_root: Annotated[H256, TypeName("<BlakeTwo256 as Hash>::Output")]
    content_hash: ContentHash
    hashing: HashingAlgorithm
    cid_codec: CidCodec
    size: u32
    block_chunks: Annotated[u32, TypeName("ChunkIndex")]


BlockInfos: TypeAlias = Annotated[
    tuple[TransactionInfo, ...],
    Bounded(MAX_BLOCK_TRANSACTIONS),
]
BlockExtrinsics: TypeAlias = Annotated[tuple[u32, ...], Bounded(MAX_BLOCK_TRANSACTIONS)]


@struct(path="pallet_transaction_storage::ContentLocation")
class ContentLocation:
    """Where content stands: `index` counts the contents stored by that extrinsic before it."""

    block: BlockNumber
    extrinsic: u32
    index: u32
    size: u32
