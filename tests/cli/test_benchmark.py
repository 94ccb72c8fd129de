"""`tilth benchmark`: what it prints, and the weights file it writes."""

import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tilth.cli.benchmark import BenchmarkOptions, run_benchmark
from tilth.cli.weights_file import Origin, Weighed, path_of, source
from tilth.frame import Measured, Sloped
from tilth.runtime import DevRuntime

ROOT = Path(__file__).parents[2]
ORIGIN = Origin("tilth benchmark", "2026-11-23", "2 cores of a machine", 46.1)
Run = Callable[..., int]


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in the project's folder, as quickly as it can."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(
        runtime: str = "examples.notebook:NotebookRuntime",
        pallet: str | None = "Notebook",
        call: str | None = None,
        *,
        steps: int = 2,
        repeat: int = 1,
        write: bool = False,
    ) -> int:
        return run_benchmark(BenchmarkOptions(runtime, pallet, call, steps, repeat, write))

    return run


def test_a_call_is_shown_with_what_each_component_adds(
    measure: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert measure() == 0

    shown = capsys.readouterr().out
    assert "write" in shown
    assert "+ each of lines" in shown
    assert "An sr25519 verification took" in shown


def test_every_pallet_of_the_market_can_be_measured(
    measure: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The quickest benchmark of each; the others differ in what they prepare."""
    for pallet, call in (
        ("TransactionStorage", "on_finalize"),
        ("Datasets", "publish"),
        ("Rewards", "claim"),
        ("Compute", "acknowledge"),
    ):
        assert measure("tilth.runtime:DevRuntime", pallet, call) == 0
        assert call in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"pallet": "Nobody"}, "nothing here measures Nobody; pallets with benchmarks: Tr"),
        ({"call": "read"}, "nothing here measures Notebook and read"),
        ({"runtime": "nowhere:Runtime"}, "there is no module 'nowhere'"),
        ({"steps": 1}, "--steps is at least 2"),
        ({"call": "write", "write": True}, "--write needs all of a pallet's calls"),
    ],
)
def test_what_cannot_be_measured_is_said(
    measure: Run, capsys: pytest.CaptureFixture[str], asked: dict[str, object], told: str
) -> None:
    assert measure(**asked) == 1
    assert told in capsys.readouterr().err


def test_the_weights_are_written_beside_the_pallet(measure: Run, tmp_path: Path) -> None:
    package = tmp_path / "measured_here"
    package.mkdir()
    for name in ("notebook.py", "notebook_weights.py"):
        text = (ROOT / "examples" / name).read_text()
        (package / name).write_text(text.replace("examples.", "measured_here."))
    sys.path.insert(0, str(tmp_path))

    # Often enough that a busy machine does not hide what a line costs.
    assert measure("measured_here.notebook:NotebookRuntime", repeat=9, write=True) == 0

    written = package / "notebook_weights.py"
    weights = runpy.run_path(str(written))["WEIGHTS"]
    assert "lines" in weights["write"].each
    assert weights["write"].at(lines=100).writes == 1
    assert "--pallet Notebook --steps 2 --repeat 9" in " ".join(written.read_text().split())
    assert str(tmp_path) not in written.read_text()


def test_weights_are_read_again_as_they_were_measured(tmp_path: Path) -> None:
    weights: dict[str, Measured | Sloped] = {
        "add": Measured(12_345_678, 3_593, reads=2, writes=1),
        "on_initialize": Sloped(Measured(7), {"jobs": Measured(1_000, reads=5)}),
    }
    weighed = [Weighed(name, weight, 12.3, 45_000.0) for name, weight in weights.items()]
    file = tmp_path / "weights.py"
    file.write_text(source("Counter", weighed, ORIGIN))

    assert dict(runpy.run_path(str(file))["WEIGHTS"]) == weights
    assert "12.3 µs where it is dearest, at worst 45.0 ms" in file.read_text()


def test_what_is_written_is_formatted_as_the_rest(tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed here")
    weighed = [
        Weighed("a" * 40, Sloped(Measured(10**12), {"b" * 30: Measured(9, 9, 9, 9)}), 1.0, 2.0),
        Weighed("constant", Measured(10**12, 10**6, reads=100, writes=100), 1.0, 2.0),
    ]
    file = tmp_path / "weights.py"
    file.write_text(source("Counter", weighed, ORIGIN))

    check = [ruff, "format", "--check", "--config", str(ROOT / "pyproject.toml"), str(file)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0


def test_a_pallet_of_ours_keeps_its_weights_in_its_folder() -> None:
    path = path_of(DevRuntime().compute)

    assert path.parts[-3:] == ("pallets", "compute", "weights.py")


def test_the_guide_shows_the_example() -> None:
    guide = (ROOT / "docs" / "guide" / "pallets.md").read_text()
    example = (ROOT / "examples" / "notebook.py").read_text()
    shown = guide.split("```python\nclass NotebookBenchmarks")[1].split("```")[0]

    assert f"class NotebookBenchmarks{shown}" in example
