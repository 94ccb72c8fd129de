"""author_*Key*, offchain_*, system_*: what a node keeps and says of itself."""

import logging
from typing import Any

import pytest

from tilth.node.local_storage import LocalStorage
from tilth.node.log_filter import BadDirective, LogFilter
from tilth.node.store import BlockStore, MemoryStore
from tilth.primitives.scale import codec

AURA = "aura"
KEY = "0x" + "ab" * 32


async def test_a_key_that_was_inserted_is_there_for_its_purpose_alone(serving: Any) -> None:
    peer = await (await serving()).peer()

    assert await peer.ask("author_hasKey", KEY, AURA) is False
    assert await peer.ask("author_insertKey", AURA, "//Alice", KEY) is None
    assert await peer.ask("author_hasKey", KEY, AURA) is True
    assert await peer.ask("author_hasKey", KEY, "gran") is False


async def test_a_purpose_has_four_letters(serving: Any) -> None:
    peer = await (await serving()).peer()
    error = (1040, "Invalid key type ID format (should be of length four)")

    assert await peer.error("author_insertKey", "aur", "//Alice", KEY) == error
    assert await peer.error("author_hasKey", KEY, "auras") == error


async def test_rotated_keys_are_in_the_keystore_and_others_are_not(serving: Any) -> None:
    peer = await (await serving()).peer()

    keys = await peer.ask("author_rotateKeys")
    other = await peer.ask("author_rotateKeys")

    assert keys != other
    assert await peer.ask("author_hasSessionKeys", keys) is True
    assert await peer.ask("author_hasSessionKeys", "0x" + "00" * (len(keys) // 2 - 1)) is False
    assert await peer.error("author_hasSessionKeys", "0x00") == (
        1040,
        "Session keys are not encoded correctly",
    )


async def test_nobody_but_the_operator_makes_keys(serving: Any) -> None:
    """As by a Rust node, a runtime that is asked by state_call has no keystore."""
    peer = await (await serving()).peer()

    code, message = await peer.error("state_call", "SessionKeys_generate_session_keys", "0x00")

    assert code == 4003
    assert message.startswith("Client error: Execution failed: ")


async def test_session_keys_say_what_each_is_for(serving: Any) -> None:
    peer = await (await serving()).peer()
    keys = bytes.fromhex((await peer.ask("author_rotateKeys"))[2:])
    asked = "0x" + codec(bytes).encode(keys).hex()

    answer = await peer.ask("state_call", "SessionKeys_decode_session_keys", asked)

    assert answer.startswith("0x01")
    assert answer.endswith(AURA.encode().hex())


async def test_off_chain_storage_is_kept_until_it_is_cleared(serving: Any) -> None:
    peer = await (await serving()).peer()
    place = ("PERSISTENT", "0x6b6579")

    assert await peer.ask("offchain_localStorageGet", *place) is None
    assert await peer.ask("offchain_localStorageSet", *place, "0x00ff") is None
    assert await peer.ask("offchain_localStorageGet", *place) == "0x00ff"
    assert await peer.ask("offchain_localStorageClear", *place) is None
    assert await peer.ask("offchain_localStorageGet", *place) is None


async def test_local_off_chain_storage_is_not_available(serving: Any) -> None:
    peer = await (await serving()).peer()

    assert await peer.error("offchain_localStorageGet", "LOCAL", "0x00") == (
        5001,
        "This storage kind is not available yet",
    )
    assert (await peer.reply("offchain_localStorageGet", "local", "0x00"))["error"]["data"] == (
        "unknown variant `local`, expected `PERSISTENT` or `LOCAL` at line 1 column 7"
    )


def test_off_chain_storage_of_a_chain_with_a_store_is_in_it() -> None:
    store = MemoryStore()
    LocalStorage(BlockStore(store)).set(b"key", b"value")

    assert LocalStorage(BlockStore(store)).get(b"key") == b"value"
    assert LocalStorage(None).get(b"key") is None


async def test_a_node_without_a_network_says_so(serving: Any) -> None:
    peer = await (await serving()).peer()
    name = await peer.ask("system_localPeerId")

    state = await peer.ask("system_unstable_networkState")

    assert state["peerId"] == name
    assert state["connectedPeers"] == {}
    assert await peer.ask("system_reservedPeers") == []
    assert await peer.ask("system_peers") == []
    assert await peer.ask("system_localListenAddresses") == []


async def test_a_part_of_the_node_logs_more_until_the_filter_is_reset(serving: Any) -> None:
    peer = await (await serving()).peer()
    logger = logging.getLogger("tilth.node.pool")
    before = logger.level

    assert await peer.ask("system_addLogFilter", "node::pool=debug") is None
    assert logger.level == logging.DEBUG
    assert await peer.ask("system_resetLogFilter") is None
    assert logger.level == before


async def test_a_directive_without_a_level_is_refused(serving: Any) -> None:
    peer = await (await serving()).peer()

    code, message = await peer.error("system_addLogFilter", "node=loud")

    assert code == -32603
    assert "node=loud" in message


@pytest.mark.parametrize(
    ("directive", "name", "level"),
    [
        ("warn", "tilth", logging.WARNING),
        ("rpc=error", "tilth.rpc", logging.ERROR),
        ("tilth.rpc=off", "tilth.rpc", logging.CRITICAL + 1),
        ("node", "tilth.node", 1),
    ],
)
def test_directives_name_parts_of_the_node(directive: str, name: str, level: int) -> None:
    filter = LogFilter()
    try:
        filter.add(directive)
        assert logging.getLogger(name).level == level
    finally:
        filter.reset()
    assert logging.getLogger(name).level == logging.NOTSET


def test_directives_of_which_one_is_wrong_change_nothing() -> None:
    filter = LogFilter()

    with pytest.raises(BadDirective):
        filter.add("rpc=debug,node=loud")

    assert logging.getLogger("tilth.rpc").level == logging.NOTSET
