"""Asking the runtime about the chain's state."""

from typing import Any

from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.rpc.grpc.failures import unimplemented


def ask(chain: Chain, block: Block, method: str, argument: bytes) -> Any:
    """What a method of the runtime API answers on the state after a block, decoded."""
    try:
        answer = chain.runtime.returns(method)
    except KeyError:
        trait = method.partition("_")[0]
        raise unimplemented(f"this chain's runtime has no {trait}") from None
    return answer.decode(chain.call(block, method, argument))
