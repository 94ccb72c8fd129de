"""`tilth chain` and the SDK's DevChain, against a node of this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tilth.cli.chain import app
from tilth.primitives import ss58
from tilth.primitives.crypto import dev
from tilth.runtime import DevRuntime
from tilth.sdk import DevChain, Refused, Unreachable
from tilth.testing.node import LocalNode

BOB = ss58.encode(dev.BOB)


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with LocalNode(DevRuntime, finality_lag=9) as running:
        yield running


@pytest.fixture
def chain(node: LocalNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[DevChain]:
    monkeypatch.setenv("TILTH_URL", node.http)
    chain = DevChain(node.ws)
    snapshot = chain.snapshot()
    yield chain
    chain.revert(snapshot)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert app(list(words), result_action="return_value") == 0
    return capsys.readouterr().out.strip()


def test_blocks_are_mined_and_taken_back(
    chain: DevChain, capsys: pytest.CaptureFixture[str]
) -> None:
    began = chain.head()

    assert run(capsys, "mine", "3", "--interval", "6").startswith(f"#{began.number + 3}  0x")
    snapshot = run(capsys, "snapshot")
    after = run(capsys, "reorg", "2")
    assert after.startswith(f"#{began.number + 4}  0x")
    assert run(capsys, "revert", snapshot) != after
    assert run(capsys, "set-head", "~1").startswith(f"#{began.number + 2}  0x")
    assert run(capsys, "head") == run(capsys, "set-head", chain.head().hash)


def test_time_and_storage_are_set(
    chain: DevChain, node: LocalNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "travel", "2040-01-01T12:00")
    run(capsys, "next-timestamp", "2300000000000")
    run(capsys, "mine")
    file = tmp_path / "storage.json"
    file.write_text(json.dumps({"Sudo": {"Key": BOB}}))
    run(capsys, "set-storage", str(file))
    run(capsys, "set-balance", BOB, "5000000000000")

    def read(running: Any) -> tuple[bytes, int, int]:
        runtime = running.runtime
        with runtime.at(running.chain.best.state):
            return (
                runtime.sudo.key.get(),
                runtime.system.account[dev.BOB].data.free,
                runtime.timestamp.now.get() // 1000,
            )

    key, free, now = node.run(read)
    assert (key, free) == (dev.BOB, 5 * 10**12)
    assert 0 <= now - 2_300_000_000 < 60


def test_automining_and_impersonation_are_switched(
    chain: DevChain, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "automine", "off") == ""
    assert run(capsys, "automine", "on") == ""
    assert run(capsys, "impersonate", BOB) == ""
    assert run(capsys, "impersonate", BOB, "--stop") == ""
    assert run(capsys, "impersonate", "//Bob") == ""
    assert run(capsys, "impersonate", "//Bob", "--stop") == ""


def test_an_account_is_named_and_storage_is_written_on_the_line(
    chain: DevChain, node: LocalNode, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "set-balance", "//Bob", "7000000000000")
    run(capsys, "set-storage", json.dumps({"Sudo": {"Key": BOB}}))

    def read(running: Any) -> tuple[bytes, int]:
        runtime = running.runtime
        with runtime.at(running.chain.best.state):
            return runtime.sudo.key.get(), runtime.system.account[dev.BOB].data.free

    assert node.run(read) == (dev.BOB, 7 * 10**12)


def test_what_cannot_be_done_is_said_on_one_line(
    chain: DevChain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "nowhere.json"
    for words, said in (
        (("revert", "0x99"), "tilth: there is no snapshot 153"),
        (("automine", "perhaps"), "tilth: 'perhaps' is neither on nor off"),
        (("set-head", "last"), "tilth: 'last' is no block: give its hash, its height, or ~n"),
        (("set-storage", "{oh"), "tilth: {oh cannot be read as JSON"),
        (("mine", "1000000"), "tilth: 1000000 blocks are too many at once: ask for 10000 or fewer"),
        (("set-storage", str(nowhere)), f"tilth: {nowhere} cannot be read as JSON"),
        (("head", "--url", "http://127.0.0.1:1"), "tilth: no node answers at http://127.0.0.1:1"),
    ):
        assert app(list(words), result_action="return_value") == 1
        assert capsys.readouterr().err.startswith(said)


def test_python_has_the_same_tools(chain: DevChain) -> None:
    began = chain.head()

    chain.new_block(2)
    assert chain.new_block(to=began.number + 5) == chain.head().hash
    assert chain.time_travel("2041-01-01") == 2_240_611_200_000
    moved = chain.reorg(1, keep=False)
    assert len(moved["enacted"]) == 2
    chain.set_build_mode("Instant")
    with pytest.raises(Refused, match="Invalid mode Never"):
        chain.set_build_mode("Never")
    with pytest.raises(Unreachable):
        DevChain("http://127.0.0.1:1").mine()
