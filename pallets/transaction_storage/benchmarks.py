"""What storing content costs, by its length, and what ending a block that stored some costs."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from tilth.frame import signed
from tilth.frame.benchmarking import Benchmarks, Linear, Work, benchmark
from tilth.pallets.transaction_storage.cid import RAW, CidConfig, HashingAlgorithm
from tilth.pallets.transaction_storage.pallet import TransactionStorage
from tilth.pallets.transaction_storage.types import MAX_BLOCK_TRANSACTIONS

_LARGEST = 2 * 1024 * 1024


class TransactionStorageBenchmarks(Benchmarks[TransactionStorage]):
    @benchmark
    def store(self, data: Annotated[int, Linear(1, _LARGEST)]) -> Iterator[Work]:
        yield self.dispatch(self.pallet.store.call(self._content(data)))
        assert len(self.pallet.block_transactions.get()) == 1

    @benchmark
    def store_with_cid_config(self, data: Annotated[int, Linear(1, _LARGEST)]) -> Iterator[Work]:
        """Keccak is the slowest of the hashes."""
        cid = CidConfig(RAW, HashingAlgorithm.Keccak256)
        yield self.dispatch(self.pallet.store_with_cid_config.call(cid, self._content(data)))
        assert len(self.pallet.block_transactions.get()) == 1

    @benchmark
    def on_finalize(
        self, contents: Annotated[int, Linear(1, MAX_BLOCK_TRANSACTIONS)]
    ) -> Iterator[Work]:
        for number in range(contents):
            self.pallet.store(signed(self.caller), number.to_bytes(4, "big"))
        yield partial(self.pallet.on_finalize, 1)
        assert not self.pallet.block_transactions.exists()

    def _content(self, size: int) -> bytes:
        """No two chunks of it are equal."""
        return b"".join(number.to_bytes(8, "big") for number in range(-(-size // 8)))[:size]
