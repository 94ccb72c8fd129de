"""Datasets, their revisions, and what the owner of a private one allows."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Final, TypeAlias

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Bounded,
    Fixed,
    Path,
    struct,
    u8,
    u32,
    u64,
    u128,
)
from tilth.primitives import privacy

ORDERS: Final = len(privacy.ORDERS)

DatasetId: TypeAlias = u32
RevisionNo: TypeAlias = u32
Name: TypeAlias = Annotated[str, Bounded(96)]
Licence: TypeAlias = Annotated[str, Bounded(64)]
Tag: TypeAlias = Annotated[str, Bounded(32)]
Tags: TypeAlias = Annotated[tuple[Tag, ...], Bounded(16)]
Workers: TypeAlias = Annotated[tuple[AccountId, ...], Bounded(16)]
MAX_CONTENTS: Final = 4096  # of up to 2 MiB each
Contents: TypeAlias = Annotated[tuple[H256, ...], Bounded(MAX_CONTENTS)]
SKETCH: Final = 64
Sketch: TypeAlias = Annotated[tuple[u64, ...], Fixed(SKETCH)]
Use: TypeAlias = tuple[DatasetId, RevisionNo]
MAX_USES: Final = 64
Uses: TypeAlias = Annotated[tuple[Use, ...], Bounded(MAX_USES)]
Band: TypeAlias = tuple[u8, u64]
Signature: TypeAlias = Annotated[bytes, Fixed(64)]
CostVector: TypeAlias = Annotated[tuple[u128, ...], Fixed(ORDERS)]


class Kind(IntEnum):
    PUBLIC = 0
    PRIVATE = 1


@struct
class Active: ...


@struct(name="Deprecated")
class DeprecatedFor:
    """The publisher advises against it; it stays as it is."""

    by: DatasetId | None
    reason: H256 | None


Status: TypeAlias = Annotated[Active | DeprecatedFor, Path("pallet_datasets::pallet::Status")]
ACTIVE: Final = Active()


@struct
class DatasetInfo:
    kind: Kind
    publisher: AccountId
    created_at: BlockNumber
    head: RevisionNo
    name: Name
    spdx: Licence
    tags: Tags
    status: Status


@struct
class Draft:
    """What a revision says of itself; what it refers to must be stored, and is kept for ever.

    `fingerprint` is equal for datasets that say the same; `sketch` is a MinHash of the rows.
    """

    manifest: H256
    metadata: H256
    changelog: H256 | None
    bytes: u64
    rows: u64
    fingerprint: H256
    sketch: Sketch | None


@struct
class Revision:
    """One immutable state of a public dataset; its parent is the number before."""

    manifest: H256
    metadata: H256
    changelog: H256 | None
    bytes: u64
    rows: u64
    fingerprint: H256
    sketch: Sketch | None
    at: BlockNumber


@struct
class Reservation:
    """Since when a fingerprint is reserved, and who has a deposit on it until it is used."""

    by: AccountId
    deposit: Balance
    since: BlockNumber


@struct
class Claim:
    """The first to show a fingerprint; who has reserved it did so then, not when publishing."""

    dataset: DatasetId
    revision: RevisionNo
    since: BlockNumber


@struct
class Anyone: ...


@struct
class Only:
    """Nobody, where the list is empty."""

    accounts: Annotated[tuple[AccountId, ...], Bounded(64)]


Requesters: TypeAlias = Annotated[Anyone | Only, Path("pallet_datasets::pallet::Requesters")]


class JobKind(IntEnum):
    """What a job does with the rows; to infer is to tell of each, and needs a listing."""

    TRAIN = 0
    EVALUATE = 1
    STATISTICS = 2
    INFER = 3


Kinds: TypeAlias = Annotated[tuple[JobKind, ...], Bounded(len(JobKind))]
ALL_KINDS: Final = tuple(JobKind)


@struct
class Policy:
    """What a job may ask of a private table, and for how much.

    Limits bind every job but those whose spec hash is listed: the owner has read these.
    `models` are the only ones, by the sha2-256 of their files; None for any. With an approval
    window the owner approves each job within so many blocks, or it is refunded.
    """

    price_per_job: Balance
    price_per_epsilon: Balance
    requesters: Requesters
    max_epsilon_micro: u64
    max_params: u32
    max_output_bytes: u32
    exact_specs: Annotated[tuple[H256, ...], Bounded(32)]
    kinds: Kinds = ALL_KINDS
    models: Annotated[tuple[H256, ...], Bounded(32)] | None = None
    jobs_per_requester: u32 | None = None
    approval_window: BlockNumber | None = None


@struct
class Budget:
    """What all jobs together may ever take: ε in millionths at δ in units of 10⁻¹², and bytes."""

    epsilon_micro: u64
    delta_pico: u64
    output_bytes: u64


@struct
class Ledger:
    """What running jobs may still take and what was taken, at the fixed Rényi orders."""

    spent: CostVector = privacy.NOTHING
    reserved: CostVector = privacy.NOTHING
    bytes_spent: u64 = 0
    bytes_reserved: u64 = 0


@struct
class PrivateInfo:
    """What is public of a private table: commitments and terms, never a row."""

    schema: H256
    mock: H256
    metadata: H256
    row_root: H256
    rows: u32
    policy: Policy
    budget: Budget
    workers: Workers


@struct
class Table:
    """What computing on a private table needs to know of it."""

    owner: AccountId
    row_root: H256
    rows: u32
    delta_pico: u64
    workers: Workers


@dataclass(frozen=True, slots=True)
class Terms:
    """What the owner asks for one job, and of its requester."""

    price: int
    epsilon_micro: int
    jobs_per_requester: int | None
    approval_window: int | None


@struct
class EpsilonReport:
    """ε in millionths: of what was spent, what reservations would add to it, and the cap."""

    spent: u64
    reserved: u64
    cap: u64
