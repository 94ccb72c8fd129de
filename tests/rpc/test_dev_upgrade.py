"""What clients hear when the runtime of a running dev chain is replaced."""

import json
from typing import Any

from websockets.asyncio.client import connect

from tilth.runtime.dev import DevRuntime


class NextRuntime(DevRuntime):
    impl_version = 2


async def test_who_follows_is_told_of_the_new_runtime_and_may_ask_the_old(serving: Any) -> None:
    served = await serving(finality_lag=9)
    peer, node = await served.peer(), served.node
    old = await peer.ask("dev_newBlock")
    follow = await peer.ask("chainHead_v1_follow", True)
    await peer.events_until(follow, "bestBlockChanged")
    metadata = await peer.ask("state_getMetadata")

    node.dev.upgrade(NextRuntime)

    brought, _, first, _ = [await peer.event(follow) for _ in range(4)]
    assert brought["newRuntime"]["spec"]["specVersion"] == 2
    assert first["newRuntime"] is None
    assert (await peer.ask("state_getRuntimeVersion"))["specVersion"] == 2
    assert (await peer.ask("state_getRuntimeVersion", old))["specVersion"] == 1
    assert await peer.ask("state_getMetadata", old) == metadata
    assert await peer.ask("state_getMetadata", brought["blockHash"]) != metadata
    operation = await peer.ask("chainHead_v1_call", follow, old, "Metadata_metadata", "0x")
    assert operation["result"] == "started"
    done = await peer.event(follow)
    assert done["output"].endswith(metadata[2:])
    assert (await peer.ask("state_getStorageHash", "0x3a636f6465", old)) != (
        await peer.ask("state_getStorageHash", "0x3a636f6465")
    )


async def test_legacy_subscribers_hear_the_version_once(serving: Any) -> None:
    served = await serving()
    async with connect(served.url, proxy=None) as old:
        request = {"jsonrpc": "2.0", "id": 1, "method": "state_subscribeRuntimeVersion"}
        await old.send(json.dumps(request))
        heard = [json.loads(await old.recv()) for _ in range(2)]
        served.node.dev.upgrade(NextRuntime)
        served.node.dev.mine(2)
        heard.append(json.loads(await old.recv()))
        await old.send(json.dumps({"jsonrpc": "2.0", "id": 2, "method": "system_name"}))
        last = json.loads(await old.recv())

    versions = [each["params"]["result"]["specVersion"] for each in heard if "method" in each]
    assert versions == [1, 2]
    assert last["id"] == 2
