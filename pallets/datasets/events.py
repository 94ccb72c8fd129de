"""What happens to datasets and their budgets."""

from tilth.frame import H256, AccountId, event, u32, u64
from tilth.pallets.datasets.types import DatasetId, RevisionNo, Tag, Uses


@event
class Published:
    """A public dataset joined the commons."""

    dataset: DatasetId
    publisher: AccountId
    manifest: H256


@event
class RevisionPublished:
    """A public dataset has a new head."""

    dataset: DatasetId
    revision: RevisionNo
    manifest: H256


@event
class DuplicateOf:
    """A dataset has the fingerprint of another that was published, or reserved, before it."""

    dataset: DatasetId
    original: DatasetId


@event
class SimilarTo:
    """Of what was published so many parts of 64 are those of another dataset."""

    dataset: DatasetId
    other: DatasetId
    alike: u32


@event
class Reserved:
    """A fingerprint is reserved, without telling which, until it is published."""

    who: AccountId
    commitment: H256


@event
class Cited:
    """A revision says which others it was made from."""

    dataset: DatasetId
    revision: RevisionNo
    uses: Uses


@event
class PublisherChanged:
    """A public dataset has another publisher."""

    dataset: DatasetId
    publisher: AccountId


@event
class Tagged:
    """A name was given to a revision, once and for all."""

    dataset: DatasetId
    tag: Tag
    revision: RevisionNo


@event
class Deprecated:
    """A publisher advises against a dataset; its content stays."""

    dataset: DatasetId
    by: DatasetId | None


@event
class PrivateRegistered:
    """A private table offers itself to computation; its rows stay where they are."""

    dataset: DatasetId
    publisher: AccountId
    row_root: H256


@event
class PolicyChanged:
    """New jobs on a private table meet new terms."""

    dataset: DatasetId


@event
class BudgetExtended:
    """An owner allows more to be taken from a private table; these are its new limits."""

    dataset: DatasetId
    epsilon_micro: u64
    output_bytes: u64


@event
class BudgetReserved:
    """A job's cost was set aside; this much is spent or set aside in all."""

    dataset: DatasetId
    epsilon_micro: u64
    output_bytes: u64


@event
class BudgetReleased:
    """A job ended before it touched a row, and what was set aside for it is free again."""

    dataset: DatasetId
    output_bytes: u64


@event
class BudgetSpent:
    """A job began to read rows; this much is spent in all, and stays spent."""

    dataset: DatasetId
    epsilon_micro: u64
    output_bytes: u64
