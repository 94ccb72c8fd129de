"""What each block stored: one entry for each content, until all of a block's expire together."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias, final

from tilth.frame import BlockNumber, DefaultValue, StorageMap, replace, u32
from tilth.pallets.transaction_storage.cid import ContentHash
from tilth.pallets.transaction_storage.types import (
    BlockInfos,
    BlockProvenances,
    Provenance,
    TransactionInfo,
)
from tilth.primitives.chunks import count_chunks

Entry: TypeAlias = tuple[TransactionInfo, Provenance]
_NOTHING: Final = ()


@final
class EntryBook:
    """The entries of past blocks, and of the one under construction."""

    def __init__(
        self,
        *,
        past: StorageMap[BlockNumber, BlockInfos],
        current: DefaultValue[BlockInfos],
        past_provenances: StorageMap[BlockNumber, BlockProvenances],
        current_provenances: DefaultValue[BlockProvenances],
        places: StorageMap[ContentHash, tuple[BlockNumber, u32]],
        now: Callable[[], int],
    ) -> None:
        self._past = past
        self._current = current
        self._past_provenances = past_provenances
        self._current_provenances = current_provenances
        self._places = places
        self._now = now

    def __len__(self) -> int:
        """How many the block under construction has."""
        return len(self._current.get())

    def of_block(self, block: int) -> BlockInfos:
        """A block's number still stands when it has ended, so what has ended is looked up first."""
        past = self._past.get(block)
        if past is not None:
            return past
        return self._current.get() if block == self._now() else _NOTHING

    def at(self, block: int, place: int) -> Entry | None:
        infos = self.of_block(block)
        return (infos[place], self._provenances(block)[place]) if place < len(infos) else None

    def place_of(self, content_hash: bytes) -> tuple[int, int] | None:
        """Block and place of the newest entry of a content."""
        return self._places.get(content_hash)

    def append(self, info: TransactionInfo, provenance: Provenance) -> int:
        """Add to the block under construction; returns the place."""
        infos = self._current.get()
        chunks = total_chunks(infos) + count_chunks(info.size)
        self._current.put((*infos, replace(info, block_chunks=chunks)))
        self._current_provenances.put((*self._current_provenances.get(), provenance))
        self._places[info.content_hash] = (self._now(), len(infos))
        return len(infos)

    def settle(self, block: int, place: int) -> None:
        """The deposit on an entry is nobody's any more: it stays where it is for ever."""
        known = self._provenances(block)
        settled = replace(known[place], depositor=None, deposit=0)
        provenances = (*known[:place], settled, *known[place + 1 :])
        if block == self._now():
            self._current_provenances.put(provenances)
        else:
            self._past_provenances[block] = provenances

    def close(self, block: int) -> None:
        """The block under construction ends."""
        infos, provenances = self._current.take(), self._current_provenances.take()
        if infos:
            self._past[block], self._past_provenances[block] = infos, provenances

    def expire(self, block: int) -> BlockProvenances:
        """Forget what a block stored; returns where that came from."""
        infos, provenances = self.of_block(block), self._provenances(block)
        for place, info in enumerate(infos):
            if self._places.get(info.content_hash) == (block, place):
                del self._places[info.content_hash]
        if infos:
            del self._past[block], self._past_provenances[block]
        return provenances

    def provenances(self) -> Iterator[Provenance]:
        """Of every entry."""
        for provenances in (*self._past_provenances.values(), self._current_provenances.get()):
            yield from provenances

    def _provenances(self, block: int) -> BlockProvenances:
        past = self._past_provenances.get(block)
        if past is not None:
            return past
        return self._current_provenances.get() if block == self._now() else _NOTHING

    def try_state(self) -> None:
        for block, infos in self._past.items():
            _assert_chunks_add_up(block, infos)
            assert len(infos) == len(self._provenances(block)), (
                f"block {block} does not know where its contents came from"
            )
        for content_hash, (block, place) in self._places.items():
            entry = self.at(block, place)
            assert entry is not None, f"0x{content_hash.hex()} is not in block {block}"
            assert entry[0].content_hash == content_hash, (
                f"0x{content_hash.hex()} is not content {place} of block {block}"
            )


def total_chunks(infos: BlockInfos) -> int:
    return infos[-1].block_chunks if infos else 0


def _assert_chunks_add_up(block: int, infos: BlockInfos) -> None:
    total = 0
    for info in infos:
        total += count_chunks(info.size)
        assert info.block_chunks == total, f"block {block} miscounts its chunks"
