"""A transaction on its way: handed to the pool, and heard of until it is final or out."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from tilth.node.block import Block
from tilth.node.pool import PoolError, Status, Watcher, is_last
from tilth.node.service import Node
from tilth.primitives.types import H256
from tilth.rpc.grpc.failures import exhausted
from tilth.rpc.grpc.refusals import failure_of, refusal_of


@dataclass(frozen=True, slots=True)
class Step:
    """A transition of a transaction, under the pool's name for it."""

    name: str
    is_last: bool
    block: Block | None = None
    """Which block the step is about, if it is about one."""
    rival: bytes = b""
    """The hash of the transaction that took this one's place."""


class Submission:
    """Keeps steps for one reader, but only so many: who does not read loses the stream."""

    def __init__(self, node: Node, extrinsic: bytes, *, most_waiting: int) -> None:
        """Raises Failure where the pool refuses the transaction."""
        self.extrinsic = extrinsic
        self._node = node
        self._most_waiting = most_waiting
        self._waiting: deque[Step] = deque()
        self._news = asyncio.Event()
        self._reading = True
        self.hash = submit(node, extrinsic, self._hear)

    def _hear(self, status: Status) -> None:
        if self._reading and len(self._waiting) <= self._most_waiting:
            self._waiting.append(step_of(self._node, status))
            self._news.set()

    async def steps(self) -> AsyncGenerator[Step]:
        """Every transition in order; ends after the last one."""
        try:
            while True:
                step = await self._next()
                yield step
                if step.is_last:
                    return
        finally:
            self._reading = False
            self._waiting.clear()

    async def _next(self) -> Step:
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        if len(self._waiting) > self._most_waiting:
            raise exhausted("the statuses of this stream were not read in time")
        return self._waiting.popleft()


def submit(node: Node, extrinsic: bytes, watcher: Watcher | None = None) -> H256:
    """Hand a transaction to the pool; raises Failure where it is refused."""
    try:
        return node.pool.submit(extrinsic, watcher=watcher)
    except PoolError as error:
        raise failure_of(refusal_of(error)) from error


def step_of(node: Node, status: Status) -> Step:
    """What the pool says, with the block itself: it may be forgotten when the step is read."""
    last = is_last(status)
    if isinstance(status, str):
        return Step(status, last)
    ((name, value),) = status.items()
    hash = bytes.fromhex(value.removeprefix("0x"))
    if name == "usurped":
        return Step(name, last, rival=hash)
    return Step(name, last, block=node.chain.expect(H256(hash)))
