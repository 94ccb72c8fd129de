"""How a call fails: with a status code, a text for people, and perhaps a typed detail."""

from typing import Final, Never

import grpc
from google.protobuf.any import pack
from google.protobuf.message import Message
from grpc.aio import ServicerContext

from tilth.v1.errors_pb2 import ErrorStatus

# What every gRPC library looks for: grpc/grpc, src/core/call/metadata_batch.h
DETAILS_KEY: Final = "grpc-status-details-bin"


class Failure(Exception):
    """Ends the call; raised by any method."""

    def __init__(self, code: grpc.StatusCode, text: str, detail: Message | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.detail = detail


def invalid(text: str) -> Failure:
    return Failure(grpc.StatusCode.INVALID_ARGUMENT, text)


def not_found(text: str) -> Failure:
    return Failure(grpc.StatusCode.NOT_FOUND, text)


def failed(text: str) -> Failure:
    return Failure(grpc.StatusCode.FAILED_PRECONDITION, text)


def exhausted(text: str) -> Failure:
    return Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, text)


def unimplemented(text: str) -> Failure:
    return Failure(grpc.StatusCode.UNIMPLEMENTED, text)


def data_loss(text: str) -> Failure:
    return Failure(grpc.StatusCode.DATA_LOSS, text)


async def abort(context: ServicerContext[Message, Message], failure: Failure) -> Never:
    await context.abort(failure.code, failure.text, _trailing(failure))
    raise AssertionError("abort always raises")


def _trailing(failure: Failure) -> tuple[tuple[str, bytes], ...]:
    if failure.detail is None:
        return ()
    status = ErrorStatus(
        code=failure.code.value[0], message=failure.text, details=[pack(failure.detail)]
    )
    return ((DETAILS_KEY, status.SerializeToString()),)
