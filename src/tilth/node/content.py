"""Stored content, read back from the bodies of the blocks that brought it, never unchecked."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final

from tilth.frame import RuntimeCall
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.primitives.crypto.hashing import blake2_256, keccak_256, sha2_256
from tilth.primitives.types import H256

_STORE: Final = "TransactionStorage"
_LOCATE: Final = "ContentApi_locate"
# The algorithms a content hash may be of, ours first: pallets/transaction_storage, HashingAlgorithm
_DIGESTS: Final[tuple[Callable[[bytes], bytes], ...]] = (sha2_256, blake2_256, keccak_256)
_CACHED_BYTES: Final = 16 * 1024 * 1024


class NoContent(LookupError):
    """This chain's runtime stores no content."""


class ContentLost(Exception):
    """The state says where the content stands, but it is not there."""


class ContentReader:
    """Finds content by its hash; what was read lately is kept."""

    def __init__(self, chain: Chain, *, cached_bytes: int = _CACHED_BYTES) -> None:
        self._chain = chain
        self._cached_bytes = cached_bytes
        self._cache: OrderedDict[H256, bytes] = OrderedDict()
        self._size = 0

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

    def _locate(self, hash: H256, at: Block) -> Any:
        chain = self._chain
        try:
            location = chain.runtime.returns(_LOCATE)
        except KeyError:
            raise NoContent("this chain's runtime stores no content") from None
        return location.decode(chain.call(at, _LOCATE, hash))

    def _read(self, hash: H256, location: Any, at: Block) -> bytes:
        block = self._ancestor(at, location.block)
        if block is not None and location.extrinsic < len(block.extrinsics):
            for data in self.stored_by(block.extrinsics[location.extrinsic]):
                if len(data) == location.size and _is_hash_of(hash, data):
                    return data
        raise ContentLost(
            f"content 0x{hash.hex()} is not in extrinsic {location.extrinsic} of block "
            f"{location.block}, where the state says it is"
        )

    def _ancestor(self, block: Block, number: int) -> Block | None:
        """The block of that number on the way to this one, or itself."""
        while block.number > number:
            if self._chain.hash_at(block.number) == block.hash:
                return self._chain.at(number)
            block = self._chain.expect(block.parent_hash)
        return block if block.number == number else None

    def stored_by(self, extrinsic: bytes) -> list[bytes]:
        """What an encoded extrinsic stores, in the order of its calls; raises DecodeError."""
        runtime = self._chain.runtime
        return [
            call.args[-1]
            for call in calls_in(runtime.format.decode(extrinsic).call)
            if runtime.by_index[call.method.pallet_index].name == _STORE
            and call.args
            and isinstance(call.args[-1], bytes)
        ]

    def _keep(self, hash: H256, data: bytes) -> bytes:
        self._cache[hash] = data
        self._size += len(data)
        while self._size > self._cached_bytes:
            _, dropped = self._cache.popitem(last=False)
            self._size -= len(dropped)
        return data


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


def _is_hash_of(hash: H256, data: bytes) -> bool:
    return any(digest(data) == hash for digest in _DIGESTS)
