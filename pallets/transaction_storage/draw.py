"""Which chunk a block must prove, of those that are pinned and those about to expire."""

from bisect import bisect_right
from typing import NamedTuple

from tilth.frame import H256
from tilth.pallets.transaction_storage.entries import total_chunks
from tilth.pallets.transaction_storage.pins import PinBook
from tilth.pallets.transaction_storage.types import BlockInfos
from tilth.primitives.chunks import count_chunks, drawn_chunk


class Drawn(NamedTuple):
    chunk_root: H256
    content_hash: bytes
    chunk: int


def draw(parent_hash: bytes, leaving: BlockInfos, pinned: PinBook) -> Drawn | None:
    """As the Bulletin chain draws where nothing is pinned; every chunk is as likely as another."""
    window = total_chunks(leaving)
    total = window + pinned.chunks()
    if not total:
        return None
    chunk = drawn_chunk(parent_hash, total)
    if chunk < window:
        info = leaving[bisect_right([info.block_chunks for info in leaving], chunk)]
        before = info.block_chunks - count_chunks(info.size)
        return Drawn(info.chunk_root, info.content_hash, chunk - before)
    pin = pinned.holding(chunk - window)
    return Drawn(pin.chunk_root, pin.content_hash, chunk - window - pin.chunks_before)
