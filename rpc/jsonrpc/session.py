"""A client's requests, single or in batches, turned into replies."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Final, TypeAlias

from tilth.rpc.jsonrpc.client import Begun, Client, Sink
from tilth.rpc.jsonrpc.dispatch import Form, Method, MethodTable
from tilth.rpc.jsonrpc.errors import (
    BATCHES_UNSUPPORTED,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RATE_LIMITED,
    UNSAFE_DENIED,
    RpcError,
    batch_response_too_large,
    batch_too_large,
    invalid_params,
    request_too_big,
    response_too_big,
    too_many_subscriptions,
)
from tilth.rpc.jsonrpc.limits import Limits
from tilth.rpc.jsonrpc.params import Misfit, explain
from tilth.rpc.jsonrpc.ratelimit import Meter
from tilth.rpc.jsonrpc.wire import (
    ABSENT,
    encode,
    failure,
    is_id,
    is_unicode,
    read,
    read_items,
    success,
    to_json,
)

_log = logging.getLogger("tilth.rpc")

Work: TypeAlias = Coroutine[Any, Any, None]
Pending: TypeAlias = Coroutine[Any, Any, bytes]
Answer: TypeAlias = bytes | Pending | None

# jsonrpsee looks for the opening bracket among the first 128 bytes
_LOOK: Final = 128
# A longer batch is read twice, counted before anything of it is kept, and yields to others.
_SMALL_BATCH: Final = 64 * 1024
_STRIDE: Final = 64


def opening(text: str) -> str:
    """The text from its bracket on, or nothing if it cannot be a request."""
    head = text[:_LOOK]
    blanks = len(head) - len(head.lstrip(" \t\n\r\f"))
    return text[blanks:] if blanks < _LOOK and text[blanks : blanks + 1] in ("{", "[") else ""


class Session:
    """What one connection asks: a reply is pushed at once or by the work that `receive` returns."""

    def __init__(
        self,
        table: MethodTable,
        node: object,
        limits: Limits,
        client: Client,
        push: Callable[[bytes], None],
        meter: Meter | None = None,
    ) -> None:
        self._table = table
        self._node = node
        self._limits = limits
        self._client = client
        self._push = push
        self._meter = meter

    def receive(self, text: str) -> Work | None:
        """Answer a message; what is still to be awaited is returned and must be run."""
        if text[:1] != "{":
            text = opening(text)
            if not text:
                self.refuse(PARSE_ERROR)
                return None
            if text[0] == "[":
                return self._receive_batch(text)
        return self._receive_one(text)

    def refuse(self, error: bytes) -> None:
        """Answer a message of which no request could be made."""
        self._push(failure(None, error))

    def refuse_oversized(self) -> None:
        self.refuse(request_too_big(self._limits.request_size))

    def _receive_one(self, text: str) -> Work | None:
        try:
            request = read(text)
        except (ValueError, RecursionError):
            self.refuse(PARSE_ERROR)
            return None
        opened: list[Begun] = []
        answer = self._answer(request, text, 0, opened, PARSE_ERROR)
        if isinstance(answer, bytes):
            self._deliver(answer, opened)
        elif answer is not None:
            return self._deliver_later(answer, opened)
        return None

    def _deliver(self, answer: bytes, opened: list[Begun]) -> None:
        self._push(answer)
        for begun in opened:
            begun.release()

    async def _deliver_later(self, answer: Pending, opened: list[Begun]) -> None:
        self._deliver(await answer, opened)

    def _answer(
        self, request: Any, text: str, at: int, opened: list[Begun], stray: bytes
    ) -> Answer:
        """The answer to one request, which begins at `at`; `stray` is for what is none at all."""
        if type(request) is not dict:
            return failure(None, stray)
        id_ = request.get("id", ABSENT)
        name = request.get("method")
        if request.get("jsonrpc") != "2.0" or type(name) is not str or not is_id(id_):
            return _malformed(request, id_, stray)
        if self._meter is not None and not self._meter.admit():
            return failure(id_, RATE_LIMITED)
        method = self._table.get(name)
        if method is None:
            return failure(id_, METHOD_NOT_FOUND)
        if method.unsafe and not self._client.trusted():
            return failure(id_, UNSAFE_DENIED)
        if method.form is Form.UNSUBSCRIPTION:
            return self._unsubscribe(id_, method, request.get("params"))
        try:
            arguments = method.bind(request.get("params"))
        except Misfit as misfit:
            return failure(id_, invalid_params(_explained(misfit, text, at)))
        if method.form is Form.PLAIN:
            return self._call(id_, method, arguments, opened)
        if method.form is Form.ASYNC:
            return self._call_later(id_, method, arguments)
        return self._subscribe(id_, method, arguments, opened)

    def _call(
        self, id_: object, method: Method, arguments: list[Any], opened: list[Begun]
    ) -> bytes:
        try:
            if not method.takes:
                return self._success(id_, method.function(self._node, *arguments))
            result = method.function(self._node, self._client, *arguments)
            opened += self._client.take_begun()
            return self._success(id_, result)
        except Exception as error:  # noqa: BLE001 - a method's fault is an answer, not our end
            return _failed(id_, method, error)

    async def _call_later(self, id_: object, method: Method, arguments: list[Any]) -> bytes:
        try:
            if method.takes:
                arguments.insert(0, self._client)
            return self._success(id_, await method.function(self._node, *arguments))
        except Exception as error:  # noqa: BLE001 - a method's fault is an answer, not our end
            return _failed(id_, method, error)

    def _success(self, id_: object, result: object) -> bytes:
        answer = success(id_, to_json(result))
        if len(answer) > self._limits.response_size:
            return failure(id_, response_too_big(self._limits.response_size))
        return answer

    def _unsubscribe(self, id_: object, method: Method, params: object) -> bytes:
        if not self._client.subscribes:
            return failure(id_, INTERNAL_ERROR)
        assert method.topic is not None, "every unsubscription has a topic"
        known = params[0] if isinstance(params, list) and len(params) == 1 else None
        return success(id_, encode(self._client.unsubscribe(method.topic, known)))

    def _subscribe(
        self, id_: object, method: Method, arguments: list[Any], opened: list[Begun]
    ) -> Answer:
        client, limit = self._client, self._limits.subscriptions
        if not client.subscribes:
            return failure(id_, INTERNAL_ERROR)
        if client.subscriptions >= limit:
            return failure(id_, too_many_subscriptions(limit))
        assert method.topic is not None, "every subscription has a topic"
        sink = client.open(method.topic)
        given: dict[type, object] = {Sink: sink, Client: client}
        arguments[:0] = [given[wanted] for wanted in method.takes]
        if method.form is Form.ASYNC_SUBSCRIPTION:
            return self._establish_later(id_, method, arguments, sink, opened)
        try:
            outcome = method.function(self._node, *arguments)
        except Exception as error:  # noqa: BLE001 - a method's fault is an answer, not our end
            sink.close()
            return _failed(id_, method, error)
        if method.form is Form.STREAM:
            sink.streams(outcome)
        else:
            sink.established(outcome)
        opened.append(sink)
        return success(id_, encode(sink.id))

    async def _establish_later(
        self,
        id_: object,
        method: Method,
        arguments: list[Any],
        sink: Sink,
        opened: list[Begun],
    ) -> bytes:
        try:
            sink.established(await method.function(self._node, *arguments))
        except Exception as error:  # noqa: BLE001 - a method's fault is an answer, not our end
            sink.close()
            return _failed(id_, method, error)
        opened.append(sink)
        return success(id_, encode(sink.id))

    def _receive_batch(self, text: str) -> Work | None:
        if self._limits.batch == 0:
            self.refuse(BATCHES_UNSUPPORTED)
            return None
        if len(text) > _SMALL_BATCH:
            return self._long_batch(text)
        try:
            items = list(read_items(text))
        except (ValueError, RecursionError):
            self.refuse(PARSE_ERROR)
            return None
        if self._too_many(len(items)):
            return None
        batch = _Batch(self._limits.response_size)
        return self._answer_batch(batch, text, iter(items))

    def _too_many(self, count: int) -> bool:
        limit = self._limits.batch
        if limit is None or count <= limit:
            return False
        self.refuse(batch_too_large(limit))
        return True

    def _answer_batch(
        self, batch: "_Batch", text: str, items: Iterator[tuple[Any, int]]
    ) -> Work | None:
        for request, at in items:
            answer = self._answer(request, text, at, batch.opened, INVALID_REQUEST)
            if isinstance(answer, Coroutine):
                return self._finish_batch(batch, text, items, answer)
            if not batch.add(answer):
                break
        self._deliver_batch(batch)
        return None

    async def _finish_batch(
        self, batch: "_Batch", text: str, items: Iterable[tuple[Any, int]], first: Pending
    ) -> None:
        fits = batch.add(await first)
        for request, at in items:
            if not fits:
                break
            fits = batch.add(await self._awaited(request, text, at, batch.opened))
        self._deliver_batch(batch)

    async def _awaited(self, request: Any, text: str, at: int, opened: list[Begun]) -> bytes | None:
        answer = self._answer(request, text, at, opened, INVALID_REQUEST)
        return await answer if isinstance(answer, Coroutine) else answer

    async def _long_batch(self, text: str) -> None:
        limit, count = self._limits.batch, 0
        try:
            for count, _ in enumerate(read_items(text), 1):
                if count % _STRIDE == 0:
                    await asyncio.sleep(0)
        except (ValueError, RecursionError):
            self.refuse(PARSE_ERROR)
            return
        if limit is not None and self._too_many(count):
            return
        batch = _Batch(self._limits.response_size)
        for index, (request, at) in enumerate(read_items(text)):
            if not batch.add(await self._awaited(request, text, at, batch.opened)):
                break
            if index % _STRIDE == 0:
                await asyncio.sleep(0)
        self._deliver_batch(batch)

    def _deliver_batch(self, batch: "_Batch") -> None:
        reply = batch.reply()
        if reply is not None:
            self._deliver(reply, batch.opened)


class _Batch:
    """The replies to a batch, as long as they fit into one response."""

    def __init__(self, limit: int) -> None:
        self.opened: list[Begun] = []
        self._limit = limit
        self._answers: list[bytes] = []
        self._size = 1
        self._notified = False
        self._fits = True

    def add(self, answer: bytes | None) -> bool:
        """Keep an answer; False once the response is too large, and then nothing more counts."""
        if answer is None:
            self._notified = True
            return True
        self._size += len(answer) + 1
        self._answers.append(answer)
        self._fits = self._size <= self._limit
        return self._fits

    def reply(self) -> bytes | None:
        if not self._fits:
            for begun in self.opened:
                begun.close()
            self.opened.clear()
            return failure(None, batch_response_too_large(self._limit))
        if self._answers:
            return b"[" + b",".join(self._answers) + b"]"
        return None if self._notified else failure(None, INVALID_REQUEST)


def _malformed(request: dict[str, Any], id_: object, stray: bytes) -> bytes | None:
    """What is no call: a notification is not answered, a known id is echoed."""
    name = request.get("method")
    notifies = request.get("jsonrpc") == "2.0" and type(name) is str and is_unicode(name)
    if id_ is ABSENT:
        return None if notifies else failure(None, stray)
    if is_id(id_):
        return failure(id_, INVALID_REQUEST)
    return failure(None, INVALID_REQUEST if notifies else stray)


def _explained(misfit: Misfit, text: str, at: int) -> str:
    try:
        return explain(misfit, text, at)
    except RecursionError:  # nested as deeply as could be read, but not deeper in the stack
        return misfit.text


def _failed(id_: object, method: Method, error: Exception) -> bytes:
    if isinstance(error, RpcError):
        return failure(id_, error.encoded())
    _log.error("%s failed", method.name, exc_info=error)
    return failure(id_, INTERNAL_ERROR)
