"""chain_*: blocks, headers and their hashes, and who wants to hear of new ones."""

from collections.abc import Callable
from typing import Any

from tilth.node.block import Block
from tilth.node.notices import Finalized, Imported, Notice, Phase
from tilth.node.service import Node
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.client import Sink
from tilth.rpc.jsonrpc.dispatch import subscription
from tilth.rpc.jsonrpc.params import BlockNumbers, Hash
from tilth.rpc.jsonrpc.shapes import block_json, header_json, hex_of, optional_hex
from tilth.rpc.jsonrpc.wire import Encoded, encode


def chain_getHeader(node: Node, hash: Hash | None = None) -> dict[str, Any] | None:
    block = _block(node, hash)
    return None if block is None else header_json(block.header)


def chain_getBlock(node: Node, hash: Hash | None = None) -> dict[str, Any] | None:
    block = _block(node, hash)
    return None if block is None else block_json(block)


def chain_getBlockHash(
    node: Node, number: BlockNumbers | None = None
) -> str | list[str | None] | None:
    if number is None:
        return hex_of(node.chain.best.hash)
    if isinstance(number, list):
        return [optional_hex(node.chain.hash_at(each)) for each in number]
    return optional_hex(node.chain.hash_at(number))


def chain_getFinalizedHead(node: Node) -> str:
    return hex_of(node.chain.finalized.hash)


@subscription("chain_allHead", unsubscribe="chain_unsubscribeAllHeads")
def chain_subscribeAllHeads(node: Node, sink: Sink) -> Callable[[], None]:
    def on_notice(notice: Notice) -> None:
        if isinstance(notice, Imported):
            sink.send(_encoded_header(notice.block))

    return _begin(node, sink, node.chain.best, on_notice)


@subscription("chain_newHead", unsubscribe="chain_unsubscribeNewHeads")
def chain_subscribeNewHeads(node: Node, sink: Sink) -> Callable[[], None]:
    def on_notice(notice: Notice) -> None:
        if isinstance(notice, Imported) and notice.is_best:
            sink.send(_encoded_header(notice.block))

    return _begin(node, sink, node.chain.best, on_notice)


@subscription("chain_finalizedHead", unsubscribe="chain_unsubscribeFinalizedHeads")
def chain_subscribeFinalizedHeads(node: Node, sink: Sink) -> Callable[[], None]:
    def on_notice(notice: Notice) -> None:
        if isinstance(notice, Finalized):
            for block in notice.blocks:
                sink.send(_encoded_header(block))

    return _begin(node, sink, node.chain.finalized, on_notice)


def _begin(
    node: Node, sink: Sink, current: Block, listener: Callable[[Notice], None]
) -> Callable[[], None]:
    """The current head goes out at once."""
    sink.send(_encoded_header(current))
    return node.chain.notices.listen(Phase.HEADS, listener)


def _encoded_header(block: Block) -> Encoded:
    return encode(header_json(block.header))


def _block(node: Node, hash: bytes | None) -> Block | None:
    return node.chain.best if hash is None else node.chain.block(H256(hash))


aliases = {
    "chain_getHead": chain_getBlockHash,
    "chain_getFinalisedHead": chain_getFinalizedHead,
    "chain_subscribeNewHead": chain_subscribeNewHeads,
    "subscribe_newHead": chain_subscribeNewHeads,
    "chain_unsubscribeNewHead": "chain_unsubscribeNewHeads",
    "unsubscribe_newHead": "chain_unsubscribeNewHeads",
    "chain_subscribeFinalisedHeads": chain_subscribeFinalizedHeads,
    "chain_unsubscribeFinalisedHeads": "chain_unsubscribeFinalizedHeads",
}
