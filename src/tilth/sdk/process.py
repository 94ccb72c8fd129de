"""A dev node in a process of its own, for scripts, notebooks and tests."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self


class NotStarted(RuntimeError):
    """The node ended or did not answer in time; the text is what it said."""


class NodeProcess:
    """Runs `tilth dev` on free ports for as long as the block lasts, or another command."""

    def __init__(self, *options: str, command: str = "dev", deadline: float = 60) -> None:
        self._command = command
        self._options = options
        self._deadline = deadline
        self._folder = tempfile.TemporaryDirectory(prefix="tilth-node-")
        self.log = Path(self._folder.name) / "log"
        self.process: subprocess.Popen[bytes]
        self.ws: str
        self.http: str
        self.grpc: str

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, or again after `kill`; returns once both faces answer."""
        ready = Path(self._folder.name) / "ready.json"
        ready.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "tilth",
            self._command,
            "--rpc-port",
            "0",
            "--grpc-port",
            "0",
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  # our own command
                [*command, "--ready-file", str(ready), *self._options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._wait(ready)
        endpoints = json.loads(ready.read_text())
        self.ws, self.http, self.grpc = endpoints["ws"], endpoints["http"], endpoints["grpc"]

    def _wait(self, ready: Path) -> None:
        end = time.monotonic() + self._deadline
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise NotStarted(f"the node did not start:\n{self.log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> int:
        """Ask it to end; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait()
