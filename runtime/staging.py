"""What the market's benchmarks find: content, datasets, private tables with full lists."""

from typing import Final

from tilth.frame import H256, AccountId, hashing, signed
from tilth.pallets.balances import Balances
from tilth.pallets.datasets import Budget, Datasets, Draft, Only, Policy
from tilth.pallets.transaction_storage import TransactionStorage

_ENOUGH: Final = 2**31
_TERMS: Final = Budget(epsilon_micro=_ENOUGH, delta_pico=10**6, output_bytes=_ENOUGH)


class MarketStage:
    def __init__(self, storage: TransactionStorage, datasets: Datasets, balances: Balances) -> None:
        self._balances = balances
        self._storage = storage
        self._datasets = datasets

    def stored(self, data: bytes, who: AccountId) -> H256:
        """Content that is on the chain; returns its sha2-256 hash."""
        self._storage.storing(data).dispatch(signed(who))
        return H256(hashing.sha2_256(data))

    def endow_pot(self) -> None:
        """Money for what is published without an account."""
        self._balances.mint_into(self._storage.pot, 10**18)

    def published(self, who: AccountId) -> int:
        """A public dataset; returns its number."""
        shown, number = self.stored(b"metadata", who), self._datasets.next_id.get()
        draft = Draft(shown, shown, None, 10, 2, H256(bytes(32)), None)
        self._datasets.publish(who, "corpus", "CC0-1.0", (), draft, (), None)
        return number

    def private_table(
        self, owner: AccountId, worker: AccountId, requester: AccountId, row_root: H256
    ) -> int:
        """A private table whose lists are as long as they may be, with these last on them."""
        shown, number = self.stored(b"schema", owner), self._datasets.next_id.get()
        self._datasets.register_private(
            owner,
            name="patients",
            spdx="LicenseRef-Private",
            schema=shown,
            mock=shown,
            metadata=shown,
            row_root=row_root,
            rows=1_000,
            policy=full_policy(requester),
            budget=_TERMS,
            workers=(*_crowd(15), worker),
        )
        return number


def full_policy(requester: AccountId) -> Policy:
    return Policy(
        price_per_job=10**12,
        price_per_epsilon=10**12,
        requesters=Only((*_crowd(63), requester)),
        max_epsilon_micro=_ENOUGH,
        max_params=_ENOUGH,
        max_output_bytes=_ENOUGH,
        exact_specs=tuple(H256(account) for account in _crowd(32)),
    )


def _crowd(size: int) -> list[AccountId]:
    return [AccountId(b"crowd" + number.to_bytes(27, "big")) for number in range(size)]
