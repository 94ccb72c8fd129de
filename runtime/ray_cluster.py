"""Jobs on an owner's Ray cluster: on each machine the same gate, core and jail as here."""

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tilth.engine import EngineError
from tilth.engine.outcomes import printable
from tilth.pallets.compute import JobSpec
from tilth.primitives.crypto.sealing import SealingKey
from tilth.runtime.bench import (
    Bench,
    Errand,
    Outcome,
    engine_digest,
    opened_answer,
    sealed_errand,
)
from tilth.runtime.executor import ClusterUnfit, Lost
from tilth.runtime.timetable import REHEARSED_ROWS, made_up
from tilth.vault import Table

log = logging.getLogger(__name__)

_LOOK_AGAIN: Final = 0.5
_QUEUE_SECONDS: Final = 600
_LONGEST_TEXT: Final = 200
_STARTS: Final = 4
_PAUSE: Final = 0.5


class RayCluster:
    """Sends each job to a process that Ray starts for it alone; a lost machine's job goes once
    more to another.

    A process that is given up is killed and never asked again, so that of two runs with noise of
    their own at most one is ever seen.
    """

    def __init__(self, address: str, *, unconfined_ok: bool = False) -> None:
        """Raises ClusterUnfit where no job could run there."""
        self._ray = _ray()
        self._address = address
        self._unconfined_ok = unconfined_ok
        self._turn = threading.Lock()
        self._closed = False
        self._benches: list[Any] = []
        """Of jobs that run."""
        kind = self._ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)
        self._kind = kind(Bench)
        self._try_out()

    def check(self, spec: JobSpec, model: bytes, table: Table, test: bytes | None) -> None:
        self._done("check", spec, model, table, test)

    def rehearse(self, spec: JobSpec, model: bytes, table: Table) -> float:
        """With what a machine takes to get ready."""
        began = time.monotonic()
        rows = min(len(table), REHEARSED_ROWS)
        seconds: float = self._done("rehearse", spec, model, made_up(table, rows))
        return seconds * len(table) / rows + time.monotonic() - began

    def perform(self, spec: JobSpec, model: bytes, table: Table) -> bytes:
        result: bytes = self._done("perform", spec, model, table)
        return result

    def judge(self, model: bytes, features: NDArray[np.float32], labels: NDArray[np.int64]) -> int:
        share: int = self._done("judge", model, features, labels)
        return share

    def close(self) -> None:
        """Jobs that run lose their processes; who leaves last cuts the line to the cluster."""
        with self._turn:
            self._closed = True
            for bench in self._benches:
                self._kill(bench)
            self._leave_if_idle()

    def _done(self, method: str, *given: Any) -> Any:
        errand = Errand(method, given)
        try:
            return self._once(errand)
        except Lost as error:
            log.warning("%s; the job goes to another machine", error)
        return self._once(errand)

    def _once(self, errand: Errand) -> Any:
        with self._bench() as bench:
            key, answer_key = self._greeted(bench), SealingKey.generate()
            coming = bench.run.remote(sealed_errand(errand, key), answer_key.public)
            answer = self._awaited(coming, _patient)
        if isinstance(answer, Outcome):
            raise answer
        return opened_answer(answer, answer_key)

    def _try_out(self) -> None:
        """So that what is missing there is told before the first job."""
        try:
            with self._bench() as bench:
                self._greeted(bench)
        except Lost as error:
            self.close()
            raise ClusterUnfit(f"{self._address}: {error}") from error

    @contextmanager
    def _bench(self) -> Iterator[Any]:
        """A process on some machine, for as long as it is needed."""
        bench = None
        try:
            bench = self._hired()
            yield bench
        except (ConnectionError, self._ray.exceptions.RayError) as error:
            if isinstance(error, self._ray.exceptions.RayTaskError):
                raise  # a defect of ours: the machine is there
            raise Lost(f"a machine of the Ray cluster was lost: {_brief(error)}") from error
        finally:
            self._dismiss(bench)

    def _hired(self) -> Any:
        with self._turn:
            if self._closed:
                raise Lost("the node is stopping")
            if not self._ray.is_initialized():
                self._connect()
            bench = self._kind.remote(unconfined_ok=self._unconfined_ok)
            self._benches.append(bench)
        return bench

    def _connect(self) -> None:
        try:
            self._admitted()
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise Lost(f"no Ray cluster answers: {_brief(error)}") from error

    def _admitted(self) -> None:
        """The head forks a process for each client, amid its threads; some die before they begin
        (seen with Ray 2.56: the proxier's log says that the "specific server" failed)."""
        for _ in range(_STARTS - 1):
            with suppress(ConnectionAbortedError):
                return self._init()
            time.sleep(_PAUSE)
        return self._init()

    def _init(self) -> None:
        self._ray.init(self._address, logging_level=logging.ERROR, log_to_driver=False)

    def _dismiss(self, bench: Any) -> None:
        with self._turn:
            if bench is not None:
                self._benches.remove(bench)
                self._kill(bench)
            if self._closed:
                self._leave_if_idle()

    def _kill(self, bench: Any) -> None:
        with suppress(ConnectionError, self._ray.exceptions.RayError):
            self._ray.kill(bench)

    def _leave_if_idle(self) -> None:
        if not self._benches and self._ray.is_initialized():
            self._ray.shutdown()

    def _greeted(self, bench: Any) -> bytes:
        """The key of a process that is ready, where it runs what we run."""
        until = time.monotonic() + _QUEUE_SECONDS
        greeting = self._awaited(bench.greet.remote(), lambda: self._ensure_hope(until))
        if isinstance(greeting, EngineError):
            raise Lost(f"a machine of the Ray cluster takes no job: {greeting.text}")
        if greeting.engine != engine_digest():
            raise Lost("a machine of the Ray cluster has another release of Tilth's engine")
        key: bytes = greeting.key
        return key

    def _ensure_hope(self, until: float) -> None:
        if not self._ray.cluster_resources().get("CPU"):
            raise Lost("the Ray cluster has no machine left")
        if time.monotonic() > until:
            raise Lost("no machine of the Ray cluster became free")

    def _awaited(self, coming: Any, meanwhile: Callable[[], None]) -> Any:
        while not self._ray.wait([coming], timeout=_LOOK_AGAIN)[0]:
            meanwhile()
        return self._ray.get(coming)


def _ray() -> Any:
    """Loaded where it is asked for; a call after the line was cut must not start a cluster here."""
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise ClusterUnfit("Ray is not installed: pip install 'tilth[ray]'") from error
    importlib.import_module("ray.exceptions")
    return ray


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0], _LONGEST_TEXT)


def _patient() -> None:
    """A run ends by the engine's own limits."""
