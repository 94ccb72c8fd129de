"""What a caller is told when a request cannot be answered: the codes and texts of jsonrpsee."""

from dataclasses import dataclass
from typing import Final

from tilth.rpc.jsonrpc.wire import encode


class RpcError(Exception):
    """An answer that is an error object; `data` is any JSON value and is left out when None."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def encoded(self) -> bytes:
        return error_object(self.code, self.message, self.data)


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of error that methods answer; calling it makes one.

    What stands in braces in the message is given by name.
    """

    code: int
    message: str
    data: str | None = None

    def __call__(self, data: object = None, **parts: object) -> RpcError:
        message = self.message.format(**parts) if parts else self.message
        return RpcError(self.code, message, self.data if data is None else data)


def error_object(code: int, message: str, data: object = None) -> bytes:
    fields: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        fields["data"] = data
    return encode(fields)


def over_limit(code: int, message: str, limit: int) -> bytes:
    return error_object(code, message, f"Exceeded max limit of {limit}")


PARSE_ERROR: Final = error_object(-32700, "Parse error")
INVALID_REQUEST: Final = error_object(-32600, "Invalid request")
METHOD_NOT_FOUND: Final = error_object(-32601, "Method not found")
UNSAFE_CALL: Final = Fault(-32601, "RPC call is unsafe to be called externally")
UNSAFE_DENIED: Final = UNSAFE_CALL().encoded()
INTERNAL_ERROR: Final = error_object(-32603, "Internal error")
BATCHES_UNSUPPORTED: Final = error_object(
    -32005, "Batched requests are not supported by this server"
)
RATE_LIMITED: Final = error_object(-32999, "RPC rate limit exceeded")


def invalid_params(data: str) -> bytes:
    return error_object(-32602, "Invalid params", data)


def too_many_subscriptions(limit: int) -> bytes:
    return over_limit(-32006, "Too many subscriptions on the connection", limit)


def request_too_big(limit: int) -> bytes:
    return over_limit(-32007, "Request is too big", limit)


def response_too_big(limit: int) -> bytes:
    return over_limit(-32008, "Response is too big", limit)


def batch_too_large(limit: int) -> bytes:
    return over_limit(-32010, "The batch request was too large", limit)


def batch_response_too_large(limit: int) -> bytes:
    return over_limit(-32011, "The batch response was too large", limit)


def unknown_block(hash: bytes) -> str:
    """sp_blockchain's words for a block that is not here."""
    return f"Header was not found in the database: 0x{hash.hex()}"
