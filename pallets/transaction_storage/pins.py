"""What is kept for ever, in one row of chunks of which every block must show some."""

from collections.abc import Callable, Iterator
from typing import final

from tilth.frame import DefaultValue, StorageMap, Twox64, checked, u32
from tilth.pallets.transaction_storage.cid import ContentHash
from tilth.pallets.transaction_storage.types import Pin, Provenance, TransactionInfo
from tilth.primitives.chunks import count_chunks


@final
class PinBook:
    """Grows at its end only, so a chunk's place in the row never changes."""

    def __init__(
        self,
        pins: StorageMap[Twox64[u32], Pin],
        numbers: StorageMap[ContentHash, u32],
        count: DefaultValue[u32],
        now: Callable[[], int],
    ) -> None:
        self._pins = pins
        self._numbers = numbers
        self._count = count
        self._now = now

    def get(self, content_hash: bytes) -> Pin | None:
        number = self._numbers.get(content_hash)
        return None if number is None else self._pins[number]

    def add(self, info: TransactionInfo, provenance: Provenance) -> None:
        number = self._count.get()
        self._pins[number] = Pin(
            content_hash=info.content_hash,
            chunk_root=info.chunk_root,
            size=info.size,
            chunks_before=self.chunks(),
            block=provenance.block,
            extrinsic=provenance.extrinsic,
            since=self._now(),
            depositor=provenance.depositor,
            deposit=provenance.deposit,
        )
        self._numbers[info.content_hash] = number
        self._count.put(checked(number + 1, 32))

    def chunks(self) -> int:
        """How many chunks the row has."""
        count = self._count.get()
        if not count:
            return 0
        last = self._pins[count - 1]
        return last.chunks_before + count_chunks(last.size)

    def due(self) -> bool:
        """Whether something was pinned before this block."""
        return self._count.get() > 0 and self._pins[0].since < self._now()

    def holding(self, chunk: int) -> Pin:
        """The pinned content that the row's chunk belongs to, in as many reads as 2^n are pins."""
        first, after = 0, self._count.get()
        while after - first > 1:
            middle = (first + after) // 2
            if self._pins[middle].chunks_before <= chunk:
                first = middle
            else:
                after = middle
        return self._pins[first]

    def all(self) -> Iterator[Pin]:
        return map(self._pins.__getitem__, range(self._count.get()))

    def try_state(self) -> None:
        chunks = 0
        for number, pin in enumerate(self.all()):
            assert self._numbers.get(pin.content_hash) == number, f"pin {number} is not found"
            assert pin.chunks_before == chunks, f"pin {number} miscounts the chunks before it"
            chunks += count_chunks(pin.size)
