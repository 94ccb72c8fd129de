"""The Chain service: what it tells of blocks, and how a stream follows the chain."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import codec
from tilth.primitives.types import H256, Digest, DigestItem, Header
from tilth.v1 import chain_pb2 as pb


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def take(stream: AsyncIterator[pb.BlockUpdate], count: int) -> list[pb.BlockUpdate]:
    async with asyncio.timeout(10):
        return [await anext(stream) for _ in range(count)]


async def test_the_status_names_the_chain_and_its_ends(by_hand: Any) -> None:
    blocks = [by_hand.build() for _ in range(3)]

    status = await by_hand.chain.GetStatus(pb.GetStatusRequest())

    assert status.genesis_hash == by_hand.node.genesis_hash
    assert (status.best.hash, status.best.number) == (blocks[2].hash, 3)
    assert (status.finalized.hash, status.finalized.number) == (blocks[0].hash, 1)
    assert status.runtime.spec_version == by_hand.runtime.spec_version
    assert status.runtime.spec_name == by_hand.runtime.spec_name
    assert status.ss58_prefix == 42
    assert status.chain_name == "Tilth Development"


@pytest.mark.parametrize(
    ("selector", "number"),
    [
        (pb.BlockSelector(), 3),
        (pb.BlockSelector(head=pb.HEAD_BEST), 3),
        (pb.BlockSelector(head=pb.HEAD_FINALIZED), 1),
        (pb.BlockSelector(number=2), 2),
        (pb.BlockSelector(number=0), 0),
    ],
)
async def test_a_block_is_named_by_height_or_end(
    by_hand: Any, selector: pb.BlockSelector, number: int
) -> None:
    for _ in range(3):
        by_hand.build()

    header = await by_hand.chain.GetHeader(pb.GetHeaderRequest(block=selector))

    assert header.number == number
    assert header.hash == by_hand.node.chain.hash_at(number)


async def test_a_block_has_its_body_and_a_header_that_hashes_to_its_name(face: Any) -> None:
    extrinsic = face.remark(b"hello")
    face.node.pool.submit(extrinsic)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    hash = face.node.chain.best.hash

    block = await face.chain.GetBlock(pb.GetBlockRequest(block=pb.BlockSelector(hash=hash)))

    header, item = block.header, codec(DigestItem)
    rebuilt = Header(
        H256(header.parent_hash),
        header.number,
        H256(header.state_root),
        H256(header.extrinsics_root),
        Digest(tuple(item.decode(log) for log in header.digest_logs)),
    )
    assert blake2_256(codec(Header).encode(rebuilt)) == header.hash == hash
    assert block.extrinsics[-1] == extrinsic


async def test_a_block_of_a_fork_is_found_by_its_hash(by_hand: Any) -> None:
    first = by_hand.build()
    fork = by_hand.build(by_hand.node.chain.genesis)
    assert by_hand.node.chain.best is first

    header = await by_hand.chain.GetHeader(
        pb.GetHeaderRequest(block=pb.BlockSelector(hash=fork.hash))
    )

    assert header.number == 1
    assert header.hash == fork.hash


@pytest.mark.parametrize(
    ("selector", "code"),
    [
        (pb.BlockSelector(hash=bytes(32)), grpc.StatusCode.NOT_FOUND),
        (pb.BlockSelector(number=1), grpc.StatusCode.NOT_FOUND),
        (pb.BlockSelector(number=2**64 - 1), grpc.StatusCode.NOT_FOUND),
        (pb.BlockSelector(hash=b"short"), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.BlockSelector(head=7), grpc.StatusCode.INVALID_ARGUMENT),  # type: ignore[arg-type]
    ],
)
async def test_what_names_no_block_is_refused(
    face: Any, selector: pb.BlockSelector, code: grpc.StatusCode
) -> None:
    error = await refused(face.chain.GetBlock(pb.GetBlockRequest(block=selector)))

    assert error.code() is code


async def test_a_stream_begins_with_the_head_and_goes_on_with_each_new_block(by_hand: Any) -> None:
    by_hand.build()
    stream = by_hand.chain.StreamBlocks(pb.StreamBlocksRequest())

    (head,) = await take(aiter(stream), 1)
    built = [by_hand.build() for _ in range(3)]
    updates = await take(aiter(stream), 3)

    assert head.block.header.number == 1
    assert [update.block.header.hash for update in updates] == [block.hash for block in built]
    stream.cancel()


async def test_a_stream_from_a_number_leaves_no_block_out(by_hand: Any) -> None:
    for _ in range(5):
        by_hand.build()
    stream = by_hand.chain.StreamBlocks(pb.StreamBlocksRequest(from_number=0, headers_only=True))

    past = await take(aiter(stream), 4)
    by_hand.build()
    rest = await take(aiter(stream), 3)

    assert [update.block.header.number for update in [*past, *rest]] == list(range(7))
    assert not any(update.block.extrinsics for update in [*past, *rest])
    stream.cancel()


async def test_a_stream_may_wait_for_a_block_to_come(by_hand: Any) -> None:
    stream = by_hand.chain.StreamBlocks(pb.StreamBlocksRequest(from_number=2))
    await asyncio.sleep(0.05)
    blocks = [by_hand.build() for _ in range(2)]

    (update,) = await take(aiter(stream), 1)

    assert update.block.header.hash == blocks[1].hash
    stream.cancel()


async def test_a_stream_of_final_blocks_sends_them_when_they_are_final(by_hand: Any) -> None:
    stream = by_hand.chain.StreamBlocks(pb.StreamBlocksRequest(head=pb.HEAD_FINALIZED))
    (genesis,) = await take(aiter(stream), 1)

    blocks = [by_hand.build() for _ in range(4)]
    updates = await take(aiter(stream), 2)

    assert genesis.block.header.number == 0
    assert [update.block.header.hash for update in updates] == [each.hash for each in blocks[:2]]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await anext(aiter(stream))


async def test_a_reorganisation_takes_blocks_back(by_hand: Any) -> None:
    genesis = by_hand.node.chain.genesis
    stream = by_hand.chain.StreamBlocks(pb.StreamBlocksRequest(from_number=0))
    left = by_hand.build()
    await take(aiter(stream), 2)

    fork = by_hand.build(genesis)
    longer = by_hand.build(fork)
    updates = await take(aiter(stream), 2)

    assert [each.hash for each in updates[0].retracted] == [left.hash]
    assert [update.block.header.hash for update in updates] == [fork.hash, longer.hash]
    assert not updates[1].retracted
    stream.cancel()


@pytest.mark.parametrize("head", [pb.HEAD_BEST, pb.HEAD_FINALIZED])
async def test_a_chain_that_was_set_back_below_finality_is_followed_from_there(
    face: Any, head: pb.Head
) -> None:
    tools = face.node.dev
    stream = face.chain.StreamBlocks(pb.StreamBlocksRequest(head=head, from_number=1))
    tools.mine(2)
    snapshot, kept = tools.snapshot(), face.node.chain.best
    tools.mine(2)
    past = await take(aiter(stream), 4)

    tools.revert(snapshot)
    (gone,) = await take(aiter(stream), 1)
    tools.time_travel(4_000_000_000_000)
    (other,) = await take(aiter(stream), 1)

    left = [update.block.header.hash for update in past[:1:-1]]
    assert [each.hash for each in gone.retracted] == left
    assert not gone.HasField("block")
    assert other.block.header.parent_hash == kept.hash
    assert other.block.header.hash not in left
    stream.cancel()


async def test_a_chain_that_was_set_back_too_far_ends_the_stream(face: Any) -> None:
    tools = face.node.dev
    stream = face.chain.StreamBlocks(pb.StreamBlocksRequest(from_number=1, headers_only=True))
    snapshot = tools.snapshot()
    tools.mine(1030)
    await take(aiter(stream), 1030)

    tools.revert(snapshot)

    with pytest.raises(grpc.aio.AioRpcError, match="begin a new one"):
        await take(aiter(stream), 1)


async def test_blocks_that_came_and_went_unread_are_not_taken_back(by_hand: Any) -> None:
    genesis = by_hand.node.chain.genesis
    stream = by_hand.chain.StreamBlocks(pb.StreamBlocksRequest(from_number=1))
    await asyncio.sleep(0.05)
    by_hand.build()
    fork = by_hand.build(genesis)
    longer = by_hand.build(fork)

    updates = await take(aiter(stream), 2)

    assert [update.block.header.hash for update in updates] == [fork.hash, longer.hash]
    assert not any(update.retracted for update in updates)
    stream.cancel()


async def test_a_cancelled_stream_stops_listening(by_hand: Any) -> None:
    before = by_hand.listeners()
    streams = [by_hand.chain.StreamBlocks(pb.StreamBlocksRequest()) for _ in range(5)]
    for stream in streams:
        await take(aiter(stream), 1)
    assert by_hand.listeners() == before + 5

    for stream in streams:
        stream.cancel()
    async with asyncio.timeout(5):
        while by_hand.listeners() > before:
            await asyncio.sleep(0.01)
