"""Private tables: on which terms jobs run on them, and what is left of their budgets."""

from collections.abc import Callable, Mapping
from typing import TypeAlias, final

from tilth.frame import H256, AccountId, StorageMap, Twox64, ensure
from tilth.pallets.datasets import ledger, policy
from tilth.pallets.datasets.errors import Error
from tilth.pallets.datasets.events import BudgetReleased, BudgetReserved, BudgetSpent
from tilth.pallets.datasets.types import (
    DatasetId,
    DatasetInfo,
    EpsilonReport,
    Ledger,
    PrivateInfo,
    Table,
    Terms,
)
from tilth.primitives import privacy
from tilth.primitives.privacy import Cost

Told: TypeAlias = BudgetReserved | BudgetSpent | BudgetReleased


@final
class PrivateTables:
    """What the pallet that computes asks."""

    def __init__(
        self,
        *,
        datasets: StorageMap[Twox64[DatasetId], DatasetInfo],
        infos: StorageMap[Twox64[DatasetId], PrivateInfo],
        ledgers: StorageMap[Twox64[DatasetId], Ledger],
        emit: Callable[[Told], None],
    ) -> None:
        self._datasets = datasets
        self._infos = infos
        self._ledgers = ledgers
        self._emit = emit

    def expect(self, dataset: int) -> PrivateInfo:
        ensure(dataset in self._datasets, Error.NOT_FOUND)
        return self._infos.expect(dataset, Error.NOT_PRIVATE)

    def private_table(self, dataset: int) -> Table | None:
        info = self._infos.get(dataset)
        if info is None:
            return None
        owner = self._datasets[dataset].publisher
        return Table(owner, info.row_root, info.rows, info.budget.delta_pico, info.workers)

    def epsilon_spent(self, dataset: int) -> EpsilonReport | None:
        info = self._infos.get(dataset)
        return None if info is None else ledger.report(self._ledgers[dataset], info.budget)

    def agree(
        self,
        dataset: int,
        *,
        requester: AccountId,
        kind: int,
        model: H256,
        spec_hash: H256,
        cost: Cost | None,
        params: int,
        output_bytes: int,
    ) -> Terms:
        """The owner's terms for a job, if the policy allows it.

        `cost` is None where the job adds no noise.
        """
        info = self.expect(dataset)
        epsilon = None if cost is None else privacy.epsilon(cost, info.budget.delta_pico)
        policy.ensure_allowed(
            info.policy,
            requester=requester,
            kind=kind,
            model=model,
            spec_hash=spec_hash,
            epsilon_micro=epsilon,
            params=params,
            output_bytes=output_bytes,
        )
        allowed = info.policy
        price = policy.price(allowed, epsilon or 0)
        return Terms(price, epsilon or 0, allowed.jobs_per_requester, allowed.approval_window)

    def reserve(self, dataset: int, cost: Cost, output_bytes: int) -> None:
        """Set a job's cost aside, or fail where the budget does not cover it."""
        budget = self.expect(dataset).budget
        books, epsilon = ledger.reserve(self._ledgers[dataset], budget, cost, output_bytes)
        self._ledgers[dataset] = books
        self._emit(BudgetReserved(dataset, epsilon, ledger.committed_bytes(books)))

    def spend(self, dataset: int, cost: Cost, output_bytes: int) -> None:
        """Charge what was reserved; it never comes back."""
        books = ledger.spend(self._ledgers[dataset], cost, output_bytes)
        self._ledgers[dataset] = books
        epsilon = privacy.epsilon(books.spent, self.expect(dataset).budget.delta_pico)
        self._emit(BudgetSpent(dataset, epsilon, books.bytes_spent))

    def release(self, dataset: int, cost: Cost, output_bytes: int) -> None:
        """Free what was reserved for a job that touched no row."""
        self._ledgers[dataset] = ledger.release(self._ledgers[dataset], cost, output_bytes)
        self._emit(BudgetReleased(dataset, output_bytes))

    def try_state(self, by_row_root: Mapping[bytes, int]) -> None:
        for dataset, info in self._infos.items():
            assert by_row_root[info.row_root] == dataset, f"dataset {dataset} lost its rows"
            books = self._ledgers[dataset]
            epsilon = ledger.committed_epsilon(books, info.budget)
            assert epsilon <= info.budget.epsilon_micro, f"dataset {dataset} gave more than its ε"
            total = ledger.committed_bytes(books)
            assert total <= info.budget.output_bytes, f"dataset {dataset} gave more than its bytes"
