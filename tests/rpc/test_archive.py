"""archive_v1_*: any block, what its state holds, and how two states differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.primitives.crypto import dev
from tilth.primitives.crypto.hashing import blake2_128, blake2_256, twox_128
from tilth.primitives.trie import Trie
from tilth.rpc.jsonrpc.differences import compared
from tilth.rpc.jsonrpc.shapes import hex_of

ACCOUNTS = twox_128(b"System") + twox_128(b"Account")
ALICE = ACCOUNTS + blake2_128(dev.ALICE) + dev.ALICE
NOWHERE = "0x" + "77" * 32


def query(key: bytes, kind: str, start: bytes | None = None) -> dict[str, str]:
    resume = {} if start is None else {"paginationStartKey": hex_of(start)}
    return {"key": hex_of(key), "type": kind, **resume}


async def stored(peer: Any, *params: object) -> list[Any]:
    """All events of a storage request, to the one that ends it."""
    id_ = await peer.ask("archive_v1_storage", *params)
    events = [await peer.event(id_)]
    while events[-1]["event"] == "storage":
        events.append(await peer.event(id_))
    return events


async def differing(peer: Any, *params: object) -> list[Any]:
    id_ = await peer.ask("archive_v1_storageDiff", *params)
    events = [await peer.event(id_)]
    while events[-1]["event"] == "storageDiff":
        events.append(await peer.event(id_))
    return events


async def test_genesis_and_height(serving: Any) -> None:
    served = await serving(finality_lag=2)
    peer = await served.peer()
    for _ in range(3):
        served.node.author.build()

    assert await peer.ask("archive_v1_genesisHash") == hex_of(served.node.chain.genesis.hash)
    assert await peer.ask("archive_v1_finalizedHeight") == 1


async def test_a_height_has_one_final_block_or_all_of_its_forks(serving: Any) -> None:
    served = await serving(finality_lag=8)
    peer, author = await served.peer(), served.node.author
    genesis = served.node.chain.genesis
    one, other = author.build(), author.build(genesis)

    assert await peer.ask("archive_v1_hashByHeight", 0) == [hex_of(genesis.hash)]
    both = await peer.ask("archive_v1_hashByHeight", 1)
    assert sorted(both) == sorted([hex_of(one.hash), hex_of(other.hash)])
    assert await peer.ask("archive_v1_hashByHeight", 9) == []

    served.node.chain.finalize(one.hash)
    assert await peer.ask("archive_v1_hashByHeight", 1) == [hex_of(one.hash)]


async def test_header_and_body_are_scale_bytes_or_null(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    block = served.node.author.build()

    header = await peer.ask("archive_v1_header", hex_of(block.hash))
    assert blake2_256(bytes.fromhex(header[2:])) == block.hash
    body = await peer.ask("archive_v1_body", hex_of(block.hash))
    assert body == [hex_of(data) for data in block.extrinsics]
    assert await peer.ask("archive_v1_header", NOWHERE) is None
    assert await peer.ask("archive_v1_body", NOWHERE) is None


async def test_a_call_succeeds_or_says_why_not(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    best = hex_of(served.node.chain.best.hash)
    call = "archive_v1_call"

    assert await peer.ask(call, best, "Metadata_metadata_versions", "") == {
        "success": True,
        "value": "0x0c0e0000000f00000010000000",
    }
    assert await peer.ask(call, best, "Nothing_here", "0x") == {
        "success": False,
        "error": "Execution failed: Other: Exported method Nothing_here is not found",
    }
    assert await peer.ask(call, NOWHERE, "Core_version", "0x") is None
    assert await peer.error(call, best, "Core_version", "0xz") == (
        -32602,
        "Invalid parameter: 0xz",
    )


async def test_storage_of_an_old_block(serving: Any) -> None:
    served = await serving()
    peer, genesis = await served.peer(), served.node.chain.genesis
    served.node.author.build()
    value = genesis.state.get(ALICE)
    key, below = hex_of(ALICE), "closestDescendantMerkleValue"
    queries = [query(ALICE, kind) for kind in ("value", "hash", below)]

    events = await stored(peer, hex_of(genesis.hash), [*queries, query(b"none", "value")], None)

    assert events == [
        {"event": "storage", "key": key, "value": hex_of(value)},
        {"event": "storage", "key": key, "hash": hex_of(blake2_256(value))},
        {
            "event": "storage",
            "key": key,
            below: hex_of(genesis.state.closest_descendant_merkle_value(ALICE)),
        },
        {"event": "storageDone"},
    ]


async def test_descendants_may_begin_behind_a_key(serving: Any) -> None:
    served = await serving()
    peer, best = await served.peer(), served.node.chain.best
    keys = list(best.state.keys(ACCOUNTS))

    whole = await stored(peer, hex_of(best.hash), [query(ACCOUNTS, "descendantsHashes")])
    rest = await stored(
        peer, hex_of(best.hash), [query(ACCOUNTS, "descendantsValues", start=keys[2])]
    )

    assert [event["key"] for event in whole[:-1]] == [hex_of(key) for key in keys]
    assert [event["key"] for event in rest[:-1]] == [hex_of(key) for key in keys[3:]]
    assert rest[0]["value"] == hex_of(best.state.get(keys[3]))


@pytest.mark.parametrize(
    ("block", "queries", "child_trie", "error"),
    [
        (NOWHERE, [], None, f"UnknownBlock: Header was not found in the database: {NOWHERE}"),
        (None, [{"key": "0xz", "type": "value"}], None, "Invalid parameter: 0xz"),
        (None, [], "0xz", "Invalid parameter: 0xz"),
        (
            None,
            [query(ALICE, "value", start=ALICE)],
            None,
            "Invalid parameter: Pagination start key is only supported for descendants queries",
        ),
    ],
)
async def test_what_cannot_be_read_is_an_event(
    serving: Any, block: str | None, queries: list[Any], child_trie: str | None, error: str
) -> None:
    served = await serving()
    peer = await served.peer()
    hash = block or hex_of(served.node.chain.best.hash)

    events = await stored(peer, hash, queries, child_trie)

    assert events == [{"event": "storageError", "error": error}]


async def test_no_child_trie_exists_so_nothing_is_in_one(serving: Any) -> None:
    served = await serving()
    peer, best = await served.peer(), hex_of(served.node.chain.best.hash)
    diff = {"key": "0x", "returnType": "value", "childTrieKey": "0x01"}

    assert await stored(peer, best, [query(ALICE, "value")], "0x01") == [{"event": "storageDone"}]
    assert await differing(peer, best, [diff], best) == [{"event": "storageDiffDone"}]


async def test_a_stopped_stream_says_nothing_more(serving: Any) -> None:
    served = await serving()
    peer, best = await served.peer(), hex_of(served.node.chain.best.hash)
    id_ = await peer.ask("archive_v1_storage", best, [query(b"", "descendantsValues")] * 400)
    await peer.event(id_)

    assert await peer.ask("archive_v1_stopStorage", id_) is True
    assert await peer.ask("archive_v1_stopStorage", id_) is False


async def test_a_block_differs_from_its_parent_by_what_it_wrote(serving: Any) -> None:
    served = await serving()
    peer, parent = await served.peer(), served.node.chain.best
    block = served.node.author.build()
    now, before = dict(block.state.items()), dict(parent.state.items())
    expected = [
        (hex_of(key), "deleted" if key not in now else "modified" if key in before else "added")
        for key in sorted(now.keys() | before.keys())
        if now.get(key) != before.get(key)
    ]

    events = await differing(peer, hex_of(block.hash), [], None)

    assert [(event["key"], event["type"]) for event in events[:-1]] == expected
    assert events[-1] == {"event": "storageDiffDone"}
    assert {kind for _, kind in expected} >= {"added", "modified"}
    reverse = await differing(peer, hex_of(parent.hash), [], hex_of(block.hash))
    mirrored = {"added": "deleted", "deleted": "added", "modified": "modified"}
    assert [mirrored[event["type"]] for event in reverse[:-1]] == [kind for _, kind in expected]


async def test_a_part_of_the_difference_in_both_shapes(serving: Any) -> None:
    served = await serving()
    peer, block = await served.peer(), served.node.author.build()
    number = twox_128(b"System") + twox_128(b"Number")
    value = block.state.get(number)
    asked = [
        {"key": hex_of(number), "returnType": "hash"},
        {"key": hex_of(number[:8]), "returnType": "value"},
        {"key": hex_of(number[:20]), "returnType": "value"},
    ]

    events = await differing(peer, hex_of(block.hash), asked)
    mine = [event for event in events if event.get("key") == hex_of(number)]

    key = {"event": "storageDiff", "key": hex_of(number), "type": "added"}
    assert mine == [
        {**key, "value": hex_of(value)},
        {**key, "hash": hex_of(blake2_256(value))},
    ]
    assert all(event["key"].startswith(hex_of(number[:8])) for event in events[:-1])


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ((NOWHERE, [], None), f"UnknownBlock: Header was not found in the database: {NOWHERE}"),
        ((None, [], NOWHERE), f"UnknownBlock: Header was not found in the database: {NOWHERE}"),
        ((None, [{"key": "z", "returnType": "hash"}], None), "Invalid parameter: z"),
    ],
)
async def test_states_that_cannot_be_compared_are_an_event(
    serving: Any, params: tuple[Any, ...], error: str
) -> None:
    served = await serving()
    peer = await served.peer()
    best, *rest = (params[0] or hex_of(served.node.chain.best.hash), *params[1:])

    events = await differing(peer, best, *rest)

    assert events == [{"event": "storageDiffError", "error": error}]


async def test_genesis_has_no_parent_to_differ_from(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()

    events = await differing(peer, hex_of(served.node.chain.genesis.hash), [], None)

    assert [event["event"] for event in events] == ["storageDiffError"]


KEYS = st.binary(max_size=3)
STATES = st.dictionaries(KEYS, st.binary(max_size=2), max_size=12)


@given(STATES, STATES, st.lists(KEYS, min_size=1, max_size=4))
def test_each_key_that_differs_below_the_parts_is_found_once_and_in_order(
    now: dict[bytes, bytes], before: dict[bytes, bytes], prefixes: list[bytes]
) -> None:
    parts = [(prefix, "value") for prefix in prefixes]

    found = compared(Trie.from_entries(now), Trie.from_entries(before), parts)

    assert list(found) == [
        (key, now.get(key), before.get(key))
        for key in sorted(now.keys() | before.keys())
        if now.get(key) != before.get(key) and key.startswith(tuple(prefixes))
    ]


async def test_a_difference_without_parts_is_of_the_whole_state(serving: Any) -> None:
    served = await serving()
    best = hex_of(served.node.author.build().hash)
    peer = await served.peer()

    whole = await differing(peer, best)

    assert whole == await differing(peer, best, None)
    assert whole == await differing(peer, best, [{"returnType": "value"}])
    assert len(whole) > 3
