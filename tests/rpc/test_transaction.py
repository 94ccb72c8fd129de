"""transaction_v1_* and transactionWatch_v1_*: a transaction on its way in, unseen or watched."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tilth.frame import AccountId
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.types import Id
from tilth.rpc.jsonrpc.shapes import hex_of
from tilth.runtime.units import UNIT

STRANGER = "//Stranger"
BAN = 31
"""Minutes after which the pool looks again at what was removed."""


def paying(served: Any, account: bytes, amount: int = 100 * UNIT) -> Any:
    return served.node.runtime.balances.transfer_keep_alive.call(Id(AccountId(account)), amount)


def remark(served: Any) -> Any:
    return served.node.runtime.system.remark.call(b"hello")


async def until(condition: Callable[[], object]) -> None:
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("what was waited for did not come")


async def test_a_broadcast_transaction_is_included(serving: Any) -> None:
    served = await serving(instant=True)
    peer = await served.peer()
    transaction = served.signed(remark(served))

    id_ = await peer.ask("transaction_v1_broadcast", hex_of(transaction))

    assert isinstance(id_, str)
    await until(lambda: served.node.chain.best.number == 1)
    assert transaction in served.node.chain.best.extrinsics
    assert await peer.ask("transaction_v1_stop", id_) is None


async def test_a_broadcast_goes_on_until_the_transaction_is_valid(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    transaction = served.signed(remark(served), by=STRANGER)
    await peer.ask("transaction_v1_broadcast", hex_of(transaction))
    assert len(served.node.pool) == 0

    stranger = Keypair.from_uri(STRANGER).account
    served.node.pool.submit(served.signed(paying(served, stranger)))
    served.node.author.build()

    await until(lambda: len(served.node.pool) == 1)
    assert transaction in served.node.author.build().extrinsics


async def test_a_dropped_transaction_is_brought_again_with_the_next_block(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    transaction = served.signed(remark(served), nonce=1)
    await peer.ask("transaction_v1_broadcast", hex_of(transaction))
    pool = served.node.pool
    assert len(pool) == 1
    pool.remove([_hash(served, transaction)])
    assert len(pool) == 0

    served.clock.skip(minutes=BAN)
    served.node.author.build()

    await until(lambda: len(pool) == 1)


async def test_a_transaction_whose_block_was_taken_back_is_brought_again(serving: Any) -> None:
    served = await serving(finality_lag=8)
    peer, author = await served.peer(), served.node.author
    genesis = served.node.chain.genesis
    transaction = served.signed(remark(served))
    await peer.ask("transaction_v1_broadcast", hex_of(transaction))
    assert transaction in author.build().extrinsics

    author.build(author.build(genesis))

    await until(lambda: len(served.node.pool) == 1)
    assert transaction in author.build().extrinsics


async def test_what_is_in_a_block_is_not_brought_again(serving: Any) -> None:
    served = await serving(finality_lag=2)
    peer = await served.peer()
    transaction = served.signed(remark(served))
    id_ = await peer.ask("transaction_v1_broadcast", hex_of(transaction))
    for _ in range(5):
        served.node.author.build()
        await asyncio.sleep(0)

    assert len(served.node.pool) == 0
    assert await peer.ask("transaction_v1_stop", id_) is None
    assert await peer.error("transaction_v1_stop", id_) == (-32602, "Invalid operation id")


async def test_stop_takes_the_transaction_out_of_the_pool(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    id_ = await peer.ask("transaction_v1_broadcast", hex_of(served.signed(remark(served))))
    assert len(served.node.pool) == 1

    assert await peer.ask("transaction_v1_stop", id_) is None

    assert len(served.node.pool) == 0
    served.node.author.build()
    await peer.silent()
    assert len(served.node.pool) == 0


async def test_stop_leaves_what_somebody_else_brought(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    transaction = served.signed(remark(served))
    served.node.pool.submit(transaction)
    id_ = await peer.ask("transaction_v1_broadcast", hex_of(transaction))

    await peer.ask("transaction_v1_stop", id_)

    assert len(served.node.pool) == 1


async def test_only_who_began_a_broadcast_stops_it_and_once(serving: Any) -> None:
    served = await serving()
    peer, other = await served.peer(), await served.peer()
    id_ = await peer.ask("transaction_v1_broadcast", hex_of(served.signed(remark(served))))
    invalid = (-32602, "Invalid operation id")

    assert await other.error("transaction_v1_stop", id_) == invalid
    assert await peer.ask("transaction_v1_stop", id_) is None
    assert await peer.error("transaction_v1_stop", id_) == invalid
    assert await peer.error("transaction_v1_stop", "nothing") == invalid


async def test_garbage_is_broadcast_without_a_word(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    ids = [await peer.ask("transaction_v1_broadcast", "0xdeadbeef") for _ in range(20)]

    assert None not in ids
    assert await peer.ask("transaction_v1_stop", ids[0]) is None


async def test_there_is_a_limit_to_broadcasts_at_once(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    waiting = [hex_of(served.signed(remark(served), nonce=nonce)) for nonce in range(1, 258)]
    *first, last = (("transaction_v1_broadcast", each) for each in waiting)
    ids = await peer.batch(*first)

    assert None not in ids
    assert await peer.ask(*last) is None
    await peer.ask("transaction_v1_stop", ids[0])
    assert isinstance(await peer.ask(*last), str)


async def test_a_client_that_left_broadcasts_no_more(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    transaction = served.signed(remark(served), nonce=1)
    await peer.ask("transaction_v1_broadcast", hex_of(transaction))
    await peer.connection.close()
    await asyncio.sleep(0.05)
    assert len(served.node.pool) == 1
    served.node.pool.remove([_hash(served, transaction)])

    served.clock.skip(minutes=BAN)
    served.node.author.build()
    await asyncio.sleep(0.02)

    assert len(served.node.pool) == 0


async def watch(peer: Any, transaction: bytes) -> str:
    id_: str = await peer.ask("transactionWatch_v1_submitAndWatch", hex_of(transaction))
    return id_


async def test_a_watched_transaction_is_told_of_until_it_is_final(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    id_ = await watch(peer, served.signed(remark(served)))
    block = served.node.author.build()
    place = {"hash": hex_of(block.hash), "index": len(block.extrinsics) - 1}

    assert await peer.event(id_) == {"event": "validated"}
    assert await peer.event(id_) == {"event": "bestChainBlockIncluded", "block": place}
    assert await peer.event(id_) == {"event": "finalized", "block": place}
    assert await peer.ask("transactionWatch_v1_unwatch", id_) is False


async def test_a_transaction_that_waits_for_another_is_validated_once(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    id_ = await watch(peer, served.signed(remark(served), nonce=1))
    served.node.pool.submit(served.signed(remark(served), nonce=0))
    served.node.author.build()

    events = [event["event"] for event in await peer.events_until(id_, "finalized")]
    assert events == ["validated", "bestChainBlockIncluded", "finalized"]


async def test_a_block_that_is_taken_back_is_told(serving: Any) -> None:
    served = await serving(finality_lag=8)
    peer, author = await served.peer(), served.node.author
    id_ = await watch(peer, served.signed(remark(served)))
    genesis = served.node.chain.genesis
    author.build()
    author.build(author.build(genesis))
    again = author.build()

    events = [await peer.event(id_) for _ in range(4)]
    assert events[2] == {"event": "bestChainBlockIncluded", "block": None}
    assert events[3]["block"]["hash"] == hex_of(again.hash)


async def test_a_watched_transaction_that_another_replaces_is_invalid(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    id_ = await watch(peer, served.signed(remark(served)))
    served.node.pool.submit(served.signed(remark(served), nonce=0, tip=10 * UNIT))

    assert (await peer.events_until(id_, "invalid"))[-1] == {
        "event": "invalid",
        "error": "Extrinsic was rendered invalid by another extrinsic",
    }


async def test_a_watched_transaction_that_is_removed_is_dropped(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    transaction = served.signed(remark(served))
    id_ = await watch(peer, transaction)
    served.node.pool.remove([_hash(served, transaction)])

    event = await peer.event(id_)
    assert event == {"event": "validated"}
    assert (await peer.event(id_))["event"] in ("dropped", "invalid")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda served: b"\xde\xad", "Extrinsic bytes cannot be decoded"),
        (
            lambda served: served.signed(remark(served), by=STRANGER),
            "Invalid transaction: Inability to pay some fees (e.g. account balance too low)",
        ),
    ],
)
async def test_what_the_pool_refuses_is_told_as_an_event(
    serving: Any, make: Callable[[Any], bytes], error: str
) -> None:
    served = await serving()
    peer = await served.peer()
    id_ = await watch(peer, make(served))

    assert await peer.event(id_) == {"event": "invalid", "error": error}


async def test_who_watches_what_is_there_already_is_told_so(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    transaction = served.signed(remark(served))
    served.node.pool.submit(transaction)

    event = await peer.event(await watch(peer, transaction))

    assert event == {"event": "invalid", "error": "Transaction is already imported"}


async def test_after_unwatch_nothing_is_heard(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()
    id_ = await watch(peer, served.signed(remark(served)))
    assert await peer.event(id_) == {"event": "validated"}

    assert await peer.ask("transactionWatch_v1_unwatch", id_) is True
    served.node.author.build()

    await peer.silent()


async def test_the_chain_says_what_it_is(serving: Any) -> None:
    served = await serving()
    peer = await served.peer()

    assert await peer.ask("chainSpec_v1_chainName") == "Tilth Development"
    genesis = hex_of(served.node.chain.genesis.hash)
    assert await peer.ask("chainSpec_v1_genesisHash") == genesis
    assert await peer.ask("chainSpec_v1_properties") == dict(served.node.spec.properties)


def _hash(served: Any, transaction: bytes) -> bytes:
    hash: bytes = served.node.runtime.format.decode(transaction).hash
    return hash
