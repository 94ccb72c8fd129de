"""Twenty jobs at once on a node with a vault: each must be delivered before its deadlines.

One job alone, from its order to its sealed result, and then twenty that are ordered one behind the
other while the first ones run, as a multiple of the one. Blocks are made as transactions come, so
the chain's deadlines, which count blocks, come nearer the busier it is.
Run: python benches/jobs.py [jobs]
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from substrateinterface import Keypair

from tilth.cli.vault import open_vault
from tilth.engine import linear
from tilth.sdk import Budget, Client, Job, JobSpec, NodeProcess, Policy, SealingKey, TrainingPlan
from tilth.vault import Budget as OwnersBudget
from tilth.vault import EpsilonCap, read_csv

JOBS: Final = int(sys.argv[1]) if len(sys.argv) > 1 else 20
ROWS: Final = 500
FEATURES: Final = 10
EPSILON: Final = 0.1
TOKEN: Final = 10**12


def main() -> None:
    with TemporaryDirectory() as folder:
        vault = open_vault(Path(folder))
        draft = read_csv(table(), label="sick")
        registration = vault.add("patients", draft.table(draft.suggest()))
        vault.ledger("patients").declare(OwnersBudget(EpsilonCap(10**9, 10**7), 10**9))
        with NodeProcess("--vault", folder) as node, Client(node.ws, node.grpc) as client:
            owner, worker, buyer = map(
                Keypair.create_from_uri, ("//Alice", "//Alice//worker", "//Bob")
            )
            client.register_worker(worker)
            dataset = client.register_private(
                owner,
                registration,
                name="Patients",
                policy=Policy(
                    price_per_job=TOKEN,
                    price_per_epsilon=TOKEN,
                    max_epsilon=1,
                    max_params=1_000,
                    max_output_bytes=16_000,
                ),
                budget=Budget(epsilon=1_000, output_bytes=10**9),
                workers=[worker.ss58_address],
            )
            model = linear(FEATURES, 2)
            client.publish_content(buyer, model)
            key = SealingKey.generate()
            spec = client.job_spec(dataset, model, TrainingPlan(epsilon=EPSILON), key=key.public)
            alone = min(timed(client, buyer, spec, 1) for _ in range(3))
            together = timed(client, buyer, spec, JOBS)
    print(f"one job, from its order to its sealed result: {alone:.2f} s")
    print(
        f"{JOBS} of them: {together:.2f} s, {together / alone:.1f} × one ({JOBS / together:.1f}/s)"
    )


def timed(client: Client, buyer: Keypair, spec: JobSpec, count: int) -> float:
    """Seconds until all of them have a result; raises JobRefunded where one missed a deadline."""
    began, height = time.perf_counter(), client.block_number()
    jobs: list[Job] = [client.create_job(buyer, spec) for _ in range(count)]
    for job in jobs:
        job.wait()
    taken = time.perf_counter() - began
    if count > 1:
        delivered = [job.now().delivered for job in jobs]
        print(f"delivered: {len(delivered)} of {count}, in {client.block_number() - height} blocks")
    for job in jobs:
        client.acknowledge(buyer, job)
    return taken


def table() -> bytes:
    random = np.random.default_rng(1)
    labels = np.arange(ROWS) % 2
    features = np.clip(random.normal(0, 0.5, (ROWS, FEATURES)) + labels[:, None] - 0.5, -2, 2)
    names = [f"x{at}" for at in range(FEATURES)]
    lines = [
        ",".join([*(f"{value:.4f}" for value in row), "yes" if label else "no"])
        for row, label in zip(features, labels, strict=True)
    ]
    return "\n".join([",".join([*names, "sick"]), *lines, ""]).encode()


if __name__ == "__main__":
    main()
