"""Files that attack the machine, each in a process of its own: bare, and behind the engine."""

import json
import resource
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from tilth.engine import (
    Engine,
    EngineError,
    MapSpec,
    Reason,
    Refused,
    TrainSpec,
    confinement,
    linear,
)

pytestmark = pytest.mark.skipif(
    not confinement().sufficient, reason="this kernel offers no Landlock or no seccomp"
)

node = helper.make_node
CORPUS = Path(__file__).parents[1] / "vectors" / "onnx-crashers"
TRAIN = TrainSpec(
    loss="mean_squared_error",
    steps=1,
    learning_rate_micro=1,
    clip_micro=1_000_000,
    noise_multiplier_milli=1_000,
)
MAP = MapSpec(clip_micro=1_000_000, noise_multiplier_milli=1_000)
NAIVE = """
import json, os, resource, sys
import numpy as np, onnxruntime as ort
ort.set_default_logger_severity(4)
outcomes = {}
for path in sys.argv[3:]:
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]), int(sys.argv[1])))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            session = ort.InferenceSession(path, options)
            session.run(None, {"x": np.ones((64, int(sys.argv[2])), np.float32)})
        except MemoryError:
            os._exit(77)
        except Exception as error:
            os._exit(77 if "llocate" in str(error) or "bad_alloc" in str(error) else 1)
        os._exit(0)
    outcomes[path] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps(outcomes))
"""
NO_MEMORY = 77


def _simply_run(*paths: Path, cpu_seconds: int = 2, features: int = 1) -> list[int]:
    """How each file ends that is handed to ONNX Runtime: minus a signal's number, or a code."""
    names = [str(path) for path in paths]
    done = subprocess.run(
        [sys.executable, "-c", NAIVE, str(cpu_seconds), str(features), *names],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    outcomes: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return [outcomes[name] for name in names]


def test_files_that_kill_who_loads_them_leave_the_engine_alive(engine: Engine) -> None:
    deadly = sorted(CORPUS.glob("SIG*.onnx"))[:8]

    assert sum(code < 0 for code in _simply_run(*deadly, cpu_seconds=1)) >= 2
    for path in deadly:
        with pytest.raises(EngineError):
            engine.check(path.read_bytes(), TRAIN)
    assert engine.check(linear(6, 1), TRAIN).parameters == 7


def test_a_small_file_asks_for_all_the_memory_there_is(
    tmp_path: Path, forge: Any, engine: Engine
) -> None:
    wide = np.array([1, 1 << 33], np.int64)
    bomb = forge(
        [node("Expand", ["x", "wide"], ["e"]), node("ReduceMean", ["e", "one"], ["out"])],
        {"wide": wide, "one": np.ones(1, np.int64)},
        [1],
    )
    (tmp_path / "bomb.onnx").write_bytes(bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert len(bomb) < 1_000
    assert _simply_run(tmp_path / "bomb.onnx") == [NO_MEMORY]
    with pytest.raises(Refused) as refused:
        engine.map_rows(bomb, MAP, _Rows(1))
    assert refused.value.reason is Reason.TOO_LARGE
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, "kilobytes: the bomb is refused by its numbers alone"


def test_a_small_file_asks_for_all_the_time_there_is(
    tmp_path: Path, forge: Any, engine: Engine
) -> None:
    names = ["x", *(f"h{i}" for i in range(1_899)), "out"]
    chain = [node("MatMul", [names[i], "w"], [names[i + 1]]) for i in range(1_900)]
    bomb = forge(chain, {"w": np.full((1_000, 1_000), 1e-3, np.float32)}, [1_000])
    (tmp_path / "bomb.onnx").write_bytes(bomb)

    assert _simply_run(tmp_path / "bomb.onnx", cpu_seconds=1, features=1_000)[0] < 0
    with pytest.raises(Refused) as refused:
        engine.check(bomb, TRAIN)
    assert refused.value.reason is Reason.TOO_COSTLY


class _Rows:
    def __init__(self, features: int) -> None:
        self.count, self.features = 64, features

    def batch(self, indices: Any) -> Any:
        return np.ones((len(indices), self.features), np.float32), np.zeros((len(indices), 1))


ESCAPES = textwrap.dedent("""
    import json, os, socket, sys, threading
    from tilth.engine.confine import Bounds, confine, unlinked_directory

    root = unlinked_directory()
    ATTEMPTS = {
        "read a file": lambda: open("/proc/self/environ").read(),
        "list a directory": lambda: os.listdir("/"),
        "open a socket": lambda: socket.socket().close(),
        "fork": lambda: os.fork() or os._exit(0),
        "run a program": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    }
    outcomes = {}
    for confined in (False, True):
        for name, attempt in ATTEMPTS.items():
            keep, mine = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                if confined:
                    confine({mine.fileno()}, root, Bounds(256 << 20, 1), required=True)
                try:
                    attempt()
                except BaseException:
                    os._exit(1)
                os._exit(0)
            outcomes[f"{name} {confined}"] = os.waitpid(pid, 0)[1] == 0
    print(json.dumps(outcomes))
""")


def test_code_that_has_broken_out_of_the_runtime_does_as_it_likes_but_in_the_jail() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ESCAPES], capture_output=True, text=True, timeout=60, check=True
    )
    outcomes: dict[str, bool] = json.loads(done.stdout)

    assert [
        name for name, succeeded in outcomes.items() if name.endswith("True") and succeeded
    ] == []
    assert all(succeeded for name, succeeded in outcomes.items() if name.endswith("False"))
