"""What is said of a runtime that cannot be had, before anything is started."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tilth.cli.loading import CannotStart, load_runtime, runtime_class

Refusal = Callable[[str], str]


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """What is said of `Mine` in a module of this source."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def said(source: str) -> str:
        module = f"broken_{abs(hash(source))}"
        (tmp_path / f"{module}.py").write_text(source)
        with pytest.raises(CannotStart) as told:
            load_runtime(f"{module}:Mine")
        return str(told.value)

    return said


def test_an_error_is_shown_at_its_place_in_the_developers_file_alone(refusal: Refusal) -> None:
    said = refusal(
        "from tilth.runtime import DevRuntime\n"
        "class Mine(DevRuntime):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.add(40, 5)\n"
    )

    assert "line 5, in __init__" in said
    assert said.endswith("TypeError: a pallet was expected at index 40, not 5")
    assert "tilth/frame" not in said
    assert "importlib" not in said


def test_a_module_that_cannot_be_read_is_shown_where_it_breaks(refusal: Refusal) -> None:
    said = refusal("class Mine(:\n")

    assert "line 1" in said
    assert said.endswith("SyntaxError: invalid syntax")


def test_what_is_missing_is_told_from_what_the_module_misses(refusal: Refusal) -> None:
    assert refusal("import no_such_thing\n").endswith("No module named 'no_such_thing'")
    with pytest.raises(CannotStart, match="no module 'nowhere' here"):
        runtime_class("nowhere.at_all:Mine")


def test_a_missing_argument_of_a_pallet_is_named(refusal: Refusal) -> None:
    said = refusal(
        "from typing import Never\n"
        "from tilth.frame import Const, Pallet, u32\n"
        "from tilth.runtime import DevRuntime\n"
        "class Shop(Pallet[Never, Never]):\n"
        "    limit: Const[u32]\n"
        "class Mine(DevRuntime):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.add(40, Shop())\n"
    )

    assert said.endswith("Shop needs limit: Shop(limit=…)")
