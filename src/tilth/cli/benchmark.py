"""`tilth benchmark`: what calls cost here, in Substrate's units, and a pallet's weights file."""

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tilth.cli import fail
from tilth.cli.loading import CannotStart, load_runtime
from tilth.cli.weights_file import Origin, Weighed, path_of, source
from tilth.frame import AccountId, Measured, Pallet, Runtime, Sloped
from tilth.frame.benchmarking import Bench, Benchmark, Benchmarks, benchmarks_of, weight_of
from tilth.primitives.crypto import dev
from tilth.runtime.presets import dev_spec

_MICROSECOND: Final = 1_000_000  # of picoseconds
_WIDTH: Final = 100
_COLUMNS: Final = ("call", "ref_time ps", "proof_size", "reads", "writes", "median µs", "worst µs")


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    runtime: str
    pallet: str | None
    call: str | None
    steps: int
    repeat: int
    write: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pallet and those of its benchmarks that are asked for."""

    pallet: Pallet[Any, Any]
    declared: type[Benchmarks[Any]]
    benchmarks: list[Benchmark]


def run_benchmark(options: BenchmarkOptions) -> int:
    try:
        runtime = load_runtime(options.runtime)
        chosen = _chosen(runtime, options)
    except CannotStart as error:
        return fail(str(error))
    genesis = runtime.build_genesis(dev_spec(runtime).genesis)
    bench = Bench(runtime, genesis, AccountId(dev.ALICE), time.thread_time_ns)
    console = Console(highlight=False)
    console.width = max(console.width, _WIDTH)  # a figure that is cut is none
    for each in chosen:
        weighed = list(_weighed(bench, each, options, console))
        console.print(_table(each.pallet.name, weighed))
        if options.write:
            _write(each.pallet, weighed, options, bench.verification_ns / 1_000)
    console.print(
        f"[dim]An sr25519 verification took {bench.verification_ns / 1_000:.1f} µs; "
        "weights count it as 45 µs.[/]"
    )
    return 0


def _chosen(runtime: Runtime, options: BenchmarkOptions) -> list[Chosen]:
    if options.steps < 2 or options.repeat < 1:
        raise CannotStart("--steps is at least 2, the ends of a range, and --repeat at least 1")
    if options.write and options.call:
        raise CannotStart("--write needs all of a pallet's calls: leave --call out")
    found = list(_found(runtime, options))
    if not found:
        wanted = " and ".join(filter(None, (options.pallet, options.call)))
        named = ", ".join(each.pallet.name for each in _found(runtime, None)) or "none"
        raise CannotStart(
            f"nothing here measures {wanted or 'any pallet'}; pallets with benchmarks: {named}"
        )
    return found


def _found(runtime: Runtime, options: BenchmarkOptions | None) -> Iterator[Chosen]:
    for pallet in runtime.pallets:
        declared = benchmarks_of(pallet)
        if declared is None or (options and options.pallet not in (None, pallet.name)):
            continue
        wanted = [
            each for each in declared.declared() if not options or options.call in (None, each.name)
        ]
        if wanted:
            yield Chosen(pallet, declared, wanted)


def _weighed(
    bench: Bench, chosen: Chosen, options: BenchmarkOptions, console: Console
) -> Iterator[Weighed]:
    for each in chosen.benchmarks:
        with console.status(f"measuring {chosen.pallet.name}.{each.name}"):
            points = bench.points(
                chosen.declared, chosen.pallet, each, options.steps, options.repeat
            )
        middles = [median(point.picoseconds) for point in points]
        worst = max(max(point.picoseconds) for point in points)
        yield Weighed(
            each.name, weight_of(points), max(middles) / _MICROSECOND, worst / _MICROSECOND
        )


def _table(pallet: str, weighed: list[Weighed]) -> Table:
    table = Table(title=pallet, title_justify="left", title_style="bold", box=None)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "call" else "right", no_wrap=True)
    for each in weighed:
        base = each.weight.base if isinstance(each.weight, Sloped) else each.weight
        table.add_row(each.name, *_figures(base), f"{each.median_us:,.1f}", f"{each.worst_us:,.1f}")
        if isinstance(each.weight, Sloped):
            for component, more in each.weight.each.items():
                table.add_row(f"  + each of {component}", *_figures(more))
    return table


def _figures(weight: Measured) -> tuple[str, ...]:
    return tuple(
        f"{figure:,}"
        for figure in (weight.ref_time, weight.proof_size, weight.reads, weight.writes)
    )


def _write(
    pallet: Pallet[Any, Any],
    weighed: list[Weighed],
    options: BenchmarkOptions,
    verification_us: float,
) -> None:
    path = path_of(pallet)
    today = datetime.now(UTC).date().isoformat()
    origin = Origin(_command(pallet.name, options), today, _machine(), verification_us)
    path.write_text(source(pallet.name, weighed, origin), encoding="utf-8")


def _command(pallet: str, options: BenchmarkOptions) -> str:
    return (
        f"tilth benchmark --runtime {options.runtime} --pallet {pallet} "
        f"--steps {options.steps} --repeat {options.repeat} --write"
    )


def _machine() -> str:
    """Its class, and nothing by which it could be found."""
    return (
        f"{os.cpu_count()} cores of {_processor()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def _processor() -> str:
    """Linux tells the model in a file only."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
