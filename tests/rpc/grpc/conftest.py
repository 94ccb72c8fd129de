"""A node with its gRPC face, in this process, over a real socket."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio
import pytest

from tilth.frame import H256, AccountId, Runtime, RuntimeCall
from tilth.node.author import InstantSeal, ManualSeal
from tilth.node.block import Block
from tilth.node.service import Node, NodeConfig, Sealing
from tilth.node.signer import KeypairSigner
from tilth.pallets.compute.work import JobSpec, Loss, Optimizer, TrainSpec
from tilth.primitives.crypto.hashing import sha2_256
from tilth.primitives.crypto.keypair import Keypair
from tilth.rpc.grpc.limits import GrpcLimits
from tilth.rpc.grpc.server import GrpcServer
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec
from tilth.v1.chain_pb2_grpc import ChainStub
from tilth.v1.content_pb2_grpc import ContentStub
from tilth.v1.jobs_pb2_grpc import JobsStub
from tilth.v1.transactions_pb2_grpc import TransactionsStub


class Ticks:
    """A clock that moves on whenever it is read."""

    def __init__(self) -> None:
        self._now = itertools.count(1_700_000_000_000, 6_000)

    def milliseconds(self) -> int:
        return next(self._now)


class Face:
    """A running node, and clients of its services."""

    def __init__(self, node: Node, server: GrpcServer, channel: grpc.aio.Channel) -> None:
        self.node = node
        self.server = server
        self.channel = channel
        self.chain = ChainStub(channel)
        self.transactions = TransactionsStub(channel)
        self.content = ContentStub(channel)
        self.jobs = JobsStub(channel)

    @property
    def runtime(self) -> Any:
        return self.node.runtime

    def signed(self, call: RuntimeCall, *, uri: str = "//Alice", nonce: int | None = None) -> bytes:
        pair = Keypair.from_uri(uri)
        if nonce is None:
            nonce = self.node.next_nonce(AccountId(pair.account))
        best = self.node.chain.best
        with self.runtime.at(best.state):
            self.runtime.executive.begin_validation(best.hash)
            return KeypairSigner(pair).sign(self.runtime, call, nonce)

    def remark(self, text: bytes = b"", **signing: Any) -> bytes:
        return self.signed(self.runtime.system.remark_with_event.call(text), **signing)

    def storing(self, data: bytes, **signing: Any) -> bytes:
        return self.signed(self.runtime.storage.storing(data), **signing)

    def spec(self, dataset: int = 0, model: bytes = b"a model") -> JobSpec:
        train = TrainSpec(Loss.SOFTMAX_CROSS_ENTROPY, Optimizer.SGD, 10, 1, 1, 10_000, 10**9)
        hash = H256(sha2_256(model))
        return JobSpec(dataset, hash, len(model), 10, train, 1_000, b"k" * 32)

    def build(self, parent: Block | None = None) -> Block:
        return self.node.author.build(parent)

    def listeners(self) -> int:
        """How many listen to the chain."""
        return sum(map(len, self.node.chain.notices._listeners))


Start = Callable[..., Awaitable[Face]]


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    return DevRuntime()


@pytest.fixture
async def start(runtime: Runtime) -> AsyncIterator[Start]:
    """Starts nodes, each with a face; they stop with the test."""
    running: list[Face] = []

    async def started(
        *,
        sealing: Sealing = InstantSeal,
        finality_lag: int = 0,
        limits: GrpcLimits | None = None,
        reflection: bool = True,
    ) -> Face:
        config = NodeConfig(
            runtime=runtime,
            spec=dev_spec(runtime),
            clock=Ticks(),
            sealing=sealing,
            finality_lag=finality_lag,
        )
        node = Node(config)
        server = GrpcServer(node, port=0, limits=limits or GrpcLimits(), reflection=reflection)
        await server.start()
        node.start()
        face = Face(node, server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))
        running.append(face)
        return face

    yield started
    for face in running:
        await face.channel.close()
        await face.server.stop(0)
        await face.node.stop()


@pytest.fixture
async def face(start: Start) -> Face:
    """Makes a block as soon as it has a transaction."""
    return await start()


@pytest.fixture
def manually() -> Sealing:
    """The sealing of a node that makes a block only when the test does."""

    def sealer(author: object, pool: object) -> ManualSeal:
        return ManualSeal()

    return sealer


@pytest.fixture
async def by_hand(start: Start, manually: Sealing) -> Face:
    """Makes a block only when the test does; final are the blocks two behind the best one."""
    return await start(sealing=manually, finality_lag=2)
