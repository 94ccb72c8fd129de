"""What unmodified clients were recorded to send: each request is answered, in the form they know.

The recorded replies are another node's, so only their forms are compared, and not what is known to
differ from a Rust node there.
"""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tilth.rpc.jsonrpc.shapes import hex_of

VECTORS = Path(__file__).parents[1] / "vectors" / "jsonrpc"
TRANSCRIPTS = sorted(path.name for path in VECTORS.glob("*.txt.gz"))
HASH = re.compile("0x[0-9a-f]{64}")
SUBSCRIPTION = re.compile(r"subscribe|submitAndWatch|_follow$|archive_v1_storage$")
# another chain's transactions and what was asked of them; keys that only that chain has
OTHER = {
    "author_submitExtrinsic": {1002, 1010},
    "author_submitAndWatchExtrinsic": {1002, 1010},
    "system_dryRun": {1},
    "state_call": {4003},
    # what continues an operation that never began here
    "transaction_v1_stop": {-32602},
}
LEFT_OUT = {"chainHead_v1_unpin"}  # here it would let go of the one block that stands for all
# the recorded node says `null` where a Rust node says whether there was a subscription, and adds a
# version to rpc_methods
KNOWN_BETTER = {"rpc_methods": {"version"}}


def lines(name: str) -> Iterator[tuple[str, Any]]:
    """("-->" or "<--", message); what is no whole message is left out."""
    for line in gzip.decompress((VECTORS / name).read_bytes()).decode().splitlines():
        found = re.match(r"\s*[\d.]+ \S+ (-->|<--|<-D) (.*)", line)
        if found is None:
            continue
        try:
            yield found[1], json.loads(found[2])
        except ValueError:
            continue


def exchanges(name: str) -> list[tuple[Any, Any]]:
    """Requests with their recorded replies, None where the recording cut one short."""
    replies = {m["id"]: m for way, m in lines(name) if way != "-->" and "id" in m}
    requests = [m for way, m in lines(name) if way == "-->"]
    return [(m, replies.get(m["id"])) for m in requests if m["method"] not in LEFT_OUT]


def differences(theirs: Any, ours: Any, where: str = "result") -> list[str]:
    """Where our answer has not the form of theirs; nothing may stand for something absent."""
    if theirs is None or ours is None:
        return []
    if type(theirs) is not type(ours):
        return [f"{where}: {type(ours).__name__} for {type(theirs).__name__}"]
    if isinstance(theirs, dict):
        lost = [f"{where}: no {key}" for key in theirs if key not in ours]
        both = [key for key in theirs if key in ours]
        return lost + [d for k in both for d in differences(theirs[k], ours[k], f"{where}.{k}")]
    if isinstance(theirs, list) and theirs and ours:
        return differences(theirs[0], ours[0], f"{where}[0]")
    return []


def translated(value: Any, best: str, subscriptions: dict[str, str]) -> Any:
    """The same request to our chain: its blocks, our subscriptions."""
    if isinstance(value, list):
        return [translated(each, best, subscriptions) for each in value]
    if isinstance(value, str):
        return best if HASH.fullmatch(value) else subscriptions.get(value, value)
    return value


@pytest.mark.parametrize("name", TRANSCRIPTS)
async def test_a_recorded_client_is_answered(serving: Any, name: str) -> None:
    served = await serving()
    served.node.author.build()
    best = hex_of(served.node.chain.best.hash)
    subscriptions: dict[str, str] = {}
    wrong: list[str] = []
    pairs = exchanges(name)

    async with connect(served.url, proxy=None, max_size=None) as connection:
        for request, recorded in pairs:
            method = request["method"]
            params = translated(request.get("params", []), best, subscriptions)
            await connection.send(json.dumps({**request, "params": params}))
            reply = json.loads(await connection.recv())
            while "id" not in reply:
                reply = json.loads(await connection.recv())

            assert reply["id"] == request["id"]
            if "error" in reply:
                if reply["error"]["code"] not in OTHER.get(method, ()):
                    wrong.append(f"{method}: {reply['error']}")
                continue
            told = None if recorded is None else recorded.get("result")
            if SUBSCRIPTION.search(method) and isinstance(told, str):
                subscriptions[told] = reply["result"]
                if not re.fullmatch("[0-9A-Za-z]{16}", reply["result"]):
                    wrong.append(f"{method}: {reply['result']}")
            known = KNOWN_BETTER.get(method, ())
            if isinstance(told, dict):
                told = {key: value for key, value in told.items() if key not in known}
            wrong += [f"{method}: {each}" for each in differences(told, reply["result"])]

    assert len(pairs) > 15
    assert wrong == []
