"""A node with both faces, in this process, until it is told to stop."""

import asyncio
import gc
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tilth.cli.banner import Endpoints
from tilth.cli.loading import CannotStart
from tilth.cli.port import BadOption, PortOptions, access_of, limits_of
from tilth.node.contents import Depot
from tilth.node.service import Node
from tilth.node.store import BlockStore


class SystemClock:
    def milliseconds(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the faces listen, and who may use the JSON-RPC one."""

    rpc: int
    grpc: int
    options: PortOptions


@dataclass(slots=True)
class Running:
    """A node and what stops it."""

    node: Node
    endpoints: Endpoints
    stops: list[Callable[[], object]]

    async def stop(self) -> None:
        """The faces first, so that nobody is told of a block that is not kept."""
        for stop in self.stops:
            outcome = stop()
            if asyncio.iscoroutine(outcome):
                await outcome


async def until_stopped(
    begin: Callable[[], Awaitable[Running]],
    began: Callable[[Running, Callable[[Exception], None]], None],
    ready_file: Path | None,
) -> int:
    """Run what `begin` begins until a signal; `began` may end it by a failure, which is raised."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    gc.disable()
    faces = await begin()
    gc.freeze()  # what a start makes stays: nobody need look through it for garbage
    gc.enable()
    fatal: list[Exception] = []

    def fail(error: Exception) -> None:
        fatal.append(error)
        stopped.set()

    faces.node.chain.on_failure.append(fail)
    began(faces, fail)
    _write_ready_file(ready_file, faces.endpoints)
    await stopped.wait()
    await faces.stop()
    if fatal:
        raise fatal[0]
    return 0


async def serve(node: Node, ports: Ports, *, tools: bool) -> Running:
    """Both faces of the node; raises CannotStart. `tools` are those of dev chains.

    JSON-RPC answers while gRPC, which takes the longest of all to import, is still coming.
    """
    from tilth.rpc.jsonrpc.pages import pages
    from tilth.rpc.jsonrpc.server import Server
    from tilth.rpc.jsonrpc.table import method_table

    json_rpc = Server(
        method_table(tools=tools),
        node,
        port=ports.rpc,
        access=access_of(ports.options),
        limits=limits_of(ports.options),
        routes=pages(node),
    )
    await _started(json_rpc, ports.rpc)
    grpc_face = await asyncio.to_thread(import_module, "tilth.rpc.grpc.server")
    grpc = grpc_face.GrpcServer(node, "127.0.0.1", ports.grpc)
    await _started(grpc, ports.grpc)
    endpoints = Endpoints(json_rpc.port, grpc.port, os.getpid())
    return Running(node, endpoints, [grpc.stop, json_rpc.stop, node.stop])


def check_options(ports: Ports, ready_file: Path | None) -> None:
    """What can be said before anything is started; raises CannotStart."""
    try:
        limits_of(ports.options)
    except BadOption as error:
        raise CannotStart(str(error)) from error
    folder = ready_file and ready_file.parent
    if folder and not folder.is_dir():
        raise CannotStart(f"--ready-file cannot be written: there is no directory {folder}")


async def _started(face: object, port: int) -> None:
    try:
        await face.start()  # type: ignore[attr-defined]
    except OSError as error:
        raise CannotStart(
            f"port {port} on 127.0.0.1 cannot be used ({os.strerror(error.errno or 0)}); "
            "stop what uses it or choose another, 0 for any free one"
        ) from error


def store_at(base_path: Path | None, depot: Depot | None = None) -> BlockStore | None:
    if base_path is None:
        return None
    from tilth.node.rocks import RocksStore

    return BlockStore(RocksStore(base_path), depot)


def _write_ready_file(path: Path | None, endpoints: Endpoints) -> None:
    if path is None:
        return
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(json.dumps(endpoints.as_json()))
    partial.rename(path)
