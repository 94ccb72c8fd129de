"""`tilth dev`: a node with both faces, in this process, until it is told to stop."""

import asyncio
import logging
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tilth.cli import tilth_version
from tilth.cli.banner import show_banner
from tilth.cli.content import depot_of, sources_of
from tilth.cli.content_options import ContentOptions
from tilth.cli.loading import CannotStart, runtime_class, telling
from tilth.cli.port import PortOptions
from tilth.cli.serving import (
    Ports,
    Running,
    SystemClock,
    check_options,
    serve,
    store_at,
    until_stopped,
)
from tilth.cli.tool_options import ToolOptions
from tilth.cli.work import works_of
from tilth.cli.work_options import WorkOptions
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
from tilth.runtime.presets import DEV_WORKER, dev_spec

if TYPE_CHECKING:
    from tilth.cli.reload import Project


@dataclass(frozen=True, slots=True)
class DevOptions:
    base_path: Path | None
    rpc_port: int
    grpc_port: int
    block_time: float | None
    runtime: str
    ready_file: Path | None
    port: PortOptions = field(default_factory=PortOptions)
    tools: ToolOptions = field(default_factory=ToolOptions)
    content: ContentOptions = field(default_factory=ContentOptions)
    work: WorkOptions = field(default_factory=WorkOptions)


def run_dev(options: DevOptions) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(_run(options))
    except (CannotStart, StoreError, InvariantBroken) as error:
        print(f"tilth: {error}", file=sys.stderr)
        return 1


async def _run(options: DevOptions) -> int:
    def began(faces: Running, fail: Callable[[Exception], None]) -> None:
        if options.tools.try_state:
            check_each_block(faces.node.chain, fail)
        show_banner(faces.node, faces.endpoints)

    return await until_stopped(lambda: start(options), began, options.ready_file)


async def start(options: DevOptions) -> Running:
    """Start a node with both faces; raises CannotStart."""
    ports = Ports(options.rpc_port, options.grpc_port, options.port)
    check_options(ports, options.ready_file)
    node, project = _node(options)
    works = works_of(node, options.work, default_key=DEV_WORKER)
    running = await serve(node, ports, tools=True)
    running.stops += works
    node.start()
    node.dev.accept_mock_signatures(options.tools.mock_signature_host)
    if project is not None:
        running.stops.insert(0, _reloading(node, project))
    return running


def _node(options: DevOptions) -> "tuple[Node, Project | None]":
    """The node, and what is watched where its runtime is to be reloaded."""
    if options.tools.finality_lag < 0:
        raise CannotStart("--finality-lag is a number of blocks, 0 or more")
    sys.dont_write_bytecode |= options.tools.reload  # else a quick save may find the old one
    kind = runtime_class(options.runtime)
    project = _project(kind) if options.tools.reload else None
    store = store_at(options.base_path, depot_of(options.content, options.base_path))
    with telling(options.runtime):
        runtime = resumed(kind, None if store is None else code_in(store))
    return Node(_config(options, runtime, store)), project


def _project(kind: type[Runtime]) -> "Project":
    from tilth.cli.reload import NotReloadable, Project

    try:
        return Project.of(kind)
    except NotReloadable as error:
        raise CannotStart(str(error)) from error


def _reloading(node: Node, project: "Project") -> Callable[[], None]:
    """Where the files were changed while the node was down, the chain goes on with them."""
    from tilth.cli.reload import watch

    if node.chain.best.state.get(CODE) != node.runtime.code:
        node.dev.upgrade(type(node.runtime))
    node.chain.runtimes.shelve()
    return watch(node, project)


def _config(options: DevOptions, runtime: Runtime, store: BlockStore | None) -> NodeConfig:
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
        sources=sources_of(options.content.content_source),
        ban_ms=0,  # as `--dev` of a Rust node: who mends a mistake tries again at once
    )


def _sealing(block_time: float | None) -> Sealing:
    if block_time is None:
        return InstantSeal
    if not 0 < block_time < math.inf:
        raise CannotStart(f"a block every {block_time} seconds is not possible")

    def every(author: Author, pool: Pool) -> Sealer:
        return SlotSeal(author, block_time)

    return every
