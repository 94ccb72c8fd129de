"""The engine outlives every job: crashes, bombs, deaths and lies end typed, and nothing stays."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tilth.engine import (
    Crashed,
    Died,
    Engine,
    EngineError,
    Limits,
    NotConfined,
    OutOfMemory,
    Reason,
    TimedOut,
    TrainSpec,
    confinement,
    jail,
    linear,
    mlp,
)
from tilth.engine import engine as engine_module
from tilth.engine.confine import Confinement
from tilth.engine.layout import received

pytestmark = pytest.mark.skipif(
    not confinement().sufficient, reason="this kernel offers no Landlock or no seccomp"
)

CRASHERS = sorted((Path(__file__).parents[1] / "vectors" / "onnx-crashers").glob("*.onnx"))

SPEC = TrainSpec(
    loss="softmax_cross_entropy",
    steps=30,
    learning_rate_micro=1_000_000,
    clip_micro=1_000_000,
    noise_multiplier_milli=1_000,
)


class Table:
    def __init__(self, rows: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
        self.rows, self.labels = rows.astype(np.float32), labels
        self.asked: list[npt.NDArray[np.int64]] = []

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def features(self) -> int:
        return int(self.rows.shape[1])

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        self.asked.append(indices)
        return self.rows[indices], self.labels[indices]


def _table(count: int = 200, features: int = 6) -> Table:
    random = np.random.default_rng(1)
    rows = random.normal(size=(count, features))
    return Table(rows, (rows[:, 0] - rows[:, 1] > 0).astype(np.int64))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


@pytest.mark.parametrize("path", CRASHERS, ids=lambda path: path.stem)
def test_a_file_that_crashes_onnx_runtime_is_refused_or_dies_in_its_jail(
    path: Path, engine: Engine
) -> None:
    with pytest.raises(EngineError):
        engine.check(path.read_bytes(), SPEC)
    with pytest.raises(EngineError):
        engine.infer(path.read_bytes(), np.zeros((1, 1)))
    assert engine.check(linear(6, 2), SPEC).parameters == 14


def test_the_corpus_is_there() -> None:
    assert len(CRASHERS) == 19


def test_eight_megabytes_of_empty_nodes_end_typed(engine: Engine) -> None:
    with pytest.raises(EngineError) as ended:
        engine.check(b"\x3a\x80\x80\x80\x04" + b"\x0a\x00" * (4 << 20), SPEC)
    assert ended.value.reason in {Reason.TOO_LARGE, Reason.OUT_OF_MEMORY, Reason.MALFORMED}


def test_a_job_that_wants_too_much_memory_ends_out_of_memory() -> None:
    limits = Limits(memory_bytes=16 << 20)
    with Engine(limits=limits) as small, pytest.raises(OutOfMemory) as ended:
        small.check(mlp(1000, (3000,), 10), SPEC)
    assert ended.value.reason is Reason.OUT_OF_MEMORY


def test_a_job_that_takes_too_long_is_stopped_by_the_clock() -> None:
    table = _table(6400, 64)
    limits = Limits(train_seconds=1)
    with Engine(limits=limits) as strict:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            strict.train(mlp(64, (400, 400), 2), replace(SPEC, steps=10_000), table)
        assert time.monotonic() - started < 8


WAYS_TO_DIE = [
    (signal.SIGSEGV, Crashed, Reason.CRASHED),
    (signal.SIGABRT, Crashed, Reason.CRASHED),
    (signal.SIGXCPU, TimedOut, Reason.TIMED_OUT),
    (signal.SIGKILL, OutOfMemory, Reason.OUT_OF_MEMORY),
]


class Lethal(Table):
    """Kills the worker from outside while rows are handed over."""

    def __init__(self, table: Table, by: int) -> None:
        super().__init__(table.rows, table.labels)
        self.by = by

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        for worker in _workers():
            os.kill(worker, self.by)
        return super().batch(indices)


def _workers() -> list[int]:
    """Children of the zygotes, which are children of this process."""
    return [child for zygote in _children(os.getpid()) for child in _children(zygote)]


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.mark.parametrize(("by", "outcome", "reason"), WAYS_TO_DIE)
def test_a_workers_death_is_a_typed_outcome_that_names_no_signal_once_it_saw_rows(
    by: int, outcome: type[Died], reason: Reason, engine: Engine
) -> None:
    with pytest.raises(outcome) as died:
        engine.train(linear(6, 2), SPEC, Lethal(_table(), by))

    assert died.value.reason is reason
    assert "SIG" not in died.value.text
    assert engine.check(linear(6, 2), SPEC).parameters == 14


def test_a_worker_that_hangs_is_killed_when_its_time_is_over() -> None:
    with Engine(limits=Limits(train_seconds=1)) as strict:
        with pytest.raises(TimedOut):
            strict.train(linear(6, 2), SPEC, Lethal(_table(), signal.SIGSTOP))

        assert not _workers()
        assert strict.check(linear(6, 2), SPEC).parameters == 14


def test_before_data_the_signal_is_named() -> None:
    died = jail.outcome_of(-signal.SIGSEGV, killed=False, with_data=False)

    assert died.text == "the worker died of SIGSEGV"


def test_an_engine_whose_zygote_was_killed_starts_another() -> None:
    with Engine() as engine:
        engine.check(linear(6, 2), SPEC)
        assert engine._zygote is not None
        os.kill(engine._zygote.pid, signal.SIGKILL)
        engine._zygote._process.wait()

        assert engine.check(linear(6, 2), SPEC).parameters == 14


class Watched(Table):
    """Looks at the worker while it holds rows."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.rows, table.labels)
        self.seen: dict[str, str] = {}
        self.links: dict[str, str] = {}

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        (worker,) = _workers()
        status = Path(f"/proc/{worker}/status").read_text().splitlines()
        self.seen = {name: value.strip() for name, _, value in (s.partition(":") for s in status)}
        if os.geteuid() == 0:
            files = sorted(Path(f"/proc/{worker}/fd").iterdir(), key=lambda path: int(path.name))
            self.links = {path.name: os.readlink(path).partition(":")[0] for path in files}
            self.links["net"] = os.readlink(f"/proc/{worker}/ns/net")
            self.links["root"] = os.readlink(f"/proc/{worker}/root")
        return super().batch(indices)


def test_a_worker_that_holds_rows_is_shut_in(engine: Engine) -> None:
    table = Watched(_table())

    engine.train(linear(6, 2), SPEC, table)

    assert table.seen["Seccomp"] == "2"
    assert table.seen["NoNewPrivs"] == "1"
    assert table.seen["Threads"] == "1"
    assert int(table.seen["CapEff"], 16) == int(table.seen["CapPrm"], 16) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a worker")
def test_a_worker_holds_a_line_and_shared_memory_and_nothing_else(engine: Engine) -> None:
    table = Watched(_table())

    engine.train(linear(6, 2), SPEC, table)

    assert table.seen["Uid"].split() == ["65534"] * 4
    root, net = table.links.pop("root"), table.links.pop("net")
    assert root.endswith("(deleted)")
    assert net != os.readlink("/proc/self/ns/net")
    assert sorted(table.links.values()) == [
        *["/dev/null"] * 3,
        "/memfd",
        "socket",
    ]


def test_no_worker_outlives_its_job_or_its_engine() -> None:
    engine = Engine()
    engine.check(linear(6, 2), SPEC)
    assert engine._zygote is not None
    zygote = engine._zygote.pid

    assert not _children(zygote)
    engine.close()
    assert not Path(f"/proc/{zygote}").exists()


OWNER_DIES = """
import os, signal, sys, time
from tilth.engine import *
class Slow:
    count, features = 100, 6
    def batch(self, indices):
        import numpy as np
        zygotes = open(f"/proc/self/task/{os.getpid()}/children").read().split()
        workers = [w for z in zygotes for w in open(f"/proc/{z}/task/{z}/children").read().split()]
        os.kill(int(workers[0]), signal.SIGSTOP)  # so that it cannot see the line go dead
        print(*zygotes, *workers, flush=True)
        time.sleep(60)
engine = Engine()
engine.train(linear(6, 2), TrainSpec(loss="softmax_cross_entropy", steps=1, learning_rate_micro=1,
    clip_micro=1, noise_multiplier_milli=1000), Slow())
"""


def test_nothing_is_left_when_the_node_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER_DIES], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        family = owner.stdout.readline().split()
        owner.kill()
    assert len(family) == 2

    until = time.monotonic() + 5
    while any(_runs(int(pid)) for pid in family) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(_runs(int(pid)) for pid in family)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_several_threads_share_an_engine(engine: Engine) -> None:
    accuracies: list[float] = []

    def job() -> None:
        table = _table()
        model = engine.train(linear(6, 2), SPEC, table).model
        accuracies.append((engine.infer(model, table.rows).argmax(1) == table.labels).mean())

    threads = [threading.Thread(target=job) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(accuracies) == 4
    assert min(accuracies) > 0.7


WITHOUT_RUNTIME = """
import sys, numpy as np
from tilth.engine import *
with Engine() as engine:
    engine.infer(linear(3, 2), np.zeros((2, 3)))
print("onnxruntime" in sys.modules, "onnx" in sys.modules)
"""


def test_the_nodes_process_never_imports_onnx_runtime() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_RUNTIME], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "False"]


def _telemetry_files() -> dict[str, int]:
    roots = [Path.home() / ".cache" / "Microsoft", Path.home() / ".onnxruntime", Path("/tmp/.ses")]
    found = [path for root in roots for path in (root, *root.rglob("*")) if path.exists()]
    return {str(path): path.stat().st_mtime_ns for path in found}


def test_onnx_runtimes_telemetry_leaves_neither_file_nor_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _telemetry_files()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    with Engine() as engine:
        engine.infer(linear(3, 2), np.zeros((2, 3)))
        assert engine._zygote is not None
        assert engine._zygote.threads == 1

    monkeypatch.undo()
    assert _telemetry_files() == before
    assert list(tmp_path.rglob("*")) == []


def test_a_machine_without_locks_is_refused_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_door = Confinement(landlock=0, seccomp=False)
    monkeypatch.setattr(engine_module, "confinement", lambda: open_door)

    with pytest.raises(NotConfined, match="no Landlock, no seccomp"):
        Engine()
    with Engine(unconfined_ok=True) as engine:
        assert engine.confinement is open_door
        assert engine.check(linear(6, 2), SPEC).parameters == 14


LIES = [
    b"not json",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[[[2,3],[0,7]]],"outputs":[2],"cost":[1,1,1]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[[[2,4],[0,-1]]],"outputs":[2],"cost":[9,9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[],"outputs":[-2],"cost":[9,9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[],"outputs":[99999999999],"cost":[9,9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[],"outputs":[2.5],"cost":[9,9,9]}',
    b'{"input":[3],"output":[2],"labels":[-1,1],"parameters":[],"outputs":[2],"cost":[9,9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[[[9999999],[0]]],"outputs":[9999999],"cost":[9,9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[],"outputs":[2],"cost":[99999999999,9,9]}',
    b'{"input":3,"output":[2],"labels":[1,1],"parameters":[],"outputs":[2],"cost":[9,9,9]}',
]


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_lies_about_sizes_is_a_crash(lie: bytes) -> None:
    with pytest.raises(Crashed):
        received(lie, Limits())


def test_an_honest_layout_is_received_as_it_was_sent() -> None:
    honest = (
        b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[[[2,3],[0,-1]],[[2],[0]]],'
        b'"outputs":[2],"cost":[9,9,9]}'
    )

    layout = received(honest, Limits())

    assert received(layout.to_json(), Limits()) == layout
    assert (layout.weights, layout.features, layout.integer_labels) == (8, 3, True)
