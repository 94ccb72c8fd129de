"""The node as its faces see it: one chain, one pool, one author, and what they are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from tilth.frame import Nonce, Runtime
from tilth.node.archive import open_archive
from tilth.node.author import Author, Clock
from tilth.node.author import Sealing as Sealing
from tilth.node.bans import BAN_MS
from tilth.node.block import Block
from tilth.node.catalogue import Catalogue
from tilth.node.chain import Chain, genesis_block
from tilth.node.chain_spec import ChainSpec
from tilth.node.content import ContentReader
from tilth.node.devtools import DevTools
from tilth.node.follower import Standing
from tilth.node.healing import Healer, Source
from tilth.node.local_storage import LocalStorage
from tilth.node.log_filter import LogFilter
from tilth.node.offchain import OffchainHost, Runner, Signer
from tilth.node.pool import Pool
from tilth.node.possession import Possession
from tilth.node.shelf import Shelf
from tilth.node.store import BlockStore
from tilth.primitives import ss58
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.crypto.keystore import Keystore, MemoryKeystore
from tilth.primitives.trie import Layout, Trie, ordered_root
from tilth.primitives.types import H256, AccountId

T = TypeVar("T")


@dataclass(frozen=True)
class NodeConfig:
    """Everything a node is made of; what touches clock, disk or keys is handed in."""

    runtime: Runtime
    spec: ChainSpec
    clock: Clock
    sealing: Sealing
    store: BlockStore | None = None
    """None keeps the chain in memory."""
    finality_lag: int = 0
    ban_ms: int = BAN_MS
    """How long a transaction that was seen off may not come back."""
    signer: Signer | None = None
    runners: Mapping[type, Runner] = field(default_factory=dict)
    """How this node does its pallets' off-chain work, by type of task."""
    keystore: Keystore | None = None
    """Where session keys are; None keeps them in memory."""
    evolves: bool = False
    """Whether a chain in the store may go on with a changed runtime, as developers want it."""
    sources: Sequence[Source] = ()
    """Who may have content that is lost or damaged here."""
    name: str = "Tilth Node"
    version: str = "0.1.0"


class Node:
    """Runs on one asyncio loop; all blocks are executed on its thread."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.spec = config.spec
        self.chain = _open_chain(config)
        self.pool = Pool(self.chain, config.clock, ban_ms=config.ban_ms)
        self.content = ContentReader(self.chain)
        self.healer = Healer(self.content, config.sources)
        self.healer.on_healed.append(self._go_on)
        self.catalogue = Catalogue(self.chain)
        possession = Possession(self.chain, self.content)
        self.author = Author(self.chain, self.pool, config.clock, possession)
        self.sealer = config.sealing(self.author, self.pool)
        self.keystore = config.keystore or MemoryKeystore()
        self.local_storage = LocalStorage(config.store)
        self.log_filter = LogFilter()
        self.peer_id = _peer_id(Keypair.generate("ed25519").account)
        self.standing = Standing()
        """Among other nodes."""
        self.offchain = self._offchain(config)
        self._started = False
        self._beside: dict[Callable[[Chain], Any], Any] = {}

    def beside(self, make: Callable[[Chain], T]) -> T:
        """What a face keeps beside the chain, such as an index of it: made once for all faces."""
        if make not in self._beside:
            self._beside[make] = make(self.chain)
        kept: T = self._beside[make]
        return kept

    @property
    def runtime(self) -> Runtime:
        """The one in force after the best block."""
        return self.chain.runtime

    def start(self) -> None:
        self._started = True
        self.sealer.start()
        if self.offchain is not None:
            self.offchain.start()
            self.offchain.look(self.chain.best)

    async def stop(self) -> None:
        """Finish cleanly; nothing acknowledged is lost."""
        self._started = False
        self.sealer.stop()
        if self.offchain is not None:
            await self.offchain.stop()
        await self.healer.stop()
        self.chain.close()

    def _go_on(self) -> None:
        """A block that could not be made for want of content can be."""
        if self.pool.pending_count():
            for listener in self.pool.on_ready:
                listener()

    def seal_by(self, sealing: Sealing) -> None:
        """Let another sealer decide, from now on, when blocks are made."""
        self.sealer.stop()
        self.sealer = sealing(self.author, self.pool)
        if self._started:
            self.sealer.start()

    @cached_property
    def dev(self) -> DevTools:
        """What the developer of a dApp may do to a dev chain; raises NotADevChain on any other."""
        return DevTools(self)

    @property
    def genesis_hash(self) -> H256:
        return self.chain.genesis.hash

    def block(self, hash: H256 | None = None) -> Block:
        """The block, the best one if none is named; raises UnknownBlock."""
        return self.chain.best if hash is None else self.chain.expect(hash)

    def next_nonce(self, account: AccountId) -> int:
        """The nonce of the account's next transaction, those in the pool counted."""
        with self.runtime.at(self.chain.best.state):
            nonce = int.from_bytes(
                self.runtime.call("AccountNonceApi_account_nonce", account), "little"
            )
        tag = self.runtime.codecs.of(tuple[AccountId, Nonce])
        return self.pool.next_nonce(nonce, lambda n: tag.encode((account, n)))

    def _offchain(self, config: NodeConfig) -> OffchainHost | None:
        if config.signer is None:
            return None
        return OffchainHost(self.chain, self.pool, config.signer, config.runners, self.next_nonce)


def first_state(runtime: Runtime, spec: ChainSpec) -> Trie:
    if spec.raw is None:
        return runtime.build_genesis(spec.genesis)
    return Trie.from_entries(spec.raw, runtime.state_layout)


def _peer_id(key: bytes) -> str:
    """How libp2p names the owner of an ed25519 key; this node listens to no peers yet."""
    # libp2p/specs peer-ids: an identity multihash of the key in protobuf
    return ss58.to_base58(b"\x00\x24\x08\x01\x12\x20" + key)


def _open_chain(config: NodeConfig) -> Chain:
    state = first_state(config.runtime, config.spec)
    layout = Layout.V1 if config.runtime.system_version >= 2 else Layout.V0
    genesis = genesis_block(state, H256(ordered_root([], layout)))
    if config.store is None:
        return Chain(
            config.runtime,
            genesis,
            finality_lag=config.finality_lag,
        )
    opened = open_archive(config.store, genesis, config.runtime, evolves=config.evolves)
    return Chain(
        config.runtime,
        opened.genesis,
        archive=opened.archive,
        head=(opened.best, opened.finalized),
        shelf=Shelf(config.store),
        finality_lag=config.finality_lag,
    )
