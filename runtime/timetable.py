"""When a job's answer is told: at times set before a private row is read, which so tell nothing.

A model can be built to run slower on some rows than on others, and how long a job took is seen by
everybody in its blocks. So the job is first rehearsed on rows made from the public schema, and its
answer waits for twice that time; an answer that comes later waits for the next doubling. Progress
is that of the timetable, not of the run.
"""

import time
from collections.abc import Callable
from typing import Final, final

import numpy as np

from tilth.engine import Engine
from tilth.frame import replace
from tilth.pallets.compute import JobSpec, TrainSpec
from tilth.runtime.engine_work import perform
from tilth.vault import Table, mock_table

Clock = Callable[[], float]
Rehearse = Callable[[JobSpec, bytes, Table], float]

_SPARE: Final = 2.0
_LEAST_SECONDS: Final = 0.1
_REHEARSED_STEPS: Final = 3
REHEARSED_ROWS: Final = 1 << 13
_UNFINISHED: Final = 999


@final
class Timetable:
    """Of one job, from now on."""

    def __init__(self, planned: float, clock: Clock) -> None:
        self._clock, self._began = clock, clock()
        self._planned = max(_LEAST_SECONDS, _SPARE * planned)

    def permille(self) -> int:
        """How much of the planned time is over."""
        return min(_UNFINISHED, int(1000 * self._elapsed() / self._planned))

    def remaining(self) -> float:
        """Seconds until an answer that is there now may be told."""
        due, elapsed = self._planned, self._elapsed()
        while due < elapsed:
            due *= 2
        return due - elapsed

    def _elapsed(self) -> float:
        return self._clock() - self._began


def rehearsed(compute: Engine, spec: JobSpec, model: bytes, table: Table) -> float:
    """The seconds that the job takes on rows that anybody could make up: `table` only says how
    many there are, and their schema."""
    rows = min(len(table), REHEARSED_ROWS)
    spec, left = _shortened(spec)
    moments = [time.monotonic()]
    perform(compute, spec, model, made_up(table, rows), lambda *_: moments.append(time.monotonic()))
    whole = time.monotonic() - moments[0]
    step = (moments[-1] - moments[1]) / (len(moments) - 2) if len(moments) > 2 else whole
    return (whole + left * step) * len(table) / rows


def _shortened(spec: JobSpec) -> tuple[JobSpec, int]:
    """Of a long training its first steps, and how many are left out."""
    work = spec.work
    if not isinstance(work, TrainSpec) or work.steps <= _REHEARSED_STEPS:
        return spec, 0
    few = replace(work, steps=_REHEARSED_STEPS, warmup_steps=0)
    return replace(spec, work=few), work.steps - _REHEARSED_STEPS


def made_up(table: Table, rows: int) -> Table:
    """Rows that tell nothing but the schema's."""
    mock = mock_table(table.schema)
    features = np.resize(mock.features, (rows, mock.features.shape[1]))
    labels = None if mock.labels is None else np.resize(mock.labels, rows)
    return Table(table.schema, features, labels)
