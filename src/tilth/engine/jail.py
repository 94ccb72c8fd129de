"""The trusted side of a worker: bears it, talks to it under limits, and says how it died.

Neither ONNX Runtime nor an author's byte is ever in this process.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from types import TracebackType
from typing import IO, Any, Final, Self

import numpy as np

from tilth.engine import shared, wire
from tilth.engine.core import Singles
from tilth.engine.layout import Layout, received
from tilth.engine.outcomes import (
    Crashed,
    Died,
    NotConfined,
    OutOfMemory,
    Reason,
    Refused,
    TimedOut,
)
from tilth.engine.spec import CPU, Limits
from tilth.engine.values import Array

_START: Final = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from tilth.engine.zygote import main; main(int(sys.argv[1]))"
)
_GONE: Final = "the process that starts workers has ended"
_START_SECONDS: Final = 60
_GRACE_SECONDS: Final = 0.5
_LONGEST_TALK: Final = 1 << 20  # of a layout or a refusal


class Zygote:
    """The process that bears workers."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_START_SECONDS)
        with theirs:
            self._process = _started(theirs.fileno())
        try:
            greeting = self._heard()
            self.threads = int(greeting["threads"])
            self.providers = tuple(map(str, greeting["providers"]))
        except Crashed:
            raise Crashed(f"the process that starts workers failed: {self._complaint()}") from None
        finally:
            _stream(self._process).close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def bear(
        self,
        limits: Limits,
        seconds: int,
        memory: int,
        *,
        required: bool,
        provider: str = CPU,
    ) -> tuple[int, socket.socket]:
        """A fresh worker's process id and our end of the line to it."""
        ours, theirs = socket.socketpair()
        order = {
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": seconds,
            "required": required,
            "confined": provider == CPU,
            "limits": asdict(limits),
        }
        with theirs:
            try:
                return int(self._asked(order, theirs.fileno(), memory)["pid"]), ours
            except Crashed:
                ours.close()
                raise

    def bury(self, pid: int, grace: float) -> tuple[int, bool]:
        """Exit code (minus the signal's number) and whether it had to be killed."""
        answer = self._asked({"pid": pid, "grace": grace})
        return int(answer["code"]), bool(answer["killed"])

    def close(self) -> None:
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for an answer
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _asked(self, order: dict[str, Any], *descriptors: int) -> dict[str, Any]:
        with self._turn:
            try:
                socket.send_fds(self._control, [json.dumps(order).encode()], descriptors)
            except OSError:
                raise Crashed(_GONE) from None
            return self._heard()

    def _heard(self) -> dict[str, Any]:
        try:
            message = self._control.recv(1 << 12)
        except OSError:
            message = b""
        if not message:
            raise Crashed(_GONE)
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _complaint(self) -> str:
        self.close()
        return _stream(self._process).read(1 << 16).decode(errors="replace").strip()[-200:]


def _started(descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 this interpreter and our own line
        [sys.executable, "-I", "-c", _START, str(descriptor), *_import_path()],
        env=_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[descriptor],
        start_new_session=True,  # Ctrl-C is for the node, which then closes us
    )


def _stream(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stderr is not None, "it is started with a pipe"
    return process.stderr


class Jail:
    """One worker for one job. Every failure becomes a typed outcome that tells nothing of data."""

    def __init__(
        self, zygote: Zygote, limits: Limits, *, required: bool = True, provider: str = CPU
    ) -> None:
        self._zygote = zygote
        self._provider = provider
        self._limits = limits
        seconds = limits.check_seconds + limits.train_seconds
        self._memory = shared.created()
        try:
            self._pid, end = zygote.bear(
                limits, seconds, self._memory, required=required, provider=provider
            )
        except BaseException:
            os.close(self._memory)
            raise
        self._channel = wire.Channel(end)
        self._channel.expire_in(limits.check_seconds)
        self._desk: shared.Desk | None = None
        self._own: list[Singles] = []
        self._buried = False
        self._closed = False
        try:
            with self._watched():
                self._body(wire.READY, 0)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._channel.close()
        os.close(self._memory)
        if not self._buried:
            with suppress(Crashed):
                self._zygote.bury(self._pid, 0)

    def check(self, model: bytes, loss: str, frozen: Sequence[str] = ()) -> tuple[Layout, Singles]:
        """What training the model would take, and its initial weights; or `Refused`."""
        with self._watched():
            layout = self._checked(model, kind=wire.TRAIN, loss=loss, frozen=list(frozen))
            weights = np.zeros(layout.weights, np.float32)
            self._into(wire.WEIGHTS, [weights])
        return layout, weights

    def check_evaluation(self, model: bytes, loss: str, bound: float) -> Layout:
        return self._checked_vector(model, kind=wire.EVALUATE, loss=loss, bound=bound)

    def check_map(self, model: bytes) -> Layout:
        return self._checked_vector(model, kind=wire.MAP)

    def check_inference(self, model: bytes) -> Layout:
        return self._checked_vector(model, kind=wire.INFER)

    def _checked_vector(self, model: bytes, **order: Any) -> Layout:
        """Of a job that gives one vector for each row, and trains nothing."""
        with self._watched():
            layout = self._checked(model, **order)
            self._body(wire.WEIGHTS, 0)
        return layout

    def _checked(self, model: bytes, **order: Any) -> Layout:
        words = json.dumps({**order, "provider": self._provider}).encode()
        self._channel.send(wire.CHECK, words, b"\0", model)
        return received(self._body(wire.LAYOUT, _LONGEST_TALK), self._limits)

    def prepare(self, layout: Layout, rows: int) -> None:
        """Start the phase with data: from here the worker's words are discarded, numbers only."""
        self._channel.expire_in(self._limits.train_seconds)
        memory = shared.sized(self._memory, shared.size_of(layout, rows))
        self._desk = shared.desk(layout, rows, memory)
        self._own = [np.zeros_like(output) for output in self._desk.outputs]
        with self._watched():
            self._channel.send(wire.PREPARE, rows.to_bytes(8, "little"))
            self._body(wire.READY, 0)

    def use(self, weights: Singles) -> None:
        self._prepared().weights[...] = weights

    def gradients(self, rows: Singles, labels: Array) -> Sequence[Singles]:
        """The outputs for one chunk, in buffers of ours that the next call overwrites."""
        desk = self._prepared()
        desk.rows[...], desk.labels[...] = rows, labels
        with self._watched():
            self._channel.send(wire.STEP)
            self._body(wire.RESULT, 0)
        for own, output in zip(self._own, desk.outputs, strict=True):
            own[...] = output
        return self._own

    def assemble(self, model: bytes, weights: Singles, frozen: Sequence[str] = ()) -> bytes:
        """The author's file with these weights. For a worker that has seen no row."""
        with self._watched():
            order = {"model_bytes": len(model), "frozen": list(frozen)}
            words = json.dumps(order).encode()
            self._channel.send(wire.ASSEMBLE, words, b"\0", model, weights)
            return self._body(wire.RESULT, self._limits.model_bytes + weights.nbytes)

    def _prepared(self) -> shared.Desk:
        assert self._desk is not None, "steps come after prepare"
        return self._desk

    def _body(self, expected: bytes, limit: int) -> bytes:
        tag, length = self._channel.next()
        if tag == wire.REFUSAL and self._desk is None:
            raise _refusal(self._channel.body(length, _LONGEST_TALK))
        if tag != expected:
            raise wire.Broken
        return self._channel.body(length, limit)

    def _into(self, expected: bytes, arrays: Sequence[Array]) -> None:
        tag, length = self._channel.next()
        if tag != expected:
            raise wire.Broken
        self._channel.body_into(length, arrays)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except wire.Broken:
            raise Crashed("the worker broke the protocol") from None
        except wire.Closed:
            raise self._post_mortem() from None
        except TimeoutError:
            raise TimedOut("the job took longer than it may") from None

    def _post_mortem(self) -> Died | NotConfined:
        self._buried = True
        code, killed = self._zygote.bury(self._pid, _GRACE_SECONDS)
        return outcome_of(code, killed=killed, with_data=self._desk is not None)


def outcome_of(code: int, *, killed: bool, with_data: bool) -> Died | NotConfined:
    """A dead worker's exit code as a typed outcome; its signal is named only if it saw no row."""
    if code == -signal.SIGXCPU:
        return TimedOut("the job used more processor time than it may")
    if code == wire.EXIT_NO_MEMORY or (code == -signal.SIGKILL and not killed):
        return OutOfMemory("the job needs more memory than it may have")
    if code == wire.EXIT_NOT_CONFINED:
        return NotConfined("the worker could not shut itself in")
    if code < 0 and not killed and not with_data:
        return Crashed(f"the worker died of {signal.Signals(-code).name}")
    return Crashed("the worker ended in the middle of the job")


def _refusal(body: bytes) -> Refused:
    try:
        fields = json.loads(body)
        return Refused(Reason(fields["reason"]), str(fields["text"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise wire.Broken from None


def _import_path() -> list[str]:
    return [os.path.abspath(entry) for entry in sys.path]


def _environment() -> dict[str, str]:
    """Telemetry is decided when ONNX Runtime is imported; a fork is safe with one thread only."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return {**kept, **threads, "ORT_DISABLE_TELEMETRY": "1"}
