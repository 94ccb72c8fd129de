"""A worker that loses its mind at every step of a job takes it up again from the chain alone."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tilth.frame import H256, AccountId, hashing
from tilth.pallets.compute import (
    Completed,
    Delivered,
    JobSpec,
    Loss,
    Optimizer,
    Running,
    Sealed,
    Stage,
    TrainSpec,
    cost_of,
    spec_hash,
)
from tilth.pallets.datasets import Anyone, Policy
from tilth.pallets.datasets import Budget as MarketBudget
from tilth.primitives.crypto.sealing import SealingKey
from tilth.primitives.job_result import result_info
from tilth.runtime import DevRuntime
from tilth.runtime.executor import ThisMachine
from tilth.runtime.worker import ComputeWorker
from tilth.testing import Chain
from tilth.vault import Budget, Categorical, EpsilonCap, Numeric, Schema, Table, Vault

KEK = bytes(32)
GENESIS = H256(b"g" * 32)
MODEL = b"an ONNX file"
KEY = SealingKey(b"s" * 32)
UNIT = 10**12
TRAIN = TrainSpec(
    loss=Loss.SOFTMAX_CROSS_ENTROPY,
    optimizer=Optimizer.SGD,
    steps=10,
    learning_rate_micro=1,
    clip_micro=1,
    noise_multiplier_milli=10_000,
    sampling_ppb=10**9,
)
POLICY = Policy(
    price_per_job=1_000,
    price_per_epsilon=0,
    requesters=Anyone(),
    max_epsilon_micro=4_000_000,
    max_params=100,
    max_output_bytes=1_000,
    exact_specs=(),
)


class NoisyEngine:
    """Another model at every run, as noise makes it; any model fits."""

    runs = 0

    def check(self, *_: object) -> Any:
        return SimpleNamespace(parameters=1, input_shape=(1,), output_shape=(2,))

    def train(self, *_: object) -> Any:
        self.runs += 1
        return SimpleNamespace(model=os.urandom(64))


class Day:
    """One job of one worker, who forgets everything but vault and chain as often as one likes."""

    def __init__(self, chain: Chain[DevRuntime], home: Path, owner: Any, buyer: Any) -> None:
        self.chain, self.compute = chain, chain.runtime.compute
        self.owner, self.buyer = owner, buyer
        self.engine, self.vault = NoisyEngine(), Vault(home, KEK)
        schema = Schema((Numeric("age", 0, 100), Categorical("ill", ("no", "yes"))), "ill")
        ages = np.arange(60, dtype=np.float32)[:, None]
        self.vault.add("rows", Table(schema, ages, np.arange(60) % 2))
        once = EpsilonCap(4_000_000, 10**7)
        self.vault.ledger("rows").declare(Budget(once, released_bytes=1_000))
        self.worker = self.waken()
        self._open()

    def _open(self) -> None:
        stored = [self._store(data) for data in (b"schema", b"mock", b"meta", MODEL)]
        register = self.chain.runtime.datasets.register_private.call(
            name="rows",
            spdx="LicenseRef-Private",
            schema=stored[0],
            mock=stored[1],
            metadata=stored[2],
            row_root=H256(self.vault.list()[0].row_root),
            rows=60,
            policy=POLICY,
            budget=MarketBudget(4_000_000, 10**7, 1_000),
            workers=(self.owner,),
        )
        self.chain.dispatch(register, self.owner)
        self.chain.dispatch(self.compute.register_worker.call(100 * UNIT), self.owner)
        self.spec = JobSpec(0, stored[3], len(MODEL), 1, TRAIN, 1_000, KEY.public)
        self.chain.dispatch(self.compute.create_job.call(self.spec, 0, None), self.buyer)

    def _store(self, data: bytes) -> H256:
        self.chain.dispatch(self.chain.runtime.storage.storing(data), self.owner)
        return H256(hashing.sha2_256(data))

    def waken(self) -> ComputeWorker:
        known: Any = self.engine
        return ComputeWorker(
            self.vault,
            ThisMachine(known),
            lambda _: MODEL,
            GENESIS,
            rest=lambda _: None,
            rehearse=lambda *_: 0.0,
        )

    def owes(self) -> list[Any]:
        node: Any = SimpleNamespace(account=self.owner)
        return list(self.compute.offchain_worker(node))

    def step(self, kill: Callable[[], bool]) -> None:
        """Answer what is owed; a worker killed after its work was done never says so."""
        for task in self.owes():
            answer = self.worker.runners()[type(task)](task)
            if kill():
                self.worker = self.waken()
                continue
            call = task.then(answer)
            if call is not None:
                self.chain.dispatch(call, self.owner)
        self.chain.build()

    def state(self) -> Any:
        return self.compute.jobs[0].state


@pytest.fixture
def day(chain: Chain[DevRuntime], alice: AccountId, bob: AccountId, tmp_path: Path) -> Day:
    return Day(chain, tmp_path / "vault", alice, bob)


@pytest.mark.parametrize("killed", [(), (0,), (1,), (2,), (0, 1, 2, 3, 5)])
def test_a_worker_killed_before_it_says_so_claims_starts_and_delivers_once(
    day: Day, killed: tuple[int, ...]
) -> None:
    times = iter(range(100))
    for _ in range(12):
        day.step(lambda: next(times) in killed)

    state = day.state()
    assert isinstance(state, Delivered)
    assert day.engine.runs == 1
    spent = day.vault.ledger("rows").spent
    assert (spent.cost, spent.jobs) == (cost_of(TRAIN), 1)
    assert day.chain.runtime.datasets.ledgers[0].spent == cost_of(TRAIN)
    assert day.chain.runtime.datasets.ledgers[0].reserved == (0,) * len(spent.cost)


def test_a_worker_killed_while_it_runs_and_after_a_beat_goes_on(day: Day) -> None:
    day.step(lambda: False)
    day.step(lambda: False)
    assert isinstance(day.state(), Running)
    day.chain.dispatch(day.compute.beat.call(0, Stage.COMPUTING, 500), day.owner)
    day.worker = day.waken()
    day.step(lambda: False)

    assert isinstance(day.state(), Delivered)


def test_a_worker_that_is_dead_when_its_result_is_accepted_is_paid_all_the_same(day: Day) -> None:
    for _ in range(3):
        day.step(lambda: False)
    before = day.chain.runtime.balances.free_balance(day.owner)
    day.chain.dispatch(day.compute.acknowledge.call(0), day.buyer)

    assert isinstance(day.state(), Completed)
    assert day.owes() == []
    assert day.chain.runtime.balances.free_balance(day.owner) > before
    day.chain.check()


def test_what_was_delivered_opens(day: Day) -> None:
    for _ in range(2):
        day.step(lambda: False)
    (task,) = day.owes()
    answer = day.worker.run(task)

    assert isinstance(answer, Sealed)
    assert len(KEY.open(answer.ciphertext, result_info(GENESIS, 0, spec_hash(day.spec)))) == 64
