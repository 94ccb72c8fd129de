"""Datasets: what the commons holds for ever, and on which terms private tables are used."""

from typing import Any, Protocol

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Const,
    Currency,
    DefaultValue,
    DispatchFailure,
    HoldReason,
    Pallet,
    Runtime,
    RuntimeApi,
    RuntimeCall,
    Signed,
    StorageDoubleMap,
    StorageMap,
    TransactionSource,
    Twox64,
    Unsigned,
    ValidTransaction,
    call,
    checked,
    ensure,
    invalid,
    replace,
    u32,
    u64,
    validity,
)
from tilth.pallets.datasets.anonymous import payload_of, validate_anonymous, work_bits
from tilth.pallets.datasets.api import DatasetsApi
from tilth.pallets.datasets.errors import Error
from tilth.pallets.datasets.events import (
    BudgetExtended,
    BudgetReleased,
    BudgetReserved,
    BudgetSpent,
    Cited,
    Deprecated,
    DuplicateOf,
    PolicyChanged,
    PrivateRegistered,
    Published,
    PublisherChanged,
    Reserved,
    RevisionPublished,
    SimilarTo,
    Tagged,
)
from tilth.pallets.datasets.names import is_readable
from tilth.pallets.datasets.originality import OriginalityBook
from tilth.pallets.datasets.spdx import is_expression
from tilth.pallets.datasets.tables import PrivateTables
from tilth.pallets.datasets.types import (
    ACTIVE,
    MAX_USES,
    Band,
    Budget,
    Claim,
    Contents,
    DatasetId,
    DatasetInfo,
    DeprecatedFor,
    Draft,
    Kind,
    Ledger,
    Licence,
    Name,
    Policy,
    PrivateInfo,
    Reservation,
    Revision,
    RevisionNo,
    Signature,
    Tag,
    Tags,
    Use,
    Uses,
    Workers,
)
from tilth.pallets.datasets.weights import WEIGHTS
from tilth.primitives.scale import Codecs

_TRILLION = 10**12


class ContentStore(Protocol):
    """Knows which content is on the chain, and keeps for ever what it is asked to."""

    @property
    def pot(self) -> AccountId:
        """The account of those who pay for what nobody signs."""
        ...

    def content_size(self, content_hash: H256) -> int | None: ...

    def keep(self, who: AccountId, content_hash: bytes) -> None: ...


class Datasets(
    Pallet[
        Published
        | RevisionPublished
        | DuplicateOf
        | SimilarTo
        | Reserved
        | Cited
        | PublisherChanged
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
    """Held for ever from the publisher for each dataset, revision and tag; for each reservation
    until it is used."""
    anonymous_work_bits: Const[u32] = 20
    """Two to this power are the tries that publishing without an account takes."""
    min_private_rows: Const[u32] = 50
    """Fewest rows of a private table: among fewer, noise hides nobody."""
    max_approval_window: Const[BlockNumber] = 432_000
    """Longest time an owner may give himself to approve a job, whose price is held meanwhile."""

    next_id = DefaultValue[DatasetId]()
    """The number of the next dataset."""
    datasets = StorageMap[Twox64[DatasetId], DatasetInfo]()
    """Every dataset ever registered."""
    revisions = StorageDoubleMap[Twox64[DatasetId], Twox64[RevisionNo], Revision]()
    """Every revision of every public dataset."""
    revision_by_tag = StorageDoubleMap[Twox64[DatasetId], Tag, RevisionNo]()
    """Which revision a publisher's name stands for."""
    by_content = StorageMap[H256, Claim]()
    """The first revision with a fingerprint."""
    reservations = StorageMap[H256, Reservation]()
    """Since when a fingerprint is reserved that only its publisher knows."""
    sketch_bands = StorageMap[Twox64[Band], Use]()
    """The first revision whose sketch has a band."""
    anonymous = StorageMap[H256, DatasetId]()
    """What was published without an account, so that it is published once."""
    citations = StorageDoubleMap[Twox64[DatasetId], Twox64[RevisionNo], Uses]()
    """Which revisions a revision was made from."""
    cited_by = StorageDoubleMap[Twox64[DatasetId], Twox64[DatasetId], RevisionNo]()
    """Which datasets were made from a dataset, each with its newest revision that was."""
    private_infos = StorageMap[Twox64[DatasetId], PrivateInfo]()
    """Commitments and terms of private tables."""
    by_row_root = StorageMap[H256, DatasetId]()
    """The private table that commits to these rows."""
    ledgers = StorageMap[Twox64[DatasetId], Ledger]()
    """What was taken from private tables, and what running jobs may still take."""

    class Hold(HoldReason):
        STORAGE_DEPOSIT = "The deposit for records that stay for ever."

    def bind(self, runtime: Runtime, name: str, index: int, codecs: Codecs) -> None:
        super().bind(runtime, name, index, codecs)
        self.originality = OriginalityBook(
            claims=self.by_content,
            reservations=self.reservations,
            revisions=self.revisions,
            bands=self.sketch_bands,
        )
        self.tables = PrivateTables(
            datasets=self.datasets,
            infos=self.private_infos,
            ledgers=self.ledgers,
            emit=self.emit,
        )

    @call(0)
    def reserve(self, who: Signed, commitment: H256) -> None:
        """Claim a fingerprint before anybody sees it: `originality.commitment` of it and a salt.

        The deposit comes back when it is published.
        """
        self._hold_deposit(who)
        self.originality.reserve(commitment, Reservation(who, self.deposit, self._now()))
        self.emit(Reserved(who, commitment))

    @call(1)
    def publish(
        self,
        who: Signed,
        name: Name,
        spdx: Licence,
        tags: Tags,
        draft: Draft,
        contents: Contents,
        salt: H256 | None,
    ) -> None:
        """Publish a dataset whose contents are stored; `salt` is that of a reservation."""
        self._publish(who, name, spdx, tags, draft, contents, salt, payer=who)

    @call(2)
    def publish_anonymous(
        self,
        _: Unsigned,
        publisher: AccountId,
        name: Name,
        spdx: Licence,
        tags: Tags,
        draft: Draft,
        contents: Contents,
        work: u64,
        signature: Signature,
    ) -> None:
        """Publish by a fresh key without money: work is shown for it, and donors pay deposits."""
        payload = self._payload(publisher, name, spdx, tags, draft, contents)
        ensure(payload not in self.anonymous, Error.ALREADY_PUBLISHED)
        self.anonymous[payload] = self.next_id.get()
        pot = self.content.pot
        self._publish(publisher, name, spdx, tags, draft, contents, None, payer=pot)

    @call(3)
    def publish_revision(
        self,
        who: Signed,
        dataset: DatasetId,
        draft: Draft,
        contents: Contents,
        salt: H256 | None,
    ) -> None:
        """Publish a new state of a dataset; the older ones stay."""
        info = self._public_of(who, dataset)
        since = self._since(who, draft, salt)
        self._hold_deposit(who)
        self.datasets[dataset] = replace(info, head=info.head + 1)
        self.emit(RevisionPublished(dataset, info.head + 1, draft.manifest))
        self._enter(who, dataset, info.head + 1, draft, contents, since)

    @call(4)
    def tag_revision(self, who: Signed, dataset: DatasetId, tag: Tag, revision: RevisionNo) -> None:
        """Give a revision a name that will never stand for another."""
        self._published_by(who, dataset)
        ensure(is_readable(tag), Error.BAD_TAGS)
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
            self._keep(who, reason, Error.REASON_NOT_STORED)
        self.datasets[dataset] = replace(info, status=DeprecatedFor(by, reason))
        self.emit(Deprecated(dataset, by))

    @call(6)
    def transfer_publisher(self, who: Signed, dataset: DatasetId, to: AccountId) -> None:
        """Give a public dataset to another publisher; deposits stay where they are."""
        info = self._public_of(who, dataset)
        self.datasets[dataset] = replace(info, publisher=to)
        self.emit(PublisherChanged(dataset, to))

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
        self._keep(who, schema, Error.SCHEMA_NOT_STORED)
        self._keep(who, mock, Error.MOCK_NOT_STORED)
        self._keep(who, metadata, Error.METADATA_NOT_STORED)
        ensure(rows >= self.min_private_rows, Error.TOO_FEW_ROWS)
        ensure(0 < budget.delta_pico * rows < _TRILLION, Error.BAD_DELTA)
        ensure(workers and len(set(workers)) == len(workers), Error.NO_WORKERS)
        ensure(row_root not in self.by_row_root, Error.ROW_ROOT_TAKEN)
        self._ensure_approvable(policy)
        dataset = self._register(who, Kind.PRIVATE, name, spdx, (), payer=who)
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
        self._ensure_approvable(policy)
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

    @call(11)
    def cite(self, who: Signed, dataset: DatasetId, revision: RevisionNo, uses: Uses) -> None:
        """Say which revisions of other datasets a revision was made from; nothing is unsaid."""
        self._published_by(who, dataset)
        ensure((dataset, revision) in self.revisions, Error.REVISION_NOT_FOUND)
        known = self.citations.get((dataset, revision)) or ()
        more = (*known, *uses)
        ensure(uses and len(set(more)) == len(more), Error.BAD_CITATION)
        ensure(len(more) <= MAX_USES, Error.TOO_MANY_CITATIONS)
        for use in uses:
            ensure(use[0] != dataset and use in self.revisions, Error.BAD_CITATION)
            newest = self.cited_by.get((use[0], dataset)) or 0
            self.cited_by[use[0], dataset] = max(newest, revision)
        self.citations[dataset, revision] = more
        self.emit(Cited(dataset, revision, uses))

    def validate_unsigned(self, source: TransactionSource, call: RuntimeCall) -> ValidTransaction:
        if call.method.name != "publish_anonymous":
            raise invalid(validity.Call())
        *described, work, signature = call.args
        payload = self._payload(*described)
        bits = work_bits(self.anonymous_work_bits, len(described[-1]))
        valid = validate_anonymous(payload, described[0], work, signature, bits)
        self._try(call)
        return valid

    def _payload(self, *described: Any) -> H256:
        return payload_of(self.runtime.system.hash_of_block(0), *described)

    def _try(self, call: RuntimeCall) -> None:
        """Nobody pays for a call without a signature that fails, so it must be known to succeed."""
        overlay = self.runtime.slot.overlay
        mark = overlay.mark()
        try:
            call.method.function(None, *call.args)
        except DispatchFailure as failure:
            raise invalid(validity.Call()) from failure
        finally:
            overlay.rollback(mark)

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (DatasetsApi(self.runtime, self, self.tables),)

    # What clients ask.

    def info(self, dataset: int) -> DatasetInfo | None:
        return self.datasets.get(dataset)

    def revision(self, dataset: int, number: int) -> Revision | None:
        return self.revisions.get((dataset, number))

    def private_info(self, dataset: int) -> PrivateInfo | None:
        return self.private_infos.get(dataset)

    def publisher_of(self, dataset: int) -> AccountId | None:
        info = self.datasets.get(dataset)
        return None if info is None else info.publisher

    def _register(
        self,
        publisher: AccountId,
        kind: Kind,
        name: str,
        spdx: str,
        tags: tuple[str, ...],
        *,
        payer: AccountId,
    ) -> int:
        self._hold_deposit(payer)
        dataset = self.next_id.get()
        self.next_id.put(checked(dataset + 1, 32))
        self.datasets[dataset] = DatasetInfo(
            kind, publisher, self._now(), 0, name, spdx, tags, ACTIVE
        )
        return dataset

    def _hold_deposit(self, who: AccountId) -> None:
        self.currency.hold(self.Hold.STORAGE_DEPOSIT, who, self.deposit)

    def _since(self, publisher: AccountId, draft: Draft, salt: H256 | None) -> int:
        """From when the publisher claims the fingerprint; a reservation is used up by that."""
        if salt is None:
            return self._now()
        reserved = self.originality.redeem(publisher, draft, salt, self._now())
        self.currency.release(self.Hold.STORAGE_DEPOSIT, reserved.by, reserved.deposit)
        return reserved.since

    def _publish(
        self,
        publisher: AccountId,
        name: str,
        spdx: str,
        tags: tuple[str, ...],
        draft: Draft,
        contents: tuple[H256, ...],
        salt: H256 | None,
        *,
        payer: AccountId,
    ) -> None:
        _ensure_described(name, spdx, tags)
        since = self._since(publisher, draft, salt)
        dataset = self._register(publisher, Kind.PUBLIC, name, spdx, tags, payer=payer)
        self.emit(Published(dataset, publisher, draft.manifest))
        self._enter(payer, dataset, 0, draft, contents, since)

    def _enter(
        self,
        payer: AccountId,
        dataset: int,
        number: int,
        draft: Draft,
        contents: tuple[H256, ...],
        since: int,
    ) -> None:
        """Keep a revision, and all that it refers to."""
        self._keep(payer, draft.manifest, Error.MANIFEST_NOT_STORED)
        self._keep(payer, draft.metadata, Error.METADATA_NOT_STORED)
        if draft.changelog is not None:
            self._keep(payer, draft.changelog, Error.CHANGELOG_NOT_STORED)
        for content in contents:
            self._keep(payer, content, Error.CONTENT_NOT_STORED)
        self.revisions[dataset, number] = Revision(
            draft.manifest,
            draft.metadata,
            draft.changelog,
            draft.bytes,
            draft.rows,
            draft.fingerprint,
            draft.sketch,
            self._now(),
        )
        self._compare(Claim(dataset, number, since), draft)

    def _compare(self, claim: Claim, draft: Draft) -> None:
        """Fingerprints are what publishers say, so a duplicate is told of and not refused."""
        copy = self.originality.claim(draft.fingerprint, claim)
        if copy is not None:
            self.emit(DuplicateOf(copy.dataset, copy.original))
        if draft.sketch is None:
            return
        alike = self.originality.liken(claim.dataset, claim.revision, draft.sketch)
        if alike is not None:
            self.emit(SimilarTo(claim.dataset, alike.dataset, alike.alike))

    def _keep(self, payer: AccountId, content_hash: H256, error: Error) -> None:
        ensure(self.content.content_size(content_hash) is not None, error)
        self.content.keep(payer, content_hash)

    def _now(self) -> int:
        number: int = self.runtime.system.block_number()
        return number

    def _public_of(self, who: AccountId, dataset: int) -> DatasetInfo:
        info = self._published_by(who, dataset)
        ensure(info.kind is Kind.PUBLIC, Error.NOT_PUBLIC)
        return info

    def _published_by(self, who: AccountId, dataset: int) -> DatasetInfo:
        info = self.datasets.expect(dataset, Error.NOT_FOUND)
        ensure(info.publisher == who, Error.NOT_PUBLISHER)
        return info

    def _private_of(self, who: AccountId, dataset: int) -> PrivateInfo:
        self._published_by(who, dataset)
        return self.tables.expect(dataset)

    def _ensure_approvable(self, policy: Policy) -> None:
        window = policy.approval_window
        fits = window is None or 1 <= window <= self.max_approval_window
        ensure(fits, Error.BAD_APPROVAL_WINDOW)

    def try_state(self) -> None:
        known = dict(self.datasets.items())
        assert sorted(known) == list(range(self.next_id.get())), "a dataset is missing"
        self._assert_revisions(known)
        for dataset, _ in self.private_infos.items():
            assert known[dataset].kind is Kind.PRIVATE, f"dataset {dataset} is not private"
        self.tables.try_state(dict(self.by_row_root.items()))

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


def _ensure_described(name: str, spdx: str, tags: tuple[str, ...]) -> None:
    ensure(is_readable(name), Error.BAD_NAME)
    ensure(is_expression(spdx), Error.BAD_SPDX)
    ensure(all(map(is_readable, tags)) and len(set(tags)) == len(tags), Error.BAD_TAGS)
