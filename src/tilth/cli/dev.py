"""`tilth dev`: a node with both faces, in this process, until it is told to stop."""

import asyncio
import gc
import json
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tilth.cli import tilth_version
from tilth.cli.banner import Endpoints, show_banner
from tilth.cli.loading import CannotStart, runtime_class, telling
from tilth.cli.port import BadOption, PortOptions, access_of, limits_of
from tilth.cli.reload import NotReloadable, Project, watch
from tilth.cli.tool_options import ToolOptions
from tilth.frame import Runtime
from tilth.node.archive import code_in
from tilth.node.author import Author, InstantSeal, Sealer, SlotSeal
from tilth.node.invariants import InvariantBroken, check_each_block
from tilth.node.pool import Pool
from tilth.node.runtimes import CODE
from tilth.node.service import Node, NodeConfig, Sealing
from tilth.node.store import BlockStore, StoreError
from tilth.node.upgrade import resumed
from tilth.primitives.crypto.keystore import Keystore

# Tries and blocks hold no cycles. Looking for some after every 700 new objects, Python's own
# number, took a seventh of the time of a block.
_ALLOCATIONS: Final = 20_000


@dataclass(frozen=True, slots=True)
class DevOptions:
    base_path: Path | None
    rpc_port: int
    grpc_port: int
    block_time: float | None
    runtime: str
    vault: Path | None
    unconfined_ok: bool
    ready_file: Path | None
    port: PortOptions = field(default_factory=PortOptions)
    tools: ToolOptions = field(default_factory=ToolOptions)


class SystemClock:
    def milliseconds(self) -> int:
        return time.time_ns() // 1_000_000


def run_dev(options: DevOptions) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(_run(options))
    except (CannotStart, StoreError, InvariantBroken) as error:
        print(f"tilth: {error}", file=sys.stderr)
        return 1


async def _run(options: DevOptions) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    gc.disable()
    faces = await start(options)
    gc.freeze()  # what a start makes stays: nobody need look through it for garbage
    gc.set_threshold(_ALLOCATIONS, 10, 10)
    gc.enable()
    fatal: list[Exception] = []

    def fail(error: Exception) -> None:
        fatal.append(error)
        stopped.set()

    faces.node.chain.on_failure.append(fail)
    if options.tools.try_state:
        check_each_block(faces.node.chain, fail)
    show_banner(faces.node, faces.endpoints)
    _write_ready_file(options.ready_file, faces.endpoints)
    await stopped.wait()
    await faces.stop()
    if fatal:
        raise fatal[0]
    return 0


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


async def start(options: DevOptions) -> Running:
    """Start a node with both faces; raises CannotStart."""
    from tilth.rpc.grpc.server import GrpcServer
    from tilth.rpc.jsonrpc.pages import pages
    from tilth.rpc.jsonrpc.server import Server
    from tilth.rpc.jsonrpc.table import method_table

    try:
        limits = limits_of(options.port)
    except BadOption as error:
        raise CannotStart(str(error)) from error
    folder = options.ready_file and options.ready_file.parent
    if folder and not folder.is_dir():
        raise CannotStart(f"--ready-file cannot be written: there is no directory {folder}")
    node, project = _node(options)
    json_rpc = Server(
        method_table(),
        node,
        port=options.rpc_port,
        access=access_of(options.port),
        limits=limits,
        routes=pages(node),
    )
    grpc = GrpcServer(node, "127.0.0.1", options.grpc_port)
    stops: list[Callable[[], object]] = [grpc.stop, json_rpc.stop, node.stop]
    if options.vault is not None:
        stops.append(_employ(node, options.vault, unconfined_ok=options.unconfined_ok))
    for face, port in ((json_rpc, options.rpc_port), (grpc, options.grpc_port)):
        await _started(face, port)
    node.start()
    node.dev.accept_mock_signatures(options.tools.mock_signature_host)
    if project is not None:
        stops.insert(0, _reloading(node, project))
    endpoints = Endpoints(json_rpc.port, grpc.port, os.getpid())
    return Running(node, endpoints, stops)


def _node(options: DevOptions) -> tuple[Node, Project | None]:
    """The node, and what is watched where its runtime is to be reloaded."""
    if options.tools.finality_lag < 0:
        raise CannotStart("--finality-lag is a number of blocks, 0 or more")
    sys.dont_write_bytecode |= options.tools.reload  # else a quick save may find the old one
    kind = runtime_class(options.runtime)
    project = _project(kind) if options.tools.reload else None
    store = _store(options.base_path)
    with telling(options.runtime):
        runtime = resumed(kind, None if store is None else code_in(store))
    return Node(_config(options, runtime, store)), project


def _project(kind: type[Runtime]) -> Project:
    try:
        return Project.of(kind)
    except NotReloadable as error:
        raise CannotStart(str(error)) from error


def _reloading(node: Node, project: Project) -> Callable[[], None]:
    """Where the files were changed while the node was down, the chain goes on with them."""
    if node.chain.best.state.get(CODE) != node.runtime.code:
        node.dev.upgrade(type(node.runtime))
    node.chain.runtimes.shelve()
    return watch(node, project)


def _employ(node: Node, folder: Path, *, unconfined_ok: bool) -> Callable[[], object]:
    """Vault and engine are loaded where there is a vault; returns what ends the work."""
    from tilth.cli.owner import employ
    from tilth.cli.vault import NotNow
    from tilth.engine import NotConfined
    from tilth.vault import VaultError

    try:
        return employ(node, folder, unconfined_ok=unconfined_ok).end
    except NotConfined as error:
        raise CannotStart(f"{error}; --unconfined-ok takes jobs all the same") from error
    except (NotNow, VaultError) as error:
        raise CannotStart(str(error)) from error


async def _started(face: object, port: int) -> None:
    try:
        await face.start()  # type: ignore[attr-defined]
    except OSError as error:
        raise CannotStart(
            f"port {port} on 127.0.0.1 cannot be used ({os.strerror(error.errno or 0)}); "
            "stop what uses it or choose another, 0 for any free one"
        ) from error


def _config(options: DevOptions, runtime: Runtime, store: BlockStore | None) -> NodeConfig:
    from tilth.runtime.presets import dev_spec

    return NodeConfig(
        runtime=runtime,
        spec=dev_spec(runtime),
        clock=SystemClock(),
        sealing=_sealing(options.block_time),
        store=store,
        evolves=options.tools.reload,
        finality_lag=options.tools.finality_lag,
        keystore=None if options.base_path is None else Keystore(options.base_path / "keystore"),
        version=tilth_version(),
        ban_ms=0,  # as `--dev` of a Rust node: who mends a mistake tries again at once
    )


def _store(base_path: Path | None) -> BlockStore | None:
    if base_path is None:
        return None
    from tilth.node.rocks import RocksStore

    return BlockStore(RocksStore(base_path))


def _sealing(block_time: float | None) -> Sealing:
    if block_time is None:
        return InstantSeal
    if not 0 < block_time < math.inf:
        raise CannotStart(f"a block every {block_time} seconds is not possible")

    def every(author: Author, pool: Pool) -> Sealer:
        return SlotSeal(author, block_time)

    return every


def _write_ready_file(path: Path | None, endpoints: Endpoints) -> None:
    if path is None:
        return
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(json.dumps(endpoints.as_json()))
    partial.rename(path)
