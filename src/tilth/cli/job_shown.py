"""What `tilth job` shows: jobs as tables, their way as a bar, their results as numbers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from tilth.cli.stage import bar
from tilth.sdk.client import Client
from tilth.sdk.ordered import OrderedJob
from tilth.sdk.ordered import Progress as JobProgress
from tilth.sdk.results import (
    AnswerOf,
    Answers,
    Evaluation,
    HistogramOf,
    MeanOf,
    Result,
    TrainedModel,
)
from tilth.sdk.token import Token

_WAY: Final = MappingProxyType(
    {
        "awaiting_approval": 0.0,
        "queued": 0.1,
        "claimed": 0.2,
        "awaiting_model": 0.25,
        "running": 0.3,
        "disputed": 0.9,
        "delivered": 1.0,
        "completed": 1.0,
        "refunded": 1.0,
    }
)
_STAGES: Final = MappingProxyType({"preparing": 0.0, "computing": 0.1, "sealing": 0.6})
_MOST_BINS: Final = 40


def watched(job: OrderedJob) -> None:
    """Wait for the result beside a bar; without a terminal each state is a line."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        job.wait(lambda now: console.print(str(now)))
        return
    columns = (TextColumn("job {task.fields[job]}"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as shown:
        task = shown.add_task("", total=1.0, job=job.id)

        def heard(now: JobProgress) -> None:
            stage = f": {now.stage} {now.share:.0%}" if now.stage else ""
            words = f"{now.words}{stage} [dim]block {now.block}[/]"
            shown.update(task, completed=_way(now), description=words)

        job.wait(heard)


def _way(now: JobProgress) -> float:
    """How far it is; a stage of the run takes its part of what lies between two states."""
    begun = _WAY[now.state]
    return begun if now.stage is None else begun + _STAGES[now.stage] + now.share / 2


@contextmanager
def tried() -> Iterator[Callable[[int, int], None]]:
    """A bar of trainings on made-up rows."""
    columns = (TextColumn("trying"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def received(job: OrderedJob, out: Path | None) -> None:
    """Show the result and write it; a model needs a place."""
    found = job.result()
    out = out or _place(job, found)
    if isinstance(found, TrainedModel):
        assert out is not None, "a model has a place of its own where none was named"
        print(f"the trained model is in {found.save(out)}; job {job.id} is yours to acknowledge")
        return
    _show(found)
    if out is not None:
        _write(found, out)
        print(f"it is in {out} as well")


def _place(job: OrderedJob, found: Result) -> Path | None:
    return Path(f"job-{job.id}.onnx") if isinstance(found, TrainedModel) else None


def _write(found: Result, out: Path) -> None:
    if isinstance(found, np.ndarray):
        with out.open("wb") as file:
            np.save(file, found, allow_pickle=False)
    elif isinstance(found, Evaluation):
        metrics = {name: asdict(each) for name, each in found.metrics.items()}
        out.write_text(json.dumps({"metrics": metrics, "rows": found.rows}))
    elif isinstance(found, Answers):
        answers = [asdict(each) for each in found]
        out.write_text(json.dumps({"answers": answers, "rows": found.rows}))


def _show(found: Result) -> None:
    if isinstance(found, np.ndarray):
        print(f"outputs for {len(found):,} rows, each {'×'.join(map(str, found.shape[1:]))}")
    elif isinstance(found, Evaluation):
        grid = _grid("measure", "value", "± noise")
        for name, each in found.metrics.items():
            grid.add_row(name, f"{each.value:.4f}", f"{each.noise:.4f}")
        _print(grid)
    elif isinstance(found, Answers):
        grid = _grid("column", "answer", "± noise", "")
        for answer in found:
            for line in _lines(answer):
                grid.add_row(*line)
        _print(grid)


def _lines(answer: AnswerOf) -> Iterator[tuple[str, str, str, str]]:
    column = escape(answer.column)
    match answer:
        case MeanOf(value=value, noise=noise):
            yield f"{column}: mean", f"{value:.6g}", f"{noise:.2g}", ""
        case HistogramOf(parts=parts, shares=shares, noise=noise):
            largest = max(*shares, 1e-9)
            for part, share in list(zip(parts, shares, strict=True))[:_MOST_BINS]:
                length = bar(min(1.0, max(0.0, share / largest)), 16)
                yield f"{column}: {escape(part)}", f"{share:.1%}", f"{noise:.1%}", length
        case quantiles:
            for share, value in zip(quantiles.shares, quantiles.values, strict=True):
                yield f"{column}: {share:.0%} below", f"{value:.6g}", "", ""


def listed(client: Client, found: Any) -> None:
    """Jobs as `jobs_list` tells them."""
    token = Token.of(client.ask("system_properties"))
    grid = _grid("job", "dataset", "state", "ε", "price", "requester", "since block")
    for job in found["jobs"]:
        grid.add_row(
            str(job["job"]),
            str(job["dataset"]),
            job["state"],
            _epsilon(job),
            token.words(int(job["price"])),
            f"{job['requester'][:8]}…",
            str(job["createdAt"]),
        )
    _print(grid if grid.row_count else "There are no such jobs.")
    if found["cursor"] is not None:
        print(f"There are more: add --cursor {found['cursor']}")


def shown(client: Client, job: Any) -> None:
    """A job as `jobs_get` tells it."""
    token, escrow = Token.of(client.ask("system_properties")), job["escrow"]
    progress, result, refund = job["progress"], job["result"], job["refund"]
    facts = {
        "job": f"{job['job']}: {job['kind']} on dataset {job['dataset']}",
        "state": job["state"] + (f" until block {job['deadline']}" if job["deadline"] else ""),
        "progress": progress and f"{progress['stage']} {progress['permille'] / 10:g} %",
        "result": result and f"{result['bytes']:,} bytes, sealed, {result['content']}",
        "refund": refund and " ".join(filter(None, (refund["reason"], refund["failure"]))),
        "ε": _epsilon(job),
        "for the data": token.words(int(escrow["data"])),
        "for the work": token.words(int(escrow["compute"]) + int(escrow["tip"])),
        "requester": job["requester"],
        "owner": job["owner"],
        "worker": job["worker"],
        "spec": job["specHash"],
        "model": "secret" if job["secretModel"] else job["model"],
        "ordered": f"in block {job['createdAt']}",
    }
    grid = _grid("", "")
    for name, value in facts.items():
        if value:
            grid.add_row(name, str(value))
    _print(grid)


def _epsilon(job: Any) -> str:
    return f"{int(job['epsilonMicro']) / 1e6:.3f}"


def _grid(*titles: str) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(titles))
    for title in titles:
        grid.add_column(title, overflow="fold")
    return grid


def _print(what: Grid | str) -> None:
    Console(highlight=False).print(what)
