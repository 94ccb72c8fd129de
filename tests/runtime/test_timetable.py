"""When an answer is told, how long it is and how far it is said to be tell nothing of the rows."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tilth import engine
from tilth.engine import Engine, confinement
from tilth.frame import H256
from tilth.pallets.compute import (
    EvaluateSpec,
    FailureCode,
    Histogram,
    JobSpec,
    Loss,
    Mean,
    Optimizer,
    Progress,
    Report,
    Run,
    Sealed,
    Stage,
    StatisticsSpec,
    TrainSpec,
    cost_of,
    spec_hash,
)
from tilth.primitives.crypto.sealing import SealingKey
from tilth.primitives.job_result import result_info
from tilth.runtime.engine_work import perform
from tilth.runtime.executor import ThisMachine
from tilth.runtime.timetable import Timetable, rehearsed
from tilth.runtime.worker import ComputeWorker
from tilth.vault import Budget, Categorical, EpsilonCap, Numeric, Schema, Table, Vault

KEK = bytes(32)
GENESIS = H256(b"g" * 32)
KEY = SealingKey(b"s" * 32)
SCHEMA = Schema((Numeric("age", 0, 100), Categorical("ill", ("no", "yes"))), "ill")
MODEL = engine.linear(1, 2)
TRAIN = TrainSpec(
    loss=Loss.SOFTMAX_CROSS_ENTROPY,
    optimizer=Optimizer.SGD,
    steps=10,
    learning_rate_micro=1,
    clip_micro=1,
    noise_multiplier_milli=10_000,
    sampling_ppb=10**9,
)
DIGEST = H256(hashlib.sha256(MODEL).digest())
SPEC = JobSpec(0, DIGEST, len(MODEL), 4, TRAIN, 10_000, KEY.public)
AGED, YOUNG = 90, 10


@dataclass
class Hours:
    """Time that passes only where it is let pass."""

    now: float = 0.0
    rests: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


class SlowWhereOld:
    """An engine whose model takes long over old people, as one with tiny numbers can."""

    def __init__(self, hours: Hours, *, dies: bool) -> None:
        self._hours, self._dies = hours, dies

    def train(self, _model: bytes, _spec: Any, rows: Any, progress: Callable[..., None]) -> Any:
        features, _ = rows.batch(np.arange(rows.count))
        old = float(features.max()) > 0
        self._hours.now += 1.5 if old else 1.0
        progress(7 if old else 3, 10)
        if old and self._dies:
            raise engine.Crashed("of old age")
        return SimpleNamespace(model=bytes(64))


def _vault(home: Path, age: int) -> Vault:
    vault = Vault(home, KEK)
    ages = np.full((60, 1), age, np.float32)
    ages[0] = YOUNG
    vault.add("rows", Table(SCHEMA, ages, np.arange(60) % 2))
    vault.ledger("rows").declare(Budget(EpsilonCap(10**8, 10**7), released_bytes=10**6))
    return vault


def _task(vault: Vault, spec: JobSpec = SPEC) -> Run:
    root, cost = H256(vault.list()[0].row_root), cost_of(spec.work)
    return Run(7, 0, spec, spec_hash(spec), spec.model, root, 10**7, cost, lambda _: None)


@pytest.fixture
def seen(tmp_path: Path) -> Callable[..., Any]:
    """The seconds after which the answer is told, what it is, and how far the run said it was."""

    def seen(age: int, *, dies: bool = False) -> Any:
        hours, said = Hours(), list[Progress | None]()
        vault = _vault(tmp_path / f"{age}{dies}", age)
        known: Any = SlowWhereOld(hours, dies=dies)

        def rest(seconds: float) -> None:
            said.append(worker.progress(Report(7, 0, 0, lambda _: None)))
            hours.rest(seconds)

        worker = ComputeWorker(
            vault,
            ThisMachine(known),
            lambda _: MODEL,
            GENESIS,
            rest=rest,
            clock=hours.clock,
            rehearse=lambda *_: 1.0,
        )
        return hours, worker.run(_task(vault)), said

    return seen


def test_a_run_that_is_slow_over_some_rows_answers_no_later(seen: Callable[..., Any]) -> None:
    old, young = seen(AGED), seen(YOUNG)

    assert [hours.now - sum(hours.rests) for hours, *_ in (old, young)] == [1.5, 1.0]  # naive
    assert [hours.now for hours, *_ in (old, young)] == [2.0, 2.0]
    assert isinstance(old[1], Sealed)
    assert len(old[1].ciphertext) == len(young[1].ciphertext)


def test_a_run_that_dies_of_some_rows_says_so_no_earlier(seen: Callable[..., Any]) -> None:
    hours, answer, _ = seen(AGED, dies=True)

    assert answer is FailureCode.CRASHED
    assert hours.now == 2.0


def test_progress_is_that_of_the_timetable(seen: Callable[..., Any]) -> None:
    *_, said = seen(AGED)

    assert said == [Progress(Stage.COMPUTING, 750)]  # and not the 700 of the run itself


def test_who_is_late_is_told_at_the_next_doubling() -> None:
    hours = Hours()
    planned = Timetable(1.0, hours.clock)
    told = []
    for elapsed in (0.5, 2.0, 2.1, 4.0, 7.9):
        hours.now = elapsed
        told.append(elapsed + planned.remaining())

    assert told == [2.0, 2.0, 4.0, 4.0, 8.0]
    assert planned.permille() == 999


QUESTIONS = (Mean(0, 0, 10**8), Histogram(0, (0, 50 * 10**6, 10**8)))
WORKS = {
    "train": TRAIN,
    "evaluate": EvaluateSpec(Loss.SOFTMAX_CROSS_ENTROPY, 1_000, 10**6),
    "statistics": StatisticsSpec(QUESTIONS, 1_000),
}


@pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")
@pytest.mark.parametrize("kind", WORKS)
def test_a_real_answer_has_one_length_and_its_rehearsal_sees_no_row(kind: str) -> None:
    spec = JobSpec(0, DIGEST, len(MODEL), 4, WORKS[kind], 10_000, KEY.public)
    lengths = set()
    with Engine() as compute:
        for age in (0, 1, 33, 100):
            table = Table(SCHEMA, np.full((60, 1), age, np.float32), np.arange(60) % 2)
            answer = perform(compute, spec, MODEL, table, lambda *_: None)
            lengths.add(len(answer))
        unreadable: Any = _Unreadable(SCHEMA, 60)
        assert 0 < rehearsed(compute, spec, MODEL, unreadable) < 60

    assert len(lengths) == 1


class _Unreadable:
    """A table of which only the schema and the number of rows can be read."""

    def __init__(self, schema: Schema, rows: int) -> None:
        self.schema, self._rows = schema, rows

    def __len__(self) -> int:
        return self._rows


def test_a_sealed_answer_opens(seen: Callable[..., Any]) -> None:
    _, answer, _ = seen(AGED)

    assert KEY.open(answer.ciphertext, result_info(GENESIS, 7, spec_hash(SPEC))) == bytes(64)
