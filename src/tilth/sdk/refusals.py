"""How things end that the chain or the node does not do, in their own words."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    import grpc

    from tilth.v1.errors_pb2 import DispatchError

_Metadata: TypeAlias = "Iterable[tuple[str, str | bytes]]"

# What every gRPC library looks for: grpc/grpc, src/core/call/metadata_batch.h
_DETAILS_KEY = "grpc-status-details-bin"


class Refused(Exception):
    """The chain did not do what was asked; the text is its own sentence.

    `name` is the error's in metadata, as in `Datasets.BadSpdx`, where the chain has one for it.
    """

    def __init__(self, sentence: str, name: str = "") -> None:
        super().__init__(sentence)
        self.name = name


class Unreachable(ConnectionError):
    """No node answers at this address, or it stopped answering."""


class WrongContent(Exception):
    """The node sent other bytes than those that the chain names."""


class JobRefunded(Exception):
    """A job ended without result, and its requester has got money back.

    `reason` is `FAILED`, `UNCLAIMED`, `CANCELLED`, `NOT_STARTED` or `NOT_FINISHED`; `failure` is
    the worker's code where it gave the job up, such as `MODEL_REFUSED`, and else empty.
    """

    def __init__(self, job: int, reason: str, failure: str) -> None:
        cause = f"{reason}: {failure}" if failure else reason
        words = cause.lower().replace("_", " ")
        super().__init__(f"job {job} has no result and was refunded ({words})")
        self.job = job
        self.reason = reason
        self.failure = failure


def refusal(error: "DispatchError") -> Refused:
    name = f"{error.pallet}.{error.name}" if error.pallet else error.name
    return Refused(error.message, name)


@contextmanager
def grpc_answers(target: str) -> Iterator[None]:
    """Turns gRPC's errors into ours."""
    import grpc

    try:
        yield
    except grpc.RpcError as error:
        raise _of_call(error, target) from None


def _of_call(error: "grpc.RpcError", target: str) -> Exception:
    import grpc

    if not isinstance(error, grpc.Call):
        return error
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return Unreachable(f"no node answers gRPC at {target}: is `tilth dev` running there?")
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimeoutError(error.details() or "the node did not answer in time")
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return LookupError(error.details() or "not found")
    for key, value in cast(_Metadata, error.trailing_metadata() or ()):
        if key == _DETAILS_KEY and isinstance(value, bytes):
            return _of_details(value, error.details() or "")
    return Refused(error.details() or str(error.code()))


def _of_details(data: bytes, text: str) -> Exception:
    from tilth.v1.errors_pb2 import DispatchError, ErrorStatus

    for detail in ErrorStatus.FromString(data).details:
        failed = DispatchError()
        if detail.Unpack(failed):
            return refusal(failed)
    return Refused(text)


@contextmanager
def json_rpc_answers(url: str) -> Iterator[None]:
    """Turns the errors of substrate-interface into ours."""
    from substrateinterface.exceptions import SubstrateRequestException
    from websocket import WebSocketException

    try:
        yield
    except SubstrateRequestException as error:
        raise Refused(_sentence(error)) from None
    except (OSError, WebSocketException) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise Unreachable(
            f"no node answers JSON-RPC at {url} ({cause}): is `tilth dev` running there?"
        ) from None


def _sentence(error: Exception) -> str:
    detail = error.args[0] if error.args else error
    if isinstance(detail, dict):
        return str(detail.get("data") or detail.get("message"))
    return str(detail)
