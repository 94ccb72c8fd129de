"""What the engine's own commands show: sizes, progress, noisy numbers and what they cost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid

from tilth.engine import (
    Checked,
    Evaluated,
    Histogram,
    HistogramAnswer,
    MeanAnswer,
    Quantiles,
    QuantilesAnswer,
    Trained,
)
from tilth.engine.statistics import Answer, Question, Told
from tilth.primitives import privacy
from tilth.sdk.terms import pico


def described(checked: Checked) -> None:
    facts = {
        "takes": f"rows of {_shape(checked.input_shape)}",
        "gives": f"rows of {_shape(checked.output_shape)}",
        "trained": f"{checked.parameters:,} numbers",
        "one row takes": f"{checked.row_flops:,} operations, {checked.row_values:,} numbers",
        "would release": f"{checked.released_bytes:,} bytes",
    }
    grid = _grid("", "")
    for name, value in facts.items():
        grid.add_row(name, value)
    show(grid)


def measured(evaluated: Evaluated) -> None:
    grid = _grid("measure", "value", "± noise")
    for name, number in evaluated.metrics.items():
        grid.add_row(name, f"{number.value:.4f}", f"{number.noise:.4f}")
    show(grid)


def answered(asked: list[tuple[str, Question]], told: Told) -> None:
    grid = _grid("column", "answer", "± noise")
    for (name, question), answer in zip(asked, told.answers, strict=True):
        for line in _lines(name, question, answer):
            grid.add_row(*line)
    show(grid)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"


@contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[int, int], None]]:
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=steps)
        yield lambda done, _: bar.update(task, completed=done)


def report(trained: Trained, target: Path, delta: float) -> None:
    noise = trained.noise_multiplier_milli / 1000
    print(
        f"{target}: {trained.parameters:,} numbers trained in {trained.steps} steps on "
        f"{trained.rows:,} rows, noise {noise:g}, on {trained.provider}."
    )
    tell_cost(trained.privacy_cost, delta)


def tell_cost(cost: privacy.Cost | None, delta: float) -> None:
    if cost is not None:
        spent = privacy.epsilon(cost, pico(delta)) / 1e6
        print(f"One row shows in it by at most ε {spent:.3f} at δ {delta:g}.")


def _lines(name: str, question: Question, answer: Answer) -> Iterator[tuple[str, str, str]]:
    match question, answer:
        case _, MeanAnswer(mean):
            yield f"{name}: mean", f"{mean.value:.6g}", f"{mean.noise:.2g}"
        case Quantiles(_, _, shares), QuantilesAnswer(values):
            for share, value in zip(shares, values, strict=True):
                yield f"{name}: {share:.0%}", f"{value:.6g}", ""
        case Histogram(_, edges), HistogramAnswer(shares, noise):
            for i, share in enumerate(shares):
                yield f"{name}: {edges[i]:g} … {edges[i + 1]:g}", f"{share:.2%}", f"{noise:.2%}"
        case _:
            raise AssertionError("every question has its own answer")


def _grid(*titles: str) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(titles))
    for title in titles:
        grid.add_column(title)
    return grid


def show(grid: Grid) -> None:
    Console(highlight=False).print(grid)
