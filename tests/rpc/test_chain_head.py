"""chainHead_v1_*: what a client that follows hears, in which order, and what it may hold."""

import asyncio
import gc
import weakref
from dataclasses import replace
from typing import Any

import pytest

from tilth.node.block import Block
from tilth.node.notices import Imported
from tilth.primitives.crypto import dev
from tilth.primitives.crypto.hashing import blake2_256
from tilth.rpc.jsonrpc.shapes import hex_of

NOWHERE = "0x" + "77" * 32
LIMIT_REACHED = {"result": "limitReached"}


def shown(block: Block) -> str:
    return hex_of(block.hash)


async def follow(peer: Any, *, with_runtime: bool = True) -> tuple[str, list[Any]]:
    """The subscription, and the events of its beginning."""
    id_ = await peer.ask("chainHead_v1_follow", with_runtime)
    return id_, await peer.events_until(id_, "bestBlockChanged")


async def begun(serving: Any, **options: Any) -> tuple[Any, Any, str, str]:
    """A node, a client that follows it, and the best block."""
    served = await serving(**options)
    peer = await served.peer()
    id_, _ = await follow(peer)
    return served, peer, id_, shown(served.node.chain.best)


async def outcome(peer: Any, id_: str, method: str, *params: object) -> Any:
    """The first event of an operation, without its name and id."""
    started = await peer.ask(f"chainHead_v1_{method}", id_, *params)
    event = await peer.event(id_)
    assert event["operationId"] == started["operationId"]
    return event


async def test_a_follower_hears_of_the_finalized_blocks_first(serving: Any) -> None:
    served = await serving()
    blocks = [served.node.chain.genesis, served.node.author.build(), served.node.author.build()]
    peer = await served.peer()

    _, events = await follow(peer, with_runtime=False)

    assert events == [
        {"event": "initialized", "finalizedBlockHashes": [shown(block) for block in blocks]},
        {"event": "bestBlockChanged", "bestBlockHash": shown(blocks[-1])},
    ]


async def test_so_many_finalized_blocks_are_told_as_rust_tells(serving: Any) -> None:
    served = await serving()
    blocks = [served.node.author.build() for _ in range(20)]
    peer = await served.peer()

    _, (initialized, _) = await follow(peer)

    assert initialized["finalizedBlockHashes"] == [shown(block) for block in blocks[-16:]]


async def test_a_follower_hears_of_every_block_that_is_not_final_parents_first(
    serving: Any,
) -> None:
    served = await serving(finality_lag=8)
    author, genesis = served.node.author, served.node.chain.genesis
    first, fork = author.build(), author.build(genesis)
    best = author.build(first)
    peer = await served.peer()

    _, events = await follow(peer)

    told = [(event["blockHash"], event["parentBlockHash"]) for event in events[1:-1]]
    assert [event["event"] for event in events] == [
        "initialized",
        *["newBlock"] * 3,
        events[-1]["event"],
    ]
    assert sorted(told) == sorted(
        (shown(block), hex_of(block.parent_hash)) for block in (first, fork, best)
    )
    assert told.index((shown(first), shown(genesis))) < told.index((shown(best), shown(first)))
    assert events[-1]["bestBlockHash"] == shown(best)


async def test_the_runtime_is_told_to_whoever_asks_and_only_when_it_is_new(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    id_, (initialized, _) = await follow(peer)
    served.node.author.build()

    spec = initialized["finalizedBlockRuntime"]["spec"]
    assert initialized["finalizedBlockRuntime"]["type"] == "valid"
    assert set(spec) == {
        "specName",
        "implName",
        "specVersion",
        "implVersion",
        "transactionVersion",
        "apis",
    }
    assert spec["specName"] == "tilth"
    assert spec["apis"]["0x37e397fc7c91f5e4"] == 2
    assert (await peer.event(id_))["newRuntime"] is None


async def test_without_runtime_no_event_speaks_of_one(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    id_, (initialized, _) = await follow(peer, with_runtime=False)
    served.node.author.build()

    assert "finalizedBlockRuntime" not in initialized
    assert "newRuntime" not in await peer.event(id_)


async def test_a_runtime_that_changes_is_told_with_its_block(serving: Any) -> None:
    served, peer, id_, _ = await begun(serving)
    genesis = served.node.chain.genesis
    code = served.node.runtime.code.replace(b"\x14tilth", b"\x14tulip")
    changed = Block(genesis.header, genesis.hash, (), genesis.state.update({b":code": code}))
    broken = Block(genesis.header, genesis.hash, (), genesis.state.update({b":code": b"?"}))

    served.node.chain.notices.tell(_imported(served, changed, number=1))
    served.node.chain.notices.tell(_imported(served, broken, number=2))

    new = (await peer.event(id_))["newRuntime"]
    assert new["type"] == "valid"
    assert new["spec"]["specName"] == "tulip"
    assert (await peer.event(id_))["newRuntime"]["type"] == "invalid"


def _imported(served: Any, block: Block, *, number: int) -> Any:
    header = replace(block.header, parent_hash=served.node.chain.best.hash, number=number)
    return Imported(Block(header, header.hash, block.extrinsics, block.state), is_best=False)


async def test_a_block_is_new_then_best_then_final(serving: Any) -> None:
    served, peer, id_, genesis = await begun(serving)
    block = shown(served.node.author.build())

    assert [await peer.event(id_) for _ in range(3)] == [
        {
            "event": "newBlock",
            "blockHash": block,
            "parentBlockHash": genesis,
            "newRuntime": None,
        },
        {"event": "bestBlockChanged", "bestBlockHash": block},
        {"event": "finalized", "finalizedBlockHashes": [block], "prunedBlockHashes": []},
    ]


async def test_a_fork_is_new_and_best_only_once_it_is_longer(serving: Any) -> None:
    served, peer, id_, _ = await begun(serving, finality_lag=8)
    author, genesis = served.node.author, served.node.chain.genesis
    blocks = [author.build(), author.build(genesis)]
    blocks.append(author.build(blocks[1]))

    events = [await peer.event(id_) for _ in range(5)]

    assert [event.get("blockHash", event.get("bestBlockHash")) for event in events] == [
        shown(blocks[0]),
        shown(blocks[0]),
        shown(blocks[1]),
        shown(blocks[2]),
        shown(blocks[2]),
    ]
    await peer.silent()


async def test_finality_prunes_the_forks_that_were_told_of(serving: Any) -> None:
    served, peer, id_, _ = await begun(serving, finality_lag=8)
    author, genesis = served.node.author, served.node.chain.genesis
    first, fork = author.build(), author.build(genesis)
    tip = author.build(fork)
    served.node.chain.finalize(fork.hash)

    finalized = (await peer.events_until(id_, "finalized"))[-1]

    assert finalized["finalizedBlockHashes"] == [shown(fork)]
    assert finalized["prunedBlockHashes"] == [shown(first)]
    for block in (first, fork, tip):
        assert await peer.ask("chainHead_v1_header", id_, shown(block))


async def test_a_block_out_of_nowhere_stops_the_subscription(serving: Any) -> None:
    served, peer, id_, _ = await begun(serving)
    notice = _imported(served, served.node.chain.genesis, number=9)
    header = replace(notice.block.header, parent_hash=bytes(32))
    lost = Block(header, header.hash, (), notice.block.state)
    served.node.chain.notices.tell(replace(notice, block=lost))

    assert await peer.event(id_) == {"event": "stop"}
    assert await peer.ask("chainHead_v1_header", id_, NOWHERE) is None
    await peer.silent()


async def test_header_and_body_are_scale_bytes(serving: Any) -> None:
    served, peer, id_, _ = await begun(serving)
    block = served.node.author.build()
    await peer.events_until(id_, "finalized")

    header = await peer.ask("chainHead_v1_header", id_, shown(block))
    body = await outcome(peer, id_, "body", shown(block))

    assert blake2_256(bytes.fromhex(header[2:])) == block.hash
    assert body["event"] == "operationBodyDone"
    assert body["value"] == [hex_of(data) for data in block.extrinsics]


@pytest.mark.parametrize("parameters", ["", "0x"])
async def test_the_runtime_is_called_on_a_pinned_block(serving: Any, parameters: str) -> None:
    _, peer, id_, best = await begun(serving)

    done = await outcome(peer, id_, "call", best, "Metadata_metadata_versions", parameters)

    assert done["event"] == "operationCallDone"
    assert done["output"] == "0x0c0e0000000f00000010000000"


async def test_a_call_takes_bare_hex_too(serving: Any) -> None:
    _, peer, id_, best = await begun(serving)

    done = await outcome(peer, id_, "call", best, "AccountNonceApi_account_nonce", dev.ALICE.hex())

    assert done["output"] == "0x00000000"


@pytest.mark.parametrize(
    ("function", "data", "text"),
    [
        (
            "Nothing_here",
            "0x",
            "Execution failed: Other: Exported method Nothing_here is not found",
        ),
        ("AccountNonceApi_account_nonce", "0x01", "Bad input data provided to"),
    ],
)
async def test_a_call_that_fails_ends_in_an_error_event(
    serving: Any, function: str, data: str, text: str
) -> None:
    _, peer, id_, best = await begun(serving)

    failed = await outcome(peer, id_, "call", best, function, data)

    assert failed["event"] == "operationError"
    assert text in failed["error"]


async def test_a_pallet_that_breaks_ends_the_call_alone(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, peer, id_, best = await begun(serving)

    def breaks(method: str, data: bytes) -> bytes:
        raise KeyError("no such account")

    monkeypatch.setattr(served.node.runtime, "call", breaks)
    failed = await outcome(peer, id_, "call", best, "Core_version", "")

    assert failed["event"] == "operationError"
    assert failed["error"] == (
        "Execution failed: Execution aborted due to panic: Core_version failed"
    )


async def test_a_call_needs_a_subscription_with_runtime(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    id_, _ = await follow(peer, with_runtime=False)
    best = shown(served.node.chain.best)

    assert (await peer.error("chainHead_v1_call", id_, best, "Core_version", ""))[0] == -32802


async def test_the_reply_is_there_before_the_events(serving: Any) -> None:
    _, peer, id_, best = await begun(serving)
    peer.order.clear()
    await outcome(peer, id_, "body", best)

    assert peer.order == ["reply", "operationBodyDone"]


async def test_in_a_batch_too_the_replies_are_first(serving: Any) -> None:
    _, peer, id_, best = await begun(serving)
    peer.order.clear()
    one, other = await peer.batch(
        ("chainHead_v1_body", id_, best), ("chainHead_v1_call", id_, best, "Core_version", "")
    )

    assert [(await peer.event(id_))["operationId"] for _ in range(2)] == [
        one["operationId"],
        other["operationId"],
    ]
    assert peer.order[:2] == ["reply", "reply"]


@pytest.mark.parametrize("method", ["header", "body", "call", "storage", "unpin"])
async def test_a_block_that_is_not_pinned_is_refused(serving: Any, method: str) -> None:
    _, peer, id_, _ = await begun(serving)
    more: dict[str, list[Any]] = {
        "call": ["Core_version", ""],
        "storage": [[{"key": "", "type": "value"}], None],
    }

    error = await peer.error(f"chainHead_v1_{method}", id_, NOWHERE, *more.get(method, []))

    assert error == (-32801, "Invalid block hash")


async def test_a_subscription_that_is_none_is_no_error(serving: Any) -> None:
    served, peer, _, best = await begun(serving)
    stranger = await served.peer()
    id_, _ = await follow(stranger)

    for unknown in ("nothing", id_):
        assert await peer.ask("chainHead_v1_header", unknown, best) is None
        assert await peer.ask("chainHead_v1_body", unknown, best) == LIMIT_REACHED
        assert await peer.ask("chainHead_v1_call", unknown, best, "x", "") == LIMIT_REACHED
        assert await peer.ask("chainHead_v1_storage", unknown, best, [], None) == LIMIT_REACHED
        assert await peer.ask("chainHead_v1_unpin", unknown, best) is None
        assert await peer.ask("chainHead_v1_continue", unknown, "1") is None
        assert await peer.ask("chainHead_v1_stopOperation", unknown, "1") is None


async def test_pinned_blocks_stay_readable_and_are_let_go_by_one_or_by_list(serving: Any) -> None:
    served, peer, id_, genesis = await begun(serving)
    blocks = [shown(served.node.author.build()) for _ in range(3)]
    assert await peer.ask("chainHead_v1_unpin", id_, genesis) is None
    assert await peer.ask("chainHead_v1_unpin", id_, blocks[:2]) is None

    for gone in (genesis, *blocks[:2]):
        assert (await peer.error("chainHead_v1_header", id_, gone))[0] == -32801
    assert await peer.ask("chainHead_v1_header", id_, blocks[2])


async def test_unpinning_is_all_or_nothing(serving: Any) -> None:
    _, peer, id_, genesis = await begun(serving)

    assert (await peer.error("chainHead_v1_unpin", id_, [genesis, NOWHERE]))[0] == -32801
    assert (await peer.error("chainHead_v1_unpin", id_, [genesis, genesis]))[0] == -32804
    assert await peer.ask("chainHead_v1_header", id_, genesis)


async def test_each_subscription_pins_for_itself(serving: Any) -> None:
    _, peer, id_, genesis = await begun(serving)
    other, _ = await follow(peer)
    await peer.ask("chainHead_v1_unpin", id_, genesis)

    assert await peer.ask("chainHead_v1_header", other, genesis)


async def test_too_many_pinned_blocks_stop_the_subscription(serving: Any) -> None:
    served, peer, id_, _ = await begun(serving)
    other = await served.peer()
    careful, _ = await follow(other)
    for _ in range(512):
        block = shown(served.node.author.build())
        await other.ask("chainHead_v1_unpin", careful, block)

    assert [event["event"] for event in await peer.events_until(id_, "stop")][-1] == "stop"
    assert await peer.ask("chainHead_v1_unfollow", id_) is False
    assert (await other.events_until(careful, "finalized"))[-1]["event"] == "finalized"


async def test_a_client_follows_four_times_and_not_five(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    ids = [(await follow(peer))[0] for _ in range(4)]

    assert (await peer.error("chainHead_v1_follow", True))[0] == -32800
    assert await peer.ask("chainHead_v1_unfollow", ids[0]) is True
    await follow(peer)


async def test_after_unfollow_nothing_is_heard(serving: Any) -> None:
    served, peer, id_, best = await begun(serving)

    assert await peer.ask("chainHead_v1_unfollow", id_) is True
    served.node.author.build()

    await peer.silent()
    assert await peer.ask("chainHead_v1_body", id_, best) == LIMIT_REACHED


async def test_what_a_client_held_is_let_go_when_it_leaves(serving: Any) -> None:
    served, peer, _, _ = await begun(serving)
    await peer.connection.close()
    await asyncio.sleep(0.05)
    listeners: Any = served.node.chain.notices
    before = sum(map(len, listeners._listeners))
    again = await served.peer()
    await follow(again)

    assert sum(map(len, listeners._listeners)) == before + 1


async def test_a_dead_key_is_a_wrong_parameter(serving: Any) -> None:
    _, peer, id_, best = await begun(serving)
    query = [{"key": "0xzz", "type": "value"}]

    assert await peer.error("chainHead_v1_storage", id_, best, query, None) == (
        -32602,
        "Invalid parameter: 0xzz",
    )
    assert (await peer.error("chainHead_v1_call", id_, best, "Core_version", "0x1"))[0] == -32602


@pytest.mark.parametrize("way", ["unfollow", "hang up"])
async def test_who_leaves_holds_no_block_any_more(serving: Any, way: str) -> None:
    served = await serving(finality_lag=1)
    peer = await served.peer()
    id_ = await peer.ask("chainHead_v1_follow", False)
    genesis = served.node.chain.genesis
    fork = weakref.ref(served.node.author.build(genesis))
    first = served.node.author.build(genesis)
    served.node.author.build(served.node.author.build(first))
    await peer.events_until(id_, "finalized")
    gc.collect()
    held = fork() is not None

    if way == "unfollow":
        await peer.ask("chainHead_v1_unfollow", id_)
    else:
        await peer.connection.close()
        await asyncio.sleep(0.05)
    gc.collect()

    assert held
    assert fork() is None
