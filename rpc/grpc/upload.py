"""One Publish stream: extrinsics in, outcomes out, and never too much between them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from functools import partial

import grpc

from tilth.frame import DecodeError
from tilth.node.content import stored_by
from tilth.node.pool import PoolError, Status, Undecodable
from tilth.node.service import Node
from tilth.primitives.crypto.hashing import blake2_256
from tilth.rpc.grpc.failures import Failure
from tilth.rpc.grpc.limits import GrpcLimits
from tilth.rpc.grpc.outcomes import Outcomes, block_id
from tilth.rpc.grpc.refusals import left, refusal_of, wrong_call
from tilth.rpc.grpc.submission import Step, step_of
from tilth.v1.content_pb2 import PublishRequest, PublishResponse
from tilth.v1.errors_pb2 import Refusal


@dataclass(eq=False, slots=True)
class _Item:
    request: int
    extrinsic: bytes
    hash: bytes = field(init=False)
    end: Step | Refusal | None = None


class Upload:
    """Takes requests while there is room; a request's room is free once its outcome was read."""

    def __init__(self, node: Node, outcomes: Outcomes, limits: GrpcLimits) -> None:
        self._node = node
        self._outcomes = outcomes
        self._limits = limits
        self._taken = 0
        self._bytes = 0
        self._waiting: set[_Item] = set()
        """In the pool."""
        self._ended: deque[_Item] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def responses(
        self, requests: AsyncIterator[PublishRequest]
    ) -> AsyncGenerator[PublishResponse]:
        """Ends when nothing more is sent and every request has its outcome."""
        taking = asyncio.create_task(self._take(requests))
        taking.add_done_callback(lambda _: self._news.set())
        try:
            while (item := await self._next(taking)) is not None:
                yield self._response(item)
                self._bytes -= len(item.extrinsic)
                self._room.set()
        finally:
            taking.cancel()
            self._waiting.clear()

    async def _take(self, requests: AsyncIterator[PublishRequest]) -> None:
        async for request in requests:
            self._begin(_Item(self._taken, request.extrinsic))
            while self._bytes > self._limits.uploads_in_flight:
                self._room.clear()
                await self._room.wait()

    def _begin(self, item: _Item) -> None:
        self._taken += 1
        self._bytes += len(item.extrinsic)
        self._waiting.add(item)
        try:
            item.hash = self._submit(item)
        except PoolError as error:
            self._refuse(item, refusal_of(error))

    def _submit(self, item: _Item) -> bytes:
        try:
            stored = stored_by(self._node.runtime, item.extrinsic)
        except DecodeError as error:
            raise Undecodable(str(error)) from error
        if not stored:
            self._refuse(item, wrong_call("call that stores content"))
            return item.hash
        return self._node.pool.submit(item.extrinsic, watcher=partial(self._hear, item))

    def _refuse(self, item: _Item, refusal: Refusal) -> None:
        item.hash = blake2_256(item.extrinsic)
        self._end(item, refusal)

    def _hear(self, item: _Item, status: Status) -> None:
        """Only what ends an item counts; what follows its inclusion is no longer its matter."""
        if item not in self._waiting:
            return
        step = step_of(self._node, status)
        refusal = left(step.name)
        if step.name == "inBlock" or refusal is not None:
            self._end(item, refusal or step)

    def _end(self, item: _Item, end: Step | Refusal) -> None:
        item.end = end
        self._waiting.discard(item)
        self._ended.append(item)
        self._news.set()

    async def _next(self, taking: asyncio.Task[None]) -> _Item | None:
        while not self._ended:
            if taking.done():
                taking.result()
                if not self._waiting:
                    return None
            self._news.clear()
            await self._wait()
        return self._ended.popleft()

    async def _wait(self) -> None:
        seconds = self._limits.inclusion_seconds
        try:
            async with asyncio.timeout(seconds if self._waiting else None):
                await self._news.wait()
        except TimeoutError:
            raise Failure(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"for {seconds:g} s no block took in any of the {len(self._waiting)} transactions "
                "that wait; is an earlier nonce missing?",
            ) from None

    def _response(self, item: _Item) -> PublishResponse:
        response = PublishResponse(request=item.request, transaction_hash=item.hash)
        if isinstance(item.end, Refusal):
            response.refused.CopyFrom(item.end)
        else:
            self._describe(item, response)
        return response

    def _describe(self, item: _Item, response: PublishResponse) -> None:
        block = item.end.block if isinstance(item.end, Step) else None
        assert block is not None, "an item that was not refused is in a block"
        outcome = self._outcomes.of(block, item.extrinsic)
        if outcome.error is not None:
            response.failed.CopyFrom(outcome.error)
            return
        response.stored.block.CopyFrom(block_id(outcome.block))
        response.stored.index = outcome.index
        stored = outcome.fields_of("TransactionStorage", "Stored")
        response.stored.content_hashes.extend(event.content_hash for event in stored)
