"""Content of a chain without a node: found in its blocks, or remembered where no block has it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, final

from tilth.frame import Runtime, RuntimeCall
from tilth.node.block import Block
from tilth.node.content import ContentReader, contents_in, digests
from tilth.node.contents import MemoryContents
from tilth.primitives.chunks import ChunkProof, prove_chunk
from tilth.primitives.types import H256

NOTHING: Final[Mapping[bytes, bytes]] = MappingProxyType({})


@final
class Past:
    """The blocks that are closed, as content is looked for in them."""

    def __init__(self, runtime: Runtime, blocks: list[Block]) -> None:
        self._runtime = runtime
        self._blocks = blocks
        self._contents = MemoryContents()

    @property
    def best(self) -> Block:
        return self._blocks[-1]

    def runtime_after(self, block: Block) -> Runtime:
        return self._runtime

    def call(self, block: Block, method: str, data: bytes) -> bytes:
        with self._runtime.at(block.state):
            return self._runtime.call(method, data)

    def expect(self, hash: H256) -> Block:
        return next(block for block in reversed(self._blocks) if block.hash == hash)

    @property
    def contents(self) -> MemoryContents:
        """None: its blocks are whole."""
        return self._contents

    def hash_at(self, number: int) -> H256:
        return self._blocks[number].hash


@final
class Contents:
    """What a test has stored, by an extrinsic or without one."""

    def __init__(self, runtime: Runtime, past: Past, dispatched: Mapping[bytes, bytes]) -> None:
        self._runtime = runtime
        self._reader = ContentReader(past)
        self.dispatched = dict(dispatched)
        """What is in no block, by every hash that it may have."""

    def note(self, call: RuntimeCall) -> None:
        """Remember what a call stores that no extrinsic makes."""
        for data in contents_in(self._runtime, call):
            self.dispatched.update(dict.fromkeys(digests(data), data))

    def prove(self, hash: H256, chunk: int, at: Block) -> ChunkProof:
        content = self.dispatched.get(hash) or self._reader.read(hash, at)
        assert content is not None, f"the test has not stored content 0x{hash.hex()}"
        return prove_chunk(content, chunk)
