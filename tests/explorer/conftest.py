"""A node on whose chain a bit of everything has happened, for the explorer to show."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import pytest
from substrateinterface import Keypair

from tilth.runtime.dev import DevRuntime
from tilth.sdk import Budget, Client, Policy, TrainingPlan
from tilth.sdk.wire import bounded
from tilth.testing.node import LocalNode
from tilth.vault import Registration, read_csv

HOSTILE = "<script>document.title='owned'</script>"
UNIT = 10**12


@dataclass(frozen=True)
class Field:
    """The node, a client of it, and the numbers of what was published."""

    node: LocalNode
    client: Client
    rain: int
    harvest: int
    hostile: int
    clinic: int
    done: int
    waiting: int

    def pair(self, name: str) -> Keypair:
        return pair(name)


def pair(name: str) -> Keypair:
    return Keypair.create_from_uri(f"//{name}")


@pytest.fixture(scope="session")
def field() -> Iterator[Field]:
    with LocalNode(DevRuntime) as node, Client(node.ws, node.grpc) as client:
        rain, harvest, hostile = _commons(client)
        clinic = _clinic(client)
        done, waiting = _jobs(client, clinic)
        yield Field(node, client, rain, harvest, hostile, clinic, done, waiting)


def _commons(client: Client) -> tuple[int, int, int]:
    alice, bob, charlie = pair("Alice"), pair("Bob"), pair("Charlie")
    rain = client.publish_dataset(
        alice,
        {"rain.csv": _rain(), "README.md": b"# Rain\nMillimetres by station and month.\n"},
        name="Rainfall of the Volta basin, 1961-2020",
        spdx="CC-BY-4.0",
        tags=["climate", "rain", "ghana", "time-series"],
        description="Monthly rainfall of twelve stations, read by hand from paper and checked.",
    )
    harvest = client.publish_dataset(
        bob,
        {"harvest.csv": b"year,crop,tonnes\n2019,maize,812\n2020,maize,790\n2020,cassava,2110\n"},
        name="Harvests beside the Volta",
        spdx="CC0-1.0",
        tags=["agriculture", "ghana"],
        description="What the rain came to.",
    )
    hostile = client.publish_dataset(
        charlie,
        {"<img src=x onerror=alert(1)>.csv": b'<b>a</b>,"b""c"\n<script>alert(2)</script>,2\n'},
        name=HOSTILE,
        spdx="CC0-1.0",
        tags=["<i>tag</i>"],
        description="<script>alert(3)</script>",
    )
    tag = {"dataset": rain, "tag": "v1", "revision": 0}
    client.submit(alice, "Datasets", "tag_revision", tag)
    cite = {"dataset": harvest, "revision": 0, "uses": bounded([(rain, 0)])}
    client.submit(bob, "Datasets", "cite", cite)
    return rain, harvest, hostile


def _rain() -> bytes:
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(["station", "year", "month", "millimetres", "observer"])
    for number in range(720):
        station = ("Tamale", "Yendi", "Bole", "Navrongo")[number % 4]
        wet = (number * 37 % 211) / 1.3
        table.writerow([station, 1961 + number // 12, number % 12 + 1, f"{wet:.1f}", "A. Mensah"])
    return written.getvalue().encode()


def _clinic(client: Client) -> int:
    rows = "".join(f"{20 + n % 60},{n % 7}.5,{'yes' if n % 3 else 'no'}\n" for n in range(300))
    draft = read_csv(f"age,marker,relapsed\n{rows}".encode(), label="relapsed")
    schema = draft.suggest()
    root = sha256(b"rows").digest()
    registration = Registration.of(schema, rows=300, row_root=root)
    return client.register_private(
        pair("Dave"),
        registration,
        name="Relapses at a clinic",
        policy=Policy(
            price_per_job=2 * UNIT,
            price_per_epsilon=UNIT,
            max_epsilon=3.0,
            max_params=10_000,
            max_output_bytes=100_000,
        ),
        budget=Budget(epsilon=8.0, delta=1e-6, output_bytes=1_000_000),
        workers=[pair("Eve").ss58_address],
        description="Three hundred patients; their rows stay with the clinic.",
    )


def _jobs(client: Client, clinic: int) -> tuple[int, int]:
    """One job that was paid for, and one that waits for a worker."""
    bob, eve = pair("Bob"), pair("Eve")
    client.register_worker(eve)
    model = b"a model"
    client.publish_content(bob, model)
    plan = TrainingPlan(epsilon=1.0, steps=20)
    spec = client.job_spec(clinic, model, plan, key=bytes(32), params=33, max_output_bytes=4096)
    done = client.create_job(bob, spec, tip=UNIT).number
    client.submit(eve, "Compute", "claim_job", {"job": done})
    root = "0x" + sha256(b"rows").hexdigest()
    client.submit(eve, "Compute", "start", {"job": done, "row_root": root})
    result = client.publish_content(eve, b"sealed result")
    delivered = {"job": done, "result_hash": "0x" + result.hex(), "size": 13}
    client.submit(eve, "Compute", "submit_result", delivered)
    client.submit(bob, "Compute", "acknowledge", {"job": done})
    waiting = client.create_job(bob, spec).number
    return done, waiting
