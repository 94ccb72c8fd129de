"""How the story starts its chain, and how it ends when something is missing."""

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from tilth.cli import demo
from tilth.cli.stage import Stage
from tilth.sdk import NotStarted


@pytest.mark.parametrize("jailed", [True, False])
def test_a_machine_without_a_jail_is_told_of_and_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, jailed: bool
) -> None:
    monkeypatch.setattr(demo, "confinement", lambda: SimpleNamespace(sufficient=jailed))
    text = StringIO()

    options = demo._options(Stage(Console(file=text)), Path("alice"))

    assert ("--unconfined-ok" in options) is not jailed
    assert ("offers no jail" in text.getvalue()) is not jailed


def test_a_story_without_its_table_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise ImportError("No module named 'sklearn'")

    monkeypatch.setattr(demo, "breast_cancer", missing)

    assert demo.run_demo(keep=False) == 1

    assert "pip install 'tilth[demo]'" in capsys.readouterr().err


def test_a_chain_that_does_not_start_ends_the_story_with_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*options: str) -> None:
        raise NotStarted("the node did not start:\nno room on the disk")

    monkeypatch.setattr(demo, "NodeProcess", broken)

    assert demo.run_demo(keep=False) == 1

    assert "no room on the disk" in capsys.readouterr().err


def test_a_story_that_is_told_to_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    telling = subprocess.Popen(
        [sys.executable, "-m", "tilth", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    )
    assert telling.stdout is not None
    while "She offers it" not in telling.stdout.readline():
        assert telling.poll() is None
    begun = time.monotonic()

    telling.send_signal(signal.SIGTERM)
    _, errors = telling.communicate(timeout=30)

    assert telling.returncode == 130
    assert "broken off" in errors
    assert time.monotonic() - begun < 20
    assert list(tmp_path.iterdir()) == []
