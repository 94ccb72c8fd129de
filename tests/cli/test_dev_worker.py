"""`tilth dev --vault`: what it needs, and what a node without a vault does without."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from substrateinterface import Keypair

from tilth.cli.vault import open_vault
from tilth.engine import mlp
from tilth.sdk import Budget, Client, NodeProcess, NotStarted, Policy, SealingKey, TrainingPlan
from tilth.vault import Budget as OwnersBudget
from tilth.vault import EpsilonCap, Registration, read_csv

HEAVY = ("numpy", "onnxruntime", "tilth.engine", "tilth.vault", "scalecodec", "sklearn")


def test_a_node_without_a_vault_loads_neither_engine_nor_numpy() -> None:
    program = (
        "import sys, tilth.cli.dev, tilth.runtime.presets, tilth.rpc.grpc.server,"
        " tilth.rpc.jsonrpc.server, tilth.rpc.jsonrpc.table;"
        " from tilth.cli.loading import load_runtime; load_runtime('tilth.runtime:DevRuntime');"
        f" print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert finished.stdout == "[]\n"


def test_a_vault_that_is_not_there_keeps_the_node_from_starting(tmp_path: Path) -> None:
    with (
        pytest.raises(NotStarted, match=r"tilth: there is no vault in .*: `tilth vault add`"),
        NodeProcess("--vault", str(tmp_path / "nothing")),
    ):
        pass


@pytest.fixture
def registration(tmp_path: Path) -> Registration:
    rows = [f"{at % 7},{at % 5},{'yes' if at % 2 else 'no'}" for at in range(100)]
    draft = read_csv("\n".join(["a,b,c", *rows, ""]).encode(), label="c")
    vault = open_vault(tmp_path / "owner")
    added = vault.add("rows", draft.table(draft.suggest()))
    vault.ledger("rows").declare(OwnersBudget(EpsilonCap(10**7, 10**7), 10**6))
    return added


def order(client: Client, registration: Registration, plan: TrainingPlan) -> int:
    """A job for a fresh table; returns its number."""
    alice, bob = Keypair.create_from_uri("//Alice"), Keypair.create_from_uri("//Bob")
    worker = Keypair.create_from_uri("//Alice//worker")
    client.register_worker(worker)
    table = client.register_private(
        alice,
        registration,
        name="rows",
        policy=Policy(
            price_per_job=1,
            price_per_epsilon=1,
            max_epsilon=8,
            max_params=10**6,
            max_output_bytes=10**6,
        ),
        budget=Budget(epsilon=8, output_bytes=10**6),
        workers=[worker.ss58_address],
    )
    model = mlp(2, (64, 64), 2)
    client.publish_content(bob, model)
    spec = client.job_spec(table, model, plan, key=SealingKey.generate().public)
    return client.create_job(bob, spec).number


def test_a_node_that_trains_stops_when_it_is_told_to(
    tmp_path: Path, registration: Registration
) -> None:
    with NodeProcess("--vault", str(tmp_path / "owner")) as node:
        with Client(node.ws, node.grpc) as client:
            number = order(client, registration, TrainingPlan(epsilon=8, steps=100_000))
            job = client.job(number)
            next(now for now in job.states(timeout=60) if now.HasField("running"))
        begun = time.monotonic()

        status = node.stop()

    assert status == 0
    assert time.monotonic() - begun < 10


def test_a_job_outlives_the_node_that_was_killed(
    tmp_path: Path, registration: Registration
) -> None:
    kept = ("--base-path", str(tmp_path / "chain"), "--vault", str(tmp_path / "owner"))
    with NodeProcess(*kept) as node:
        with Client(node.ws, node.grpc) as client:
            number = order(client, registration, TrainingPlan(epsilon=4, steps=300))
            job = client.job(number)
            next(now for now in job.states(timeout=60) if now.HasField("running"))
        node.kill()
        node.start()
        with Client(node.ws, node.grpc) as client:
            done = client.job(number).wait(timeout=60)

    assert done.delivered.size > 0
