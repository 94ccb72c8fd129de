"""What runtimes of the past said of themselves: metadata that outlives them, for their blocks."""

from typing import Final, final

from tilth.frame import Runtime
from tilth.frame.apis import METADATA_VERSIONS
from tilth.node.store import BlockStore
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import codec, u32

_AUX: Final = b"metadata:"
_V14: Final = "Metadata_metadata"
_AT_VERSION: Final = "Metadata_metadata_at_version"
_bytes: Final = codec(bytes)
_optional: Final = codec(bytes | None)
_u32: Final = codec(u32)


@final
class Shelf:
    """Kept in the store where there is one, by the hash of the runtime's code."""

    def __init__(self, store: BlockStore | None) -> None:
        self._store = store
        self._memory: dict[bytes, bytes] = {}

    def keep(self, runtime: Runtime) -> None:
        entries = {_key(runtime.code, n): runtime.metadata(n) for n in METADATA_VERSIONS}
        if self._store is None:
            self._memory.update(entries)
        else:
            self._store.write_aux(entries)

    def metadata(self, code: bytes, version: int) -> bytes | None:
        key = _key(code, version)
        return self._memory.get(key) if self._store is None else self._store.aux(key)

    def answer(self, code: bytes, method: str, data: bytes) -> bytes | None:
        """What the runtime with this code would answer, if it is a question for its metadata."""
        if method == _V14 and (known := self.metadata(code, 14)) is not None:
            return _bytes.encode(known)
        if method != _AT_VERSION or self.metadata(code, 14) is None:
            return None
        version = _u32.decode(data)
        return _optional.encode(self.metadata(code, version) if version < 256 else None)


def _key(code: bytes, version: int) -> bytes:
    return _AUX + blake2_256(code) + bytes((version,))
