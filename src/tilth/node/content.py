"""Stored content, found by its hash and never given unchecked."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from tilth.frame import Runtime, RuntimeCall, codec, u32
from tilth.node.block import Block
from tilth.node.contents import Contents, DepotFailed
from tilth.node.store import StoreError
from tilth.primitives.chunks import ChunkProof, prove_chunk
from tilth.primitives.crypto.hashing import blake2_256, keccak_256, sha2_256
from tilth.primitives.scale import Compact, DecodeError
from tilth.primitives.trie.nodes import MalformedNode
from tilth.primitives.types import H256

log = logging.getLogger(__name__)

_STORE: Final = "TransactionStorage"
_LOCATE: Final = "ContentApi_locate"
# The algorithms a content hash may be of, ours first: pallets/transaction_storage, HashingAlgorithm
_DIGESTS: Final[tuple[Callable[[bytes], bytes], ...]] = (sha2_256, blake2_256, keccak_256)
_CACHED_BYTES: Final = 16 * 1024 * 1024


_length: Final = codec(Compact[u32])


class Blocks(Protocol):
    """The chain whose blocks bring content."""

    @property
    def best(self) -> Block: ...

    @property
    def contents(self) -> Contents: ...

    def call(self, block: Block, method: str, data: bytes) -> bytes: ...

    def expect(self, hash: H256) -> Block: ...

    def hash_at(self, number: int) -> H256 | None: ...

    def runtime_after(self, block: Block) -> Runtime:
        """The runtime in force after the block, as far as it is here."""
        ...


class NoContent(LookupError):
    """This chain's runtime stores no content."""


class ContentLost(Exception):
    """The state says that the content is kept, but here it is not, or is damaged."""

    def __init__(self, hash: H256, fault: str) -> None:
        super().__init__(f"content 0x{hash.hex()} {fault}")
        self.hash = hash


class ContentReader:
    """Finds content by its hash; what was read lately is kept."""

    def __init__(self, chain: Blocks, *, cached_bytes: int = _CACHED_BYTES) -> None:
        self._chain = chain
        self._cached_bytes = cached_bytes
        self._cache: OrderedDict[H256, bytes] = OrderedDict()
        self._size = 0
        self.on_loss: list[Callable[[H256], None]] = []
        """Called with what should be here and is not, or is damaged."""

    def size(self, hash: H256, at: Block | None = None) -> int | None:
        """How many bytes the content has, or None where the state knows of none."""
        location = self._locate(hash, at or self._chain.best)
        return None if location is None else int(location.size)

    def read(self, hash: H256, at: Block | None = None) -> bytes | None:
        """The bytes with this hash, or None if the block's state, the best one's, knows of none.

        Raises NoContent, and ContentLost where the chain contradicts itself.
        """
        found = self._cache.get(hash)
        if found is not None:
            self._cache.move_to_end(hash)
            return found
        at = at or self._chain.best
        location = self._locate(hash, at)
        return None if location is None else self._keep(hash, self._read(hash, location, at))

    def prove(self, hash: H256, chunk: int, at: Block) -> ChunkProof:
        """Shows one chunk of content that the block's state keeps; raises ContentLost.

        What stands on the disk is read, whatever is remembered of it.
        """
        card = self._chain.contents.card(hash)
        if card is None:
            content = self.read(hash, at)
            if content is None:
                raise ContentLost(hash, "is not found, and a chunk of it must be shown")
            return prove_chunk(content, chunk)
        try:
            return prove_chunk(self._kept(hash), chunk, card.outline)
        except MalformedNode:
            raise self._lost(hash, "does not match its chunk root") from None

    def restore(self, hash: H256, data: bytes) -> bool:
        """Put content back in its place; whether it is the one with this hash."""
        if not _is_hash_of(hash, data):
            return False
        self._chain.contents.put_back(hash, data)
        log.warning("content 0x%s is restored", hash.hex())
        return True

    def _locate(self, hash: H256, at: Block) -> Any:
        try:
            location = self._chain.runtime_after(at).returns(_LOCATE)
        except KeyError:
            raise NoContent("this chain's runtime stores no content") from None
        return location.decode(self._chain.call(at, _LOCATE, hash))

    def _read(self, hash: H256, location: Any, at: Block) -> bytes:
        if self._chain.contents.card(hash) is None:
            return self._in_body(hash, location, at)
        content = self._kept(hash)
        if not _is_hash_of(hash, content):
            raise self._lost(hash, "does not match its hash")
        return content

    def _kept(self, hash: H256) -> bytes:
        try:
            content = self._chain.contents.content(hash)
        except (StoreError, DepotFailed) as error:
            raise self._lost(hash, f"cannot be read: {error}") from error
        if content is None:
            raise self._lost(hash, "is missing")
        return content

    def _lost(self, hash: H256, fault: str) -> ContentLost:
        lost = ContentLost(hash, fault)
        log.error("%s", lost)
        for listener in self.on_loss:
            listener(hash)
        return lost

    def _in_body(self, hash: H256, location: Any, at: Block) -> bytes:
        """Content of a block that was kept whole, by a release before contents were kept apart."""
        block = self._ancestor(at, location.block)
        if block is not None and location.extrinsic < len(block.extrinsics):
            for data in self._candidates(block, location):
                if _is_hash_of(hash, data):
                    return data
        raise ContentLost(
            hash,
            f"is not in extrinsic {location.extrinsic} of block {location.block}, where the state "
            "says it is",
        )

    def _candidates(self, block: Block, location: Any) -> Iterator[bytes]:
        """What the extrinsic may have stored with that size.

        Calls change, and the runtime that knew this one may be gone: content is then looked for
        wherever a length stands before as many bytes.
        """
        extrinsic = block.extrinsics[location.extrinsic]
        try:
            parent = self._chain.expect(block.parent_hash)
            stored = stored_by(self._chain.runtime_after(parent), extrinsic)
            yield from (data for data in stored if len(data) == location.size)
        except DecodeError:
            pass
        yield from _sized(extrinsic, location.size)

    def _ancestor(self, block: Block, number: int) -> Block | None:
        """The block of that number on the way to this one, or itself."""
        while block.number > number:
            if self._chain.hash_at(block.number) == block.hash:
                canonical = self._chain.hash_at(number)
                return None if canonical is None else self._chain.expect(canonical)
            block = self._chain.expect(block.parent_hash)
        return block if block.number == number else None

    def _keep(self, hash: H256, data: bytes) -> bytes:
        self._cache[hash] = data
        self._size += len(data)
        while self._size > self._cached_bytes:
            _, dropped = self._cache.popitem(last=False)
            self._size -= len(dropped)
        return data


def stored_by(runtime: Runtime, extrinsic: bytes) -> list[bytes]:
    """What an encoded extrinsic stores; raises DecodeError."""
    return list(contents_in(runtime, runtime.format.decode(extrinsic).call))


def contents_in(runtime: Runtime, call: RuntimeCall) -> Iterator[bytes]:
    """What the call stores, in the order of the calls in it."""
    for each in calls_in(call):
        name = runtime.by_index[each.method.pallet_index].name
        if name == _STORE and each.args and isinstance(each.args[-1], bytes):
            yield each.args[-1]


def calls_in(call: RuntimeCall) -> Iterator[RuntimeCall]:
    """The call and all calls among its arguments, however deep, in the order they are made."""
    waiting: list[Any] = [call]
    while waiting:
        value = waiting.pop()
        if isinstance(value, RuntimeCall):
            yield value
            waiting.extend(reversed(value.args))
        elif isinstance(value, tuple | list):
            waiting.extend(reversed(value))


def _sized(extrinsic: bytes, size: int) -> Iterator[bytes]:
    """All that stands in the extrinsic with its length before it; the last first."""
    length = _length.encode(size)
    end = len(extrinsic) - size
    while (place := extrinsic.rfind(length, 0, end)) >= 0:
        start = place + len(length)
        yield extrinsic[start : start + size]
        end = start - 1


def digests(data: bytes) -> Iterator[bytes]:
    """What content may be called by, our own hash first."""
    return (digest(data) for digest in _DIGESTS)


def _is_hash_of(hash: H256, data: bytes) -> bool:
    return any(digest == hash for digest in digests(data))
