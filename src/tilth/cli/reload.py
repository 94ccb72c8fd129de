"""Live pallets: a saved file becomes the running chain's next runtime."""

import asyncio
import importlib
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from rich.console import Console
from rich.markup import escape

from tilth.cli.loading import explained
from tilth.frame import Runtime
from tilth.node.service import Node
from tilth.node.upgrade import Upgraded, UpgradeFailed

POLL_SECONDS: Final = 0.1
# Looked for less often: a file that no module has imported matters only once one does.
_WALK_EVERY: Final = 10
_NOT_SOURCES: Final = frozenset(("__pycache__", "node_modules", "site-packages"))

Stamp = tuple[int, int]
"""When a file was changed, and its size."""


class NotReloadable(Exception):
    """The runtime's module is not a project's own; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Project:
    """The directory that holds a runtime's modules, and its own runtime among them."""

    root: Path
    module: str
    name: str

    @classmethod
    def of(cls, kind: type[Runtime]) -> "Project":
        """Raises NotReloadable for a runtime that is not the developer's own."""
        top = kind.__module__.partition(".")[0]
        file = getattr(sys.modules[top], "__file__", None) or _namespace(sys.modules[top])
        if top == "tilth" or file is None or "site-packages" in Path(file).parts:
            raise NotReloadable(
                f"--reload watches the files of your own runtime, and {kind.__name__} is "
                f"{top}'s: name one of yours, --runtime my_module:MyRuntime"
            )
        path = Path(file).resolve()
        root = path.parent.parent if hasattr(sys.modules[top], "__path__") else path.parent
        return cls(root, kind.__module__, kind.__name__)

    def modules(self) -> Mapping[str, ModuleType]:
        """The project's modules that are imported, with their names."""
        found = {}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file and name != "__main__" and self._owns(name, Path(file)):
                found[name] = module
        return found

    def _owns(self, name: str, file: Path) -> bool:
        if name.partition(".")[0] == "tilth" or not file.is_relative_to(self.root):
            return False
        return not any(map(_is_foreign, file.relative_to(self.root).parts))

    def load(self) -> type[Runtime]:
        """Import all of the project anew; whatever that raises, the old modules are back then."""
        old = self.modules()
        for name in old:
            del sys.modules[name]
        importlib.invalidate_caches()
        linecache.checkcache()
        try:
            kind = getattr(importlib.import_module(self.module), self.name)
            kind()  # a runtime that cannot be built is no runtime
        except BaseException:
            for name in self.modules():
                del sys.modules[name]
            sys.modules.update(old)
            raise
        found: type[Runtime] = kind
        return found

    def stamps(self, known: Mapping[Path, Stamp] | None = None) -> dict[Path, Stamp]:
        """Of the files given, or of every source in the directory and of the modules."""
        if known is None:
            paths = {*self._sources(), *(Path(str(m.__file__)) for m in self.modules().values())}
        else:
            paths = set(known)
        return {path: stamp for path in paths if (stamp := _stamp(path)) is not None}

    def _sources(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.root):
            folders[:] = [each for each in folders if not _is_foreign(each)]
            yield from (Path(folder, file) for file in files if file.endswith(".py"))


def _namespace(module: ModuleType) -> str | None:
    """A file in the first directory of a package without `__init__.py`."""
    paths = list(getattr(module, "__path__", ()))
    return str(Path(paths[0], "__init__.py")) if paths else None


def _is_foreign(part: str) -> bool:
    return part in _NOT_SOURCES or part.startswith(".")


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


class Reloader:
    """Watches a project and swaps the runtime of a node; tells what came of it."""

    def __init__(self, node: Node, project: Project, console: Console) -> None:
        self._node = node
        self._project = project
        self._console = console
        self._seen = project.stamps()
        self._texts = self._read()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            rounds += 1
            now = self._project.stamps(None if rounds % _WALK_EVERY == 0 else self._seen)
            if now != self._seen:
                # An editor may be writing still.
                self._seen = await self._settled(now)
                self.look()

    async def _settled(self, stamps: dict[Path, Stamp]) -> dict[Path, Stamp]:
        while True:
            await asyncio.sleep(POLL_SECONDS / 2)
            now = self._project.stamps()
            if now == stamps:
                return now
            stamps = now

    def look(self) -> None:
        """Reload if any source says something else than it did."""
        texts = self._read()
        if texts != self._texts:
            changed = [path for path in texts if texts[path] != self._texts.get(path)]
            self._texts = texts
            self._reload(changed)

    def _read(self) -> dict[Path, bytes]:
        return {path: _bytes(path) for path in self._seen}

    def _reload(self, changed: list[Path]) -> None:
        names = ", ".join(sorted(path.name for path in changed)) or "a file is gone"
        try:
            kind = self._project.load()
            done = self._node.dev.upgrade(kind)
        except UpgradeFailed as failed:
            self._refused(names, failed.__cause__ or failed)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a project's code raises
            self._refused(names, error)
        else:
            self._told(names, kind, done)

    def _told(self, names: str, kind: type[Runtime], done: Upgraded) -> None:
        raised = kind.spec_version != done.after.spec_version
        why = (
            f" (your class says {kind.spec_version}; clients tell runtimes apart by it)"
            if raised
            else ""
        )
        self._console.print(
            f"[green]reloaded[/] {escape(names)}: spec_version {done.before.spec_version} → "
            f"[bold]{done.after.spec_version}[/]{why}; code in block #{done.brought_by.number}, "
            f"migrations ran in #{done.first.number}"
        )

    def _refused(self, names: str, error: BaseException) -> None:
        self._console.print(f"[bold red]not reloaded[/] {escape(names)}: the old runtime goes on")
        self._console.print(escape(explained(error)), highlight=False)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def watch(node: Node, project: Project) -> Callable[[], None]:
    """Begin to reload; returns what ends it."""
    reloader = Reloader(node, project, Console(soft_wrap=True, highlight=False))
    reloader.start()
    return reloader.stop
