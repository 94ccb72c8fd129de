"""A result that a worker sealed is opened in JavaScript, with @hpke/core and @polkadot/api."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from substrateinterface import Keypair

from tilth.cli.vault import open_vault
from tilth.primitives.crypto.sealing import OVERHEAD
from tilth.sdk import (
    Budget,
    Client,
    Desk,
    KeyRing,
    NodeProcess,
    OrderedJob,
    Policy,
    TrainedModel,
    TrainingPlan,
)
from tilth.vault import Budget as OwnersBudget
from tilth.vault import EpsilonCap, Registration, read_csv

pytestmark = pytest.mark.npm

Drive = Callable[..., dict[str, Any]]
UNIT = 10**12
ALICE, BOB, WORKER = map(Keypair.create_from_uri, ("//Alice", "//Bob", "//Alice//worker"))


def owners_table(folder: Path) -> Registration:
    values = np.random.default_rng(0).uniform(-1, 1, 120)
    lines = [f"{value:.3f},{'up' if value > 0 else 'down'}" for value in values]
    draft = read_csv("\n".join(["x,way", *lines, ""]).encode(), label="way")
    vault = open_vault(folder)
    registration = vault.add("ways", draft.table(draft.suggest()))
    vault.ledger("ways").declare(OwnersBudget(EpsilonCap(8_000_000, 10**7), 10**6))
    return registration


def offered(client: Client, registration: Registration) -> int:
    client.register_worker(WORKER)
    policy = Policy(
        price_per_job=UNIT,
        price_per_epsilon=0,
        max_epsilon=4,
        max_params=100,
        max_output_bytes=10_000,
    )
    return client.register_private(
        ALICE,
        registration,
        name="ways",
        policy=policy,
        budget=Budget(epsilon=8, output_bytes=100_000),
        workers=[WORKER.ss58_address],
    )


def delivered(desk: Desk, table: int) -> OrderedJob:
    from tilth.engine import linear

    draft = desk.training(linear(1, 2), table, TrainingPlan(epsilon=2, steps=5))
    return desk.place(desk.price(draft)).wait(timeout=60)


def test_a_result_is_opened_in_javascript_and_only_for_its_job(
    drive: Drive, tmp_path: Path
) -> None:
    registration, keys = owners_table(tmp_path / "owner"), KeyRing(tmp_path / "keys")
    with (
        NodeProcess("--vault", str(tmp_path / "owner")) as node,
        Client(node.ws, node.grpc) as client,
    ):
        job = delivered(Desk(client, lambda: BOB, keys), offered(client, registration))
        key, model = keys.find(job.spec.result_key), job.result()
        assert key is not None
        seen = drive("open_result.mjs", node.ws, node.http, str(job.id), key.expose_secret().hex())

    assert isinstance(model, TrainedModel)
    assert bytes.fromhex(seen["result"][2:]) == model.onnx
    assert seen["sealedBytes"] == seen["declaredBytes"] == len(model.onnx) + OVERHEAD
    assert seen["refused"] == "OpenError"
