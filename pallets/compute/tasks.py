"""Off-chain work that a worker's node owes: what to find out or run, and the call it becomes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tilth.frame import H256, AccountId, RuntimeCall
from tilth.pallets.compute.types import FailureCode, Stage
from tilth.pallets.compute.work import JobSpec
from tilth.primitives.privacy import Cost


@dataclass(frozen=True, slots=True)
class Sealed:
    """A result, sealed to the job's key."""

    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in thousandths of its stage."""

    stage: Stage
    permille: int


RunAnswer: TypeAlias = Sealed | FailureCode


@dataclass(frozen=True, slots=True)
class Announce:
    """Say to which key secret models may be sealed; the answer is the key, or None for no such."""

    account: AccountId
    then: Callable[[bytes | None], RuntimeCall | None] = field(compare=False, repr=False)

    @property
    def identity(self) -> bytes:
        return b"compute/announce" + self.account


@dataclass(frozen=True, slots=True)
class Claim:
    """Find out whether this node has the rows; the answer is yes or no."""

    job: int
    attempt: int
    dataset: int
    owner: AccountId
    row_root: H256
    then: Callable[[bool], RuntimeCall | None] = field(compare=False, repr=False)

    @property
    def identity(self) -> bytes:
        return _identity(b"claim", self.job, self.attempt)


@dataclass(frozen=True, slots=True)
class Start:
    """Check that the job can run, before its privacy is spent; the answer is None or a failure.

    `model` is the content to read: the file itself, or where it is secret its envelope.
    """

    job: int
    attempt: int
    spec: JobSpec
    spec_hash: H256
    model: H256
    row_root: H256
    delta_pico: int
    cost: Cost
    then: Callable[[FailureCode | None], RuntimeCall | None] = field(compare=False, repr=False)

    @property
    def identity(self) -> bytes:
        return _identity(b"start", self.job, self.attempt)


@dataclass(frozen=True, slots=True)
class Run:
    """Do the work on the rows and seal what comes of it; the answer is that or a failure.

    None leaves the job to its deadline: the worker's own machines failed it.
    `cost` is what the chain has charged: the run must not take more.
    """

    job: int
    attempt: int
    spec: JobSpec
    spec_hash: H256
    model: H256
    row_root: H256
    delta_pico: int
    cost: Cost
    then: Callable[[RunAnswer | None], RuntimeCall | None] = field(compare=False, repr=False)

    @property
    def identity(self) -> bytes:
        return _identity(b"run", self.job, self.attempt)


@dataclass(frozen=True, slots=True)
class Report:
    """Say how far the run is; the answer is its progress, or None where nothing runs."""

    job: int
    attempt: int
    due: int
    then: Callable[[Progress | None], RuntimeCall | None] = field(compare=False, repr=False)

    @property
    def identity(self) -> bytes:
        return _identity(b"report", self.job, self.attempt) + self.due.to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Judge:
    """Measure a disputed model again, in millionths; None where this node cannot."""

    job: int
    spec: JobSpec
    spec_hash: H256
    result: H256
    secret: bytes
    then: Callable[[int | None], RuntimeCall | None] = field(compare=False, repr=False)

    @property
    def identity(self) -> bytes:
        return _identity(b"judge", self.job, 0)


def _identity(kind: bytes, job: int, attempt: int) -> bytes:
    return b"compute/" + kind + job.to_bytes(8, "little") + attempt.to_bytes(4, "little")
