"""What the face answers when it is sent nonsense, too much, or nothing for too long."""

import asyncio
from typing import Any

import grpc
import pytest

from tilth.rpc.grpc.limits import GrpcLimits
from tilth.v1 import chain_pb2, content_pb2, jobs_pb2, transactions_pb2

METHODS = [
    f"/tilth.v1.{service.full_name.rpartition('.')[2]}/{method.name}"
    for file in (chain_pb2, content_pb2, jobs_pb2, transactions_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
FOREIGN = [
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
]


async def raw(face: Any, method: str, data: bytes, **options: Any) -> grpc.aio.AioRpcError | None:
    """Send bytes as the only request of a method; None where it did not fail."""
    call = face.channel.stream_stream(method)(iter([data]), **options)
    try:
        async with asyncio.timeout(20):
            async for _ in call:
                pass
    except grpc.aio.AioRpcError as error:
        return error
    return None


MALFORMED = {
    "garbage": b"\xff\xff\xff\xff",
    "cut off": b"\x0a\x20abc",
    "wrong wire type": b"\x0f",
    "nested too deep": b"\x0b" * 101 + b"\x0c" * 101,
}


@pytest.mark.parametrize("kind", MALFORMED)
@pytest.mark.parametrize("method", [*METHODS, *FOREIGN])
async def test_what_is_no_message_is_an_invalid_argument(face: Any, method: str, kind: str) -> None:
    error = await raw(face, method, MALFORMED[kind])

    assert error is not None
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "class" not in str(error.details())
    assert "google" not in str(error.details())


async def test_text_that_is_no_utf_8_is_an_invalid_argument(face: Any) -> None:
    error = await raw(face, "/grpc.health.v1.Health/Check", b"\x0a\x02\xff\xfe")

    assert error is not None
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_few_unknown_fields_are_a_newer_clients_and_many_are_refused(face: Any) -> None:
    method = "/tilth.v1.Chain/GetStatus"
    few = b"\xf8\x07\x01" * 100
    many = b"\xf8\x07\x01" * 350_000

    assert await raw(face, method, few) is None
    error = await raw(face, method, many)

    assert error is not None
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (4 * 2**20 - 1, grpc.StatusCode.INVALID_ARGUMENT),
        (4 * 2**20, grpc.StatusCode.INVALID_ARGUMENT),
        (4 * 2**20 + 1, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
async def test_the_largest_message_is_exact(face: Any, size: int, code: grpc.StatusCode) -> None:
    head = b"\x0a" + _varint(size - 5)
    message = head + bytes(size - len(head))

    error = await raw(face, "/tilth.v1.Transactions/Submit", message)

    assert error is not None
    assert error.code() is code


def _varint(value: int) -> bytes:
    return bytes(
        (value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14 & 0x7F | 0x80, value >> 21)
    )


async def test_an_unknown_method_is_unimplemented(face: Any) -> None:
    error = await raw(face, "/tilth.v1.Chain/DropEverything", b"")

    assert error is not None
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_failure_inside_tells_nothing_of_the_inside(
    face: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> int:
        raise RuntimeError("the secret")

    monkeypatch.setattr(face.node.pool, "pending_count", broken)

    error = await raw(face, "/tilth.v1.Chain/GetStatus", b"")

    assert error is not None
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(error.details())
    assert "Error" not in str(error.details())
    assert "the secret" in caplog.text


async def test_a_call_ends_at_the_clients_deadline(by_hand: Any) -> None:
    call = by_hand.chain.StreamBlocks(chain_pb2.StreamBlocksRequest(from_number=9), timeout=0.2)
    before = by_hand.listeners()
    loop = asyncio.get_running_loop()
    start = loop.time()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert loop.time() - start < 2
    await _until(lambda: by_hand.listeners() <= before)


async def test_a_unary_call_without_deadline_gets_the_servers(start: Any, manually: Any) -> None:
    face = await start(sealing=manually, limits=GrpcLimits(call_seconds=0.2))
    create = face.signed(face.runtime.compute.create_job.call(face.spec(), 0, None))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await face.jobs.Create(jobs_pb2.CreateJobRequest(extrinsic=create))

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "0.2 s" in str(caught.value.details())


async def test_no_more_calls_than_the_limit_are_served(start: Any) -> None:
    face = await start(limits=GrpcLimits(concurrent_calls=3))
    streams = [face.chain.StreamBlocks(chain_pb2.StreamBlocksRequest()) for _ in range(3)]
    for stream in streams:
        await stream.read()

    error = await raw(face, "/tilth.v1.Chain/GetStatus", b"")

    assert error is not None
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for stream in streams:
        stream.cancel()
    await _until_answered(face)


async def _until_answered(face: Any) -> None:
    async with asyncio.timeout(5):
        while await raw(face, "/tilth.v1.Chain/GetStatus", b"") is not None:
            await asyncio.sleep(0.01)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
