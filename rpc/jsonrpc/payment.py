"""payment_*: what an extrinsic will cost."""

from typing import Any

from tilth.node.chain import UnknownBlock
from tilth.node.service import Node
from tilth.primitives.scale import codec, u32
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.rpc.jsonrpc.params import Hash, Hex


def payment_queryInfo(node: Node, extrinsic: Hex, at: Hash | None = None) -> dict[str, Any]:
    info = _ask(node, "query_info", extrinsic, at, "Unable to query dispatch info.")
    return {
        "weight": {"ref_time": info.weight.ref_time, "proof_size": info.weight.proof_size},
        "class": info.class_.name.lower(),
        "partialFee": str(info.partial_fee),
    }


def payment_queryFeeDetails(node: Node, extrinsic: Hex, at: Hash | None = None) -> dict[str, Any]:
    details = _ask(node, "query_fee_details", extrinsic, at, "Unable to query fee details.")
    fee = details.inclusion_fee
    return {
        "inclusionFee": None
        if fee is None
        else {
            "baseFee": hex(fee.base_fee),
            "lenFee": hex(fee.len_fee),
            "adjustedWeightFee": hex(fee.adjusted_weight_fee),
        }
    }


def _ask(node: Node, method: str, extrinsic: bytes, at: bytes | None, failure: str) -> Any:
    name = f"TransactionPaymentApi_{method}"
    try:
        block = node.block(None if at is None else H256(at))
    except UnknownBlock as error:
        raise RpcError(1, failure, str(error)) from None
    try:
        node.runtime.format.decode(extrinsic)
    except ValueError as error:
        raise RpcError(2, failure, f"Codec error: {error}") from None
    answer = node.chain.call(block, name, extrinsic + codec(u32).encode(len(extrinsic)))
    return node.runtime.returns(name).decode(answer)
