"""Off-chain work that a worker's node owes: what to find out or run, and the call it becomes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tilth.frame import H256, AccountId, RuntimeCall
from tilth.pallets.compute.types import FailureCode, JobSpec
from tilth.primitives.privacy import Cost


@dataclass(frozen=True, slots=True)
class Sealed:
    """A result, sealed to the job's key."""

    ciphertext: bytes


TrainAnswer: TypeAlias = Sealed | FailureCode


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
    """Check that the job can run, before its privacy is spent; the answer is None or a failure."""

    job: int
    attempt: int
    spec: JobSpec
    spec_hash: H256
    row_root: H256
    delta_pico: int
    cost: Cost
    then: Callable[[FailureCode | None], RuntimeCall | None] = field(compare=False, repr=False)

    @property
    def identity(self) -> bytes:
        return _identity(b"start", self.job, self.attempt)


@dataclass(frozen=True, slots=True)
class Train:
    """Train the model on the rows and seal it; the answer is the ciphertext or a failure.

    `cost` is what the chain has charged: the run must not take more.
    """

    job: int
    attempt: int
    spec: JobSpec
    spec_hash: H256
    row_root: H256
    delta_pico: int
    cost: Cost
    then: Callable[[TrainAnswer], RuntimeCall | None] = field(compare=False, repr=False)

    @property
    def identity(self) -> bytes:
        return _identity(b"train", self.job, self.attempt)


def _identity(kind: bytes, job: int, attempt: int) -> bytes:
    return b"compute/" + kind + job.to_bytes(8, "little") + attempt.to_bytes(4, "little")
