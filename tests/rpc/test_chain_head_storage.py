"""chainHead_v1_storage: what it finds, in pages, and how many operations run at once."""

from collections.abc import Callable
from typing import Any

import pytest

from tilth.primitives.crypto import dev
from tilth.primitives.crypto.hashing import blake2_128, blake2_256, twox_128
from tilth.primitives.trie import Trie
from tilth.rpc.jsonrpc.shapes import hex_of

ACCOUNTS = twox_128(b"System") + twox_128(b"Account")
ALICE = ACCOUNTS + blake2_128(dev.ALICE) + dev.ALICE
LIMIT_REACHED = {"result": "limitReached"}


def query(key: bytes, kind: str) -> dict[str, str]:
    return {"key": hex_of(key), "type": kind}


@pytest.fixture
async def followed(serving: Any) -> "Followed":
    served = await serving()
    peer = await served.peer()
    id_ = await peer.ask("chainHead_v1_follow", True)
    await peer.events_until(id_, "bestBlockChanged")
    return Followed(peer, id_, served.node.chain.best)


class Followed:
    """A client that follows, and the block it asks about."""

    def __init__(self, peer: Any, id_: str, block: Any) -> None:
        self.peer = peer
        self.id = id_
        self.block = hex_of(block.hash)
        self.state: Trie = block.state

    async def start(self, *queries: dict[str, str], child_trie: str | None = None) -> Any:
        return await self.peer.ask("chainHead_v1_storage", self.id, self.block, queries, child_trie)

    async def event(self) -> Any:
        return await self.peer.event(self.id)

    async def pages(self, *queries: dict[str, str]) -> list[Any]:
        """Each page of an operation's items, asked on until it is done."""
        id_, pages = (await self.start(*queries))["operationId"], list[Any]()
        while (event := await self.event())["event"] != "operationStorageDone":
            assert event["operationId"] == id_
            if event["event"] == "operationWaitingForContinue":
                assert await self.peer.ask("chainHead_v1_continue", self.id, id_) is None
            else:
                pages.append(event["items"])
        return pages


async def test_a_value_and_its_hash(followed: Followed) -> None:
    value = followed.state.get(ALICE)
    assert value is not None

    pages = await followed.pages(query(ALICE, "value"), query(ALICE, "hash"))

    assert pages == [
        [
            {"key": hex_of(ALICE), "value": hex_of(value)},
            {"key": hex_of(ALICE), "hash": hex_of(blake2_256(value))},
        ]
    ]


async def test_what_is_absent_is_not_among_the_items(followed: Followed) -> None:
    kinds = ("value", "hash", "closestDescendantMerkleValue", "descendantsValues")

    assert await followed.pages(*(query(b"nothing here", kind) for kind in kinds)) == []


async def test_the_closest_descendant_names_what_is_below(followed: Followed) -> None:
    kind = "closestDescendantMerkleValue"

    ((root, below),) = await followed.pages(query(b"", kind), query(ACCOUNTS, kind))

    assert root == {"key": "0x", kind: hex_of(followed.state.root)}
    name = followed.state.closest_descendant_merkle_value(ACCOUNTS)
    assert name is not None
    assert below == {"key": hex_of(ACCOUNTS), kind: hex_of(name)}


@pytest.mark.parametrize(
    ("kind", "member", "shape"),
    [
        ("descendantsValues", "value", bytes),
        ("descendantsHashes", "hash", blake2_256),
    ],
)
async def test_descendants_come_in_pages_in_the_order_of_their_keys(
    followed: Followed, kind: str, member: str, shape: Callable[[bytes], bytes]
) -> None:
    pages = await followed.pages(query(ACCOUNTS, kind))

    assert [item for page in pages for item in page] == [
        {"key": hex_of(key), member: hex_of(shape(value))}
        for key, value in followed.state.items(ACCOUNTS)
    ]
    assert len(pages) > 1


async def test_pages_grow_as_the_client_asks_on(followed: Followed) -> None:
    pages = await followed.pages(query(b"", "descendantsHashes"))

    assert [len(page) for page in pages[:3]] == [5, 10, 20]
    assert sum(map(len, pages)) == len(list(followed.state.keys()))


async def test_what_is_read_at_once_comes_before_what_is_below(followed: Followed) -> None:
    pages = await followed.pages(query(ACCOUNTS, "descendantsHashes"), query(ALICE, "value"))

    assert [item["key"] for item in pages[0]] == [hex_of(ALICE)]


async def test_nothing_asked_is_done_at_once(followed: Followed) -> None:
    assert (await followed.start())["discardedItems"] == 0
    assert (await followed.event())["event"] == "operationStorageDone"


async def test_no_child_trie_exists_so_nothing_is_in_one(followed: Followed) -> None:
    await followed.start(query(ALICE, "value"), child_trie="0x1234")

    assert (await followed.event())["event"] == "operationStorageDone"


async def test_continue_needs_an_operation_that_waits(followed: Followed) -> None:
    started = await followed.start(query(b"", "descendantsHashes"))
    await followed.peer.events_until(followed.id, "operationWaitingForContinue")
    on = ("chainHead_v1_continue", followed.id, started["operationId"])

    first, second = await followed.peer.batch(
        on, ("chainHead_v1_header", followed.id, followed.block)
    )
    assert first is None
    assert second
    await followed.peer.events_until(followed.id, "operationWaitingForContinue")
    replies = await followed.peer.raw_batch(on, on)

    assert replies[0]["result"] is None
    assert replies[1]["error"]["code"] == -32803


async def test_continue_of_an_operation_that_is_over_is_no_error(followed: Followed) -> None:
    started = await followed.start(query(ALICE, "value"))
    await followed.peer.events_until(followed.id, "operationStorageDone")

    id_ = started["operationId"]
    assert await followed.peer.ask("chainHead_v1_continue", followed.id, id_) is None
    assert await followed.peer.ask("chainHead_v1_stopOperation", followed.id, id_) is None


async def test_sixteen_operations_wait_at_once_and_no_more(followed: Followed) -> None:
    large = query(b"", "descendantsHashes")
    ids = [(await followed.start(large))["operationId"] for _ in range(16)]

    assert await followed.start(large) == LIMIT_REACHED
    body = await followed.peer.ask("chainHead_v1_body", followed.id, followed.block)
    call = await followed.peer.ask(
        "chainHead_v1_call", followed.id, followed.block, "Core_version", ""
    )
    assert body == call == LIMIT_REACHED

    await followed.peer.ask("chainHead_v1_stopOperation", followed.id, ids[0])
    assert (await followed.start(large))["result"] == "started"


async def test_each_item_counts_and_what_is_too_much_is_discarded(followed: Followed) -> None:
    started = await followed.start(*[query(ALICE, "value")] * 20)

    assert started["discardedItems"] == 4
    assert len((await followed.event())["items"]) == 16


async def test_an_operation_that_is_done_makes_room(followed: Followed) -> None:
    for _ in range(40):
        assert (await followed.start(query(ALICE, "value")))["result"] == "started"


async def test_a_stopped_operation_says_nothing_more(followed: Followed) -> None:
    started = await followed.start(query(b"", "descendantsHashes"))
    await followed.peer.events_until(followed.id, "operationWaitingForContinue")
    id_ = started["operationId"]

    assert await followed.peer.ask("chainHead_v1_stopOperation", followed.id, id_) is None
    assert await followed.peer.ask("chainHead_v1_continue", followed.id, id_) is None
    await followed.peer.silent()


async def test_unpinning_does_not_end_what_runs(followed: Followed) -> None:
    started = await followed.start(query(ACCOUNTS, "descendantsHashes"))
    await followed.peer.events_until(followed.id, "operationWaitingForContinue")
    await followed.peer.ask("chainHead_v1_unpin", followed.id, followed.block)

    await followed.peer.ask("chainHead_v1_continue", followed.id, started["operationId"])

    assert (await followed.event())["event"] == "operationStorageItems"


async def test_a_state_that_cannot_be_read_ends_the_operation_alone(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(state: Trie, key: bytes) -> bytes:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Trie, "get", fails)
    await followed.start(query(ALICE, "value"))

    failed = await followed.event()
    assert (failed["event"], failed["error"]) == ("operationError", "the disk is gone")


@pytest.mark.parametrize(
    ("queries", "text"),
    [
        ([{"key": "0x"}], "missing field `type`"),
        ([{"type": "value"}], "missing field `key`"),
        ([{"key": 5, "type": "value"}], "invalid type: integer `5`, expected a string"),
        (["0x"], 'invalid type: string "0x", expected struct StorageQuery'),
        (
            [{"key": "0x", "type": "size"}],
            "unknown variant `size`, expected one of `value`, `hash`, "
            "`closestDescendantMerkleValue`, `descendantsValues`, `descendantsHashes`",
        ),
    ],
)
async def test_a_query_of_the_wrong_shape_is_named(
    followed: Followed, queries: list[Any], text: str
) -> None:
    reply = await followed.peer.reply(
        "chainHead_v1_storage", followed.id, followed.block, queries, None
    )

    assert reply["error"]["code"] == -32602
    assert reply["error"]["data"].startswith(text)
