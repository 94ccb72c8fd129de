"""Off-chain local storage: what this node's off-chain workers keep for themselves."""

from typing import Final

from tilth.node.store import BlockStore, MemoryStore

_PREFIX: Final = b"offchain:"


class LocalStorage:
    """Kept beside the chain, and with it in memory where the chain is; no consensus covers it."""

    def __init__(self, store: BlockStore | None) -> None:
        self._store = BlockStore(MemoryStore()) if store is None else store

    def get(self, key: bytes) -> bytes | None:
        return self._store.aux(_PREFIX + key)

    def set(self, key: bytes, value: bytes) -> None:
        self._store.write_aux({_PREFIX + key: value})

    def clear(self, key: bytes) -> None:
        self._store.write_aux({_PREFIX + key: None})
