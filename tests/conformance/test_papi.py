"""An unmodified polkadot-api, driven against nodes with the new protocol and with the old one."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tilth.node.author import Sealing
from tilth.rpc.jsonrpc import author, chain, payment, state, system
from tilth.rpc.jsonrpc.dispatch import MethodTable
from tilth.runtime import DevRuntime
from tilth.testing import LocalNode

pytestmark = pytest.mark.npm

Seen = dict[str, Any]
Drive = Callable[..., Seen]


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with LocalNode(DevRuntime) as running:
        yield running


@pytest.fixture(scope="module")
def old_methods() -> MethodTable:
    return MethodTable(author, chain, payment, state, system)


@pytest.fixture(scope="module")
def modern(node: LocalNode, drive: Drive) -> Seen:
    return drive("papi.mjs", node.ws)


@pytest.fixture(scope="module")
def legacy(old_methods: MethodTable, drive: Drive) -> Seen:
    with LocalNode(DevRuntime, methods=old_methods) as node:
        return drive("papi.mjs", node.ws)


@pytest.fixture(params=["modern", "legacy"])
def seen(request: pytest.FixtureRequest) -> Seen:
    either: Seen = request.getfixturevalue(request.param)
    return either


def test_it_transfers_and_reads(seen: Seen) -> None:
    assert seen["ok"]
    assert seen["received"] == "1000000000000"
    assert seen["events"][-1] == "System.ExtrinsicSuccess"
    assert seen["again"]
    assert seen["body"] >= 2
    assert seen["entries"]
    assert seen["several"] == 2
    assert seen["nonce"] >= 3
    assert int(seen["fee"]) > 0
    assert seen["deposit"] == "1000000000"
    assert seen["coreVersion"] == "tilth"


def test_it_watches_values_entries_and_blocks(seen: Seen) -> None:
    """Entries are watched by proofs, which this client verifies itself."""
    assert seen["watchedValues"] == ["0", "1000000000000", "3000000000000"]
    assert seen["watchedEntries"]
    assert seen["finalizedBlocks"]


def test_it_sends_immortal_and_mortal_transactions_with_a_tip(seen: Seen) -> None:
    assert seen["tip"] == 5
    assert seen["immortal"]
    assert seen["batch"] == "BatchCompleted"


def test_it_acts_together_with_others(seen: Seen) -> None:
    assert seen["multisig"] == ["NewMultisig", "MultisigExecuted"]


def test_it_signs_the_hash_of_the_metadata(seen: Seen) -> None:
    assert seen["hashed"]
    assert seen["wronglyHashed"] == "BadProof"


def test_it_lands_pipelined_transactions(seen: Seen) -> None:
    assert seen["pipelined"] == 50


def test_it_names_what_fails(seen: Seen) -> None:
    assert seen["failed"] == "Underflow"
    assert seen["refused"] == "Stale"


def test_it_reads_history_and_blocks_from_before_it_came(seen: Seen) -> None:
    assert seen["historic"] == "1000000000000"
    assert seen["old"]
    assert seen["oldHeader"] == 0


def test_it_speaks_the_new_protocol_where_it_is_served(modern: Seen) -> None:
    groups = {name.rpartition("_")[0] for name in modern["methods"]}

    assert groups == {
        "archive_v1",
        "chainHead_v1",
        "chainSpec_v1",
        "transaction_v1",
        "chain",
        "rpc",
    }
    assert [name for name in modern["methods"] if name.startswith("chain_")] == [
        "chain_getBlockHash"
    ]


def test_it_is_served_by_the_old_methods_alone(legacy: Seen) -> None:
    assert not [name for name in legacy["methods"] if "_v1_" in name]
    assert "chain_subscribeAllHeads" in legacy["methods"]
    assert "state_getReadProof" in legacy["methods"]


@pytest.mark.parametrize("old", [False, True])
def test_it_sees_a_block_that_is_taken_back(
    old: bool, old_methods: MethodTable, reorganizing: Sealing, drive: Drive
) -> None:
    methods = old_methods if old else None
    with LocalNode(DevRuntime, sealing=reorganizing, finality_lag=3, methods=methods) as node:
        seen = drive("papi_reorg.mjs", node.ws)

    told = [(each["type"], each.get("found"), each.get("block")) for each in seen["told"]]
    assert told[-4:] == [
        ("txBestBlocksState", True, 2),
        ("txBestBlocksState", False, None),
        ("txBestBlocksState", True, 4),
        ("finalized", None, 4),
    ]


@pytest.fixture(scope="module")
def descriptors(
    node: LocalNode, node_modules: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What `papi add` generates of a running node, in a project of its own."""
    project = tmp_path_factory.mktemp("papi")
    (project / "node_modules").symlink_to(node_modules)
    (project / "package.json").write_text('{"name": "project", "type": "module"}')
    command = ["node", "--experimental-websocket", "node_modules/.bin/papi", "add", "tilth"]
    # its last step would install what is a link here
    environment = {**os.environ, "npm_config_dry_run": "true"}
    generated = subprocess.run(
        [*command, "-w", node.ws],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert generated.returncode == 0, generated.stderr
    return project / ".papi" / "descriptors" / "dist" / "index.js"


def test_it_generates_types_of_a_running_node(
    descriptors: Path, node: LocalNode, drive: Drive
) -> None:
    seen = drive("papi_typed.mjs", node.ws, str(descriptors))

    assert seen["ok"]
    assert seen["deposit"] == "1000000000"
    assert seen["slot"] == "6000"
    assert seen["transferred"] == 1
    assert seen["nonce"] >= 1
    assert seen["fee"]
    types = descriptors.with_name("tilth.d.ts").read_text()
    assert "create_job" in types
    assert "transfer_keep_alive" in types


@pytest.mark.parametrize("old", [False, True])
def test_it_goes_on_over_an_upgrade(
    old: bool, old_methods: MethodTable, upgraded: Callable[[LocalNode], None], drive: Drive
) -> None:
    with LocalNode(DevRuntime, methods=old_methods if old else None) as node:
        seen = drive("papi_upgrade.mjs", node.ws, meanwhile=lambda: upgraded(node))

    assert seen["now"] == seen["before"] + 1
    assert "Greeter.Greeted" in seen["events"]
