"""A node that was killed goes on where it was."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from substrateinterface import Keypair, SubstrateInterface

from tilth.sdk.process import NodeProcess

ALICE = Keypair.create_from_uri("//Alice")
BOB = Keypair.create_from_uri("//Bob")


def ask(node: NodeProcess, method: str, *params: object) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(node.http, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())["result"]


def pay(node: NodeProcess, times: int) -> None:
    chain: Any = SubstrateInterface(url=node.ws)
    call = chain.compose_call(
        "Balances", "transfer_keep_alive", {"dest": BOB.ss58_address, "value": 10**12}
    )
    for _ in range(times):
        extrinsic = chain.create_signed_extrinsic(call=call, keypair=ALICE)
        chain.submit_extrinsic(extrinsic, wait_for_inclusion=True)
    chain.close()


def test_a_killed_node_continues_with_the_same_state(tmp_path: Path) -> None:
    with NodeProcess("--base-path", str(tmp_path)) as node:
        pay(node, 3)
        genesis, head = ask(node, "chain_getBlockHash", 0), ask(node, "chain_getHeader")
        node.kill()
        node.start()

        assert ask(node, "chain_getBlockHash", 0) == genesis
        assert ask(node, "chain_getHeader") == head
        assert int(head["number"], 16) == 3
        pay(node, 1)
        assert int(ask(node, "chain_getHeader")["number"], 16) == 4
