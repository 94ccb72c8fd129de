"""A dApp's script pays everybody on a list in one batch: payroll.py ws://… //Secret list.csv"""

import csv
import sys
from pathlib import Path

from substrateinterface import Keypair, SubstrateInterface


class NotPaid(Exception):
    """The chain did not make the payments; the text says why."""


def pay(client: SubstrateInterface, employer: Keypair, salaries: dict[str, int]) -> str:
    """Pay everybody or nobody; returns the hash of the block that did it."""
    calls = [
        client.compose_call("Balances", "transfer_keep_alive", {"dest": who, "value": amount})
        for who, amount in salaries.items()
    ]
    batch = client.compose_call("Utility", "batch_all", {"calls": calls})
    signed = client.create_signed_extrinsic(batch, employer)
    receipt = client.submit_extrinsic(signed, wait_for_finalization=True)
    if not receipt.is_success:
        failed = receipt.triggered_events[-1].value["attributes"]["dispatch_error"]
        raise NotPaid(f"nobody was paid: {failed}")
    return str(receipt.block_hash)


def read(path: Path) -> dict[str, int]:
    with path.open(newline="") as rows:
        return {address: int(amount) for address, amount in csv.reader(rows)}


if __name__ == "__main__":
    url, secret, salaries = sys.argv[1:]
    with SubstrateInterface(url=url) as client:
        print(pay(client, Keypair.create_from_uri(secret), read(Path(salaries))))
