"""Jobs on two machines of a Ray cluster: the same answers, the same jail, and what a loss costs."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tilth.engine import Reason, Refused, mlp
from tilth.frame import H256, hashing
from tilth.pallets.compute import JobSpec, Loss, Optimizer, Run, Sealed, TrainSpec
from tilth.pallets.compute import spec_hash as hash_of
from tilth.primitives import privacy
from tilth.primitives.crypto.sealing import SealingKey
from tilth.primitives.job_result import result_info
from tilth.runtime.executor import Lost
from tilth.runtime.ray_cluster import RayCluster
from tilth.runtime.worker import ComputeWorker
from tilth.vault import Budget, Categorical, EpsilonCap, Numeric, Schema, Table, Vault

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]  # a busy machine starts Ray slowly

KEK = bytes(32)
GENESIS = H256(b"g" * 32)
KEY = SealingKey(b"s" * 32)
MODEL = mlp(1, (8,), 2)
SHORT, LONG = 5, 8_000
PATIENCE = 120


def spec_of(model: bytes, steps: int) -> JobSpec:
    train = TrainSpec(
        loss=Loss.SOFTMAX_CROSS_ENTROPY,
        optimizer=Optimizer.SGD,
        steps=steps,
        learning_rate_micro=1_000,
        clip_micro=10**6,
        noise_multiplier_milli=100_000,
        sampling_ppb=10**9,
    )
    return JobSpec(0, H256(hashing.sha2_256(model)), len(model), 34, train, 10_000, KEY.public)


def task_of(vault: Vault, steps: int, job: int = 7) -> Run:
    spec = spec_of(MODEL, steps)
    cost = privacy.cost(privacy.FULL_BATCH, 100_000, steps)
    root = H256(vault.list()[0].row_root)
    return Run(job, 0, spec, hash_of(spec), spec.model, root, 10**7, cost, lambda _: None)


class Machines:
    """Two machines with one place each, and a head with none, all on the loopback interface."""

    def __init__(self) -> None:
        port = _free_port()
        self.address = f"ray://127.0.0.1:{port}"
        self.raylets: list[int] = []
        """The process of each machine."""
        quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
        # the head forks too, for each client, and needs none of gRPC's handlers for that
        forking = {"GRPC_ENABLE_FORK_SUPPORT": "0"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("ray_machines.py")), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **quiet, **forking},
        )
        assert self._heard() == "ready"

    def complete(self) -> None:
        """Two machines again, whatever was lost before."""
        while len(self.raylets) < 2:
            self.raylets.append(self._told("add"))

    def kill(self, raylet: int) -> None:
        self.raylets.remove(raylet)
        self._told(str(raylet))

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE)

    def working(self) -> list[int]:
        """The machines on which a job's process runs."""
        return [raylet for raylet in self.raylets if _benches(raylet)]

    def computing(self) -> int | None:
        """A machine on which a confined process runs, or None."""
        return next((raylet for raylet in self.raylets if self.jailed(raylet)), None)

    def seen(self, kept: dict[int, list[dict[str, str]]]) -> bool:
        """Keeps what the kernel says now; whether each machine has had a confined process."""
        for raylet in self.raylets:
            kept.setdefault(raylet, []).extend(self.jailed(raylet))
        return all(kept.values())

    def jailed(self, raylet: int) -> list[dict[str, str]]:
        """What the kernel says of the confined processes below the machine's jobs."""
        zygotes = [child for bench in _benches(raylet) for child in _children(bench)]
        found = [_status(pid) for zygote in zygotes for pid in _children(zygote)]
        return [status for status in found if status.get("Seccomp") == "2"]

    def _told(self, line: str) -> Any:
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)
        return self._heard()

    def _heard(self) -> Any:
        """What Ray prints itself is none of it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith('{"said"'):
                return json.loads(line)["said"]
        raise AssertionError("the process of the cluster has ended")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Machines]:
    pytest.importorskip("ray")
    machines = Machines()
    try:
        yield machines
    finally:
        machines.close()


@pytest.fixture
def machines(cluster: Machines) -> Machines:
    cluster.complete()
    return cluster


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """With one table of 60 rows, named rows."""
    vault = Vault(tmp_path / "vault", KEK)
    schema = Schema((Numeric("age", 0, 100), Categorical("ill", ("no", "yes"))), "ill")
    ages = np.arange(60, dtype=np.float32)[:, None]
    vault.add("rows", Table(schema, ages, np.arange(60) % 2))
    cap = EpsilonCap(10**9, 10**7)
    vault.ledger("rows").declare(Budget(cap, released_bytes=10**6))
    return vault


@pytest.fixture
def ray_cluster(machines: Machines) -> Iterator[RayCluster]:
    cluster = RayCluster(machines.address)
    yield cluster
    cluster.close()


def eventually(condition: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def worker_of(vault: Vault, ray_cluster: RayCluster) -> ComputeWorker:
    """It does not wait for the time of its answers."""
    return ComputeWorker(
        vault,
        ray_cluster,
        lambda _: MODEL,
        GENESIS,
        rest=lambda _: None,
        rehearse=lambda *_: 0.0,
    )


def begun(worker: ComputeWorker, task: Run, machines: Machines) -> tuple["Future[Any]", Any]:
    """The job in a thread of its own, and on which machine its model runs."""
    pool = ThreadPoolExecutor(1)
    running = pool.submit(worker.run, task)
    pool.shutdown(wait=False)
    return running, eventually(machines.computing)


def test_jobs_run_behind_the_same_jail_on_both_machines(
    machines: Machines, ray_cluster: RayCluster, vault: Vault
) -> None:
    task, table = task_of(vault, LONG), vault.table("rows")

    def perform(_: int) -> bytes:
        return ray_cluster.perform(task.spec, MODEL, table)

    with ThreadPoolExecutor(2) as pool:
        results = pool.map(perform, range(2))
        confined: dict[int, list[dict[str, str]]] = {}
        eventually(lambda: machines.seen(confined))
        first, second = results

    assert {each["NoNewPrivs"] for kept in confined.values() for each in kept} == {"1"}
    assert len(first) == len(second) > len(MODEL) // 2
    assert first != second, "each run draws noise of its own"
    eventually(lambda: not machines.working())


def test_what_the_gate_refuses_here_it_refuses_there(ray_cluster: RayCluster, vault: Vault) -> None:
    with pytest.raises(Refused) as ended:
        ray_cluster.check(spec_of(b"junk", SHORT), b"junk", vault.table("rows"), None)

    assert str(ended.value) == "Malformed: the file is not an ONNX model"
    assert ended.value.reason is Reason.MALFORMED


def test_a_process_of_the_head_that_dies_as_it_begins_is_asked_for_again(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    real, deaths = ray.init, iter(["the specific server is a zombie"] * 2)

    def init(*given: Any, **named: Any) -> Any:
        for text in deaths:
            raise ConnectionAbortedError(text)
        return real(*given, **named)

    monkeypatch.setattr(ray, "init", init)
    cluster = RayCluster(machines.address)
    cluster.close()

    assert next(deaths, None) is None


def test_a_closed_cluster_ends_what_runs(
    machines: Machines, ray_cluster: RayCluster, vault: Vault
) -> None:
    worker = worker_of(vault, ray_cluster)
    running, _ = begun(worker, task_of(vault, LONG), machines)

    ray_cluster.close()

    assert running.result(timeout=PATIENCE) is None
    with pytest.raises(Lost, match="stopping"):
        ray_cluster.check(spec_of(MODEL, SHORT), MODEL, vault.table("rows"), None)


def test_a_job_whose_machine_is_lost_goes_to_the_other_and_is_charged_once(
    machines: Machines,
    ray_cluster: RayCluster,
    vault: Vault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = worker_of(vault, ray_cluster)
    task = task_of(vault, LONG)
    running, lost = begun(worker, task, machines)

    machines.kill(lost)
    answer = running.result(timeout=PATIENCE)

    assert caplog.text.count("the job goes to another machine") == 1
    assert isinstance(answer, Sealed)
    model = KEY.open(answer.ciphertext, result_info(GENESIS, 7, task.spec_hash))
    assert len(model) > len(MODEL) // 2
    spent = vault.ledger("rows").spent
    assert (spent.cost, spent.jobs) == (task.cost, 1)
    assert worker.run(task) == answer, "asked again, it sends the same: there is no second result"


def test_a_job_that_loses_both_machines_is_left_to_its_deadline(
    machines: Machines, ray_cluster: RayCluster, vault: Vault
) -> None:
    worker = worker_of(vault, ray_cluster)
    task = task_of(vault, LONG)
    running, first = begun(worker, task, machines)
    machines.kill(first)
    machines.kill(eventually(machines.computing))

    assert running.result(timeout=PATIENCE) is None
    assert worker.run(task) is None, "it is not tried a third time"
    assert vault.outbox("rows").kept(GENESIS + (7).to_bytes(8, "little")) is None
    assert vault.ledger("rows").spent.jobs == 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _benches(raylet: int) -> list[int]:
    return [pid for pid in _children(raylet) if b"Bench" in _command(pid)]


def _children(pid: int) -> list[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        texts = [Path(f"/proc/{pid}/task/{task}/children").read_text() for task in tasks]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for text in texts for child in text.split()]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
