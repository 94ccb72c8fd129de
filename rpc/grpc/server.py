"""The gRPC face: the services of proto/tilth/v1 on one port, with health and reflection."""

import errno
import os
import socket
from typing import Final

import grpc.aio
from grpc_health.v1.health import aio as health_service  # pyright: ignore[reportAttributeAccessIssue]
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha.reflection import aio as reflection_service
from grpc_reflection.v1alpha.reflection_pb2_grpc import add_ServerReflectionServicer_to_server

from tilth.node.service import Node
from tilth.rpc.grpc.chain import ChainService
from tilth.rpc.grpc.content import ContentService
from tilth.rpc.grpc.jobs import JobsService
from tilth.rpc.grpc.limits import GrpcLimits
from tilth.rpc.grpc.methods import MethodTable, Streams
from tilth.rpc.grpc.outcomes import Outcomes
from tilth.rpc.grpc.transactions import TransactionsService
from tilth.v1.chain_pb2_grpc import add_ChainServicer_to_server
from tilth.v1.content_pb2_grpc import add_ContentServicer_to_server
from tilth.v1.jobs_pb2_grpc import add_JobsServicer_to_server
from tilth.v1.transactions_pb2_grpc import add_TransactionsServicer_to_server

_GRACE: Final = 1.0


class GrpcServer:
    """Serves a node; runs on the node's loop."""

    def __init__(
        self,
        node: Node,
        host: str = "127.0.0.1",
        port: int = 50051,
        *,
        limits: GrpcLimits = GrpcLimits(),  # noqa: B008  # immutable
        reflection: bool = True,
    ) -> None:
        """Port 0 picks a free one; `reflection` tells clients the services' contract."""
        self._address = host, port
        self._limits = limits
        self._streams = Streams()
        self._health = health_service.HealthServicer()
        self._table = _table(node, self._health, limits, self._streams)
        if reflection:
            _reflect(self._table)
        self._server: grpc.aio.Server | None = None
        self.port = port
        """Where it listens, once it is started."""

    async def start(self) -> None:
        """Raises OSError where the address cannot be used."""
        self._server = grpc.aio.server(
            handlers=[self._table],
            options=self._limits.channel_options(),
            maximum_concurrent_rpcs=self._limits.concurrent_calls,
        )
        self.port = _bind(self._server, *self._address)
        await self._server.start()
        for service in self._table.services:
            await self._health.set(service, HealthCheckResponse.SERVING)

    async def stop(self, grace: float = _GRACE) -> None:
        """Health says so first; streams end, and unary calls have so many seconds to finish."""
        await self._health.enter_graceful_shutdown()
        self._streams.end()
        if self._server is not None:
            await self._server.stop(grace)


def _table(
    node: Node, health: health_service.HealthServicer, limits: GrpcLimits, streams: Streams
) -> MethodTable:
    table = MethodTable(limits, streams)
    reader, outcomes = node.content, Outcomes(node.chain)
    table.add(add_ChainServicer_to_server, ChainService(node))
    table.add(add_TransactionsServicer_to_server, TransactionsService(node, outcomes, limits))
    table.add(add_ContentServicer_to_server, ContentService(node, reader, outcomes, limits))
    table.add(add_JobsServicer_to_server, JobsService(node, reader, outcomes, limits))
    table.add(add_HealthServicer_to_server, health)
    return table


def _reflect(table: MethodTable) -> None:
    """Under the old name, and under the new one, whose messages are the same.

    Only the old one is listed: clients ask for the contract of whatever is.
    """
    old, new = "grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection"
    names = (*table.services, old)
    table.add(add_ServerReflectionServicer_to_server, reflection_service.ReflectionServicer(names))
    table.alias(old, new)


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    if port:
        _probe(host, port)
    try:
        return server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL)) from None


def _probe(host: str, port: int) -> None:
    """gRPC logs a trace where a port is taken and does not say why; the system does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
