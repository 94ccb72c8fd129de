"""payment_*: what an extrinsic will cost."""

from typing import Any, Final, Literal, TypedDict

from tilth.node.service import Node
from tilth.primitives.scale import DecodeError, codec, u32
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.dispatch import fails
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.lookups import CallFailed, call_runtime
from tilth.rpc.jsonrpc.params import Hash, Hex
from tilth.rpc.jsonrpc.reading import no_runtime_at
from tilth.rpc.jsonrpc.schema import DecimalText, Quantity

# frame/transaction-payment/rpc: the same text for bytes that are nothing (2) and a runtime that
# cannot say (1)
NO_INFO: Final = Fault(1, "Unable to query dispatch info.")
BAD_INFO: Final = Fault(2, NO_INFO.message)
NO_DETAILS: Final = Fault(1, "Unable to query fee details.")
BAD_DETAILS: Final = Fault(2, NO_DETAILS.message)


class WeightJson(TypedDict):
    ref_time: int
    proof_size: int


# `class` is a word of Python's
DispatchInfoJson = TypedDict(
    "DispatchInfoJson",
    {
        "weight": WeightJson,
        "class": Literal["normal", "operational", "mandatory"],
        "partialFee": DecimalText,
    },
)


class InclusionFee(TypedDict):
    baseFee: Quantity
    lenFee: Quantity
    adjustedWeightFee: Quantity


class FeeDetails(TypedDict):
    """What a fee is made of, without the tip; nothing for what pays none."""

    inclusionFee: InclusionFee | None


@fails(NO_INFO, BAD_INFO)
def payment_queryInfo(node: Node, extrinsic: Hex, at: Hash | None = None) -> DispatchInfoJson:
    """The weight of an extrinsic and its fee without the tip."""
    info = _ask(node, "query_info", extrinsic, at, (NO_INFO, BAD_INFO))
    return {
        "weight": {"ref_time": info.weight.ref_time, "proof_size": info.weight.proof_size},
        "class": info.class_.name.lower(),
        "partialFee": str(info.partial_fee),
    }


@fails(NO_DETAILS, BAD_DETAILS)
def payment_queryFeeDetails(node: Node, extrinsic: Hex, at: Hash | None = None) -> FeeDetails:
    """What the fee of an extrinsic is made of."""
    details = _ask(node, "query_fee_details", extrinsic, at, (NO_DETAILS, BAD_DETAILS))
    fee = details.inclusion_fee
    if fee is None:
        return {"inclusionFee": None}
    return {
        "inclusionFee": {
            "baseFee": hex(fee.base_fee),
            "lenFee": hex(fee.len_fee),
            "adjustedWeightFee": hex(fee.adjusted_weight_fee),
        }
    }


def _ask(
    node: Node, method: str, extrinsic: bytes, at: bytes | None, faults: tuple[Fault, Fault]
) -> Any:
    unanswered, undecodable = faults
    try:
        codec(bytes).decode(extrinsic)
    except DecodeError as error:
        raise undecodable(f'Error {{ cause: None, desc: "{error}" }}') from None
    block = node.chain.best if at is None else node.chain.block(H256(at))
    if block is None:
        raise unanswered(no_runtime_at(at or b""))
    name = f"TransactionPaymentApi_{method}"
    try:
        answer = call_runtime(node, block, name, extrinsic + codec(u32).encode(len(extrinsic)))
    except CallFailed as error:
        raise unanswered(str(error)) from None
    return node.chain.runtimes.at(block.state).returns(name).decode(answer)
