"""An unmodified async-substrate-interface, driven against a node from an environment of its own."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tilth.primitives import ss58
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime import DevRuntime
from tilth.testing import LocalNode

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def seen(drive_apart: Callable[..., Seen]) -> Seen:
    pairs = [Keypair.from_uri(f"//{name}") for name in ("Alice", "Bob", "Charlie")]
    secrets = [
        (pair.public.hex(), pair.expose_secret().hex(), ss58.encode(pair.account)) for pair in pairs
    ]
    with LocalNode(DevRuntime) as node:
        return drive_apart("async_client.py", node.ws, json.dumps(secrets))


def test_it_connects_and_reads(seen: Seen) -> None:
    read = seen["read"]

    assert read["chain"] == "Tilth Development"
    assert read["deposit"] == 10**9
    assert read["accounts"] == 13
    assert read["several"] == 2
    assert read["nonce"] == read["api"] == read["header"] == 0
    assert read["fee"] > 0


def test_it_watches_transfers_mortal_and_immortal(seen: Seen) -> None:
    transfer = seen["transfer"]

    assert transfer["success"]
    assert transfer["events"][1] == "Balances.Transfer"
    assert transfer["events"][-1] == "System.ExtrinsicSuccess"
    assert transfer["tip"] == 7
    assert transfer["fee"] > 7
    assert transfer["received"] == 6 * 10**12


def test_it_reads_history(seen: Seen) -> None:
    assert seen["transfer"]["historic"] == 0


def test_it_acts_in_batches_and_together_with_others(seen: Seen) -> None:
    assert "Utility.BatchCompleted" in seen["together"]["batch"]
    assert seen["together"]["multisig"] == ["Multisig.NewMultisig", "Multisig.MultisigExecuted"]


def test_it_is_told_why_something_fails(seen: Seen) -> None:
    assert not seen["fail"]["success"]
    assert seen["fail"]["events"][-1] == "System.ExtrinsicFailed"
    assert "Transaction is outdated" in seen["fail"]["refused"]


def test_it_lands_pipelined_transactions(seen: Seen) -> None:
    assert seen["race"]["landed"] == 50


def test_it_hears_of_heads_and_balances(seen: Seen) -> None:
    assert seen["listen"] == {"heads": 1, "balances": 10**12}


def test_it_goes_on_over_an_upgrade(
    drive_apart: Callable[..., Seen], upgraded: Callable[[LocalNode], None]
) -> None:
    with LocalNode(DevRuntime) as node:
        seen = drive_apart("async_upgrade.py", node.ws, meanwhile=lambda: upgraded(node))

    assert seen["now"] == seen["before"] + 1
    assert "greet" in seen["call"]
    assert not seen["then"]
