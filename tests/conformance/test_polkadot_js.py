"""Unmodified @polkadot/api, driven against a node."""

from collections.abc import Callable
from typing import Any

import pytest

from tilth.node.author import Sealing
from tilth.runtime import DevRuntime
from tilth.testing import LocalNode

pytestmark = pytest.mark.npm

Seen = dict[str, Any]
Drive = Callable[..., Seen]
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


@pytest.fixture(scope="module", params=["@polkadot/api", "polkadot-js-api-17"])
def seen(request: pytest.FixtureRequest, drive: Drive) -> Seen:
    with LocalNode(DevRuntime) as node:
        return drive("polkadotjs.mjs", node.ws, request.param)


def test_both_versions_are_driven(seen: Seen, request: pytest.FixtureRequest) -> None:
    version = "17.0.1" if "polkadot-js-api-17" in request.node.name else "16.5.6"

    assert seen["client"] == version


def test_it_reads_the_newest_metadata_and_constants(seen: Seen) -> None:
    assert seen["metadataVersion"] == 16
    assert seen["specName"] == "tilth"
    assert {"System", "Balances", "Datasets", "Rewards", "Compute"} <= set(seen["pallets"])
    assert {"createJob", "publish", "registerPrivate"} <= set(seen["calls"])
    assert seen["existentialDeposit"] == "1000000000"


def test_it_watches_a_transfer_to_its_end(seen: Seen) -> None:
    assert seen["transfer"]["statuses"][-1] == "Finalized"
    assert seen["transfer"]["events"][0] == "balances.Withdraw"
    assert seen["transfer"]["events"][-1] == "system.ExtrinsicSuccess"
    assert seen["received"] == "1000000000000"
    assert int(seen["partialFee"]) > 0


def test_it_sends_again_at_once(seen: Seen) -> None:
    assert seen["again"] == ["Finalized"] * 3
    assert "utility.BatchCompleted" in seen["batch"]


def test_it_sends_immortal_and_mortal_transactions_with_a_tip(seen: Seen) -> None:
    assert seen["immortal"] == "Finalized"
    assert seen["era"] == 8
    who, fee, tip = seen["mortal"]
    assert (who, tip) == (ALICE, 5)
    assert fee > tip


def test_it_acts_together_with_others(seen: Seen) -> None:
    assert seen["multisig"] == ["multisig.NewMultisig", "multisig.MultisigExecuted"]
    assert seen["spent"]


def test_it_signs_the_hash_of_the_metadata(seen: Seen) -> None:
    assert seen["hashed"] == "Finalized"
    assert seen["wronglyHashed"].endswith("Transaction has a bad signature")


def test_it_lands_pipelined_transactions(seen: Seen) -> None:
    assert seen["pipelined"] == 50


def test_it_names_errors(seen: Seen) -> None:
    assert "FundsUnavailable" in seen["failed"]
    assert seen["stale"] == "1010: Invalid Transaction: Transaction is outdated"


def test_it_reads_history_pages_proofs_and_runtime_apis(seen: Seen) -> None:
    assert seen["historic"] == 1
    assert seen["entries"] == seen["paged"] > 12
    assert seen["several"] == 2
    assert seen["coreVersion"] == "tilth"
    assert seen["nonceByRuntime"]
    assert seen["proof"]
    assert seen["author"] == ALICE


def test_it_hears_of_heads_and_balances(seen: Seen) -> None:
    assert seen["heads"] >= 5
    assert seen["balanceUpdates"] >= 3


def test_it_sees_a_block_that_is_taken_back(drive: Drive, reorganizing: Sealing) -> None:
    with LocalNode(DevRuntime, sealing=reorganizing, finality_lag=3) as node:
        seen = drive("polkadotjs_reorg.mjs", node.ws)

    # it is ready again where it comes back into the pool
    told = [status for status in seen["told"] if status != "Ready"]
    assert told == ["InBlock", "Retracted", "InBlock", "Finalized"]
    assert sorted(seen["heads"]) != sorted(set(seen["heads"]))


def test_it_goes_on_over_an_upgrade(drive: Drive, upgraded: Callable[[LocalNode], None]) -> None:
    with LocalNode(DevRuntime) as node:
        seen = drive("polkadotjs_upgrade.mjs", node.ws, meanwhile=lambda: upgraded(node))

    before = DevRuntime.spec_version
    assert not seen["before"]
    assert seen["versions"] == [before, before + 1]
    assert seen["now"] == before + 1
    assert "greeter.Greeted" in seen["events"]
    assert seen["then"] == {"version": before, "greeter": False}
