"""Rent a private table out, and train a model on it without seeing a row.

The owner's half, in one terminal:
    tilth vault add patients.csv --name patients --label outcome --vault owner
    tilth vault budget patients --epsilon 4 --vault owner
    tilth dev --vault owner
In another, owner and buyer one after the other:
    python examples/rent_out_a_table.py owner patients
"""

import sys
from pathlib import Path

from substrateinterface import Keypair

from tilth.engine import linear
from tilth.sdk import Budget, Client, Policy, SealingKey, TrainingPlan
from tilth.vault import Registration, Schema, Vault

TOKEN = 10**12


def offer(client: Client, table: Registration) -> int:
    """The owner puts a price on the table; public becomes what `table` holds, and no row."""
    owner = Keypair.create_from_uri("//Alice")
    node = Keypair.create_from_uri("//Alice//worker")  # what `tilth dev --vault` signs with
    client.register_worker(node)
    return client.register_private(
        owner,
        table,
        name="Patients",
        policy=Policy(
            price_per_job=TOKEN,
            price_per_epsilon=2 * TOKEN,
            max_epsilon=2,
            max_params=1_000,
            max_output_bytes=16_000,
        ),
        budget=Budget(epsilon=4, output_bytes=100_000),
        workers=[node.ss58_address],
    )


def buy(client: Client, dataset: int) -> bytes:
    """The buyer sends a model, pays, and opens what comes back: an ordinary ONNX file."""
    buyer, key = Keypair.create_from_uri("//Bob"), SealingKey.generate()
    schema: Schema = client.mock(dataset).schema
    model = linear(len(schema.feature_columns), schema.classes)
    client.publish_content(buyer, model)
    spec = client.job_spec(dataset, model, TrainingPlan(epsilon=2), key=key.public)
    print(f"costs {client.quote(buyer.ss58_address, spec).escrow.total / TOKEN:.2f} tokens")
    job = client.create_job(buyer, spec)
    job.wait(lambda now: print(f"block {now.as_of.number}: {now.WhichOneof('state')}"))
    trained = job.result(key)
    client.acknowledge(buyer, job)
    return trained


def main(
    folder: str, name: str, url: str = "ws://127.0.0.1:9944", grpc: str = "127.0.0.1:50051"
) -> None:
    vault = Vault.at(Path(folder) / "tables", Path(folder) / "keystore")
    with Client(url, grpc) as client:
        dataset = offer(client, vault.registration(name))
        Path("trained.onnx").write_bytes(buy(client, dataset))
    print("the model is in trained.onnx")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
