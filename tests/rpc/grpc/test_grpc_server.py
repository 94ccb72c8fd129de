"""The face as a whole: health, reflection, its port, and how it goes away."""

import asyncio
import socket
import time
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from tilth.rpc.grpc.limits import GrpcLimits
from tilth.rpc.grpc.server import GrpcServer
from tilth.rpc.jsonrpc.chain import chain_getBlock
from tilth.v1 import chain_pb2, transactions_pb2

SERVICES = {"tilth.v1.Chain", "tilth.v1.Transactions", "tilth.v1.Content", "tilth.v1.Jobs"}
SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


def health(face: Any) -> Any:
    return HealthStub(face.channel)


@pytest.mark.parametrize("service", ["", *sorted(SERVICES)])
async def test_a_started_face_is_healthy(face: Any, service: str) -> None:
    answer = await health(face).Check(HealthCheckRequest(service=service))

    assert answer.status == SERVING


async def test_an_unknown_service_has_no_health(face: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health(face).Check(HealthCheckRequest(service="tilth.v1.Nothing"))

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_method_of_health_that_is_not_implemented_says_so(face: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await face.channel.unary_unary("/grpc.health.v1.Health/List")(b"")

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_stopping_face_says_so_before_it_goes(face: Any) -> None:
    watch = health(face).Watch(HealthCheckRequest())
    before = await watch.read()

    stopping = asyncio.create_task(face.server.stop(0.5))
    after = await watch.read()
    still_there = not stopping.done()
    await stopping

    assert (before.status, after.status, still_there) == (SERVING, NOT_SERVING, True)


async def test_stopping_ends_streams_with_unavailable_and_quickly(face: Any) -> None:
    listening = face.listeners()
    streams = [face.chain.StreamBlocks(chain_pb2.StreamBlocksRequest()) for _ in range(3)]
    for stream in streams:
        await stream.read()

    start = time.monotonic()
    await face.server.stop()
    took = time.monotonic() - start

    for stream in streams:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert took < 0.5
    assert face.listeners() == listening


async def test_a_face_that_never_started_stops(face: Any) -> None:
    await GrpcServer(face.node, port=0).stop()


def reflect(face: Any, version: str, request: ServerReflectionRequest) -> Any:
    return face.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )(iter([request]))


async def contract(face: Any, version: str, service: str) -> set[str]:
    """The files that describe a service."""
    asked = ServerReflectionRequest(file_containing_symbol=service)
    (answer,) = [each async for each in reflect(face, version, asked)]
    files = answer.file_descriptor_response.file_descriptor_proto
    return {FileDescriptorProto.FromString(file).name for file in files}


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_the_services_and_their_contract(face: Any, version: str) -> None:
    (listed,) = [
        each async for each in reflect(face, version, ServerReflectionRequest(list_services=""))
    ]
    names = {service.name for service in listed.list_services_response.service}
    contracts = {name: await contract(face, version, name) for name in names}

    assert names > SERVICES | {"grpc.health.v1.Health"}
    assert all(contracts.values())
    assert contracts["tilth.v1.Jobs"] >= {"tilth/v1/jobs.proto", "tilth/v1/chain.proto"}


async def test_reflection_can_be_left_out(start: Any) -> None:
    face = await start(reflection=False)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await reflect(face, "v1", ServerReflectionRequest(list_services="")).read()

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_taken_port_is_an_os_error_that_names_the_reason(face: Any) -> None:
    with pytest.raises(OSError, match="in use"):
        await GrpcServer(face.node, port=face.server.port).start()


async def test_a_port_that_another_program_has_is_refused(face: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        with pytest.raises(OSError, match="in use"):
            await GrpcServer(face.node, port=other.getsockname()[1]).start()


async def test_a_port_is_free_again_after_stopping(face: Any) -> None:
    await face.server.stop(0)
    again = GrpcServer(face.node, port=face.server.port)

    await again.start()

    assert again.port == face.server.port
    await again.stop(0)


async def drain(stream: Any) -> int:
    count = 0
    async with asyncio.timeout(20):
        while await stream.read() is not grpc.aio.EOF:
            count += 1
    return count


async def test_a_reader_that_stops_reading_loses_only_its_own_stream(
    start: Any, manually: Any
) -> None:
    face = await start(sealing=manually, limits=GrpcLimits(stalled_seconds=0.3))
    for _ in range(12):
        face.node.pool.submit(face.remark(bytes(2_000_000)))
        face.build()
    stalled = face.chain.StreamBlocks(chain_pb2.StreamBlocksRequest(from_number=1))
    await stalled.read()
    await asyncio.sleep(0.6)

    face.node.pool.submit(face.remark(b"others go on"))
    face.build()
    status = await face.chain.GetStatus(chain_pb2.GetStatusRequest())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await drain(stalled)

    assert status.best.number == 13
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_connection_that_says_nothing_is_closed(start: Any) -> None:
    face = await start(limits=GrpcLimits(handshake_seconds=0.3))
    reader, writer = await asyncio.open_connection("127.0.0.1", face.server.port)

    async with asyncio.timeout(10):
        while await reader.read(1000):
            pass
    writer.close()

    assert (await face.chain.GetStatus(chain_pb2.GetStatusRequest())).best.number == 0


async def test_both_faces_lead_to_the_same_state(face: Any) -> None:
    """The block that gRPC tells of is the one JSON-RPC's methods answer with."""
    extrinsic = face.remark(b"same")
    await face.transactions.Submit(transactions_pb2.SubmitRequest(extrinsic=extrinsic))
    block = await face.chain.GetBlock(chain_pb2.GetBlockRequest())
    told: Any = chain_getBlock(face.node)

    assert ["0x" + data.hex() for data in block.extrinsics] == told["block"]["extrinsics"]
    assert "0x" + block.header.state_root.hex() == told["block"]["header"]["stateRoot"]
