"""Every method of every service under its path, guarded: whatever arrives, the answer is decent."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
from grpc.aio import AbortError, ServicerContext

from tilth.rpc.grpc.failures import Failure, abort, exhausted, invalid, unimplemented
from tilth.rpc.grpc.limits import GrpcLimits

log = logging.getLogger(__name__)

Context: TypeAlias = ServicerContext[Message, Message]
# Only the checkers' class takes parameters.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behaviour: TypeAlias = Callable[[Any, Context], Any]

_MALFORMED: Final = object()
"""Stands for a request that is no message of its type; only a method can answer for it."""


class Streams:
    """The streams that are open, so that the endless ones can be ended."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[Any]] = set()
        self.ending = False

    def __enter__(self) -> None:
        self._open.add(_this_task())

    def __exit__(self, *_: object) -> None:
        self._open.discard(_this_task())

    def end(self) -> None:
        self.ending = True
        for task in self._open:
            task.cancel()


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None, "gRPC runs every call in a task"
    return task


class MethodTable(grpc.GenericRpcHandler):
    """Stands for a server before the generated `add_…Servicer_to_server` functions."""

    def __init__(self, limits: GrpcLimits, streams: Streams) -> None:
        self._limits = limits
        self._streams = streams
        self._handlers: dict[str, Handler] = {}
        self.services: list[str] = []
        """Full names, in the order in which they came."""

    def add(self, register: Callable[[Any, Any], None], servicer: object) -> None:
        """Add a service: `register` is what protoc generated for it."""
        register(servicer, self)

    def add_generic_rpc_handlers(self, handlers: Sequence[object]) -> None:
        """The same methods come by name; nothing to do."""

    def add_registered_method_handlers(self, service: str, methods: dict[str, Handler]) -> None:
        self.services.append(service)
        for name, handler in methods.items():
            self._handlers[f"/{service}/{name}"] = guarded(handler, self._limits, self._streams)

    def alias(self, service: str, name: str) -> None:
        """Serve a service under a second name too."""
        for path, handler in list(self._handlers.items()):
            if path.startswith(f"/{service}/"):
                self._handlers[f"/{name}/{path.rpartition('/')[2]}"] = handler

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        return self._handlers.get(handler_call_details.method)


def guarded(handler: Handler, limits: GrpcLimits, streams: Streams) -> Handler:
    """The method with checked requests, a default deadline, and failures that tell no internals."""
    behaviour = _behaviour(handler)
    if handler.response_streaming:
        answer = _streaming(behaviour, limits, streams)
    else:
        answer = _answering(behaviour, limits)
    return _MAKERS[handler.request_streaming, handler.response_streaming](
        _requesting(answer, streaming=handler.request_streaming),
        request_deserializer=_parsing(handler.request_deserializer, limits.unknown_fields),
        response_serializer=handler.response_serializer,
    )


_MAKERS: Final[dict[tuple[bool, bool], Callable[..., Handler]]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def _behaviour(handler: Handler) -> Behaviour:
    candidates: tuple[Any, ...] = (
        handler.unary_unary,
        handler.unary_stream,
        handler.stream_unary,
        handler.stream_stream,
    )
    behaviour: Behaviour = next(each for each in candidates if each is not None)
    return behaviour


def _parsing(parse: Any, unknown_fields: int) -> Callable[[bytes], Any]:
    def parsed(data: bytes) -> Any:
        try:
            message = parse(data)
        except DecodeError:
            return _MALFORMED
        if len(data) > unknown_fields and len(UnknownFieldSet(message)):
            return _MALFORMED
        return message

    return parsed


def _answering(behaviour: Behaviour, limits: GrpcLimits) -> Behaviour:
    async def answer(request: Any, context: Context) -> Any:
        if context.time_remaining() is not None:
            return await behaviour(request, context)
        try:
            async with asyncio.timeout(limits.call_seconds):
                return await behaviour(request, context)
        except TimeoutError:
            raise Failure(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"no answer within {limits.call_seconds:g} s; set a deadline to wait longer",
            ) from None

    return answer


def _streaming(behaviour: Behaviour, limits: GrpcLimits, streams: Streams) -> Behaviour:
    async def answer(request: Any, context: Context) -> None:
        messages: Any = behaviour(request, context)
        if isawaitable(messages):
            await messages  # it writes by itself, as health's Watch does
            return
        with streams:
            try:
                await _write_all(context, messages, limits.stalled_seconds)
            except asyncio.CancelledError:
                if not streams.ending:
                    raise
                raise Failure(grpc.StatusCode.UNAVAILABLE, "the node stops") from None

    return answer


async def _write_all(
    context: Context, messages: AsyncGenerator[Message], stalled_seconds: float
) -> None:
    async with aclosing(messages):
        async for message in messages:
            await _write(context, message, stalled_seconds)


async def _write(context: Context, message: Message, stalled_seconds: float) -> None:
    """Wait for a slow reader, but not for ever."""
    try:
        async with asyncio.timeout(stalled_seconds):
            await context.write(message)
    except TimeoutError:
        raise exhausted(f"nothing was read from this stream for {stalled_seconds:g} s") from None


def _requesting(answer: Behaviour, *, streaming: bool) -> Behaviour:
    async def guard(request: Any, context: Context) -> Any:
        try:
            return await answer(_checked_all(request) if streaming else _checked(request), context)
        except Failure as failure:
            await abort(context, failure)
        except (AbortError, asyncio.CancelledError):
            raise
        except NotImplementedError:
            await abort(context, unimplemented("this node does not implement the method"))
        except Exception:
            log.exception("a gRPC method failed")
            await abort(context, _INTERNAL)

    return guard


_INTERNAL: Final = Failure(grpc.StatusCode.INTERNAL, "the node failed to answer; see its log")


def _checked(request: Any) -> Any:
    if request is _MALFORMED:
        raise invalid("the request is not a well-formed message of the method's type")
    return request


async def _checked_all(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _checked(request)
