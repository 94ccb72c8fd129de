"""Unmodified JavaScript clients, driven against a node in another process."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tilth.testing.process import NodeProcess

NPM = Path(__file__).parent / "npm"

pytestmark = [
    pytest.mark.npm,
    pytest.mark.xdist_group("npm"),
    pytest.mark.skipif(
        not (NPM / "node_modules").exists() or shutil.which("node") is None,
        reason="`make test` installs the npm clients",
    ),
]


def drive(script: str, node: NodeProcess) -> dict[str, Any]:
    """Run a client's script; it prints what it saw."""
    finished = subprocess.run(
        ["node", script, node.ws], cwd=NPM, capture_output=True, text=True, timeout=100, check=False
    )
    assert finished.returncode == 0, finished.stderr
    seen: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return seen


@pytest.fixture(scope="module")
def node() -> Any:
    with NodeProcess() as running:
        yield running


@pytest.fixture(scope="module")
def polkadotjs(node: NodeProcess) -> dict[str, Any]:
    return drive("polkadotjs.mjs", node)


def test_polkadot_js_reads_the_newest_metadata(polkadotjs: dict[str, Any]) -> None:
    assert polkadotjs["metadataVersion"] == 16
    assert polkadotjs["specName"] == "tilth"
    assert {"System", "Balances", "Datasets", "Rewards", "Compute"} <= set(polkadotjs["pallets"])
    assert {"createJob", "publish", "registerPrivate"} <= set(polkadotjs["calls"])


def test_polkadot_js_watches_a_transfer_to_its_end(polkadotjs: dict[str, Any]) -> None:
    assert polkadotjs["transfer"]["statuses"][-1] == "Finalized"
    assert polkadotjs["inBlock"] >= 1
    assert polkadotjs["transfer"]["events"][0] == "balances.Withdraw"
    assert polkadotjs["transfer"]["events"][-1] == "system.ExtrinsicSuccess"
    assert polkadotjs["received"] == "1000000000000"
    assert int(polkadotjs["partialFee"]) > 0


def test_polkadot_js_sends_again_at_once(polkadotjs: dict[str, Any]) -> None:
    assert polkadotjs["again"] == ["Finalized"] * 3
    assert polkadotjs["immortal"] == "Finalized"
    assert "utility.BatchCompleted" in polkadotjs["batch"]


def test_polkadot_js_lands_pipelined_transactions(polkadotjs: dict[str, Any]) -> None:
    assert polkadotjs["pipelined"] == 20


def test_polkadot_js_names_errors(polkadotjs: dict[str, Any]) -> None:
    assert "FundsUnavailable" in polkadotjs["failed"]
    assert polkadotjs["stale"] == "1010: Invalid Transaction: Transaction is outdated"


def test_polkadot_js_reads_history_and_proofs(polkadotjs: dict[str, Any]) -> None:
    assert polkadotjs["historic"] == 1
    assert polkadotjs["entries"]
    assert polkadotjs["nonceByRuntime"]
    assert polkadotjs["proof"]
    assert polkadotjs["author"] == "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def test_polkadot_js_hears_of_heads_and_balances(polkadotjs: dict[str, Any]) -> None:
    assert polkadotjs["heads"] >= 5
    assert polkadotjs["balanceUpdates"] >= 3


def test_papi_transfers_and_reads(node: NodeProcess) -> None:
    seen = drive("papi.mjs", node)

    assert seen["ok"]
    assert seen["received"] == "1000000000000"
    assert seen["events"][-1] == "System.ExtrinsicSuccess"
    assert seen["entries"]
    assert int(seen["fee"]) > 0
