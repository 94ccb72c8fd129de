"""`tilth engine`: train, measure and question private tables on this machine, without a chain."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from cyclopts import App, Parameter

from tilth.cli import fail
from tilth.cli.engine_shown import answered, described, measured, progress_bar, report, tell_cost
from tilth.cli.engine_tables import EngineTable, engine_table
from tilth.engine import (
    FULL_BATCH,
    Engine,
    EngineError,
    EvaluateSpec,
    Histogram,
    Limits,
    Mean,
    Quantiles,
    Refused,
    StatisticsSpec,
    Trained,
    TrainSpec,
    suitable_rate,
)
from tilth.engine.statistics import Question
from tilth.primitives import privacy
from tilth.sdk.terms import micro, pico
from tilth.vault import VaultError

app = App(name="engine", help="Train and question private tables here, without a chain.")

Loss = Literal[
    "softmax_cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber", "poisson"
]
Optimizer = Literal["sgd", "momentum", "adam"]
Schedule = Literal["constant", "linear", "cosine"]
Provider = Literal["cpu", "cuda"]
Names = Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)]
Flag = Annotated[bool, Parameter(negative="")]

_BINS: Final = 20


@app.command
def inspect(model: Path, /, *, loss: Loss = "softmax_cross_entropy", freeze: Names = None) -> int:
    """Say what the engine thinks of a model: its size and cost, or why it is refused.

    Parameters
    ----------
    model
        An ONNX file.
    loss
        What it would be trained with.
    freeze
        Weights that would stay as they are; a star stands for anything.
    """
    return _told(model, lambda: _inspect(model, loss, tuple(freeze or ())))


@app.command
def train(
    model: Path,
    table: Path,
    /,
    *,
    label: str,
    epsilon: float,
    delta: float = 1e-5,
    out: Path | None = None,
    loss: Loss = "softmax_cross_entropy",
    steps: int = 100,
    learning_rate: float | None = None,
    clip: float = 0.3,
    sampling: float = 1.0,
    optimizer: Optimizer = "momentum",
    schedule: Schedule = "cosine",
    warmup: int = 0,
    huber_delta: float = 1.0,
    freeze: Names = None,
    schema: Path | None = None,
    unscaled: Flag = False,
    provider: Provider = "cpu",
    unconfined_ok: Flag = False,
) -> int:
    """Train your ONNX model on a private table; you get your own file back, with other weights.

    Parameters
    ----------
    model
        An ONNX file from PyTorch, scikit-learn or anything else; one input, one output.
    table
        A CSV with a header, or an .npy or .npz.
    label
        The column to learn.
    epsilon
        How far one row may show in the result: 1 is careful, 8 is generous.
    delta
        The chance that the promise fails; well below one over the number of rows.
    out
        Where the trained model goes; beside the model, if not said.
    loss
        With the first one the label is a class, else it is a number.
    steps
        How many; each adds noise.
    learning_rate
        Of the optimizer; if not said, what suits it and the clip.
    clip
        The most that one row's gradient may weigh.
    sampling
        The share of rows drawn for each step.
    optimizer
        What makes steps of gradients.
    schedule
        How the learning rate falls.
    warmup
        Over how many steps it rises first.
    huber_delta
        From here on the Huber loss is a straight line.
    freeze
        Weights that stay as they are; a star stands for anything.
    schema
        Columns and bounds as you declare them, see `tilth vault suggest`.
    unscaled
        Give the model the numbers as they are, not scaled from their bounds to [-1, 1].
    provider
        What ONNX Runtime runs on.
    unconfined_ok
        Train also where this machine cannot keep a foreign model from its files and network.
    """

    def work() -> None:
        rows = _read(table, label, schema, loss=loss, scale=not unscaled)
        rate = round(sampling * FULL_BATCH)
        pace = suitable_rate(optimizer, clip) if learning_rate is None else learning_rate
        spec = TrainSpec(
            loss=loss,
            steps=steps,
            learning_rate_micro=round(pace * 1e6),
            clip_micro=round(clip * 1e6),
            noise_multiplier_milli=privacy.noise_for(micro(epsilon), pico(delta), rate, steps),
            optimizer=optimizer,
            rate_per_billion=rate,
            max_output_bytes=1 << 30,
            schedule=schedule,
            warmup_steps=warmup,
            frozen=tuple(freeze or ()),
            huber_delta_micro=round(huber_delta * 1e6),
        )
        with _engine(provider, unconfined_ok=unconfined_ok) as engine:
            trained = _trained(engine, model.read_bytes(), spec, rows)
        target = out or model.with_name(f"{model.stem}.trained.onnx")
        target.write_bytes(trained.model)
        report(trained, target, delta)

    return _told(model, work)


@app.command
def evaluate(
    model: Path,
    table: Path,
    /,
    *,
    label: str,
    epsilon: float,
    delta: float = 1e-5,
    loss: Loss = "softmax_cross_entropy",
    bound: float = 4.0,
    schema: Path | None = None,
    unscaled: Flag = False,
    unconfined_ok: Flag = False,
) -> int:
    """Measure a model on a private table, in noisy numbers.

    Parameters
    ----------
    model
        An ONNX file.
    table
        A CSV with a header, or an .npy or .npz.
    label
        The column it should tell.
    epsilon
        How far one row may show in the numbers.
    delta
        The chance that the promise fails.
    loss
        With the first one the label is a class, else it is a number.
    bound
        The most that one row's loss may count.
    schema
        Columns and bounds as you declare them, see `tilth vault suggest`.
    unscaled
        Give the model the numbers as they are, not scaled from their bounds to [-1, 1].
    unconfined_ok
        Run also where this machine cannot keep a foreign model from its files and network.
    """

    def work() -> None:
        rows = _read(table, label, schema, loss=loss, scale=not unscaled)
        noise = privacy.noise_for(micro(epsilon), pico(delta), FULL_BATCH, 1)
        spec = EvaluateSpec(loss=loss, noise_multiplier_milli=noise, bound_micro=round(bound * 1e6))
        with _engine("cpu", unconfined_ok=unconfined_ok) as engine:
            evaluated = engine.evaluate(model.read_bytes(), spec, rows)
        measured(evaluated)
        tell_cost(evaluated.privacy_cost, delta)

    return _told(model, work)


@app.command
def statistics(
    table: Path,
    /,
    *,
    epsilon: float,
    delta: float = 1e-5,
    mean: Names = None,
    histogram: Names = None,
    quantiles: Names = None,
    bins: int = _BINS,
    schema: Path | None = None,
) -> int:
    """Ask a private table for means, histograms and quantiles, in noisy numbers.

    Parameters
    ----------
    table
        A CSV with a header, or an .npy or .npz.
    epsilon
        How far one row may show in all answers together.
    delta
        The chance that the promise fails.
    mean
        Columns to average.
    histogram
        Columns to count in bins.
    quantiles
        Columns to find quartiles of.
    bins
        Into how many parts of equal width the bounds of a column are cut.
    schema
        Columns and bounds as you declare them, see `tilth vault suggest`.
    """

    def work() -> None:
        rows = _read(table, None, schema, loss="mean_squared_error", scale=False)
        asked = _questions(rows, mean or [], histogram or [], quantiles or [], bins)
        noise = privacy.noise_for(micro(epsilon), pico(delta), FULL_BATCH, 1)
        spec = StatisticsSpec(
            questions=tuple(question for _, question in asked), noise_multiplier_milli=noise
        )
        with Engine(unconfined_ok=True) as engine:  # no foreign code takes part
            told = engine.tell(spec, rows)
        answered(asked, told)
        tell_cost(told.privacy_cost, delta)

    return _told(table, work)


def _inspect(model: Path, loss: Loss, freeze: tuple[str, ...]) -> None:
    spec = TrainSpec(
        loss=loss,
        steps=1,
        learning_rate_micro=1,
        clip_micro=1,
        noise_multiplier_milli=1_000,
        max_output_bytes=1 << 30,
        frozen=freeze,
    )
    with _engine("cpu", unconfined_ok=True) as engine:
        checked = engine.check(model.read_bytes(), spec)
    described(checked)


def _read(
    table: Path, label: str | None, schema: Path | None, *, loss: Loss, scale: bool
) -> EngineTable:
    if schema is None:
        text = "note: bounds are taken from the rows themselves; declare them with --schema"
        print(text, file=sys.stderr)
    return engine_table(table, label=label, loss=loss, schema=schema, scale=scale)


def _engine(provider: str, *, unconfined_ok: bool) -> Engine:
    return Engine(limits=Limits(), provider=provider, unconfined_ok=unconfined_ok)


def _trained(engine: Engine, model: bytes, spec: TrainSpec, rows: EngineTable) -> Trained:
    with progress_bar(spec.steps) as step:
        return engine.train(model, spec, rows, step)


def _questions(
    rows: EngineTable, mean: list[str], histogram: list[str], quantiles: list[str], bins: int
) -> list[tuple[str, Question]]:
    asked: list[tuple[str, Question]] = []
    for name in mean:
        asked.append((name, Mean(rows.column(name), *rows.bounds[rows.column(name)])))
    for name in histogram:
        asked.append((name, Histogram(rows.column(name), _edges(rows, name, bins))))
    for name in quantiles:
        asked.append((name, Quantiles(rows.column(name), _edges(rows, name, bins))))
    if not asked:
        raise ValueError("ask for something: --mean, --histogram or --quantiles with columns")
    return asked


def _edges(rows: EngineTable, name: str, bins: int) -> tuple[float, ...]:
    low, high = rows.bounds[rows.column(name)]
    return tuple(float(edge) for edge in np.linspace(low, high, max(1, bins) + 1))


def _told(about: Path, work: Callable[[], None]) -> int:
    """The exit status; what goes wrong is one line on stderr."""
    try:
        work()
    except Refused as error:
        return fail(f"{about}: refused ({error.reason.value}): {error.text}")
    except EngineError as error:
        return fail(str(error))
    except (VaultError, ValueError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}")
    return 0
