"""The owner's part of `tilth job`: which jobs may come to the table."""

import json

from tilth.cli.clients import GRPC, URL, AsJson, Grpc, Key, Url, Yes, confirm, run, signer
from tilth.cli.job_shown import listed
from tilth.cli.vault import FOLDER, Folder, existing_vault
from tilth.sdk import dealings
from tilth.sdk.client import Client


def waiting(*, key: Key = None, as_json: AsJson = False, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Show the jobs that wait for your approval, as the owner of a table."""

    def work(client: Client) -> None:
        found = dealings.waiting_for(client, signer(key).ss58_address)
        print(json.dumps(found)) if as_json else listed(client, {"jobs": found, "cursor": None})

    return run(url, grpc, work)


def approve(job: int, /, *, key: Key = None, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Let a job come to your table."""

    def work(client: Client) -> None:
        done = dealings.approve(client, signer(key), job)
        print(f"job {job} is approved, in block {done.block}")

    return run(url, grpc, work)


def reject(job: int, /, *, key: Key = None, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Refuse a job on your table; its requester gets all his money back."""

    def work(client: Client) -> None:
        done = dealings.reject(client, signer(key), job)
        print(f"job {job} is refused, in block {done.block}")

    return run(url, grpc, work)


def allow(
    dataset: int,
    spec: str,
    /,
    *,
    key: Key = None,
    yes: Yes = False,
    vault: Folder = FOLDER,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """List one job on your table by its hash: no limit binds it, and it may go without noise.

    Parameters
    ----------
    spec
        The hash that its requester was told.
    """

    def work(client: Client) -> None:
        hash = bytes.fromhex(spec.removeprefix("0x"))
        if not yes:
            question = "Did you read what this job releases? It needs no noise."
            confirm(question, "nothing was listed")
        books = existing_vault(vault).ledger(client.dataset(dataset).private.row_root)
        done = dealings.allow(client, signer(key), dataset, hash)
        books.allow(hash)
        print(f"the chain lists it since block {done.block}, and so does the vault in {vault}")

    return run(url, grpc, work)
