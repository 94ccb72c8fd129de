"""What passes between an owner's node and a machine of his cluster, and what is told without."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from tilth.cli.dev import DevOptions, start
from tilth.cli.loading import CannotStart
from tilth.cli.work_options import WorkOptions
from tilth.engine import EngineError, NotConfined, OutOfMemory, Reason, Refused, TimedOut
from tilth.primitives.crypto.sealing import SealBroken, SealingKey
from tilth.runtime.bench import Bench, Errand, Greeting, opened_answer, sealed_errand
from tilth.runtime.executor import ClusterUnfit
from tilth.runtime.ray_cluster import RayCluster
from tilth.vault import Numeric, Schema, Table

ROWS = np.arange(64, dtype=np.float32)[:, None]


@pytest.mark.parametrize(
    "ended",
    [Refused(Reason.BATCH_MIXED, "no"), TimedOut("late"), OutOfMemory("big"), NotConfined("open")],
)
def test_how_a_job_ended_comes_from_another_machine_as_it_was(ended: EngineError) -> None:
    come: EngineError = pickle.loads(pickle.dumps(ended))

    assert type(come) is type(ended)
    assert (come.reason, come.text, str(come)) == (ended.reason, ended.text, str(ended))


def test_a_sealed_errand_shows_no_row_and_opens_in_its_own_process_alone() -> None:
    key = SealingKey.generate()
    table = Table(Schema((Numeric("age", 0, 100),), None), ROWS)
    errand = Errand("perform", (table,))
    assert ROWS.tobytes() in pickle.dumps(errand)

    sealed = sealed_errand(errand, key.public)

    assert ROWS[:2].tobytes() not in sealed
    with pytest.raises(SealBroken):
        Bench(unconfined_ok=True).run(sealed, key.public)


def test_a_bench_answers_to_the_key_that_it_was_given() -> None:
    bench, key = Bench(unconfined_ok=True), SealingKey.generate()
    greeting = bench.greet()
    assert isinstance(greeting, Greeting)

    junk = sealed_errand(Errand("judge", (b"junk", ROWS, ROWS[:, 0].astype(int))), greeting.key)
    refused = bench.run(junk, key.public)

    assert isinstance(refused, Refused)
    assert refused.reason is Reason.MALFORMED
    with pytest.raises(SealBroken):
        opened_answer(bytes(100), key)
    bench.close()


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(ClusterUnfit, match=r"pip install 'tilth\[ray\]'"):
        RayCluster("ray://127.0.0.1:1")


async def test_a_cluster_without_a_vault_has_no_jobs(tmp_path: Path) -> None:
    work = WorkOptions(compute="ray://x:1")
    options = DevOptions(None, 0, 0, None, "tilth.runtime:DevRuntime", None, work=work)
    with pytest.raises(CannotStart, match="--compute says where the jobs of a --vault run"):
        await start(options)
