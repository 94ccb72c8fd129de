"""chain_*: blocks, headers and their hashes, and who wants to hear of new ones."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from tilth.node.block import Block
from tilth.node.notices import Finalized, Imported, Notice, Phase
from tilth.node.service import Node
from tilth.primitives.types import H256, Header
from tilth.rpc.jsonrpc.client import Sink
from tilth.rpc.jsonrpc.dispatch import fails, subscription
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.params import BlockNumbers, FromHex, Hash
from tilth.rpc.jsonrpc.schema import HashText
from tilth.rpc.jsonrpc.shapes import (
    HeaderJson,
    SignedBlockJson,
    block_json,
    header_json,
    hex_of,
    optional_hex,
)
from tilth.rpc.jsonrpc.wire import Encoded, encode

_MOST: Final = 2**32 - 1
# client/rpc/src/chain/mod.rs
TOO_HIGH: Final = Fault(3001, "`{number}` > u32::MAX, the max block number is u32.")


def chain_getHeader(node: Node, hash: Hash | None = None) -> HeaderJson | None:
    """The header of a block, of the best one if none is named."""
    block = _block(node, hash)
    return None if block is None else header_json(block.header)


def chain_getBlock(node: Node, hash: Hash | None = None) -> SignedBlockJson | None:
    """A block, the best one if none is named."""
    block = _block(node, hash)
    return None if block is None else block_json(block)


@fails(TOO_HIGH)
def chain_getBlockHash(
    node: Node, number: BlockNumbers | None = None
) -> HashText | list[HashText | None] | None:
    """The hash at a height of the best chain, or one for each of several.

    Without a height, that of the best block.
    """
    if number is None:
        return hex_of(node.chain.best.hash)
    if isinstance(number, list):
        return [_hash_at(node, each) for each in number]
    return _hash_at(node, number)


def _hash_at(node: Node, number: int) -> str | None:
    if number > _MOST:
        shown = f"{'Hex' if isinstance(number, FromHex) else 'Number'}({int(number)})"
        raise TOO_HIGH(number=shown)
    return optional_hex(node.chain.hash_at(number))


def chain_getFinalizedHead(node: Node) -> HashText:
    """The hash of the last final block."""
    return hex_of(node.chain.finalized.hash)


@subscription("chain_allHead", unsubscribe="chain_unsubscribeAllHeads", item=HeaderJson)
def chain_subscribeAllHeads(node: Node, sink: Sink) -> Callable[[], None]:
    """Tells of every new block, of every fork; at first of the best one."""

    def on_notice(notice: Notice) -> None:
        if isinstance(notice, Imported) and notice.is_new:
            sink.send(_encoded_header(notice.block.header))

    return _begin(node, sink, node.chain.best, on_notice)


@subscription("chain_newHead", unsubscribe="chain_unsubscribeNewHeads", item=HeaderJson)
def chain_subscribeNewHeads(node: Node, sink: Sink) -> Callable[[], None]:
    """Tells of the best block, now and whenever it changes."""

    def on_notice(notice: Notice) -> None:
        if isinstance(notice, Imported) and notice.is_best:
            sink.send(_encoded_header(notice.block.header))

    return _begin(node, sink, node.chain.best, on_notice)


@subscription("chain_finalizedHead", unsubscribe="chain_unsubscribeFinalizedHeads", item=HeaderJson)
def chain_subscribeFinalizedHeads(node: Node, sink: Sink) -> Callable[[], None]:
    """Tells of the last final block, now and whenever it changes.

    Of several that become final at once only the last is told, as by a Rust node.
    """

    def on_notice(notice: Notice) -> None:
        if isinstance(notice, Finalized):
            sink.send(_encoded_header(notice.blocks[-1].header))

    return _begin(node, sink, node.chain.finalized, on_notice)


def _begin(
    node: Node, sink: Sink, current: Block, listener: Callable[[Notice], None]
) -> Callable[[], None]:
    """The current head goes out at once."""
    sink.send(_encoded_header(current.header))
    return node.chain.notices.listen(Phase.HEADS, listener)


@lru_cache(maxsize=16)
def _encoded_header(header: Header) -> Encoded:
    """Made once for all who hear of a block."""
    return encode(header_json(header))


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
