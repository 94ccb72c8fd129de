"""Transaction storage: content that travels in blocks, indexed by its hash and kept for ever."""

from typing import Final

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Const,
    Currency,
    DefaultValue,
    ErrorEnum,
    HoldReason,
    Pallet,
    RuntimeApi,
    RuntimeCall,
    Signed,
    StorageMap,
    Weight,
    call,
    ensure,
    event,
    some,
    u32,
)
from tilth.pallets.transaction_storage.api import ContentApi
from tilth.pallets.transaction_storage.cid import (
    DEFAULT_CID,
    SHA2_CID,
    CidConfig,
    ContentHash,
    cid_of,
    digest,
)
from tilth.pallets.transaction_storage.types import (
    MAX_BLOCK_TRANSACTIONS,
    BlockExtrinsics,
    BlockInfos,
    Cid,
    ContentLocation,
    TransactionInfo,
)
from tilth.primitives.trie import Layout, ordered_root

# primitives/transaction-storage-proof/src/lib.rs: CHUNK_SIZE
CHUNK_SIZE: Final = 256
EXTRINSIC_INDEX: Final = b":extrinsic_index"


@event
class Stored:
    """Content was stored, as the so-many-th of its block."""

    index: u32
    content_hash: ContentHash
    cid: Cid | None


class Error(ErrorEnum):
    BAD_CONTEXT = "Content can only be stored by an extrinsic of a block."
    BAD_DATA_SIZE = "The content is empty or larger than one transaction may store."
    TOO_MANY_TRANSACTIONS = "The block holds as many contents as it may."


class TransactionStorage(Pallet[Stored, Error]):
    currency: Currency
    max_block_transactions: Const[u32] = MAX_BLOCK_TRANSACTIONS
    """Most contents stored by one block."""
    max_transaction_size: Const[u32] = 2 * 1024 * 1024
    """Most bytes of one content."""
    byte_deposit: Const[Balance] = 1_000_000
    """Held for ever from whoever stores content, for each of its bytes."""

    transactions = StorageMap[BlockNumber, BlockInfos]()
    """Every content stored by a block."""
    block_transactions = DefaultValue[BlockInfos]()
    """What the block under construction stored so far."""
    transaction_by_content_hash = StorageMap[ContentHash, tuple[BlockNumber, u32]]()
    """Where the newest copy of a content is: its block, and its place among what that stored."""
    transaction_extrinsics = StorageMap[BlockNumber, BlockExtrinsics]()
    """Which extrinsic of the block stored each of its contents."""
    block_extrinsics = DefaultValue[BlockExtrinsics]()
    """The same for the block under construction."""

    class Hold(HoldReason):
        STORAGE_FEE_HOLD = "The deposit for content, which stays for ever."

    @call(0)
    def store(self, who: Signed, data: bytes) -> None:
        """Store content under its blake2-256 hash."""
        self._store(who, DEFAULT_CID, data)

    @call(9)
    def store_with_cid_config(self, who: Signed, cid: CidConfig, data: bytes) -> None:
        """Store content under the hash and codec that its identifier shall have."""
        self._store(who, cid, data)

    def on_initialize(self, now: BlockNumber) -> Weight:
        return self.db.of(reads=2, writes=4)  # what the end of the block will take

    def on_finalize(self, now: BlockNumber) -> None:
        stored, extrinsics = self.block_transactions.take(), self.block_extrinsics.take()
        if stored:
            self.transactions[now] = stored
            self.transaction_extrinsics[now] = extrinsics

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (ContentApi(self.runtime, self.locate),)

    def locate(self, content_hash: H256) -> ContentLocation | None:
        """Where the newest copy of the content stands, in this block or an earlier one."""
        found = self.transaction_by_content_hash.get(content_hash)
        if found is None:
            return None
        block, place = found
        extrinsics = self._extrinsics_of(block)
        extrinsic = extrinsics[place]
        size = self._infos_of(block)[place].size
        return ContentLocation(block, extrinsic, extrinsics[:place].count(extrinsic), size)

    def content_size(self, content_hash: H256) -> int | None:
        """How many bytes the content has, if it was ever stored."""
        found = self.transaction_by_content_hash.get(content_hash)
        return None if found is None else self._infos_of(found[0])[found[1]].size

    def storing(self, data: bytes) -> RuntimeCall:
        """The call that stores content as our own tools do: raw, under its sha2-256 hash."""
        return self.store_with_cid_config.call(SHA2_CID, data)

    def _store(self, who: AccountId, cid: CidConfig, data: bytes) -> None:
        ensure(0 < len(data) <= self.max_transaction_size, Error.BAD_DATA_SIZE)
        extrinsic = some(self._extrinsic_index(), Error.BAD_CONTEXT)
        stored = self.block_transactions.get()
        ensure(len(stored) < self.max_block_transactions, Error.TOO_MANY_TRANSACTIONS)
        self.currency.hold(self.Hold.STORAGE_FEE_HOLD, who, len(data) * self.byte_deposit)
        info = _info(cid, data, stored[-1].block_chunks if stored else 0)
        self.block_transactions.put((*stored, info))
        self.block_extrinsics.put((*self.block_extrinsics.get(), extrinsic))
        place = (self.runtime.system.block_number(), len(stored))
        self.transaction_by_content_hash[info.content_hash] = place
        self.emit(Stored(len(stored), info.content_hash, cid_of(cid, info.content_hash)))

    def _extrinsic_index(self) -> int | None:
        raw = self.runtime.slot.overlay.raw(EXTRINSIC_INDEX)
        return None if raw is None else int.from_bytes(raw, "little")

    def _infos_of(self, block: int) -> tuple[TransactionInfo, ...]:
        infos = self.transactions.get(block)
        return self.block_transactions.get() if infos is None else infos

    def _extrinsics_of(self, block: int) -> tuple[int, ...]:
        extrinsics = self.transaction_extrinsics.get(block)
        return self.block_extrinsics.get() if extrinsics is None else extrinsics

    def try_state(self) -> None:
        for content_hash, (block, place) in self.transaction_by_content_hash.items():
            assert self._infos_of(block)[place].content_hash == content_hash, (
                f"0x{content_hash.hex()} is not content {place} of block {block}"
            )
        for block, infos in self.transactions.items():
            assert len(infos) == len(self._extrinsics_of(block)), (
                f"block {block} does not know which extrinsic stored what"
            )
            _assert_chunks_add_up(block, infos)


def _info(cid: CidConfig, data: bytes, chunks_before: int) -> TransactionInfo:
    chunks = [data[start : start + CHUNK_SIZE] for start in range(0, len(data), CHUNK_SIZE)]
    return TransactionInfo(
        chunk_root=H256(ordered_root(chunks, Layout.V1)),
        content_hash=digest(cid.hashing, data),
        hashing=cid.hashing,
        cid_codec=cid.codec,
        size=len(data),
        block_chunks=chunks_before + len(chunks),
    )


def _assert_chunks_add_up(block: int, infos: tuple[TransactionInfo, ...]) -> None:
    total = 0
    for info in infos:
        total += -(-info.size // CHUNK_SIZE)
        assert info.block_chunks == total, f"block {block} miscounts its chunks"
