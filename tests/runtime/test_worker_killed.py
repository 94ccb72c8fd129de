"""A worker killed between any two writes to its disk finishes the job once and pays once."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tilth.frame import H256, hashing
from tilth.pallets.compute import FailureCode, JobSpec, Loss, Optimizer, Run, Sealed, TrainSpec
from tilth.pallets.compute import spec_hash as hash_of
from tilth.primitives import privacy
from tilth.primitives.crypto.sealing import SealingKey
from tilth.primitives.job_result import result_info
from tilth.runtime.executor import ThisMachine
from tilth.runtime.worker import ComputeWorker
from tilth.vault import Budget, Categorical, EpsilonCap, Ledger, Numeric, Schema, Table, Vault

KEK = bytes(32)
GENESIS = H256(b"g" * 32)
MODEL = b"an ONNX file"
KEY = SealingKey(b"s" * 32)
COST = privacy.cost(privacy.FULL_BATCH, 10_000, 10)
TRAIN = TrainSpec(
    loss=Loss.SOFTMAX_CROSS_ENTROPY,
    optimizer=Optimizer.SGD,
    steps=10,
    learning_rate_micro=1,
    clip_micro=1,
    noise_multiplier_milli=10_000,
    sampling_ppb=10**9,
)
SPEC = JobSpec(0, H256(hashing.sha2_256(MODEL)), len(MODEL), 1, TRAIN, 1_000, KEY.public)


class NoisyEngine:
    """Gives another model at every run, as noise does."""

    runs = 0

    def train(self, *_: object) -> Any:
        self.runs += 1
        return SimpleNamespace(model=os.urandom(64))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A vault with one table and room for exactly one such job."""
    vault = Vault(tmp_path / "vault", KEK)
    schema = Schema((Numeric("age", 0, 100), Categorical("ill", ("no", "yes"))), "ill")
    ages = np.arange(60, dtype=np.float32)[:, None]
    vault.add("rows", Table(schema, ages, np.arange(60) % 2))
    once = EpsilonCap(privacy.epsilon(COST, 10**7), 10**7)
    vault.ledger("rows").declare(Budget(once, released_bytes=1_000))
    return vault.directory


def open_worker(home: Path, engine: NoisyEngine) -> ComputeWorker:
    known: Any = engine
    return ComputeWorker(
        Vault(home, KEK),
        ThisMachine(known),
        lambda _: MODEL,
        GENESIS,
        rest=lambda _: None,
        rehearse=lambda *_: 0.0,
    )


def task_of(home: Path, job: int = 7) -> Run:
    root = H256(Vault(home, KEK).list()[0].row_root)
    return Run(job, 0, SPEC, hash_of(SPEC), SPEC.model, root, 10**7, COST, lambda _: None)


def killed_at_write(home: Path, number: int) -> bool:
    """Whether a worker in a process of its own was killed before that write reached the disk."""
    child = os.fork()
    if child == 0:
        try:
            _die_before_write(number)
            open_worker(home, NoisyEngine()).run(task_of(home))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _die_before_write(number: int) -> None:
    """In this process alone: every durable write ends in an fsync."""
    real: Callable[[int], None] = os.fsync
    left = iter(range(number))

    def fsync(file: int) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        real(file)

    os.fsync = fsync  # type: ignore[assignment]
    defaults = Ledger.__init__.__kwdefaults__
    assert defaults is not None
    defaults["sync"] = fsync


def test_a_worker_killed_at_any_write_finishes_its_job_once(home: Path) -> None:
    number = 0
    while killed_at_write(home, number):
        number += 1
        engine = NoisyEngine()
        answer = open_worker(home, engine).run(task_of(home))

        assert isinstance(answer, Sealed)
        assert open_worker(home, engine).run(task_of(home)) == answer
        _forget_job(home)
    assert number > 6, "the job's charge, its result and its release each take writes"


def _forget_job(home: Path) -> None:
    """The vault as it was before the job: its budget covers the job once."""
    spent = Vault(home, KEK).ledger("rows").spent
    assert (spent.cost, spent.jobs) == (COST, 1)
    (table,) = (place for place in home.iterdir() if place.is_dir() and len(place.name) == 64)
    for kept in (table / "results").iterdir():
        kept.unlink()
    (table / "releases").write_bytes(b"")
    once = EpsilonCap(privacy.epsilon(COST, 10**7), 10**7)
    Vault(home, KEK).ledger("rows").declare(Budget(once, released_bytes=1_000))


def test_what_was_kept_is_sent_again_and_not_computed_again(home: Path) -> None:
    engine = NoisyEngine()
    first = open_worker(home, engine).run(task_of(home))

    again = open_worker(home, engine).run(task_of(home))

    assert isinstance(first, Sealed)
    assert again == first
    assert engine.runs == 1
    assert len(KEY.open(first.ciphertext, result_info(GENESIS, 7, hash_of(SPEC)))) == 64


def test_a_restored_vault_sends_what_it_had_released(home: Path, tmp_path: Path) -> None:
    first = open_worker(home, NoisyEngine()).run(task_of(home))
    Vault(home, KEK).export(tmp_path / "backup")
    restored = Vault.restore(tmp_path / "backup", tmp_path / "new", KEK)
    restored.ledger("rows").reconcile(GENESIS, COST, 1_000)

    assert open_worker(restored.directory, NoisyEngine()).run(task_of(home)) == first


def test_another_job_is_refused_when_the_budget_is_spent(home: Path) -> None:
    open_worker(home, NoisyEngine()).run(task_of(home))

    refused = open_worker(home, NoisyEngine()).run(task_of(home, job=8))

    assert refused is FailureCode.LEDGER_REFUSED
