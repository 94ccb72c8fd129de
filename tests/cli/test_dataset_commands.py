"""`tilth dataset`: a dataset's whole life from the command line, against a node."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tilth.cli.app import app
from tilth.sdk import NodeProcess

Run = Callable[..., int]


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    with NodeProcess() as running:
        yield running


@pytest.fixture
def run(node: NodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TILTH_URL", node.ws)
    monkeypatch.setenv("TILTH_GRPC", node.grpc)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def ran(*words: str) -> int:
        status = app(["dataset", *words], result_action="return_value")
        assert isinstance(status, int)
        return status

    return ran


def test_from_publishing_to_citing(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,x\n2,[red]y\n")
    by = ("--licence", "CC0-1.0", "--key", "//Alice")

    assert run("publish", str(table), "--name", "first", "--tag", "small", *by, "--yes") == 0
    shown = capsys.readouterr().out
    assert "becomes public for ever, under CC0-1.0" in shown
    assert "a deposit of" in shown
    assert run("publish", str(table), "--name", "second", *by, "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["duplicateOf"] == 0

    assert run("search", "fir", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["datasets"]
    assert (found["name"], found["tags"], found["rows"]) == ("first", ["small"], 2)
    assert run("list") == 0
    assert "second" in capsys.readouterr().out
    assert run("show", "first") == 0
    rows = capsys.readouterr().out
    assert "[red]y" in rows
    assert "\\[" not in rows
    assert run("tag", "0", "v1", "0", "--key", "//Alice") == 0
    assert run("get", "first", str(tmp_path / "out"), "--revision", "v1") == 0
    assert (tmp_path / "out" / "t.csv").read_bytes() == table.read_bytes()
    assert run("verify", "first") == 0
    assert "fingerprint" in capsys.readouterr().out
    assert run("cite", "1", "0", "--key", "//Alice") == 0
    assert run("deprecate", "1", "--by", "0", "--key", "//Alice") == 0
    capsys.readouterr()
    assert run("list") == 0
    assert "second (deprecated)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "nowhere"), "there is no dataset named 'nowhere'"),
        (("publish", "none.csv", "--name", "n", "--licence", "MIT", "--key", "//Alice"), "no file"),
        (("cite", "0", "x", "--key", "//Alice"), "'x' is no dataset"),
        (("deprecate", "0", "--key", "a secret phrase"), "--key is a file"),
        (("deprecate", "0"), "who publishes?"),
        (
            ("publish", "t", "--name", "n", "--licence", "MIT", "--key", "//Bob", "--anonymous"),
            "--anonymous is without --key",
        ),
        (("deprecate", "0", "--key", "//Bob"), "Datasets|publisher|No dataset"),
    ],
)
def test_what_goes_wrong_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert run(*words) == 1

    told = capsys.readouterr().err
    assert any(part in told for part in message.split("|")), told
    assert told.count("\n") == 1
    assert "secret phrase" not in told


def test_without_an_account_donors_pay_and_a_key_is_left(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILTH_KEYS", str(tmp_path / "keys"))
    (tmp_path / "memo.csv").write_text("a\n7\n")
    words = ("publish", str(tmp_path / "memo.csv"), "--name", "memo", "--licence", "CC0-1.0")

    assert run(*words, "--anonymous", "--yes") == 1
    assert "Anybody may fill it: tilth dataset donate" in capsys.readouterr().err
    assert run("donate", "12.5", "--key", "//Alice") == 0
    assert "the pot has 12.5 TLTH" in capsys.readouterr().out
    assert run(*words, "--anonymous", "--yes") == 0

    told = capsys.readouterr().out
    assert "donors give it, and work stands for fees" in told
    assert str(tmp_path / "keys") in told


def test_nothing_is_published_unasked(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")

    assert run(
        "publish", str(tmp_path / "t.csv"), "--name", "n", "--licence", "MIT", "--key", "//Bob"
    )

    assert "nothing was published; add --yes" in capsys.readouterr().err
