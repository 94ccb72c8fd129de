"""The engine from its public face: what it trains and refuses, and that it outlives every job."""

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
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from tilth.engine import (
    Crashed,
    Died,
    Engine,
    EngineError,
    Limits,
    NotConfined,
    OutOfMemory,
    Reason,
    Refused,
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
from tilth.primitives import privacy

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
EXACT = replace(SPEC, noise_multiplier_milli=0, clip_micro=10**8)


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


@pytest.fixture(scope="module")
def naive() -> Iterator[Engine]:
    """An engine whose owner allows training without noise."""
    with Engine(limits=Limits(min_noise_milli=0)) as running:
        yield running


def test_a_model_is_described_before_any_data(engine: Engine) -> None:
    checked = engine.check(mlp(6, (5,), 3), SPEC)

    assert (checked.parameters, checked.input_shape, checked.output_shape) == (53, (6,), (3,))
    assert checked.row_flops > 2 * 53


def test_training_without_noise_is_gradient_descent(naive: Engine) -> None:
    table = _table()
    trained = naive.train(linear(6, 2, seed=4), replace(EXACT, steps=5), table)

    w, b = _weights(linear(6, 2, seed=4))
    for _ in range(5):
        logits = table.rows @ w.T + b
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        error = (shares - np.eye(2)[table.labels]) / len(table.rows)
        w, b = w - error.T @ table.rows, b - error.sum(0)
    for ours, expected in zip(_weights(trained.model), (w, b), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def _weights(model: bytes) -> list[npt.NDArray[Any]]:
    tensors = onnx.load_from_string(model).graph.initializer
    return [numpy_helper.to_array(tensor).astype(np.float64) for tensor in tensors]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("rate", [10**9, 3 * 10**8])
def test_a_private_job_learns(engine: Engine, optimizer: str, rate: int) -> None:
    table = _table(600)
    fast = 50_000 if optimizer == "adam" else 500_000
    spec = replace(SPEC, optimizer=optimizer, rate_per_billion=rate, learning_rate_micro=fast)

    trained = engine.train(linear(6, 2), spec, table)

    right = engine.infer(trained.model, table.rows).argmax(1) == table.labels
    assert right.mean() > 0.85


def test_a_trained_job_says_what_may_be_said(engine: Engine) -> None:
    heard: list[tuple[int, int]] = []

    trained = engine.train(linear(6, 2), SPEC, _table(), lambda *step: heard.append(step))

    assert heard == [(step + 1, 30) for step in range(30)]
    assert (trained.parameters, trained.steps, trained.rows) == (14, 30, 200)
    assert trained.privacy_cost == privacy.cost(10**9, 1_000, 30)


def test_a_full_batch_asks_for_every_row_once_in_each_step(engine: Engine) -> None:
    table = _table(100)

    engine.train(linear(6, 2), replace(SPEC, steps=2), table)

    assert np.bincount(np.concatenate(table.asked)).tolist() == [2] * 100


def test_two_runs_differ_because_the_noise_does(engine: Engine) -> None:
    first, second = (engine.train(linear(6, 2), SPEC, _table()).model for _ in range(2))

    assert first != second


def test_the_buyer_gets_his_own_file_with_other_weights_and_nothing_else(engine: Engine) -> None:
    authored = onnx.load_from_string(mlp(6, (4,), 2))
    authored.doc_string = "written in /home/author"
    authored.producer_name = "author's machine"
    authored.metadata_props.add(key="path", value="/home/author")
    authored.graph.node[0].doc_string = "line 12"
    authored.graph.node[0].metadata_props.add(key="trace", value="File author.py")
    authored.graph.initializer[0].doc_string = "weights"

    released = engine.train(authored.SerializeToString(), SPEC, _table()).model

    for secret in (b"author", b"line 12", b"weights"):
        assert secret not in released
    returned = onnx.load_from_string(released)
    onnx.checker.check_model(returned, full_check=True)
    assert [n.op_type for n in returned.graph.node] == [n.op_type for n in authored.graph.node]
    assert [t.name for t in returned.graph.initializer] == [
        t.name for t in authored.graph.initializer
    ]


def test_inference_agrees_with_another_implementation(engine: Engine) -> None:
    model, rows = mlp(6, (8,), 3, seed=2), _table(150).rows

    ours = engine.infer(model, rows)

    theirs: Any = ReferenceEvaluator(model).run(None, {"rows": rows})
    np.testing.assert_allclose(ours, theirs[0], atol=1e-5)


def test_inference_takes_no_rows_and_models_without_weights(engine: Engine, author: Any) -> None:
    model = author([helper.make_node("Relu", ["x"], ["out"])], {}, (2,))

    assert engine.infer(model, np.zeros((0, 2))).shape == (0, 2)
    assert engine.infer(model, np.array([[-1.0, 2.0]])).tolist() == [[0.0, 2.0]]


@pytest.mark.parametrize("shape", [(3, 5), (6,), ()])
def test_inference_on_rows_of_another_width_is_refused(engine: Engine, shape: Any) -> None:
    with pytest.raises(Refused, match="6 features") as refused:
        engine.infer(linear(6, 2), np.ones(shape))
    assert refused.value.reason is Reason.DATA_MISMATCH


class Labelled(Table):
    """Two labels for each row, where the loss takes one."""

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        rows, labels = super().batch(indices)
        return rows, np.stack([labels, labels], 1)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (_table(features=7), "takes 6 features; the table has 7"),
        (Table(np.zeros((0, 6)), np.zeros(0)), "no rows"),
        (Labelled(np.zeros((9, 6)), np.zeros(9)), "1 labels for each row"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(engine: Engine, table: Table, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        engine.train(linear(6, 2), SPEC, table)
    assert refused.value.reason is Reason.DATA_MISMATCH


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "hinge"},
        {"optimizer": "lbfgs"},
        {"steps": 0},
        {"learning_rate_micro": 0},
        {"clip_micro": 0},
        {"noise_multiplier_milli": -1},
        {"rate_per_billion": 10**9 + 1},
        {"momentum_micro": 10**6},
        {"max_output_bytes": 0},
        {"steps": True},
        {"steps": 3.0},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        replace(SPEC, **change)
    assert refused.value.reason is Reason.BAD_SPEC


def test_a_job_without_enough_noise_is_refused(engine: Engine) -> None:
    with pytest.raises(Refused, match="the least is 100") as refused:
        engine.check(linear(6, 2), replace(SPEC, noise_multiplier_milli=0))
    assert refused.value.reason is Reason.BAD_SPEC


def test_a_result_larger_than_the_job_allows_is_refused_before_any_row(engine: Engine) -> None:
    table = _table()

    with pytest.raises(Refused, match="the job allows 40") as refused:
        engine.train(linear(6, 2), replace(SPEC, max_output_bytes=40), table)

    assert refused.value.reason is Reason.TOO_LARGE
    assert not table.asked


def test_a_job_that_costs_too_much_is_refused_before_any_row() -> None:
    table = _table()
    with Engine(limits=Limits(job_flops=10**6)) as frugal:
        with pytest.raises(Refused, match="operations") as refused:
            frugal.train(linear(6, 2), replace(SPEC, steps=1000), table)
        with pytest.raises(Refused, match="operations"):
            frugal.infer(linear(6, 2), np.zeros((100_000, 6)))

    assert refused.value.reason is Reason.TOO_COSTLY
    assert not table.asked


def test_the_identity_model_is_refused_visibly(engine: Engine, author: Any) -> None:
    thief = author([helper.make_node("Identity", ["x"], ["out"])], {}, (6,))

    with pytest.raises(Refused) as refused:
        engine.train(thief, replace(SPEC, loss="mean_squared_error"), _table())

    assert str(refused.value) == "NotTrainable: no parameter: the model returns its input"


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


def test_no_worker_outlives_its_job_or_its_engine() -> None:
    engine = Engine()
    engine.check(linear(6, 2), SPEC)
    assert engine._zygote is not None
    zygote = engine._zygote.pid

    assert not _children(zygote)
    root = Path(engine._zygote._root)
    engine.close()
    assert not Path(f"/proc/{zygote}").exists()
    assert not root.exists()


OWNER_DIES = """
import os, sys, time
from tilth.engine import *
class Slow:
    count, features = 100, 6
    def batch(self, indices):
        import numpy as np
        zygotes = open(f"/proc/self/task/{os.getpid()}/children").read().split()
        workers = [w for z in zygotes for w in open(f"/proc/{z}/task/{z}/children").read().split()]
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
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[[[2,3],[0,7]]],"outputs":[2],"cost":[1,1]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[[[2,4],[0,-1]]],"outputs":[2],"cost":[9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[],"outputs":[-2],"cost":[9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[],"outputs":[99999999999],"cost":[9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[],"outputs":[2.5],"cost":[9,9]}',
    b'{"input":[3],"output":[2],"labels":[-1,1],"parameters":[],"outputs":[2],"cost":[9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[[[9999999],[0]]],"outputs":[9999999],"cost":[9,9]}',
    b'{"input":[3],"output":[2],"labels":[1,1],"parameters":[],"outputs":[2],"cost":[99999999999,9]}',
    b'{"input":3,"output":[2],"labels":[1,1],"parameters":[],"outputs":[2],"cost":[9,9]}',
]


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_lies_about_sizes_is_a_crash(lie: bytes) -> None:
    with pytest.raises(Crashed):
        received(lie, Limits())
