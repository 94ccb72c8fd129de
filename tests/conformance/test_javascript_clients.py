"""Unmodified JavaScript clients, driven against a node in another process."""

import asyncio
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tilth.node.author import Author, InstantSeal
from tilth.node.pool import Pool
from tilth.node.service import Node, NodeConfig, Sealing
from tilth.rpc.jsonrpc import author, chain, payment, state, system
from tilth.rpc.jsonrpc.dispatch import MethodTable
from tilth.rpc.jsonrpc.server import Server
from tilth.rpc.jsonrpc.table import method_table
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec
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


def drive(script: str, url: str) -> dict[str, Any]:
    """Run a client's script; it prints what it saw."""
    finished = subprocess.run(
        ["node", script, url], cwd=NPM, capture_output=True, text=True, timeout=100, check=False
    )
    assert finished.returncode == 0, finished.stderr
    seen: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return seen


class SystemClock:
    def milliseconds(self) -> int:
        return time.time_ns() // 1_000_000


class Reorganizing:
    """Takes the block of the first transaction back, includes it again, and makes that final."""

    def __init__(self, author: Author, pool: Pool) -> None:
        self._author = author
        self._pool = pool
        self._begun = False

    def start(self) -> None:
        self._base = self._author.build()
        self._pool.on_ready.append(self._begin)

    def stop(self) -> None: ...

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            build: Callable[[], object] = self._author.build
            steps = (build, self._take_back, *[build] * 5)
            for number, step in enumerate(steps):
                asyncio.get_running_loop().call_later(0.5 * number, step)

    def _take_back(self) -> None:
        self._author.build(self._author.build(self._base))


class ThreadNode:
    """A node in a thread of its own, with methods and blocks as the test wants them."""

    def __init__(self, table: MethodTable, sealing: Sealing, *, finality_lag: int = 0) -> None:
        self.ws = ""
        self._table = table
        self._sealing = sealing
        self._finality_lag = finality_lag
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(30), "the node did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._down = asyncio.get_running_loop(), asyncio.Event()
        runtime = DevRuntime()
        config = NodeConfig(
            runtime,
            dev_spec(runtime),
            SystemClock(),
            sealing=self._sealing,
            finality_lag=self._finality_lag,
        )
        node = Node(config)
        async with Server(self._table, node, port=0) as server:
            node.start()
            self.ws = f"ws://127.0.0.1:{server.port}"
            self._up.set()
            await self._down.wait()
            await node.stop()


@pytest.fixture(scope="module")
def node() -> Any:
    with NodeProcess() as running:
        yield running


@pytest.fixture(scope="module")
def polkadotjs(node: NodeProcess) -> dict[str, Any]:
    return drive("polkadotjs.mjs", node.ws)


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


@pytest.fixture(scope="module")
def papi(node: NodeProcess) -> dict[str, Any]:
    return drive("papi.mjs", node.ws)


@pytest.fixture(scope="module")
def legacy_papi() -> Iterator[dict[str, Any]]:
    table = MethodTable(author, chain, payment, state, system)
    with ThreadNode(table, InstantSeal) as node:
        yield drive("papi.mjs", node.ws)


@pytest.fixture(params=["papi", "legacy_papi"])
def either_papi(request: pytest.FixtureRequest) -> dict[str, Any]:
    seen: dict[str, Any] = request.getfixturevalue(request.param)
    return seen


def test_papi_transfers_and_reads(either_papi: dict[str, Any]) -> None:
    assert either_papi["ok"]
    assert either_papi["received"] == "1000000000000"
    assert either_papi["events"][-1] == "System.ExtrinsicSuccess"
    assert either_papi["again"]
    assert either_papi["body"] >= 2
    assert either_papi["entries"]
    assert either_papi["several"] == 2
    assert either_papi["nonce"] >= 3
    assert int(either_papi["fee"]) > 0


def test_papi_watches_values_entries_and_blocks(either_papi: dict[str, Any]) -> None:
    assert either_papi["watchedValues"] == ["0", "1000000000000", "3000000000000"]
    assert either_papi["watchedEntries"]
    assert either_papi["finalizedBlocks"]


def test_papi_names_what_fails(either_papi: dict[str, Any]) -> None:
    assert either_papi["failed"] == "Underflow"
    assert either_papi["refused"] == "Stale"


def test_papi_reads_blocks_from_before_it_came(either_papi: dict[str, Any]) -> None:
    assert either_papi["old"]
    assert either_papi["oldHeader"] == 0


def test_papi_speaks_the_new_protocol_where_it_is_served(papi: dict[str, Any]) -> None:
    groups = {name.rpartition("_")[0] for name in papi["methods"]}

    assert groups == {
        "archive_v1",
        "chainHead_v1",
        "chainSpec_v1",
        "transaction_v1",
        "chain",
        "rpc",
    }
    assert [name for name in papi["methods"] if name.startswith("chain_")] == ["chain_getBlockHash"]


def test_papi_is_served_by_the_old_methods_alone(legacy_papi: dict[str, Any]) -> None:
    assert not [name for name in legacy_papi["methods"] if "_v1_" in name]
    assert "chain_subscribeAllHeads" in legacy_papi["methods"]


@pytest.mark.parametrize("legacy", [False, True])
def test_papi_sees_a_block_that_is_taken_back(legacy: bool) -> None:
    old = MethodTable(author, chain, payment, state, system)
    with ThreadNode(old if legacy else method_table(), Reorganizing, finality_lag=3) as node:
        seen = drive("papi_reorg.mjs", node.ws)

    told = [(each["type"], each.get("found"), each.get("block")) for each in seen["told"]]
    assert told[-4:] == [
        ("txBestBlocksState", True, 2),
        ("txBestBlocksState", False, None),
        ("txBestBlocksState", True, 4),
        ("finalized", None, 4),
    ]
