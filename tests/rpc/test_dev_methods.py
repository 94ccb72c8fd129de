"""dev_* and engine_* on the wire: chopsticks' shapes and manual seal's, and what is ours."""

import json
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tilth.frame import AccountId
from tilth.primitives import ss58
from tilth.primitives.crypto import dev
from tilth.primitives.crypto.hashing import twox_128
from tilth.rpc.jsonrpc.table import method_table

ALICE = ss58.encode(dev.ALICE)
BOB = AccountId(dev.BOB)
UNIT = 10**12
DAY = 86_400_000


def account(served: Any, who: bytes) -> Any:
    runtime = served.node.runtime
    with runtime.at(served.node.chain.best.state):
        return runtime.system.account[who]


def now(served: Any) -> int:
    runtime = served.node.runtime
    with runtime.at(served.node.chain.best.state):
        return int(runtime.timestamp.now.get())


async def test_new_blocks_are_made_as_chopsticks_makes_them(serving: Any) -> None:
    served = await serving()
    peer, node = await served.peer(), served.node

    hash = await peer.ask("dev_newBlock")
    assert hash == f"0x{node.chain.best.hash.hex()}"
    await peer.ask("dev_newBlock", {"count": 2})
    await peer.ask("dev_newBlock", {"to": 7})
    assert node.chain.best.number == 7

    given = served.signed(node.runtime.system.remark_with_event.call(b"given"))
    await peer.ask("dev_newBlock", {"transactions": [f"0x{given.hex()}"]})
    assert given in node.chain.best.extrinsics

    refused = await peer.error("dev_newBlock", {"transactions": [f"0x{given.hex()}"]})
    assert refused[0] == 1
    assert "transaction 0 is invalid" in refused[1]
    assert (await peer.error("dev_newBlock", {"ump": {"2000": ["0x00"]}}))[0] == 1
    assert (await peer.error("dev_newBlock", {"cuont": 2}))[0] == 1
    assert node.chain.best.number == 8


async def test_storage_is_set_by_name_in_any_spelling(serving: Any) -> None:
    served = await serving()
    peer, node = await served.peer(), served.node
    before = account(served, dev.ALICE)

    hash = await peer.ask(
        "dev_setStorage",
        {
            "System": {
                "Account": [[[ALICE], {"nonce": 7, "providers": 1, "data": {"free": "123"}}]]
            },
            "balances": {"total_issuance": "0x64"},
            "Sudo": {"key": f"0x{dev.BOB.hex()}"},
            "system": {"upgraded_to_u32_ref_count": False},
        },
    )

    after = account(served, dev.ALICE)
    assert before.nonce == 0
    assert (after.nonce, after.data.free) == (7, 123)
    assert hash == f"0x{node.chain.best.hash.hex()}"
    assert await peer.ask("state_getStorage", "0x" + node.runtime.sudo.key.prefix.hex()) == (
        f"0x{dev.BOB.hex()}"
    )
    # a client can prove what was written
    proof = node.chain.best.state.proof([node.runtime.sudo.key.prefix])
    assert node.chain.best.header.state_root == node.chain.best.state.root
    assert proof

    await peer.ask("dev_setStorage", {"Sudo": {"Key": None}})
    assert node.chain.best.state.get(node.runtime.sudo.key.prefix) is None
    await peer.ask("dev_setStorage", {"System": {"$removePrefix": ["account"]}})
    assert not list(node.chain.best.state.keys(node.runtime.system.account.prefix))


async def test_storage_is_set_by_raw_pairs(serving: Any) -> None:
    served = await serving()
    peer, node = await served.peer(), served.node

    await peer.ask("dev_setStorage", [["0x61", "0x31"], ["0x62", "0x32"]])
    await peer.ask("dev_setStorage", [["0x61", None]])

    assert node.chain.best.state.get(b"a") is None
    assert node.chain.best.state.get(b"b") == b"2"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"Nothing": {}}, "Error: Cannot find pallet Nothing"),
        ({"System": {"Acount": []}}, "Error: Cannot find storage Acount in pallet System"),
        ({"System": {"Account": [[["0x01"], {}]]}}, "has 1 bytes, not 32"),
        ({"System": {"Account": [[[ALICE], {"nonse": 1}]]}}, "its fields are nonce, consumers"),
        ({"System": {"Number": -1}}, "-1 is no u32"),
        ({"System": {"Account": {}}}, "give it a list of [[key], value]"),
        ([["0x6", "0x"]], "is no hex"),
        (7, "an object of pallets, or a list of pairs"),
    ],
)
async def test_what_cannot_be_stored_is_named(serving: Any, values: Any, text: str) -> None:
    served = await serving()
    peer = await served.peer()

    code, message = await peer.error("dev_setStorage", values)

    assert code == 1
    assert text in message
    assert served.node.chain.best.number == 0


async def test_a_state_without_a_future_is_named_and_left(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    await peer.ask("dev_snapshot")
    await peer.ask("dev_setStorage", {"Timestamp": {"DidUpdate": True}})

    code, message = await peer.error("dev_newBlock")
    await peer.ask("dev_revert", "0x1")

    assert code == 1
    assert "no block can be made on this state: Timestamp must be updated only once" in message
    await peer.ask("dev_newBlock")


async def test_storage_is_set_upon_another_block(serving: Any) -> None:
    served = await serving(finality_lag=9)
    peer = await served.peer()
    first = await peer.ask("dev_newBlock")
    best = await peer.ask("dev_newBlock", {"count": 3})

    hash = await peer.ask("dev_setStorage", [["0x61", "0x31"]], first)

    assert await peer.ask("state_getStorage", "0x61", hash) == "0x31"
    assert await peer.ask("state_getStorage", "0x61") is None
    assert await peer.ask("chain_getBlockHash") == best
    assert (await peer.error("dev_setStorage", [], "0x" + "77" * 32))[1] == (
        "Block not found 0x" + "77" * 32
    )


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        (1_900_000_000_000, 1_900_000_000_000),
        ("Jan 1, 2030", 1_893_456_000_000),
        ("2030-01-01", 1_893_456_000_000),
        ("2030-01-01T00:00:00.250Z", 1_893_456_000_250),
        ("Tue, 01 Jan 2030 00:00:00 GMT", 1_893_456_000_000),
    ],
)
async def test_time_travels_to_a_date(serving: Any, date: Any, moment: int) -> None:
    served = await serving()
    peer = await served.peer()

    assert await peer.ask("dev_timeTravel", date) == moment
    assert now(served) == moment
    assert await peer.error("dev_timeTravel", "the day before") == (1, "Invalid date")


async def test_the_next_timestamp_and_the_pace_of_mined_blocks(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()

    await peer.ask("dev_setNextTimestamp", 1_900_000_000_000)
    await peer.ask("dev_mine")
    assert now(served) == 1_900_000_000_000
    await peer.ask("dev_mine", 3, 3_600_000)
    assert now(served) == 1_900_000_000_000 + 3 * 3_600_000
    assert (await peer.error("dev_setNextTimestamp", 5))[0] == 1


async def test_the_head_is_set_by_hash_height_and_distance(serving: Any) -> None:
    served = await serving(finality_lag=9)
    peer, node = await served.peer(), served.node
    hashes = [await peer.ask("dev_newBlock") for _ in range(4)]

    assert await peer.ask("dev_setHead", -1) == hashes[2]
    assert await peer.ask("dev_setHead", 1) == hashes[0]
    assert await peer.ask("dev_setHead", hashes[3]) == hashes[3]
    assert node.chain.best.number == 4
    assert await peer.error("dev_setHead", 77) == (1, "Block not found 77")
    assert (await peer.error("dev_setHead", "0x12"))[1] == "Block not found 0x12"


@pytest.mark.parametrize("manual", ["Manual", 2])
async def test_the_build_mode_has_a_name_and_a_number(serving: Any, manual: Any) -> None:
    served = await serving(instant=True)
    peer, node = await served.peer(), served.node

    await peer.ask("dev_setBlockBuildMode", manual)
    remark = served.signed(node.runtime.system.remark_with_event.call(b"one"))
    await peer.ask("author_submitExtrinsic", f"0x{remark.hex()}")
    await peer.silent()
    assert node.chain.best.number == 0

    await peer.ask("dev_automine", True)
    await peer.silent()
    assert remark in node.chain.best.extrinsics
    assert await peer.error("dev_setBlockBuildMode", "Sometimes") == (1, "Invalid mode Sometimes")


async def test_a_dry_run_tells_what_would_change_and_changes_nothing(serving: Any) -> None:
    served = await serving()
    peer, node = await served.peer(), served.node
    key = f"0x{node.runtime.system.account.key_of(AccountId(dev.ALICE)).hex()}"
    signed = served.signed(node.runtime.system.remark_with_event.call(b"try"))

    raw = await peer.ask("dev_dryRun", {"extrinsic": f"0x{signed.hex()}", "raw": True})
    named = await peer.ask("dev_dryRun", {"extrinsic": f"0x{signed.hex()}"})

    assert key in dict(raw)
    before = named["old"]["system"]["account"][ALICE]
    after = named["new"]["system"]["account"][ALICE]
    assert (before["nonce"], after["nonce"]) == (0, 1)
    assert named["delta"]["system"]["account"][ALICE]["nonce"] == [0, 1]
    assert node.chain.best.number == 0
    assert len(node.pool) == 0


async def test_a_call_is_tried_as_anybody(serving: Any) -> None:
    served = await serving()
    peer, node = await served.peer(), served.node
    call = node.runtime.system.remark_with_event.call(b"as Bob").encode()

    named = await peer.ask(
        "dev_dryRun", {"extrinsic": {"call": f"0x{call.hex()}", "address": f"0x{BOB.hex()}"}}
    )

    assert named["new"]["system"]["account"][ss58.encode(BOB)]["nonce"] == 1


async def test_what_may_not_be_included_cannot_be_tried(serving: Any) -> None:
    served = await serving()
    peer, node = await served.peer(), served.node
    future = served.signed(node.runtime.system.remark_with_event.call(b"late"), nonce=9)

    error = await peer.error("dev_dryRun", {"extrinsic": f"0x{future.hex()}"})

    assert error == (1, '{"invalid":{"future":null}}')
    assert await peer.error("dev_dryRun", {}) == (1, "No extrinsic to run")
    assert (await peer.error("dev_dryRun", {"extrinsic": "0x0499"}))[0] == 1


async def test_a_block_is_run_again_phase_by_phase(serving: Any) -> None:
    served = await serving()
    peer, node = await served.peer(), served.node
    signed = served.signed(node.runtime.system.remark_with_event.call(b"again"))
    parent = node.chain.best
    await peer.ask("dev_newBlock", {"transactions": [f"0x{signed.hex()}"]})
    block = (await peer.ask("chain_getBlock"))["block"]

    run = await peer.ask(
        "dev_runBlock",
        {
            "block": block,
            "parent": f"0x{parent.hash.hex()}",
            "includeParsed": True,
            "includeBlockDetails": True,
        },
    )

    assert [phase["phase"] for phase in run["phases"]] == ["Initialization", 0, 1, "Finalization"]
    changes = [change for phase in run["phases"] for change in phase["storageDiff"]]
    changed = {change["raw"]["key"]: change["raw"]["value"] for change in changes}
    key = f"0x{node.runtime.system.account.key_of(AccountId(dev.ALICE)).hex()}"
    assert changed[key] == await peer.ask("state_getStorage", key)
    nonce = next(change["parsed"] for change in changes if change["raw"]["key"] == key)
    assert (nonce["section"], nonce["method"], nonce["key"]) == ("system", "account", [ALICE])
    details = run["blockDetails"]
    assert details["timestamp"] == str(now(served))
    assert details["extrinsics"][1]["method"] == "remarkWithEvent"
    assert details["extrinsics"][1]["argObj"] == {"remark": "0x" + b"again".hex()}
    assert details["extrinsics"][1]["success"]
    assert details["extrinsics"][1]["signer"] == f"0x{dev.ALICE.hex()}"
    assert {"section": "system", "method": "Remarked"}.items() <= details["events"][2].items()
    assert node.chain.best.number == 1


async def test_a_snapshot_is_reverted_to_and_who_follows_begins_anew(serving: Any) -> None:
    served = await serving()
    peer, node = await served.peer(), served.node
    first = await peer.ask("dev_newBlock")
    snapshot = await peer.ask("dev_snapshot")
    follow = await peer.ask("chainHead_v1_follow", False)
    await peer.events_until(follow, "bestBlockChanged")
    await peer.ask("dev_mine", 2)
    await peer.events_until(follow, "finalized")

    assert snapshot == "0x1"
    assert await peer.ask("dev_revert", snapshot) == first

    await peer.events_until(follow, "stop")
    again = await peer.ask("chainHead_v1_follow", False)
    initialized = (await peer.events_until(again, "initialized"))[-1]
    assert initialized["finalizedBlockHashes"][-1] == first
    assert node.chain.best.number == 1
    assert (await peer.error("dev_revert", 9))[0] == 1


async def test_what_no_chain_can_hold_is_refused_and_the_chain_goes_on(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    for method, params, said in (
        ("dev_timeTravel", [2**70], "is no time: it is from 0 to 8640000000000000 ms"),
        ("dev_timeTravel", [-5], "-5 is no time"),
        ("dev_timeTravel", ["0001-01-01"], "is no time"),
        ("dev_setNextTimestamp", [2**64 - 1], "is no time"),
        ("dev_setBalance", [ALICE, 2**200], "is no balance of this chain"),
        ("dev_setBalance", [ALICE, -1], "is no balance of this chain"),
    ):
        code, text = await peer.error(method, *params)
        assert (code, said in text) == (1, True), (method, params, text)

    assert (await peer.ask("dev_newBlock")).startswith("0x")


async def test_storage_that_nobody_can_read_stops_no_more_than_blocks(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    snapshot = await peer.ask("dev_snapshot")
    now = f"0x{twox_128(b'Timestamp').hex()}{twox_128(b'Now').hex()}"
    await peer.ask("dev_setStorage", [[now, "0x01"]])

    code, text = await peer.error("dev_newBlock")

    assert code == 1
    assert text.startswith("no block can be made on this state: ")
    await peer.ask("dev_revert", snapshot)
    await peer.ask("dev_newBlock")


async def test_a_revert_above_finality_is_a_move_of_the_best_block(serving: Any) -> None:
    served = await serving(finality_lag=9)
    peer = await served.peer()
    first = await peer.ask("dev_newBlock")
    snapshot = await peer.ask("dev_snapshot")
    follow = await peer.ask("chainHead_v1_follow", False)
    await peer.events_until(follow, "bestBlockChanged")
    last = await peer.ask("dev_mine")
    await peer.events_until(follow, "bestBlockChanged")

    await peer.ask("dev_revert", snapshot)

    assert await peer.event(follow) == {"event": "bestBlockChanged", "bestBlockHash": first}
    assert (await peer.ask("chainHead_v1_header", follow, last)) is not None


async def test_a_reorganisation_is_told_as_it_happens_and_pruned_when_final(serving: Any) -> None:
    served = await serving(finality_lag=2)
    peer = await served.peer()
    old = [await peer.ask("dev_newBlock") for _ in range(2)]
    follow = await peer.ask("chainHead_v1_follow", False)
    await peer.events_until(follow, "bestBlockChanged")

    moved = await peer.ask("dev_reorg", {"depth": 1})

    told = await peer.events_until(follow, "bestBlockChanged")
    assert [event["event"] for event in told[:2]] == ["newBlock", "newBlock"]
    assert [event["blockHash"] for event in told[:2]] == moved["enacted"]
    assert told[-1]["bestBlockHash"] == moved["hash"] == moved["enacted"][-1]
    assert moved["retracted"] == [old[1]]
    await peer.ask("dev_mine", 2)
    final = [e for e in await peer.events_until(follow, "finalized") if e["event"] == "finalized"]
    final += [e for e in await peer.events_until(follow, "finalized") if e["event"] == "finalized"]
    assert [old[1]] in [event["prunedBlockHashes"] for event in final]
    assert "--finality-lag 9" in (await peer.error("dev_reorg", 9))[1]
    assert (await peer.error("dev_reorg", {}))[1].startswith("depth is missing")


async def test_legacy_subscriptions_see_a_chain_that_was_set_back(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    await peer.ask("dev_newBlock")
    snapshot = await peer.ask("dev_snapshot")
    await peer.ask("dev_setStorage", [["0x61", "0x31"]])
    async with connect(served.url, proxy=None) as old:
        told: dict[str, list[Any]] = {}
        for method, params in (
            ("chain_subscribeNewHeads", []),
            ("chain_subscribeFinalizedHeads", []),
            ("state_subscribeStorage", [["0x61"]]),
        ):
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            await old.send(json.dumps(request))
        await peer.ask("dev_revert", snapshot)
        while len(told) < 3 or any(len(results) < 2 for results in told.values()):
            message = json.loads(await old.recv())
            if "method" in message:
                told.setdefault(message["method"], []).append(message["params"]["result"])

    assert [head["number"] for head in told["chain_newHead"]] == ["0x2", "0x1"]
    assert [head["number"] for head in told["chain_finalizedHead"]] == ["0x2", "0x1"]
    assert [each["changes"] for each in told["state_storage"]] == [
        [["0x61", "0x31"]],
        [["0x61", None]],
    ]


async def test_balances_are_set_and_accounts_impersonated(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()

    await peer.ask("dev_setBalance", ALICE, str(5 * UNIT))
    await peer.ask("dev_setBalance", f"0x{dev.BOB.hex()}", 7)
    await peer.ask("dev_impersonate", ALICE)
    await peer.ask("dev_stopImpersonating", ALICE)

    assert account(served, dev.ALICE).data.free == 5 * UNIT
    assert account(served, dev.BOB).data.free == 0  # less than an account needs to exist
    assert (await peer.error("dev_impersonate", "Alice"))[1].startswith("'Alice' is no address")


async def test_manual_seal_answers_as_substrates(serving: Any) -> None:
    served = await serving(finality_lag=9)
    peer, node = await served.peer(), served.node

    assert await peer.error("engine_createBlock", False, False) == (
        12000,
        "Transaction pool is empty, set create_empty to true, if you want to create empty blocks",
    )
    made = await peer.ask("engine_createBlock", True, False, None)
    assert made == {
        "hash": f"0x{node.chain.best.hash.hex()}",
        "aux": {
            "header_only": False,
            "clear_justification_requests": False,
            "needs_justification": False,
            "bad_justification": False,
            "is_new_best": True,
        },
        "proof_size": 0,
    }
    genesis = f"0x{node.genesis_hash.hex()}"
    fork = await peer.ask("engine_createBlock", True, False, genesis)
    assert fork["aux"]["is_new_best"] is False
    assert await peer.ask("engine_finalizeBlock", fork["hash"]) is True
    assert node.chain.best.hash.hex() == fork["hash"][2:]
    assert (await peer.error("engine_finalizeBlock", made["hash"]))[0] == 16000
    assert await peer.error("engine_createBlock", True, False, "0x" + "ab" * 32) == (
        13000,
        "Supplied parent_hash: 0xabab…abab doesn't exist in chain",
    )
    assert (await peer.ask("engine_createBlock", True, True))["aux"]["is_new_best"]
    assert node.chain.finalized is node.chain.best


def test_a_chain_that_is_not_for_developers_has_none_of_the_tools() -> None:
    names = method_table(tools=False).names()

    assert not {"dev_newBlock", "dev_impersonate", "engine_createBlock"} & set(names)
    assert set(method_table().names()) > set(names)


def test_every_tool_is_for_the_operator_alone() -> None:
    table = method_table()
    tools = [name for name in table.names() if name.startswith(("dev_", "engine_"))]

    assert len(tools) >= 17
    for name in tools:
        method = table.get(name)
        assert method is not None
        assert method.unsafe
