"""An owner's own node: it follows the chain, works on the rows that only it has, and is paid."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from substrateinterface import Keypair

import tilth
from tilth.cli.vault import open_vault
from tilth.engine import linear
from tilth.sdk import Client, NodeProcess, NotStarted, TrainedModel
from tilth.vault import Budget, EpsilonCap, read_csv

WORKER = "bottom drive obey lake curtain smoke basket hold race lonely fit walk//clinic//node"
TERMS = ("--price-per-job", "2", "--price-per-epsilon", "1", "--max-epsilon", "3")


@pytest.fixture
def chain() -> Iterator[NodeProcess]:
    with NodeProcess() as node:
        yield node


@pytest.fixture
def owner(tmp_path: Path) -> Path:
    """A folder with a vault, its books and the key of the node that works on it."""
    rows = [f"{at % 7},{at % 5},{'yes' if at % 7 > 3 else 'no'}" for at in range(200)]
    draft = read_csv("\n".join(["a,b,c", *rows, ""]).encode(), label="c")
    vault = open_vault(tmp_path / "owner")
    vault.add("patients", draft.table(draft.suggest()))
    vault.ledger("patients").declare(Budget(EpsilonCap(6_000_000, 10**7), 10**6))
    (tmp_path / "owner" / "worker").write_text(WORKER + "\n")
    return tmp_path / "owner"


def offer(chain: NodeProcess, owner: Path, *options: str) -> subprocess.CompletedProcess[str]:
    where = ("--vault", str(owner), "--url", chain.ws, "--grpc", chain.grpc)
    command = (sys.executable, "-m", "tilth", "vault", "offer", "patients", "--name", "Clinic")
    return subprocess.run(
        [*command, *TERMS, "--key", "//Alice", *where, *options],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_rows_that_are_on_one_machine_alone_train_a_model_for_a_buyer(
    chain: NodeProcess, owner: Path, tmp_path: Path
) -> None:
    key = ("--worker-key", str(owner / "worker"))
    said = offer(chain, owner, *key, "--yes")
    assert said.returncode == 0, said.stderr
    worker = Keypair.create_from_uri(WORKER)
    assert f"{worker.ss58_address} works on it" in said.stdout
    assert "of you, for its bond and its first fees" in said.stdout
    assert said.stdout.endswith("'Clinic' is dataset 0.\n")

    follows = ("--sync", chain.ws, "--base-path", str(tmp_path / "own"), "--vault", str(owner))
    with NodeProcess(*follows, *key, command="node") as node:
        at: dict[str, Any] = {"url": chain.ws, "grpc": chain.grpc, "show": None}
        job = tilth.train(linear(2, 2), "Clinic", epsilon=2, key="//Bob", **at)
        job.wait(timeout=60)
        trained = job.result()
        assert isinstance(trained, TrainedModel)
        onnx.checker.check_model(trained.onnx)
        job.acknowledge()
        assert WORKER.split("//")[0] not in node.log.read_text()
    with Client(chain.ws, chain.grpc) as client:
        assert client.query("Compute", "Reputations", worker.ss58_address)["done"] == 1


def test_terms_are_shown_and_nothing_is_offered_unless_somebody_agrees(
    chain: NodeProcess, owner: Path
) -> None:
    said = offer(chain, owner)

    assert said.returncode == 1
    assert "a job takes at most ε 3, and all of them ε 6 at δ 1e-05" in said.stdout
    assert "nothing was offered" in said.stderr
    with Client(chain.ws, chain.grpc) as client:
        assert client.ask("datasets_search")["datasets"] == []


def test_a_follower_does_not_guess_who_works(chain: NodeProcess, owner: Path) -> None:
    follows = ("--sync", chain.ws, "--base-path", str(owner / "own"), "--vault", str(owner))
    with pytest.raises(NotStarted, match="--vault needs --worker-key"):
        NodeProcess(*follows, command="node").__enter__()
    with pytest.raises(NotStarted, match="--worker-key is a file that holds the secret URI"):
        NodeProcess(*follows, "--worker-key", "elsewhere", command="node").__enter__()
