"""Every example of the guide to dev chains does what it says it does: it runs."""

import json
import re
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import tilth.sdk
from tilth.cli.chain import app
from tilth.runtime import DevRuntime
from tilth.sdk import DevChain
from tilth.testing.node import LocalNode

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "devchain.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode(DevRuntime, finality_lag=8) as running:
        yield running


def test_its_commands_run(node: LocalNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_URL", node.http)
    commands = [line for block in blocks("console") for line in block.splitlines()]

    assert len(commands) == 9
    for command in commands:
        prompt, tilth, chain, *words = shlex.split(command)
        assert (prompt, tilth, chain) == ("$", "tilth", "chain")
        assert app(words, result_action="return_value") == 0, command


def test_its_requests_are_answered(node: LocalNode) -> None:
    requests = [json.loads(line) for block in blocks("json") for line in block.splitlines()]

    assert len(requests) == 8
    for request in requests:
        DevChain(node.http).ask(request["method"], *request["params"])


def test_its_python_runs(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tilth.sdk, "DevChain", partial(DevChain, node.http))

    assert len(blocks("python")) == 3
    exec("\n".join(blocks("python")), {})

    assert capsys.readouterr().out.count("0x") == 5
