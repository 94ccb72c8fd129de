"""A node in this process, in a time that only the test moves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tilth.frame import AccountId, Runtime, RuntimeCall
from tilth.node.author import ManualSeal
from tilth.node.block import Block
from tilth.node.service import Node, NodeConfig
from tilth.node.signer import KeypairSigner
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.era import Era
from tilth.primitives.types import H256
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec

START_MS = 1_700_000_000_000
UNIT = 10**12


@cache
def pair_of(uri: str) -> Keypair:
    return Keypair.from_uri(uri)


class StillClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = START_MS

    def milliseconds(self) -> int:
        return self.now


class Lab:
    """A node and short ways to sign, send and look."""

    def __init__(self, node: Node, clock: StillClock) -> None:
        self.node = node
        self.clock = clock
        self.chain = node.chain
        self.pool = node.pool

    @property
    def runtime(self) -> Any:
        return self.node.runtime

    def signed(
        self,
        call: RuntimeCall,
        *,
        uri: str = "//Alice",
        nonce: int | None = None,
        tip: int = 0,
        era: Era | None = None,
    ) -> bytes:
        pair, runtime = pair_of(uri), self.runtime
        if nonce is None:
            nonce = self.node.next_nonce(AccountId(pair.account))
        with runtime.at(self.chain.best.state):
            runtime.executive.begin_validation(self.chain.best.hash)
            values = list(runtime.pipeline.values_for(nonce))
            for position, extension in enumerate(runtime.extensions):
                if extension.identifier == "ChargeTransactionPayment":
                    values[position] = replace(values[position], tip=tip)
                if extension.identifier == "CheckMortality" and era is not None:
                    values[position] = replace(values[position], era=era)
            return KeypairSigner(pair).sign_with(runtime, call, tuple(values))

    def remark(self, text: bytes = b"", **signing: Any) -> bytes:
        return self.signed(self.runtime.system.remark_with_event.call(text), **signing)

    def send(self, extrinsic: bytes) -> tuple[H256, list[Any]]:
        """Submit and watch: the hash, and the list that what happens is added to."""
        heard: list[Any] = []
        return self.pool.submit(extrinsic, watcher=heard.append), heard

    def build(self, parent: Block | None = None) -> Block:
        return self.node.author.build(parent)

    def texts(self, block: Block) -> list[bytes]:
        """The remarks in a block, in order."""
        decoded = [self.runtime.format.decode(data) for data in block.extrinsics]
        return [each.call.args[0] for each in decoded if each.is_signed]

    def moment(self, block: Block) -> int:
        with self.runtime.at(block.state):
            return int(self.runtime.timestamp.now.get())


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    return DevRuntime()


NewLab = Callable[..., Lab]
Start = Callable[..., Awaitable[Lab]]


@pytest.fixture(scope="session")
def new_lab(runtime: Runtime) -> NewLab:
    """Makes nodes that are not started."""

    def made(**config: Any) -> Lab:
        clock = StillClock()
        config = {
            "runtime": runtime,
            "spec": dev_spec(runtime),
            "sealing": lambda author, pool: ManualSeal(),
            **config,
        }
        return Lab(Node(NodeConfig(clock=clock, **config)), clock)

    return made


@pytest.fixture
async def start(new_lab: NewLab) -> AsyncIterator[Start]:
    """Starts nodes that stop with the test."""
    running: list[Lab] = []

    async def started(**config: Any) -> Lab:
        lab = new_lab(**config)
        lab.node.start()
        running.append(lab)
        return lab

    yield started
    for lab in running:
        await lab.node.stop()


@pytest.fixture
async def lab(start: Start) -> Lab:
    """A node that makes blocks when it is told to, each final at once."""
    return await start()
