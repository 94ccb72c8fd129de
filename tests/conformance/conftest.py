"""How unmodified clients of other languages and environments are driven: by scripts that report."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Never

import pytest

from tilth.frame import AccountId, Pallet, Signed, call, event
from tilth.node.author import Author, Sealing
from tilth.node.pool import Pool
from tilth.node.upgrade import upgrade
from tilth.runtime import DevRuntime
from tilth.testing import LocalNode

HERE = Path(__file__).parent
NPM = HERE / "npm"
PYPI = HERE / "pypi"
STEP = 0.3
"""Seconds between two steps of a reorganisation: a client shall look at each."""

Drive = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where npm's clients are, for whom is Node."""
    if not (NPM / "node_modules").exists() or shutil.which("node") is None:
        pytest.skip("the npm clients are not installed: `make test` does that, where npm is")
    return NPM / "node_modules"


@pytest.fixture(scope="session")
def drive(node_modules: Path) -> Drive:
    """Runs a JavaScript client's script; it prints what it saw."""

    def driven(script: str, *arguments: str, **options: Any) -> dict[str, Any]:
        return reported(["node", str(NPM / script), *arguments], cwd=NPM, **options)

    return driven


@pytest.fixture(scope="session")
def drive_apart() -> Drive:
    """Runs a Python client's script in the environment that holds this client alone."""
    python = PYPI / ".venv" / "bin" / "python"
    if not python.exists():
        pytest.skip("async-substrate-interface is not installed: `make test` does that, with pip")

    def driven(script: str, *arguments: str, **options: Any) -> dict[str, Any]:
        return reported([str(python), str(PYPI / script), *arguments], cwd=PYPI, **options)

    return driven


def reported(
    command: list[str], *, cwd: Path, meanwhile: Callable[[], object] | None = None
) -> dict[str, Any]:
    """The last line that it writes; `meanwhile` happens after the first, where it writes two."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdout is not None
        if meanwhile is not None and client.stdout.readline():
            meanwhile()
        output, errors = client.communicate(timeout=100)
    assert client.returncode == 0, errors
    seen: dict[str, Any] = json.loads(output.splitlines()[-1])
    return seen


class Reorganizing:
    """Takes the block of the first transaction back, includes it again, and makes that final."""

    def __init__(self, author: Author, pool: Pool) -> None:
        self._author = author
        self._pool = pool
        self._begun = False

    def start(self) -> None:
        self._base = self._author.build()
        self._pool.on_ready.append(self._begin)

    def stop(self) -> None: ...

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            build: Callable[[], object] = self._author.build
            steps = (build, self._take_back, *[build] * 5)
            for number, step in enumerate(steps):
                asyncio.get_running_loop().call_later(STEP * number, step)

    def _take_back(self) -> None:
        self._author.build(self._author.build(self._base))


@pytest.fixture(scope="session")
def reorganizing() -> Sealing:
    return Reorganizing


@event
class Greeted:
    by: AccountId


class Greeter(Pallet[Greeted, Never]):
    """What the next version of the runtime has more."""

    @call(0)
    def greet(self, who: Signed) -> None:
        """Say hello."""
        self.emit(Greeted(who))


class GreetingRuntime(DevRuntime):
    spec_version: ClassVar[int] = DevRuntime.spec_version + 1

    def __init__(self) -> None:
        super().__init__()
        self.greeter = self.add(40, Greeter())


@pytest.fixture(scope="session")
def upgraded() -> Callable[[LocalNode], None]:
    """Gives a node its next runtime, one pallet richer, in two blocks."""

    def go_on(local: LocalNode) -> None:
        local.run(lambda node: upgrade(node.chain, node.author, GreetingRuntime()))

    return go_on
