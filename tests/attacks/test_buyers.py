"""Buyers who ask often, under many names, or for something else than was allowed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tilth.engine import Engine, Mean, Measured, StatisticsSpec
from tilth.engine.statistics import MeanAnswer
from tilth.frame import H256, AccountId, DispatchFailure, replace
from tilth.pallets.compute import InferSpec, JobSpec, Loss, Optimizer, TrainSpec, spec_hash
from tilth.pallets.datasets import Anyone, Budget, Error, Ledger, Policy
from tilth.pallets.datasets import ledger as books
from tilth.pallets.datasets.policy import ensure_allowed
from tilth.primitives import privacy

ROWS, NOISE, JOBS = 50, 1_000, 300
COST = privacy.cost(privacy.FULL_BATCH, NOISE, 1)
BUDGET = Budget(epsilon_micro=8_000_000, delta_pico=10**7, output_bytes=10**9)
OWNER_READ = JobSpec(
    dataset=0,
    model=H256(b"m" * 32),
    model_bytes=100,
    params=10,
    work=TrainSpec(Loss.MEAN_SQUARED_ERROR, Optimizer.SGD, 10, 1, 10**6, 10_000, 10**9),
    max_output_bytes=1_000,
    result_key=b"k" * 32,
)
POLICY = Policy(
    price_per_job=0,
    price_per_epsilon=0,
    requesters=Anyone(),
    max_epsilon_micro=1_000_000,
    max_params=10,
    max_output_bytes=1_000,
    exact_specs=(spec_hash(OWNER_READ),),
)


@dataclass
class Table:
    """All rows but one are known to the attacker."""

    column: npt.NDArray[np.float32]
    count: int = ROWS
    features: int = 1

    def batch(self, indices: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        return self.column[indices, None], np.zeros(len(indices), np.int64)


def test_many_small_jobs_average_the_noise_away_unless_they_share_a_budget() -> None:
    known = np.zeros(ROWS, np.float32)
    secret = known.copy()
    secret[17] = 1.0
    question = StatisticsSpec(questions=(Mean(0, 0, 1),), noise_multiplier_milli=NOISE)
    with Engine() as engine:
        told = [_mean(engine, question, Table(secret)) for _ in range(JOBS)]
    sums = [ROWS * answer.value for answer in told]
    spread = ROWS * told[0].noise

    # each job by itself is within the policy; all together they give the row away
    assert abs(np.mean(sums) - 1.0) < 6 * spread / JOBS**0.5 < 0.5
    # one ledger for the dataset, in which no requester has a name
    assert 1 <= _allowed() <= JOBS // 36, "so that the error stays six times as large"


def _mean(engine: Engine, question: StatisticsSpec, table: Table) -> Measured:
    (answer,) = engine.tell(question, table).answers
    assert isinstance(answer, MeanAnswer)
    return answer.mean


def _allowed() -> int:
    """How many such jobs a dataset's budget covers."""
    ledger = Ledger()
    for job in range(JOBS):
        try:
            ledger, _ = books.reserve(ledger, BUDGET, COST, 100)
        except DispatchFailure:
            return job
    return JOBS


def _admitted(spec: JobSpec) -> None:
    ensure_allowed(
        POLICY,
        requester=AccountId(bytes(32)),
        kind=0,
        model=spec.model,
        spec_hash=spec_hash(spec),
        epsilon_micro=None,
        params=spec.params,
        output_bytes=spec.max_output_bytes,
    )


SMUGGLED = {
    "without noise": {"noise_multiplier_milli": 0},
    "a huge clip": {"clip_micro": 2**32 - 1},
    "one step that copies": {"steps": 1, "learning_rate_micro": 10**9},
}


@pytest.mark.parametrize("what", SMUGGLED)
def test_parameters_smuggled_beside_an_allowed_model_make_another_job(what: str) -> None:
    assert isinstance(OWNER_READ.work, TrainSpec)
    smuggled = replace(OWNER_READ, work=replace(OWNER_READ.work, **SMUGGLED[what]))

    assert smuggled.model == OWNER_READ.model, "who compares models alone lets it run"
    _admitted(OWNER_READ)
    with pytest.raises(DispatchFailure) as refused:
        _admitted(smuggled)
    assert refused.value.reason == DispatchFailure(Error.NOISE_REQUIRED).reason


def test_another_kind_of_work_on_the_allowed_model_is_another_job() -> None:
    outputs = replace(OWNER_READ, work=InferSpec())

    with pytest.raises(DispatchFailure):
        _admitted(outputs)
