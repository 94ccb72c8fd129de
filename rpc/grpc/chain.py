"""The Chain service: blocks, one at a time or as they come."""

from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from tilth.frame import codec
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.service import Node
from tilth.primitives.types import H256, DigestItem
from tilth.rpc.grpc.failures import failed, invalid, not_found
from tilth.rpc.grpc.methods import Context
from tilth.rpc.grpc.news import News
from tilth.rpc.grpc.outcomes import block_id
from tilth.rpc.grpc.values import hash_of
from tilth.v1 import chain_pb2 as pb
from tilth.v1.chain_pb2_grpc import ChainServicer

_MOST_FINAL: Final = 1024
_digest_item: Final = codec(DigestItem)


class ChainService(ChainServicer):
    def __init__(self, node: Node) -> None:
        self._node = node

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.ChainStatus:
        node, chain = self._node, self._node.chain
        return pb.ChainStatus(
            genesis_hash=chain.genesis.hash,
            best=block_id(chain.best),
            finalized=block_id(chain.finalized),
            chain_name=node.spec.name,
            node_name=node.config.name,
            node_version=node.config.version,
            runtime=_runtime_version(node),
            ss58_prefix=node.runtime.ss58_prefix,
            ready_transactions=node.pool.pending_count(),
        )

    async def GetHeader(self, request: pb.GetHeaderRequest, context: Context) -> pb.Header:
        return header_of(selected(self._node.chain, request.block))

    async def GetBlock(self, request: pb.GetBlockRequest, context: Context) -> pb.Block:
        return block_of(selected(self._node.chain, request.block))

    async def StreamBlocks(
        self, request: pb.StreamBlocksRequest, context: Context
    ) -> AsyncIterator[pb.BlockUpdate]:
        walk = _Walk(self._node.chain, request)
        with News(self._node.chain) as news:
            while True:
                update = walk.step()
                if update is not None:
                    yield update
                else:
                    await news.next()


class _Walk:
    """Where a stream stands; each step reads what is on the chain then."""

    def __init__(self, chain: Chain, request: pb.StreamBlocksRequest) -> None:
        self._chain = chain
        self._final = _follows_final(request.head)
        self._headers_only = request.headers_only
        self._next = self._head.number
        if request.HasField("from_number"):
            self._next = request.from_number
        self._sent: deque[pb.BlockId] = deque()
        """What may be taken back: what is not final, and the last that is, for a dev chain."""
        self._has_forgotten = False

    @property
    def _head(self) -> Block:
        return self._chain.finalized if self._final else self._chain.best

    def step(self) -> pb.BlockUpdate | None:
        """The next update, if the chain has one by now; raises Failure."""
        retracted = self._retracted()
        block = self._chain.at(self._next) if self._next <= self._head.number else None
        if block is None and not retracted:
            return None
        update = pb.BlockUpdate(retracted=retracted)
        if block is not None:
            update.block.CopyFrom(self._shown(block))
            self._remember(block)
        return update

    def _retracted(self) -> list[pb.BlockId]:
        retracted = []
        while self._sent and not self._is_on_chain(self._sent[-1]):
            retracted.append(self._sent.pop())
        if retracted:
            self._next = retracted[-1].number
            if self._has_forgotten and not self._sent:
                raise failed("the chain was set back too far for this stream: begin a new one")
        return retracted

    def _is_on_chain(self, block: pb.BlockId) -> bool:
        return self._chain.hash_at(block.number) == block.hash

    def _remember(self, block: Block) -> None:
        self._next = block.number + 1
        self._sent.append(block_id(block))
        while (
            len(self._sent) > _MOST_FINAL and self._sent[0].number <= self._chain.finalized.number
        ):
            self._sent.popleft()
            self._has_forgotten = True

    def _shown(self, block: Block) -> pb.Block:
        return pb.Block(header=header_of(block)) if self._headers_only else block_of(block)


def selected(chain: Chain, selector: pb.BlockSelector) -> Block:
    """The block it names; raises Failure."""
    match selector.WhichOneof("block"):
        case "hash":
            block = chain.block(H256(hash_of(selector.hash, "a block hash")))
            missing = f"no block with the hash 0x{selector.hash.hex()} is known"
        case "number":
            block = chain.at(selector.number)
            missing = f"the best chain ends at block {chain.best.number}"
        case _:
            return chain.finalized if _follows_final(selector.head) else chain.best
    if block is None:
        raise not_found(missing)
    return block


def _follows_final(head: pb.Head) -> bool:
    if head not in pb.Head.values():
        raise invalid(f"head {head} is none of {', '.join(pb.Head.keys())}")
    return head == pb.HEAD_FINALIZED


def block_of(block: Block) -> pb.Block:
    return pb.Block(header=header_of(block), extrinsics=block.extrinsics)


def header_of(block: Block) -> pb.Header:
    header = block.header
    return pb.Header(
        hash=block.hash,
        number=header.number,
        parent_hash=header.parent_hash,
        state_root=header.state_root,
        extrinsics_root=header.extrinsics_root,
        digest_logs=[_digest_item.encode(log) for log in header.digest.logs],
    )


def _runtime_version(node: Node) -> pb.RuntimeVersion:
    version = node.runtime.version
    return pb.RuntimeVersion(
        spec_name=version.spec_name,
        spec_version=version.spec_version,
        transaction_version=version.transaction_version,
        impl_name=version.impl_name,
        impl_version=version.impl_version,
    )
