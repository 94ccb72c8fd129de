"""Followers in processes of their own: they have everything when the first node is gone."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from substrateinterface import Keypair, SubstrateInterface

import tilth
from tilth.node.rocks import RocksStore
from tilth.node.store import CONTENT
from tilth.primitives.cid import RAW, SHA2_256, Cid
from tilth.sdk import Client
from tilth.sdk.process import NodeProcess, NotStarted

ALICE = Keypair.create_from_uri("//Alice")
BOB = Keypair.create_from_uri("//Bob")
TABLE = b"seed,height\n" + b"".join(b"%d,%d\n" % (n, n * 7 % 101) for n in range(40_000))


def ask(node: NodeProcess, method: str, *params: object) -> Any:
    connection = http.client.HTTPConnection(node.http.removeprefix("http://"), timeout=10)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["result"]


def get(node: NodeProcess, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(node.http.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    reply = connection.getresponse()
    found = reply.status, reply.read()
    connection.close()
    return found


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def following(*peers: NodeProcess, base: Path, options: tuple[str, ...] = ()) -> NodeProcess:
    sync = [part for peer in peers for part in ("--sync", peer.ws)]
    return NodeProcess(*sync, "--base-path", str(base), *options, command="node")


def pay(node: NodeProcess) -> None:
    chain: Any = SubstrateInterface(url=node.ws)
    params = {"dest": BOB.ss58_address, "value": 10**12}
    call = chain.compose_call("Balances", "transfer_keep_alive", params)
    extrinsic = chain.create_signed_extrinsic(call=call, keypair=ALICE)
    receipt = chain.submit_extrinsic(extrinsic, wait_for_inclusion=True)
    assert receipt.is_success
    chain.close()


@pytest.fixture
def first(tmp_path: Path) -> Iterator[NodeProcess]:
    with NodeProcess("--base-path", str(tmp_path / "first")) as node:
        yield node


def same_head(*nodes: NodeProcess) -> bool:
    return len({ask(node, "chain_getFinalizedHead") for node in nodes}) == 1


def test_a_dataset_outlives_the_node_that_published_it(first: NodeProcess, tmp_path: Path) -> None:
    path = tmp_path / "heights.csv"
    path.write_bytes(TABLE)
    with Client(first.ws, first.grpc) as client:
        number = client.publish_dataset(ALICE, path, name="heights", spdx="CC0-1.0")
    with following(first, base=tmp_path / "second") as second:
        until(lambda: same_head(first, second))
        pay(first)
        until(lambda: same_head(first, second))
        health = ask(second, "system_health")
        assert health == {"peers": 1, "isSyncing": False, "shouldHavePeers": True}
        assert ask(second, "system_nodeRoles") == ["Full"]

        first.kill()
        shutil.rmtree(tmp_path / "first")
        path.unlink()
        until(lambda: ask(second, "system_health")["peers"] == 0)
        with Client(second.ws, second.grpc) as client:
            assert client.fetch_dataset(number) == {"heights.csv": TABLE}
        cache = tmp_path / "cache"
        with tilth.load_dataset("heights", url=second.ws, grpc=second.grpc, cache=cache) as loaded:
            assert loaded.to_numpy()[:, 1].sum() == sum(n * 7 % 101 for n in range(40_000))


def test_a_follower_goes_on_after_a_kill_and_passes_transactions_on(
    first: NodeProcess, tmp_path: Path
) -> None:
    pay(first)
    with following(first, base=tmp_path / "second") as second:
        until(lambda: same_head(first, second))
        assert "on trust" in second.log.read_text()
        second.kill()
        pay(first)
        second.start()
        until(lambda: same_head(first, second))
        assert second.log.read_text().count("on trust") == 1

        pay(second)
        assert ask(first, "chain_getHeader")["number"] == "0x3"
        until(lambda: same_head(first, second))
        assert "dev_newBlock" not in ask(second, "rpc_methods")["methods"]


def test_one_follower_follows_another_and_falls_back(first: NodeProcess, tmp_path: Path) -> None:
    with following(first, base=tmp_path / "second") as second:
        spec = tmp_path / "second" / "chain-spec.json"
        options = ("--chain", str(spec))
        peers = (second, first)
        with following(*peers, base=tmp_path / "third", options=options) as third:
            pay(third)
            until(lambda: same_head(first, second, third))
            second.kill()
            pay(first)
            until(lambda: same_head(first, third))
            assert "on trust" not in third.log.read_text()


def test_damaged_content_is_healed_from_the_peer(first: NodeProcess, tmp_path: Path) -> None:
    with Client(first.ws, first.grpc) as client:
        hash = client.publish_content(ALICE, TABLE)
    path = f"/ipfs/{Cid(RAW, SHA2_256, hash)}"
    base = tmp_path / "second"
    with following(first, base=base) as second:
        until(lambda: same_head(first, second))
        second.stop()
        store = RocksStore(base)
        record = bytearray(store.get(CONTENT + hash) or b"")
        record[5000] ^= 1
        store.commit({CONTENT + hash: bytes(record)})
        store.close()

        second.start()
        until(lambda: ask(second, "system_health")["peers"] == 1)
        assert get(second, path) == (200, TABLE)
        assert "does not match its checksum" in second.log.read_text()
        assert "is restored" in second.log.read_text()
        first.kill()
        second.stop()
        second.start()
        assert get(second, path) == (200, TABLE)


def test_content_may_be_kept_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    elsewhere, base = tmp_path / "elsewhere", tmp_path / "base"
    url = f"file://{elsewhere}"
    with NodeProcess("--base-path", str(base), "--content-store", url) as node:
        with Client(node.ws, node.grpc) as client:
            hash = client.publish_content(ALICE, TABLE)
        (file,) = [path for path in elsewhere.rglob("*") if path.is_file()]
        assert (file.name, file.read_bytes()) == (hash.hex(), TABLE)
        node.kill()
        node.start()
        path = f"/ipfs/{Cid(RAW, SHA2_256, hash)}"
        assert get(node, path) == (200, TABLE)

        node.kill()
        file.write_bytes(TABLE[:-1])
        node.start()
        status, said = get(node, path)
        assert status == 503
        assert hash.hex() in said.decode()


def refusal(*options: str) -> str:
    command = [sys.executable, "-m", "tilth", "node", "--rpc-port", "0", "--grpc-port", "0"]
    ended = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=60, env=os.environ
    )
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_follower_that_cannot_be_says_why(first: NodeProcess, tmp_path: Path) -> None:
    base = ("--base-path", str(tmp_path / "second"))
    nobody = ("--sync", "ws://127.0.0.1:1")
    assert "cannot be reached" in refusal(*nobody, *base)

    spec = tmp_path / "spec.json"
    spec.write_text("{}")
    assert "no raw chain specification" in refusal(*nobody, *base, "--chain", str(spec))
    assert "cannot be read" in refusal(*nobody, *base, "--chain", str(tmp_path / "none.json"))

    other = ("--runtime", "tilth.runtime.minimal:Minimal")
    said = refusal("--sync", first.ws, *base, *other)
    assert "goes on with" in said
    assert "--runtime" in said


def test_a_peer_with_another_genesis_is_left_alone(first: NodeProcess, tmp_path: Path) -> None:
    with following(first, base=tmp_path / "second") as second:
        spec = json.loads((tmp_path / "second" / "chain-spec.json").read_text())
        second.stop()
    spec["genesis"]["raw"]["top"]["0x" + b"more".hex()] = "0x00"
    path = tmp_path / "other.json"
    path.write_text(json.dumps(spec))
    options = ("--chain", str(path))
    with following(first, base=tmp_path / "third", options=options) as third:
        until(lambda: "its chain is another" in third.log.read_text())
        assert ask(third, "chain_getHeader")["number"] == "0x0"


def test_a_store_of_another_chain_is_not_gone_on_with(first: NodeProcess, tmp_path: Path) -> None:
    base = tmp_path / "second"
    with following(first, base=base) as second:
        until(lambda: same_head(first, second))
    spec = json.loads((base / "chain-spec.json").read_text())
    spec["genesis"]["raw"]["top"]["0x" + b"more".hex()] = "0x00"
    (tmp_path / "other.json").write_text(json.dumps(spec))
    with pytest.raises(NotStarted, match="genesis"):
        following(first, base=base, options=("--chain", str(tmp_path / "other.json"))).__enter__()
