"""Saving a file swaps the runtime; a broken one leaves the old one running and says why."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tilth.cli.dev import DevOptions, start
from tilth.cli.loading import CannotStart, runtime_class
from tilth.cli.port import PortOptions
from tilth.cli.reload import NotReloadable, Project, Reloader
from tilth.cli.tool_options import ToolOptions
from tilth.node.build_mode import manual
from tilth.node.service import Node, NodeConfig
from tilth.runtime import DevRuntime
from tilth.runtime.presets import dev_spec

TILL = '''
from typing import Never
from tilth.frame import DefaultValue, Pallet, Signed, Weight, call, u32
from shop_of_tests.prices import BASE


class Till(Pallet[Never, Never]):
    taken = DefaultValue[u32]()

    @call(0)
    def sell(self, who: Signed, price: u32) -> None:
        """Sell something."""
        self.taken.put(self.taken.get() + price + BASE)
'''
RUNTIME = """
from shop_of_tests.till import Till
from tilth.runtime import DevRuntime


class ShopRuntime(DevRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.till = self.add(40, Till())
"""


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def milliseconds(self) -> int:
        self.now += 1000
        return self.now


class Shop:
    """A project on disk, a node that runs it, and what the terminal says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shop_of_tests"
        self.folder.mkdir()
        self.write("__init__", "")
        self.write("prices", "BASE = 1\n")
        self.write("till", TILL)
        self.write("runtime", RUNTIME)
        kind = runtime_class("shop_of_tests.runtime:ShopRuntime")
        self.project = Project.of(kind)
        runtime = kind()
        config = NodeConfig(runtime, dev_spec(runtime), Clock(), sealing=manual)
        self.node = Node(config)
        self.said = StringIO()
        console = Console(file=self.said, width=200)
        self.reloader = Reloader(self.node, self.project, console)

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.py").write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / f"{name}.py").read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def save(self, name: str, old: str, new: str) -> str:
        """Edit a file, look, and return what was said."""
        self.edit(name, old, new)
        self.reloader.look()
        return self.said.getvalue()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Shop(tmp_path)
    for name in [name for name in sys.modules if name.startswith("shop_of_tests")]:
        del sys.modules[name]


def version(shop: Shop) -> int:
    return shop.node.runtime.spec_version


def test_the_project_is_its_directory_and_its_modules_alone(shop: Shop) -> None:
    assert shop.project.root == shop.folder.parent
    assert set(shop.project.modules()) == {
        "shop_of_tests",
        "shop_of_tests.prices",
        "shop_of_tests.runtime",
        "shop_of_tests.till",
    }
    with pytest.raises(NotReloadable, match="--runtime my_module:MyRuntime"):
        Project.of(DevRuntime)


def test_a_saved_file_changes_the_running_chain(shop: Shop) -> None:
    said = shop.save("till", "Sell something.", "Sell it.")

    assert version(shop) == 2
    assert shop.node.chain.best.number == 2
    assert "reloaded till.py: spec_version 1 → 2 (your class says 1;" in said
    assert b"Sell it." in shop.node.runtime.metadata(14)


def test_a_module_that_others_import_from_takes_them_along(shop: Shop) -> None:
    before = shop.node.runtime
    shop.save("prices", "BASE = 1", "BASE = 7")

    assert sys.modules["shop_of_tests.till"].__dict__["BASE"] == 7
    assert type(shop.node.runtime) is not type(before)
    assert isinstance(
        shop.node.runtime, sys.modules["shop_of_tests.runtime"].__dict__["ShopRuntime"]
    )


def test_a_file_that_says_the_same_changes_nothing(shop: Shop) -> None:
    shop.save("prices", "BASE = 1", "BASE = 1")

    assert shop.said.getvalue() == ""
    assert version(shop) == 1


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("class Till", "class Till(", "SyntaxError"),
        (
            "from shop_of_tests.prices",
            "from shop_of_tests.nowhere",
            "No module named 'shop_of_tests.nowhere'",
        ),
        ("price: u32", "price: complex", "DeclarationError"),
        ("BASE\n", "MISSING\n", "cannot import name 'MISSING'"),
        (
            "    @call(0)",
            "    def on_runtime_upgrade(self):\n        raise ValueError('no')\n\n    @call(0)",
            "ValueError: no",
        ),
        ("class Till", "raise SystemExit(3)\n\nclass Till", "SystemExit"),
    ],
)
def test_a_broken_file_leaves_the_old_runtime(shop: Shop, old: str, new: str, error: str) -> None:
    runtime, modules = shop.node.runtime, dict(shop.project.modules())

    said = shop.save("till", old, new)

    assert "not reloaded till.py: the old runtime goes on" in said
    assert error in said
    assert "importlib" not in said
    assert shop.node.runtime is runtime
    assert shop.node.chain.best.number == 0
    if error != "ValueError: no":
        assert dict(shop.project.modules()) == modules
    shop.node.dev.new_block()

    shop.write("till", TILL.replace("something", "again"))
    shop.reloader.look()
    assert version(shop) == 2


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.02)


async def test_files_are_watched_and_so_are_new_ones(shop: Shop) -> None:
    shop.reloader.start()
    await asyncio.sleep(0.05)
    shop.edit("till", "Sell something.", "Sell it.")
    await eventually(lambda: version(shop) == 2)

    shop.edit("till", "from shop_of_tests.prices", "from shop_of_tests.fees")
    await eventually(lambda: "not reloaded" in shop.said.getvalue())
    shop.write("fees", "BASE = 3\n")
    await eventually(lambda: version(shop) == 3)
    shop.reloader.stop()


def options(folder: Path, **tools: Any) -> DevOptions:
    runtime = "shop_of_tests.runtime:ShopRuntime"
    return DevOptions(folder, 0, 0, None, runtime, None, PortOptions(), ToolOptions(**tools))


async def test_a_chain_goes_on_with_files_that_were_saved_while_it_was_down(
    shop: Shop, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    first = await start(options(base))
    genesis = first.node.genesis_hash
    first.node.dev.new_block()
    await first.stop()
    shop.edit("till", "Sell something.", "Sell it.")
    shop.project.load()

    again = await start(options(base, reload=True, finality_lag=2))
    assert again.node.genesis_hash == genesis
    assert again.node.runtime.spec_version == 2
    assert again.node.chain.finality_lag == 2
    await again.stop()
    plain = await start(options(base))
    assert plain.node.runtime.spec_version == 2
    await plain.stop()
    with pytest.raises(CannotStart, match="0 or more"):
        await start(options(base, finality_lag=-1))
