"""state_* and childstate_*: the edges of a Rust node's answers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tilth.rpc.jsonrpc import reading
from tilth.rpc.jsonrpc.child_state import PREFIX
from tilth.rpc.jsonrpc.shapes import hex_of
from tilth.rpc.jsonrpc.table import method_table

CODE = hex_of(b":code")
NOWHERE = "0x" + "77" * 32
MISSING = f"UnknownBlock: Header was not found in the database: {NOWHERE}"
NUMBER = "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac"
CHILD = hex_of(PREFIX + b"some")

VECTORS = Path(__file__).parents[1] / "vectors" / "jsonrpc"
# what has no meaning for a chain without these parts, and peers for a node without a network
ABSENT = (
    "babe_",
    "beefy_",
    "grandpa_",
    "mmr_",
    "statement_",
    "sync_state_",
    "system_addReservedPeer",
    "system_removeReservedPeer",
)


def test_what_a_rust_node_serves_is_served_where_it_has_a_meaning() -> None:
    theirs = json.loads((VECTORS / "rpc_methods.json").read_text())["methods"]
    ours = set(method_table().names())

    missing = [name for name in theirs if name not in ours]
    assert [name for name in missing if not name.startswith(ABSENT)] == []
    assert [name for name in ours if name.startswith(ABSENT)] == []


async def test_what_has_no_meaning_is_not_found(serving: Any) -> None:
    peer = await (await serving()).peer()

    for method in ("grandpa_roundState", "babe_epochAuthorship", "mmr_root", "beefy_nothing"):
        assert (await peer.reply(method))["error"] == {
            "code": -32601,
            "message": "Method not found",
        }


async def test_a_child_trie_is_empty(serving: Any) -> None:
    peer = await (await serving()).peer()

    assert await peer.ask("childstate_getKeys", CHILD, "0x") == []
    assert await peer.ask("childstate_getKeysPaged", CHILD, "0x", 5) == []
    assert await peer.ask("childstate_getKeysPagedAt", CHILD, None, 5, None, None) == []
    assert await peer.ask("childstate_getStorage", CHILD, "0x01") is None
    assert await peer.ask("childstate_getStorageHash", CHILD, "0x01") is None
    assert await peer.ask("childstate_getStorageSize", CHILD, "0x01") is None
    assert await peer.ask("childstate_getStorageEntries", CHILD, ["0x01", "0x02"]) == [None, None]


async def test_a_child_trie_is_proved_to_be_absent_by_the_path_to_it(serving: Any) -> None:
    peer = await (await serving()).peer()

    proof = await peer.ask("state_getChildReadProof", CHILD, ["0x01"])

    assert proof == await peer.ask("state_getReadProof", [CHILD])
    assert (await peer.ask("state_getChildReadProof", CHILD, []))["proof"] == []


async def test_a_key_that_names_no_child_trie_is_refused(serving: Any) -> None:
    peer = await (await serving()).peer()

    for method, *params in (
        ("childstate_getStorage", "0x01", "0x01"),
        ("childstate_getKeys", "0x01", "0x", NOWHERE),
    ):
        assert await peer.error(method, *params) == (
            4003,
            "Client error: Invalid child storage key",
        )


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("state_getStorage", (CODE, NOWHERE)),
        ("state_getStorageSize", (CODE, NOWHERE)),
        ("state_getKeysPaged", ("0x", 1, None, NOWHERE)),
        ("state_getReadProof", ([CODE], NOWHERE)),
        ("state_call", ("Core_version", "0x", NOWHERE)),
        ("childstate_getStorage", (CHILD, "0x01", NOWHERE)),
    ],
)
async def test_a_block_that_is_not_there_has_its_words(
    serving: Any, method: str, params: tuple[Any, ...]
) -> None:
    peer = await (await serving()).peer()

    assert await peer.error(method, *params) == (4003, f"Client error: {MISSING}")


async def test_the_runtime_api_has_other_words_for_it(serving: Any) -> None:
    peer = await (await serving()).peer()

    for method in ("state_getMetadata", "state_getRuntimeVersion", "chain_getRuntimeVersion"):
        assert await peer.error(method, NOWHERE) == (
            4003,
            "Client error: Api called for an unknown Block: Header was not found in the database: "
            + NOWHERE,
        )


async def test_a_call_that_fails_says_why(serving: Any) -> None:
    peer = await (await serving()).peer()

    unknown = await peer.error("state_call", "Nothing_here", "0x")
    bad = await peer.error("state_call", "AccountNonceApi_account_nonce", "0x01")

    assert unknown == (
        4003,
        "Client error: Execution failed: Other: Exported method Nothing_here is not found",
    )
    assert bad[1].startswith(
        "Client error: Execution failed: Execution aborted due to panic: "
        "Bad input data provided to account_nonce: "
    )


async def test_keys_that_are_queried_twice_are_told_once_and_none_is_told_as_nothing(
    serving: Any,
) -> None:
    peer = await (await serving()).peer()

    (changes,) = await peer.ask("state_queryStorageAt", ["0x00", "0x00", "0x01"])

    assert changes["changes"] == [["0x00", None], ["0x01", None]]
    assert await peer.ask("state_queryStorageAt", []) == []


async def test_a_history_has_all_values_first_and_then_what_changed(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    first, second = served.node.author.build(), served.node.author.build()
    number = NUMBER

    told = await peer.ask("state_queryStorage", [number, CODE], hex_of(first.hash))

    assert [changes["block"] for changes in told] == [hex_of(first.hash), hex_of(second.hash)]
    assert [len(changes["changes"]) for changes in told] == [2, 1]
    assert told[1]["changes"] == [[number, "0x02000000"]]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("state_getKeys", ("0x",)),
        ("state_getPairs", ("0x",)),
        ("state_getStorageSize", ("0x",)),
        ("state_trieMigrationStatus", ()),
        ("state_queryStorage", ([NUMBER], "genesis")),
    ],
)
async def test_who_asks_for_much_does_not_keep_others_waiting(
    serving: Any, monkeypatch: pytest.MonkeyPatch, method: str, params: tuple[Any, ...]
) -> None:
    monkeypatch.setattr(reading, "_STRIDE", 1)
    served = await serving()
    for _ in range(50):
        served.node.author.build()
    genesis = hex_of(served.node.genesis_hash)
    much, little, answered = await served.peer(), await served.peer(), list[str]()

    async def ask(peer: Any, method: str, *params: Any) -> None:
        await peer.ask(method, *params)
        answered.append(method)

    given = [genesis if value == "genesis" else value for value in params]
    await asyncio.gather(ask(much, method, *given), ask(little, "system_health"))

    assert answered == ["system_health", method]


async def test_a_range_that_leads_nowhere_is_told_in_rusts_debug_form(serving: Any) -> None:
    served = await serving(finality_lag=5)
    peer = await served.peer()
    genesis = served.node.chain.genesis
    first, fork = served.node.author.build(), served.node.author.build(genesis)
    zero, one, other = (hex_of(block.hash) for block in (genesis, first, fork))

    back = await peer.error("state_queryStorage", [CODE], one, zero)
    across = await peer.error("state_queryStorage", [CODE], other, one)
    missing = await peer.error("state_queryStorageAt", [CODE], NOWHERE)

    assert back == (
        4001,
        f'Cannot resolve a block range [\'"1 ({one})"\' ... \'"0 ({zero})"]. '
        "from number > to number",
    )
    assert across == (
        4001,
        f'Cannot resolve a block range [\'"1 ({other})"\' ... \'"1 ({one})"]. '
        "from and to are on different forks",
    )
    assert missing == (
        4001,
        f'Cannot resolve a block range [\'"{NOWHERE}"\' ... \'"Some({NOWHERE})"]. {MISSING}',
    )


async def test_a_page_of_keys_has_a_limit(serving: Any) -> None:
    peer = await (await serving()).peer()

    assert await peer.error("state_getKeysPaged", "0x", 1001) == (
        4002,
        "count exceeds maximum value. value: 1001, max: 1000",
    )
    assert len(await peer.ask("state_getKeysPaged", "0x", 1000)) > 10


async def test_sizes_are_of_values_or_of_all_below_a_prefix(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    state = served.node.chain.best.state

    assert await peer.ask("state_getStorageSize", CODE) == len(state.get(b":code"))
    below = sum(len(value) for _, value in state.items(b":"))
    assert await peer.ask("state_getStorageSizeAt", hex_of(b":")) == below
    assert await peer.ask("state_getStorageSize", "0x0102") is None


async def test_values_that_were_never_migrated_are_counted(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()

    status = await peer.ask("state_trieMigrationStatus")

    assert status["totalTop"] == len(list(served.node.chain.best.state.keys()))
    assert status["topRemainingToMigrate"] == status["childRemainingToMigrate"] == 0


@pytest.mark.parametrize(
    ("number", "shown"),
    [(2**32, "Number(4294967296)"), ("0x100000000", "Hex(4294967296)")],
)
async def test_a_height_beyond_32_bits_is_refused(serving: Any, number: Any, shown: str) -> None:
    peer = await (await serving()).peer()

    assert await peer.error("chain_getBlockHash", number) == (
        3001,
        f"`{shown}` > u32::MAX, the max block number is u32.",
    )
    assert await peer.error("chain_getBlockHash", [0, number]) == (
        3001,
        f"`{shown}` > u32::MAX, the max block number is u32.",
    )


async def test_heights_are_numbers_hex_or_lists_of_them(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    genesis = hex_of(served.node.genesis_hash)

    assert await peer.ask("chain_getBlockHash", 0) == genesis
    assert await peer.ask("chain_getBlockHash", "0x00000000") == genesis
    assert await peer.ask("chain_getBlockHash", "00") == genesis
    assert await peer.ask("chain_getBlockHash", [0, "0x7", 2**32 - 1]) == [genesis, None, None]
    assert await peer.ask("chain_getHead", None) == genesis


async def test_bare_hex_is_taken_as_hex(serving: Any) -> None:
    peer = await (await serving()).peer()

    bare = await peer.ask("state_getStorage", CODE[2:])

    assert bare == await peer.ask("state_getStorage", CODE)
    assert await peer.ask("state_call", "Core_version", "") == await peer.ask(
        "state_call", "Core_version", "0x"
    )
