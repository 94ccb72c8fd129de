"""What storing content costs, by its length, and what ending a block that stored some costs."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from tilth.frame import H256, NOBODY, ROOT, AccountId, Origin, RuntimeCall, signed
from tilth.frame.benchmarking import Benchmarks, Linear, Work, benchmark
from tilth.pallets.transaction_storage.cid import RAW, CidConfig, HashingAlgorithm
from tilth.pallets.transaction_storage.pallet import TransactionStorage
from tilth.pallets.transaction_storage.types import MAX_BLOCK_TRANSACTIONS
from tilth.primitives.chunks import prove_chunk

_LARGEST = 2 * 1024 * 1024
_MONEY = 10**15
_PARENT, _HASH = H256(b"p" * 32), H256(b"h" * 32)


class TransactionStorageBenchmarks(Benchmarks[TransactionStorage]):
    @benchmark
    def store(self, data: Annotated[int, Linear(1, _LARGEST)]) -> Iterator[Work]:
        yield self._included(self.pallet.store.call(self._content(data)))
        assert len(self.pallet.block_transactions.get()) == 1

    @benchmark
    def store_with_cid_config(self, data: Annotated[int, Linear(1, _LARGEST)]) -> Iterator[Work]:
        """Keccak is the slowest of the hashes."""
        cid = CidConfig(RAW, HashingAlgorithm.Keccak256)
        yield self._included(self.pallet.store_with_cid_config.call(cid, self._content(data)))
        assert len(self.pallet.block_transactions.get()) == 1

    @benchmark
    def store_anonymously(self, data: Annotated[int, Linear(1, _LARGEST)]) -> Iterator[Work]:
        self.pallet.currency.mint_into(self.pallet.pot, 10 * _MONEY)
        cid = CidConfig(RAW, HashingAlgorithm.Keccak256)
        call = self.pallet.store_anonymously.call(0, cid, self._content(data))
        yield self._included(call, NOBODY)
        assert len(self.pallet.block_transactions.get()) == 1

    @benchmark
    def donate(self) -> Iterator[Work]:
        yield self.dispatch(self.pallet.donate.call(_MONEY))
        assert self.pallet.currency.free_balance(self.pallet.pot) == _MONEY

    @benchmark
    def renew(self) -> Iterator[Work]:
        self._store(b"content", self.account(1, _MONEY))
        self.pallet.on_finalize(1)
        self.stand_in_block(2)
        yield self.dispatch(self.pallet.renew.call(1, 0))
        assert len(self.pallet.block_transactions.get()) == 1

    @benchmark
    def check_proof(self) -> Iterator[Work]:
        """Of the largest content, in the last block in which it is kept."""
        content, last = self._content(_LARGEST), 1 + self.pallet.retention_period.get()
        self._store(content, self.caller)
        self.pallet.on_finalize(1)
        self.stand_in_block(last - 1)
        drawn = self.pallet.challenge(_PARENT)
        assert drawn is not None
        self.stand_in_block(last)
        self.runtime.system.block_hash[last - 1] = _PARENT
        proof = prove_chunk(content, drawn.chunk)
        yield self.dispatch(self.pallet.check_proof.call(proof), NOBODY)
        assert self.pallet.proof_checked.get()

    @benchmark
    def authorize_account(self) -> Iterator[Work]:
        who = self.account(1)
        yield self.dispatch(self.pallet.authorize_account.call(who, 1, 1), ROOT)
        assert self.pallet.account_authorization(who).bytes == 1

    @benchmark
    def authorize_preimage(self) -> Iterator[Work]:
        yield self.dispatch(self.pallet.authorize_preimage.call(_HASH, 1), ROOT)
        assert self.pallet.preimage_authorization(_HASH).bytes == 1

    @benchmark
    def remove_expired_account_authorization(self) -> Iterator[Work]:
        who = self.account(1)
        self.pallet.authorize_account(ROOT, who, 1, 1)
        self.stand_in_block(2 + self.pallet.authorization_period)
        yield self.dispatch(self.pallet.remove_expired_account_authorization.call(who))
        assert not list(self.pallet.authorizations.items())

    @benchmark
    def remove_expired_preimage_authorization(self) -> Iterator[Work]:
        self.pallet.authorize_preimage(ROOT, _HASH, 1)
        self.stand_in_block(2 + self.pallet.authorization_period)
        yield self.dispatch(self.pallet.remove_expired_preimage_authorization.call(_HASH))
        assert not list(self.pallet.authorizations.items())

    @benchmark
    def refresh_account_authorization(self) -> Iterator[Work]:
        who = self.account(1)
        self.pallet.authorize_account(ROOT, who, 1, 1)
        self.stand_in_block(2)
        yield self.dispatch(self.pallet.refresh_account_authorization.call(who), ROOT)
        assert self._expirations() == [2 + self.pallet.authorization_period]

    @benchmark
    def refresh_preimage_authorization(self) -> Iterator[Work]:
        self.pallet.authorize_preimage(ROOT, _HASH, 1)
        self.stand_in_block(2)
        yield self.dispatch(self.pallet.refresh_preimage_authorization.call(_HASH), ROOT)
        assert self._expirations() == [2 + self.pallet.authorization_period]

    @benchmark
    def on_initialize(
        self, expired: Annotated[int, Linear(1, MAX_BLOCK_TRANSACTIONS)]
    ) -> Iterator[Work]:
        """Contents of as many depositors expire."""
        for number in range(expired):
            self._store(number.to_bytes(4, "big"), self.account(number, _MONEY))
        self.pallet.on_finalize(1)
        now = 2 + self.pallet.retention_period.get()
        self.stand_in_block(now)
        yield partial(self.pallet.on_initialize, now)
        assert not list(self.pallet.transactions.items())

    @benchmark
    def on_finalize(
        self, contents: Annotated[int, Linear(1, MAX_BLOCK_TRANSACTIONS)]
    ) -> Iterator[Work]:
        for number in range(contents):
            self._store(number.to_bytes(4, "big"), self.caller)
        yield partial(self.pallet.on_finalize, 1)
        assert not self.pallet.block_transactions.exists()

    def _included(self, call: RuntimeCall, origin: Origin | None = None) -> Work:
        """Whether it may be in the block is asked first, and hashes the content as well."""
        stored, dispatched = self.pallet.stored_by(call), self.dispatch(call, origin)
        assert stored is not None
        _, hashed = stored
        return lambda: (hashed(), dispatched())

    def _store(self, content: bytes, who: AccountId) -> None:
        self.pallet.store(signed(who), content)

    def _expirations(self) -> list[int]:
        return [each.expiration for each in self.pallet.authorizations.values()]

    def _content(self, size: int) -> bytes:
        """No two chunks of it are equal."""
        return b"".join(number.to_bytes(8, "big") for number in range(-(-size // 8)))[:size]
