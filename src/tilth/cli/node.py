"""`tilth node`: follows a chain that others author, keeps all of it, and serves it on."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

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
    until_stopped,
)
from tilth.cli.work import works_of
from tilth.cli.work_options import WorkOptions
from tilth.frame import Runtime
from tilth.node.archive import code_in
from tilth.node.author import ManualSeal
from tilth.node.chain_spec import ChainSpec
from tilth.node.follower import Follower
from tilth.node.peering import GenesisPeer, PeerFailed, Unfollowable
from tilth.node.raw_spec import BadSpec, read_spec, write_spec
from tilth.node.service import Node, NodeConfig
from tilth.node.store import BlockStore, StoreError
from tilth.primitives.crypto.keystore import Keystore
from tilth.primitives.scale import DecodeError, codec
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256, Header

if TYPE_CHECKING:
    from tilth.rpc.jsonrpc.peer import WebSocketPeer

log = logging.getLogger("tilth.node")

SPEC_FILE: Final = "chain-spec.json"
# Nothing is final because others follow it: what is final the peers say.
_NEVER: Final = 2**32


@dataclass(frozen=True, slots=True)
class FollowOptions:
    sync: list[str]
    base_path: Path
    chain: Path | None
    rpc_port: int
    grpc_port: int
    runtime: str
    ready_file: Path | None
    port: PortOptions = field(default_factory=PortOptions)
    content: ContentOptions = field(default_factory=ContentOptions)
    work: WorkOptions = field(default_factory=WorkOptions)


def run_node(options: FollowOptions) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(_run(options))
    except (CannotStart, StoreError) as error:
        print(f"tilth: {error}", file=sys.stderr)
        return 1


async def _run(options: FollowOptions) -> int:
    def began(faces: Running, fail: Callable[[Exception], None]) -> None:
        show_banner(faces.node, faces.endpoints)
        print(f"follows {', '.join(options.sync)}; authors nothing", flush=True)

    return await until_stopped(lambda: start(options), began, options.ready_file)


async def start(options: FollowOptions) -> Running:
    """Start a follower with both faces; raises CannotStart."""
    from tilth.node.rocks import RocksStore
    from tilth.rpc.jsonrpc.peer import WebSocketPeer

    ports = Ports(options.rpc_port, options.grpc_port, options.port)
    check_options(ports, options.ready_file)
    if not options.sync:
        raise CannotStart("--sync ws://… names a node to follow; it may be given several times")
    kind = runtime_class(options.runtime)
    with telling(options.runtime):
        runtime = kind()
    store = BlockStore(RocksStore(options.base_path), depot_of(options.content, options.base_path))
    try:
        spec = await _spec(options, runtime)
        _check_code(spec, code_in(store), runtime)
    except BaseException:
        store.close()
        raise
    node = _node(options, runtime, spec, store)
    peers = [WebSocketPeer(url) for url in options.sync]
    follower = Follower(node.chain, node.pool, peers, node.standing)
    follower.on_end.append(_told)
    works = works_of(node, options.work)
    running = await serve(node, ports, tools=False)
    running.stops += works
    node.start()
    follower.start()
    running.stops.insert(0, follower.stop)
    return running


def _told(error: Unfollowable) -> None:
    print(f"tilth: {error}", file=sys.stderr, flush=True)


def _node(options: FollowOptions, runtime: Runtime, spec: ChainSpec, store: BlockStore) -> Node:
    return Node(
        NodeConfig(
            runtime=runtime,
            spec=spec,
            clock=SystemClock(),
            sealing=lambda author, pool: ManualSeal(),
            store=store,
            finality_lag=_NEVER,
            keystore=Keystore(options.base_path / "keystore"),
            sources=sources_of([*options.content.content_source, *options.sync]),
            version=tilth_version(),
        )
    )


async def _spec(options: FollowOptions, runtime: Runtime) -> ChainSpec:
    """How the chain begins: as a file says, or, the first time, as a peer says."""
    kept = options.base_path / SPEC_FILE
    path = options.chain or (kept if kept.exists() else None)
    if path is not None:
        spec = _read(path)
    else:
        spec = await _first_use(options.sync, runtime)
    if not kept.exists():
        options.base_path.mkdir(parents=True, exist_ok=True)
        kept.write_text(write_spec(spec, spec.raw or {}))
    return spec


def _read(path: Path) -> ChainSpec:
    try:
        return read_spec(path.read_text())
    except OSError as error:
        raise CannotStart(f"{path} cannot be read: {error.strerror}") from error
    except (BadSpec, UnicodeDecodeError) as error:
        raise CannotStart(f"{path}: {error}") from error


def _check_code(spec: ChainSpec, kept: bytes | None, runtime: Runtime) -> None:
    """Blocks are executed by this node's own runtime, which must be the one they are made by.

    `kept` is the code after the last block that is here.
    """
    code = kept or (spec.raw or {}).get(b":code", b"")
    if code == runtime.code:
        return
    version = runtime.version_in(code)
    theirs = "a runtime that is none of Tilth's"
    if version is not None:
        theirs = f"{version.spec_name} {version.spec_version}"
    raise CannotStart(
        f"the chain {spec.name!r} goes on with {theirs}; this node has {runtime.spec_name} "
        f"{runtime.spec_version}, or another build of it. Name the chain's own with --runtime "
        "module:Class, or install the release that has it"
    )


async def _first_use(urls: list[str], runtime: Runtime) -> ChainSpec:
    """The first peer that answers is believed, once, and it is said so."""
    from tilth.rpc.jsonrpc.peer import WebSocketPeer

    faults: list[str] = []
    for url in urls:
        async with aclosing(_Closing(WebSocketPeer(url))) as held:
            try:
                spec, genesis = await _ask_genesis(held.peer, runtime)
            except PeerFailed as error:
                faults.append(f"{url}: {error}")
                continue
        print(
            f"the chain {spec.name!r} is taken from {url} on trust: its genesis is "
            f"0x{genesis.hex()}. Compare it with what others say; the next start asks for it",
            flush=True,
        )
        return spec
    raise CannotStart(f"no peer tells how the chain begins ({'; '.join(faults)}); try --chain")


class _Closing:
    def __init__(self, peer: "WebSocketPeer") -> None:
        self.peer = peer

    async def aclose(self) -> None:
        await self.peer.close()


async def _ask_genesis(peer: GenesisPeer, runtime: Runtime) -> tuple[ChainSpec, H256]:
    """The state is checked against the hash; only the hash is taken on trust."""
    await peer.connect()
    (genesis,) = await peer.hashes([0])
    encoded = None if genesis is None else await peer.header(genesis)
    if genesis is None or encoded is None:
        raise PeerFailed("it has no first block")
    try:
        header = codec(Header).decode(encoded)
    except DecodeError as error:
        raise PeerFailed(f"its first header cannot be read ({error})") from None
    state = await peer.state(genesis)
    if header.hash != genesis or Trie.from_entries(state, runtime.state_layout).root != (
        header.state_root
    ):
        raise PeerFailed("its first state does not belong to its first block")
    about = await peer.about()
    name = str(about["name"])
    spec = ChainSpec(
        name=name,
        id=name.lower().replace(" ", "_"),
        chain_type=about["chainType"] if about["chainType"] in ("Development", "Local") else "Live",
        genesis={},
        properties=dict(about["properties"]),
        raw=state,
    )
    return spec, genesis
