"""Datasets: what the commons holds for ever, and on which terms private tables are used."""

from typing import Protocol

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    Const,
    Currency,
    DefaultValue,
    HoldReason,
    Pallet,
    RuntimeApi,
    Signed,
    StorageDoubleMap,
    StorageMap,
    Twox64,
    call,
    checked,
    ensure,
    replace,
    u32,
    u64,
)
from tilth.pallets.datasets import ledger, policy
from tilth.pallets.datasets.api import DatasetsApi
from tilth.pallets.datasets.errors import Error
from tilth.pallets.datasets.events import (
    BudgetExtended,
    BudgetReleased,
    BudgetReserved,
    BudgetSpent,
    Deprecated,
    DuplicateOf,
    PolicyChanged,
    PrivateRegistered,
    Published,
    RevisionPublished,
    Tagged,
)
from tilth.pallets.datasets.spdx import is_expression
from tilth.pallets.datasets.types import (
    ACTIVE,
    Budget,
    DatasetId,
    DatasetInfo,
    DeprecatedFor,
    EpsilonReport,
    Kind,
    Ledger,
    Licence,
    Name,
    Policy,
    PrivateInfo,
    Revision,
    RevisionNo,
    Table,
    Tag,
    Tags,
    Workers,
)
from tilth.pallets.datasets.weights import WEIGHTS
from tilth.primitives import privacy
from tilth.primitives.privacy import Cost

_TRILLION = 10**12


class ContentStore(Protocol):
    """Knows which content is on the chain."""

    def content_size(self, content_hash: H256) -> int | None: ...


class Datasets(
    Pallet[
        Published
        | RevisionPublished
        | DuplicateOf
        | Tagged
        | Deprecated
        | PrivateRegistered
        | PolicyChanged
        | BudgetExtended
        | BudgetReserved
        | BudgetReleased
        | BudgetSpent,
        Error,
    ]
):
    weights = WEIGHTS

    currency: Currency
    content: ContentStore
    deposit: Const[Balance] = 10_000_000_000
    """Held for ever from the publisher for each dataset, revision and tag."""
    min_private_rows: Const[u32] = 50
    """Fewest rows of a private table: among fewer, noise hides nobody."""

    next_id = DefaultValue[DatasetId]()
    """The number of the next dataset."""
    datasets = StorageMap[Twox64[DatasetId], DatasetInfo]()
    """Every dataset ever registered."""
    revisions = StorageDoubleMap[Twox64[DatasetId], Twox64[RevisionNo], Revision]()
    """Every revision of every public dataset."""
    revision_by_tag = StorageDoubleMap[Twox64[DatasetId], Tag, RevisionNo]()
    """Which revision a publisher's name stands for."""
    by_content = StorageMap[H256, tuple[DatasetId, RevisionNo]]()
    """The first revision with a fingerprint."""
    private_infos = StorageMap[Twox64[DatasetId], PrivateInfo]()
    """Commitments and terms of private tables."""
    by_row_root = StorageMap[H256, DatasetId]()
    """The private table that commits to these rows."""
    ledgers = StorageMap[Twox64[DatasetId], Ledger]()
    """What was taken from private tables, and what running jobs may still take."""

    class Hold(HoldReason):
        STORAGE_DEPOSIT = "The deposit for records that stay for ever."

    @call(1)
    def publish(
        self,
        who: Signed,
        name: Name,
        spdx: Licence,
        tags: Tags,
        manifest: H256,
        metadata: H256,
        bytes: u64,
        rows: u64,
        fingerprint: H256,
    ) -> None:
        """Publish a dataset whose manifest and metadata are stored as content."""
        _ensure_described(name, spdx, tags)
        self._ensure_revision_stored(manifest, metadata)
        dataset = self._register(who, Kind.PUBLIC, name, spdx, tags)
        now = self.runtime.system.block_number()
        self._keep(dataset, 0, Revision(manifest, metadata, bytes, rows, fingerprint, now))
        self.emit(Published(dataset, who, manifest))
        self._compare(dataset, 0, fingerprint)

    @call(3)
    def publish_revision(
        self,
        who: Signed,
        dataset: DatasetId,
        manifest: H256,
        metadata: H256,
        bytes: u64,
        rows: u64,
        fingerprint: H256,
    ) -> None:
        """Publish a new state of a dataset; the older ones stay."""
        info = self._published_by(who, dataset)
        ensure(info.kind is Kind.PUBLIC, Error.NOT_PUBLIC)
        self._ensure_revision_stored(manifest, metadata)
        self._hold_deposit(who)
        now, number = self.runtime.system.block_number(), info.head + 1
        self._keep(dataset, number, Revision(manifest, metadata, bytes, rows, fingerprint, now))
        self.datasets[dataset] = replace(info, head=number)
        self.emit(RevisionPublished(dataset, number, manifest))
        self._compare(dataset, number, fingerprint)

    @call(4)
    def tag_revision(self, who: Signed, dataset: DatasetId, tag: Tag, revision: RevisionNo) -> None:
        """Give a revision a name that will never stand for another."""
        self._published_by(who, dataset)
        ensure(tag, Error.BAD_TAGS)
        ensure((dataset, revision) in self.revisions, Error.REVISION_NOT_FOUND)
        ensure((dataset, tag) not in self.revision_by_tag, Error.TAG_EXISTS)
        self._hold_deposit(who)
        self.revision_by_tag[dataset, tag] = revision
        self.emit(Tagged(dataset, tag, revision))

    @call(5)
    def deprecate(
        self, who: Signed, dataset: DatasetId, by: DatasetId | None, reason: H256 | None
    ) -> None:
        """Advise against a dataset, for a successor or a reason; nothing is removed."""
        info = self._published_by(who, dataset)
        ensure(by is None or (by != dataset and by in self.datasets), Error.BAD_SUCCESSOR)
        if reason is not None:
            self._ensure_stored(reason, Error.REASON_NOT_STORED)
        self.datasets[dataset] = replace(info, status=DeprecatedFor(by, reason))
        self.emit(Deprecated(dataset, by))

    @call(7)
    def register_private(
        self,
        who: Signed,
        name: Name,
        spdx: Licence,
        schema: H256,
        mock: H256,
        metadata: H256,
        row_root: H256,
        rows: u32,
        policy: Policy,
        budget: Budget,
        workers: Workers,
    ) -> None:
        """Offer a private table to computation, by commitments and terms alone."""
        _ensure_described(name, spdx, ())
        self._ensure_stored(schema, Error.SCHEMA_NOT_STORED)
        self._ensure_stored(mock, Error.MOCK_NOT_STORED)
        self._ensure_stored(metadata, Error.METADATA_NOT_STORED)
        ensure(rows >= self.min_private_rows, Error.TOO_FEW_ROWS)
        ensure(0 < budget.delta_pico * rows < _TRILLION, Error.BAD_DELTA)
        ensure(workers and len(set(workers)) == len(workers), Error.NO_WORKERS)
        ensure(row_root not in self.by_row_root, Error.ROW_ROOT_TAKEN)
        dataset = self._register(who, Kind.PRIVATE, name, spdx, ())
        self.private_infos[dataset] = PrivateInfo(
            schema, mock, metadata, row_root, rows, policy, budget, workers
        )
        self.by_row_root[row_root] = dataset
        self.ledgers[dataset] = Ledger()
        self.emit(PrivateRegistered(dataset, who, row_root))

    @call(8)
    def set_policy(self, who: Signed, dataset: DatasetId, policy: Policy) -> None:
        """Set the terms that new jobs meet; those under way keep theirs."""
        info = self._private_of(who, dataset)
        self.private_infos[dataset] = replace(info, policy=policy)
        self.emit(PolicyChanged(dataset))

    @call(9)
    def extend_budget(
        self, who: Signed, dataset: DatasetId, epsilon_micro: u64, output_bytes: u64
    ) -> None:
        """Allow this much more to be taken; what was spent stays spent."""
        info = self._private_of(who, dataset)
        epsilon = checked(info.budget.epsilon_micro + epsilon_micro, 64)
        output = checked(info.budget.output_bytes + output_bytes, 64)
        budget = replace(info.budget, epsilon_micro=epsilon, output_bytes=output)
        self.private_infos[dataset] = replace(info, budget=budget)
        self.emit(BudgetExtended(dataset, epsilon, output))

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (DatasetsApi(self.runtime, self),)

    # What clients ask.

    def info(self, dataset: int) -> DatasetInfo | None:
        return self.datasets.get(dataset)

    def revision(self, dataset: int, number: int) -> Revision | None:
        return self.revisions.get((dataset, number))

    def private_info(self, dataset: int) -> PrivateInfo | None:
        return self.private_infos.get(dataset)

    def epsilon_spent(self, dataset: int) -> EpsilonReport | None:
        info = self.private_infos.get(dataset)
        return None if info is None else ledger.report(self.ledgers[dataset], info.budget)

    # What the pallets that compute and reward ask.

    def publisher_of(self, dataset: int) -> AccountId | None:
        info = self.datasets.get(dataset)
        return None if info is None else info.publisher

    def private_table(self, dataset: int) -> Table | None:
        info = self.private_infos.get(dataset)
        if info is None:
            return None
        owner = self.datasets[dataset].publisher
        return Table(owner, info.row_root, info.rows, info.budget.delta_pico, info.workers)

    def agree(
        self,
        dataset: int,
        *,
        requester: AccountId,
        spec_hash: H256,
        cost: Cost | None,
        params: int,
        output_bytes: int,
    ) -> tuple[int, int]:
        """The owner's price of a job and its ε in millionths, if the policy allows the job.

        `cost` is None where the job adds no noise.
        """
        info = self._private(dataset)
        epsilon = None if cost is None else privacy.epsilon(cost, info.budget.delta_pico)
        policy.ensure_allowed(
            info.policy,
            requester=requester,
            spec_hash=spec_hash,
            epsilon_micro=epsilon,
            params=params,
            output_bytes=output_bytes,
        )
        return policy.price(info.policy, epsilon or 0), epsilon or 0

    def reserve(self, dataset: int, cost: Cost, output_bytes: int) -> None:
        """Set a job's cost aside, or fail where the budget does not cover it."""
        budget = self._private(dataset).budget
        books, epsilon = ledger.reserve(self.ledgers[dataset], budget, cost, output_bytes)
        self.ledgers[dataset] = books
        self.emit(BudgetReserved(dataset, epsilon, ledger.committed_bytes(books)))

    def spend(self, dataset: int, cost: Cost, output_bytes: int) -> None:
        """Charge what was reserved; it never comes back."""
        books = ledger.spend(self.ledgers[dataset], cost, output_bytes)
        self.ledgers[dataset] = books
        delta = self._private(dataset).budget.delta_pico
        epsilon = privacy.epsilon(books.spent, delta)
        self.emit(BudgetSpent(dataset, epsilon, books.bytes_spent))

    def release(self, dataset: int, cost: Cost, output_bytes: int) -> None:
        """Free what was reserved for a job that touched no row."""
        self.ledgers[dataset] = ledger.release(self.ledgers[dataset], cost, output_bytes)
        self.emit(BudgetReleased(dataset, output_bytes))

    def _register(
        self, who: AccountId, kind: Kind, name: str, spdx: str, tags: tuple[str, ...]
    ) -> int:
        self._hold_deposit(who)
        dataset = self.next_id.get()
        self.next_id.put(checked(dataset + 1, 32))
        now = self.runtime.system.block_number()
        self.datasets[dataset] = DatasetInfo(kind, who, now, 0, name, spdx, tags, ACTIVE)
        return dataset

    def _hold_deposit(self, who: AccountId) -> None:
        self.currency.hold(self.Hold.STORAGE_DEPOSIT, who, self.deposit)

    def _keep(self, dataset: int, number: int, revision: Revision) -> None:
        self.revisions[dataset, number] = revision

    def _compare(self, dataset: int, number: int, fingerprint: H256) -> None:
        """Fingerprints are what publishers say, so a duplicate is told of and not refused."""
        first = self.by_content.get(fingerprint)
        if first is None:
            self.by_content[fingerprint] = (dataset, number)
        elif first[0] != dataset:
            self.emit(DuplicateOf(dataset, first[0]))

    def _ensure_revision_stored(self, manifest: H256, metadata: H256) -> None:
        self._ensure_stored(manifest, Error.MANIFEST_NOT_STORED)
        self._ensure_stored(metadata, Error.METADATA_NOT_STORED)

    def _ensure_stored(self, content_hash: H256, error: Error) -> None:
        ensure(self.content.content_size(content_hash) is not None, error)

    def _published_by(self, who: AccountId, dataset: int) -> DatasetInfo:
        info = self.datasets.expect(dataset, Error.NOT_FOUND)
        ensure(info.publisher == who, Error.NOT_PUBLISHER)
        return info

    def _private_of(self, who: AccountId, dataset: int) -> PrivateInfo:
        self._published_by(who, dataset)
        return self._private(dataset)

    def _private(self, dataset: int) -> PrivateInfo:
        ensure(dataset in self.datasets, Error.NOT_FOUND)
        return self.private_infos.expect(dataset, Error.NOT_PRIVATE)

    def try_state(self) -> None:
        known = dict(self.datasets.items())
        assert sorted(known) == list(range(self.next_id.get())), "a dataset is missing"
        self._assert_revisions(known)
        for dataset, info in self.private_infos.items():
            assert known[dataset].kind is Kind.PRIVATE, f"dataset {dataset} is not private"
            assert self.by_row_root[info.row_root] == dataset, f"dataset {dataset} lost its rows"
            self._assert_within(dataset, info.budget)

    def _assert_revisions(self, known: dict[int, DatasetInfo]) -> None:
        expected = {
            (dataset, number)
            for dataset, info in known.items()
            if info.kind is Kind.PUBLIC
            for number in range(info.head + 1)
        }
        assert set(self.revisions.keys()) == expected, "a revision is missing"
        for (dataset, tag), revision in self.revision_by_tag.items():
            assert (dataset, revision) in expected, f"tag {tag} of {dataset} names no revision"

    def _assert_within(self, dataset: int, budget: Budget) -> None:
        books = self.ledgers[dataset]
        epsilon = ledger.committed_epsilon(books, budget)
        assert epsilon <= budget.epsilon_micro, f"dataset {dataset} gave more than its ε"
        total = ledger.committed_bytes(books)
        assert total <= budget.output_bytes, f"dataset {dataset} gave more than its bytes"


def _ensure_described(name: str, spdx: str, tags: tuple[str, ...]) -> None:
    ensure(name, Error.BAD_NAME)
    ensure(is_expression(spdx), Error.BAD_SPDX)
    ensure(all(tags) and len(set(tags)) == len(tags), Error.BAD_TAGS)
