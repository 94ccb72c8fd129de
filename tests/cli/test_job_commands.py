"""`tilth job`: buying and owning from the command line, on a node that works for a vault."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import onnxruntime
import pytest
from substrateinterface import Keypair

from tilth.cli.app import app
from tilth.cli.curve import drawn, legend, picture
from tilth.cli.vault import open_vault
from tilth.engine import linear
from tilth.sdk import Budget, Client, NodeProcess, Policy
from tilth.sdk.preview import Curve, Point
from tilth.vault import Budget as OwnersBudget
from tilth.vault import EpsilonCap, read_csv

UNIT = 10**12
ALICE, WORKER = map(Keypair.create_from_uri, ("//Alice", "//Alice//worker"))
Run = Callable[..., int]
Captured = pytest.CaptureFixture[str]


class Clinic(NamedTuple):
    """A node with a vault, and a table whose jobs wait for the owner's approval or do not."""

    node: NodeProcess
    vault: Path


def policy(window: int | None) -> Policy:
    return Policy(
        price_per_job=UNIT,
        price_per_epsilon=UNIT,
        max_epsilon=3,
        max_params=100,
        max_output_bytes=20_000,
        approval_window=window,
    )


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("owner")
    vault, random = open_vault(folder), np.random.default_rng(3)
    tables = []
    for name in ("open", "guarded"):
        marker = random.uniform(-1, 1, (150, 2))
        rows = [f"{a:.4f},{b:.4f},{'ill' if a + b > 0 else 'well'}" for a, b in marker]
        draft = read_csv("\n".join(["a,b,is", *rows, ""]).encode(), label="is")
        tables.append((name, vault.add(name, draft.table(draft.suggest()))))
        vault.ledger(name).declare(OwnersBudget(EpsilonCap(30_000_000, 10**7), 10**6))
    with NodeProcess("--vault", str(folder)) as node, Client(node.ws, node.grpc) as client:
        client.register_worker(WORKER)
        for (name, registration), window in zip(tables, (None, 100), strict=True):
            client.register_private(
                ALICE,
                registration,
                name=name,
                policy=policy(window),
                budget=Budget(epsilon=20, output_bytes=200_000),
                workers=[WORKER.ss58_address],
            )
        yield Clinic(node, folder)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bob")


@pytest.fixture
def run(clinic: Clinic, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in (
        ("TILTH_URL", clinic.node.ws),
        ("TILTH_GRPC", clinic.node.grpc),
        ("TILTH_KEYS", str(keys)),
        ("TILTH_KEY", "//Bob"),
        ("COLUMNS", "100"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(linear(2, 2))

    def ran(*words: str) -> int:
        status = app(["job", *words], result_action="return_value")
        assert isinstance(status, int)
        return status

    return ran


def ordered(capsys: Captured) -> str:
    """The number of the job that the last command ordered."""
    found = re.search(r"job (\d+) is ordered", capsys.readouterr().out)
    assert found is not None
    return found[1]


def test_a_model_is_trained_watched_and_written(run: Run, tmp_path: Path, capsys: Captured) -> None:
    assert run("train", "model.onnx", "open", "--epsilon", "3", "--yes") == 0
    told = capsys.readouterr()

    assert "train on 150 rows of 'open'" in told.out
    assert "price " in told.out
    assert "delivered" in told.err
    trained = onnxruntime.InferenceSession(str(tmp_path / "model.trained.onnx"))
    rows = np.array([[0.8, 0.8], [-0.8, -0.8]], np.float32)
    (outputs,) = trained.run(None, {"rows": rows})
    assert np.asarray(outputs).argmax(axis=1).tolist() == [0, 1]


def test_what_was_ordered_before_is_shown_opened_and_acknowledged(
    run: Run, tmp_path: Path, capsys: Captured
) -> None:
    asked = ("statistics", "open", "--epsilon", "1", "--mean", "a", "--histogram", "is")
    assert run(*asked, "--yes", "--detach") == 0
    job = ordered(capsys)

    assert run("watch", job) == 0
    assert run("result", job, "--out", "told.json") == 0
    shown = capsys.readouterr().out
    assert run("acknowledge", job) == 0
    assert run("show", job) == 0
    assert run("list", "--state", "completed", "--json") == 0
    detail, _, listed = capsys.readouterr().out.rpartition("\n{")

    assert "a: mean" in shown
    assert "is: ill" in shown
    answers = json.loads((tmp_path / "told.json").read_text())["answers"]
    assert [answer["column"] for answer in answers] == ["a", "is"]
    assert f"{job}: statistics on dataset 0" in detail
    assert int(job) in [each["job"] for each in json.loads("{" + listed)["jobs"]]


def test_a_model_is_measured_from_the_command_line(run: Run, capsys: Captured) -> None:
    assert run("evaluate", "model.onnx", "open", "--epsilon", "2", "--yes", "--out", "e.json") == 0

    assert "accuracy" in capsys.readouterr().out
    assert set(json.loads(Path("e.json").read_text())["metrics"]) == {"accuracy", "loss"}


def test_owners_approve_refuse_and_requesters_take_back(run: Run, capsys: Captured) -> None:
    jobs = []
    for _ in range(3):
        order = ("train", "model.onnx", "guarded", "--epsilon", "0.5", "--steps", "5")
        assert run(*order, "--yes", "--detach") == 0
        jobs.append(ordered(capsys))

    assert run("waiting", "--key", "//Alice", "--json") == 0
    waiting = json.loads(capsys.readouterr().out)
    assert run("approve", jobs[0], "--key", "//Alice") == 0
    assert run("reject", jobs[1], "--key", "//Alice") == 0
    assert run("cancel", jobs[2]) == 0
    capsys.readouterr()

    assert [str(each["job"]) for each in waiting] == jobs
    assert run("watch", jobs[0]) == 0
    assert run("watch", jobs[1]) == 1
    assert "was refunded (rejected)" in capsys.readouterr().err


def test_a_job_is_listed_on_the_chain_and_in_the_vault(
    run: Run, clinic: Clinic, capsys: Captured
) -> None:
    allowing = ("allow", "0", "0x" + "ab" * 32, "--key", "//Alice", "--yes")

    assert run(*allowing, "--vault", str(clinic.vault / "nowhere")) == 1
    assert "there is no vault" in capsys.readouterr().err
    assert run(*allowing, "--vault", str(clinic.vault)) == 0
    with Client(clinic.node.ws, clinic.node.grpc) as client:
        assert client.terms(0)["exactSpecs"] == ["0x" + "ab" * 32]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "model.onnx", "open", "--epsilon", "1"), "nothing was ordered; add --yes"),
        (
            ("train", "model.onnx", "open", "--epsilon", "1", "--yes", "--max-price", "1"),
            "above the 1 TLTH of max_price; nothing was ordered",
        ),
        (("train", "model.onnx", "open", "--epsilon", "9", "--yes"), "more privacy than one job"),
        (("train", "none.onnx", "open", "--epsilon", "1"), "none.onnx: No such file"),
        (("train", "model.onnx", "shut", "--epsilon", "1"), "no dataset named 'shut'"),
        (("statistics", "open", "--epsilon", "1", "--mean", "x"), "no column 'x', but a, b, is"),
        (("show", "999"), "there is no job 999"),
        (("result", "999"), "there is no job 999"),
    ],
)
def test_what_keeps_a_job_from_being_ordered_is_one_line(
    run: Run, capsys: Captured, words: tuple[str, ...], message: str
) -> None:
    assert run(*words) == 1

    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_preview_plots_accuracy_on_made_up_rows(run: Run, capsys: Captured) -> None:
    tried = ("preview", "model.onnx", "open", "--epsilon", "0.5", "2", "--runs", "1")

    assert run(*tried, "--steps", "10", "--svg", "curve.svg") == 0

    shown = capsys.readouterr().out
    assert shown.count("●") == 3  # two points and the legend
    assert "150 made-up rows" in shown
    assert "ε 3 at most" in shown
    assert ElementTree.parse("curve.svg").getroot().tag.endswith("svg")  # our own


def test_a_curve_is_drawn_to_scale() -> None:
    curve = Curve((Point(1, (0.6,)), Point(4, (0.7, 0.9))), 0.95, 0.5, 100, 100)

    lines = drawn(curve).split("\n")

    assert lines[0].startswith("  1.00 ┤")
    assert "┄" in lines[1]
    assert "·" in lines[12]
    columns = [line.rstrip()[-1] if line.rstrip() else "" for line in lines]
    assert [number for number, line in enumerate(lines) if "●" in line] == [5, 10]
    assert columns.count("│") >= 1
    assert "of the table's" not in legend(curve)
    assert picture(curve, "<title>").count("<circle") == 2
    assert "&lt;title&gt;" in picture(curve, "<title>")
