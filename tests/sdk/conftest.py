"""A node that works on a small private table, in a process of its own, for each module of tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from substrateinterface import Keypair

from tilth.cli.vault import open_vault
from tilth.sdk import Client, NodeProcess
from tilth.vault import Budget, EpsilonCap, Registration, read_csv

FEATURES = 3


@dataclass(frozen=True)
class Market:
    """The node, the owner's folder, and what may become public of the table in it."""

    node: NodeProcess
    folder: Path
    registration: Registration


def rows_csv(rows: int = 200) -> bytes:
    """Two classes that a straight line tells apart."""
    random = np.random.default_rng(1)
    labels = np.arange(rows) % 2
    centres = np.where(labels[:, None] == 1, 0.6, -0.6)
    features = np.clip(centres + random.normal(0, 0.3, (rows, FEATURES)), -2, 2)
    lines = [
        ",".join([*(f"{value:.4f}" for value in row), "yes" if label else "no"])
        for row, label in zip(features, labels, strict=True)
    ]
    return "\n".join(["a,b,c,sick", *lines, ""]).encode()


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("owner")
    draft = read_csv(rows_csv(), label="sick")
    vault = open_vault(folder)
    registration = vault.add("patients", draft.table(draft.suggest()))
    vault.ledger("patients").declare(Budget(EpsilonCap(50_000_000, 10**7), 10**7))
    with NodeProcess("--vault", str(folder)) as node:
        yield Market(node, folder, registration)


@pytest.fixture(scope="module")
def client(market: Market) -> Iterator[Client]:
    with Client(market.node.ws, market.node.grpc) as connected:
        yield connected


@pytest.fixture(scope="session")
def alice() -> Keypair:
    return Keypair.create_from_uri("//Alice")


@pytest.fixture(scope="session")
def bob() -> Keypair:
    return Keypair.create_from_uri("//Bob")


@pytest.fixture(scope="session")
def worker() -> Keypair:
    return Keypair.create_from_uri("//Alice//worker")
