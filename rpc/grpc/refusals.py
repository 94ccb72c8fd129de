"""Why the pool does not take a transaction, in the words of JSON-RPC and as a typed detail."""

from types import MappingProxyType
from typing import Any, Final

import grpc

from tilth.frame import validity
from tilth.node import pool as pools
from tilth.rpc.grpc.failures import Failure
from tilth.rpc.jsonrpc.author import INVALID_TEXT
from tilth.v1 import errors_pb2 as pb

_INVALID: Final[MappingProxyType[type, pb.RefusalReason]] = MappingProxyType(
    {
        validity.Call: pb.REFUSAL_REASON_CALL,
        validity.Payment: pb.REFUSAL_REASON_PAYMENT,
        validity.Future: pb.REFUSAL_REASON_FUTURE,
        validity.Stale: pb.REFUSAL_REASON_STALE,
        validity.BadProof: pb.REFUSAL_REASON_BAD_PROOF,
        validity.AncientBirthBlock: pb.REFUSAL_REASON_ANCIENT_BIRTH_BLOCK,
        validity.ExhaustsResources: pb.REFUSAL_REASON_EXHAUSTS_RESOURCES,
        validity.BadMandatory: pb.REFUSAL_REASON_BAD_MANDATORY,
        validity.MandatoryValidation: pb.REFUSAL_REASON_MANDATORY_VALIDATION,
        validity.BadSigner: pb.REFUSAL_REASON_BAD_SIGNER,
        validity.IndeterminateImplicit: pb.REFUSAL_REASON_INDETERMINATE_IMPLICIT,
        validity.UnknownOrigin: pb.REFUSAL_REASON_UNKNOWN_ORIGIN,
    }
)

_CODES: Final[MappingProxyType[pb.RefusalReason, grpc.StatusCode]] = MappingProxyType(
    {
        pb.REFUSAL_REASON_UNDECODABLE: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_CALL: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_BAD_PROOF: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_BAD_MANDATORY: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_MANDATORY_VALIDATION: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_BAD_SIGNER: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_UNKNOWN_ORIGIN: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_NO_TAGS: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_WRONG_CALL: grpc.StatusCode.INVALID_ARGUMENT,
        pb.REFUSAL_REASON_ALREADY_IMPORTED: grpc.StatusCode.ALREADY_EXISTS,
        pb.REFUSAL_REASON_IMMEDIATELY_DROPPED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""All others may be valid on another state: FAILED_PRECONDITION."""

# The pool's last words on a transaction that no block holds
_LEFT: Final[MappingProxyType[str, tuple[pb.RefusalReason, str]]] = MappingProxyType(
    {
        "invalid": (pb.REFUSAL_REASON_BECAME_INVALID, "The transaction can no longer be included"),
        "dropped": (pb.REFUSAL_REASON_DROPPED, "The transaction was dropped from the full pool"),
        "usurped": (pb.REFUSAL_REASON_USURPED, "Another transaction took this one's place"),
    }
)


def failure_of(refusal: pb.Refusal) -> Failure:
    code = _CODES.get(refusal.reason, grpc.StatusCode.FAILED_PRECONDITION)
    return Failure(code, refusal.message, refusal)


def refusal_of(error: pools.PoolError) -> pb.Refusal:
    match error:
        case pools.Undecodable():
            return _refusal(pb.REFUSAL_REASON_UNDECODABLE, f"Extrinsic has invalid format: {error}")
        case pools.Rejected(error=validity.Invalid(reason=reason)):
            return _invalid(reason)
        case pools.Rejected(error=unknown):
            return _unknown(unknown.reason)
        case pools.AlreadyImported(hash=hash):
            return _refusal(
                pb.REFUSAL_REASON_ALREADY_IMPORTED, f"Transaction Already Imported: 0x{hash.hex()}"
            )
        case pools.TooLowPriority():
            return _refusal(
                pb.REFUSAL_REASON_TOO_LOW_PRIORITY,
                "The transaction has too low priority to replace another transaction already "
                "in the pool.",
            )
        case pools.ImmediatelyDropped():
            return _refusal(
                pb.REFUSAL_REASON_IMMEDIATELY_DROPPED,
                "The transaction couldn't enter the pool because of the limit",
            )
        case pools.Banned():
            return _refusal(pb.REFUSAL_REASON_BANNED, "Transaction is temporarily banned")
        case _:
            return _refusal(
                pb.REFUSAL_REASON_NO_TAGS,
                "Transaction does not provide any tags, so the pool can't identify it",
            )


def left(step: str) -> pb.Refusal | None:
    """Why no block holds a transaction that the pool had, if that is what the step means."""
    reason = _LEFT.get(step)
    return None if reason is None else _refusal(*reason)


def wrong_call(expected: str) -> pb.Refusal:
    return _refusal(pb.REFUSAL_REASON_WRONG_CALL, f"The transaction contains no {expected}")


def _invalid(reason: Any) -> pb.Refusal:
    if isinstance(reason, validity.Custom):
        return _refusal(
            pb.REFUSAL_REASON_CUSTOM, f"Custom error: {reason.code}", custom_code=reason.code
        )
    return _refusal(_INVALID[type(reason)], INVALID_TEXT[type(reason)])


def _unknown(reason: Any) -> pb.Refusal:
    if isinstance(reason, validity.UnknownCustom):
        return _refusal(
            pb.REFUSAL_REASON_UNKNOWN_VALIDITY, f"Custom({reason.code})", custom_code=reason.code
        )
    return _refusal(pb.REFUSAL_REASON_UNKNOWN_VALIDITY, type(reason).__name__)


def _refusal(
    reason: pb.RefusalReason, message: str, *, custom_code: int | None = None
) -> pb.Refusal:
    return pb.Refusal(reason=reason, message=message, custom_code=custom_code)
