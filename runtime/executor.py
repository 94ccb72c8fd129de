"""Where a worker's jobs run: in a jail of this machine, or wherever else the owner has machines."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tilth.engine import Engine
from tilth.pallets.compute import JobSpec
from tilth.runtime.engine_work import (
    ensure_fits,
    ensure_testable,
    perform,
    share_of_right_answers,
)
from tilth.runtime.timetable import rehearsed
from tilth.vault import Table


class Lost(Exception):
    """The machine that did the work is gone, and so is the work. Says nothing of model or rows."""


class ClusterUnfit(Exception):
    """Why jobs cannot be sent to other machines."""


class Executor(Protocol):
    """Does the work of jobs, behind gate and jail; driven from several threads.

    Nothing of what it gives back has left the owner: whoever asks enters it in the books first.
    Every method raises EngineError as the engine does, or Lost.
    """

    def check(self, spec: JobSpec, model: bytes, table: Table, test: bytes | None) -> None:
        """Raise what would end the job, as far as it can be known before a row is touched.

        TableError where the rows of the requester's test, if he has one, are none.
        """
        ...

    def rehearse(self, spec: JobSpec, model: bytes, table: Table) -> float:
        """The seconds that `perform` takes, from how many rows there are and their schema."""
        ...

    def perform(self, spec: JobSpec, model: bytes, table: Table) -> bytes:
        """What comes of the work on the rows: of one run only, whatever becomes of others."""
        ...

    def judge(self, model: bytes, features: NDArray[np.float32], labels: NDArray[np.int64]) -> int:
        """A model's share of right answers on public rows, in millionths."""
        ...

    def close(self) -> None:
        """End what runs. May be called again where something has begun since."""
        ...


class ThisMachine:
    """Runs each job in a jail beside the node."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, spec: JobSpec, model: bytes, table: Table, test: bytes | None) -> None:
        ensure_fits(self._engine, spec, model, table)
        if test is not None:
            ensure_testable(self._engine, model, test)

    def rehearse(self, spec: JobSpec, model: bytes, table: Table) -> float:
        return rehearsed(self._engine, spec, model, table)

    def perform(self, spec: JobSpec, model: bytes, table: Table) -> bytes:
        return perform(self._engine, spec, model, table, _unheard)

    def judge(self, model: bytes, features: NDArray[np.float32], labels: NDArray[np.int64]) -> int:
        return share_of_right_answers(self._engine, model, features, labels)

    def close(self) -> None:
        self._engine.close()


def _unheard(_: int, __: int) -> None:
    """How far a run really is depends on the rows: nobody is told."""
