"""Every dataset of the chain in memory, so that a search asks the runtime nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, final

from tilth.frame import Runtime
from tilth.node.chain import Chain
from tilth.primitives.trie import Trie

_PALLET: Final = "Datasets"
_ID_BYTES: Final = 4  # a dataset's number, at the end of its key


class NoDatasets(LookupError):
    """This chain's runtime has no datasets."""


class Info(Protocol):
    """What the chain's record of a dataset says that people look for."""

    @property
    def name(self) -> str: ...

    @property
    def spdx(self) -> str: ...

    @property
    def tags(self) -> tuple[str, ...]: ...

    @property
    def publisher(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; all that is given must hold."""

    text: str | None = None
    """Words, each of which is part of the name, of a tag or of the licence, in any case."""
    name: str | None = None
    tag: str | None = None
    spdx: str | None = None
    publisher: bytes | None = None


class Found(NamedTuple):
    """A page of what was found, the newest first."""

    datasets: list[tuple[int, Any]]
    more: bool


class _Entry(NamedTuple):
    info: Any
    words: str


@final
class Catalogue:
    """Brought up to date by each question, with what changed since the last one.

    A bucket is all datasets whose storage keys have one more byte in common; what names its
    subtree in the trie tells whether anything in it changed, on whatever fork.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._root = b""
        self._buckets: dict[int, tuple[bytes, tuple[int, ...]]] = {}
        self._entries: dict[int, _Entry] = {}
        self._newest: list[int] = []

    def __len__(self) -> int:
        self._refresh()
        return len(self._entries)

    def search(self, query: Query, *, before: int | None = None, limit: int) -> Found:
        """Datasets with lower numbers than `before`, where one is given; raises NoDatasets."""
        self._refresh()
        found = list(islice(self._matching(query, before), limit + 1))
        return Found(found[:limit], len(found) > limit)

    def info(self, dataset: int) -> Any | None:
        """The chain's record of a dataset; raises NoDatasets."""
        self._refresh()
        entry = self._entries.get(dataset)
        return None if entry is None else entry.info

    def read(self, item: str, *key: int) -> Any | None:
        """What the datasets' storage holds under a key after the best block."""
        bound = _storage(self._chain.runtime, item)
        encoded = self._chain.best.state.get(bound.key_of(key[0] if len(key) == 1 else key))
        return None if encoded is None else bound.value.decode(encoded)

    def _matching(self, query: Query, before: int | None) -> Iterator[tuple[int, Any]]:
        words = (query.text or "").lower().split()
        for number in self._newest:
            if before is not None and number >= before:
                continue
            info, text = self._entries[number]
            if all(word in text for word in words) and _fits(query, info):
                yield number, info

    def _refresh(self) -> None:
        state = self._chain.best.state
        if state.root == self._root:
            return
        records = _storage(self._chain.runtime, "Datasets")
        changed = [byte for byte in range(256) if self._reload(state, records, byte)]
        if changed:
            self._newest = sorted(self._entries, reverse=True)
        self._root = state.root

    def _reload(self, state: Trie, records: Any, byte: int) -> bool:
        """Read a bucket anew where it changed."""
        prefix = records.prefix + bytes((byte,))
        named = state.closest_descendant_merkle_value(prefix) or b""
        known, numbers = self._buckets.get(byte, (b"", ()))
        if named == known:
            return False
        for number in numbers:
            del self._entries[number]
        read = {
            int.from_bytes(key[-_ID_BYTES:], "little"): _entry(records.value.decode(value))
            for key, value in state.items(prefix)
        }
        self._entries.update(read)
        self._buckets[byte] = named, tuple(read)
        return True


def _storage(runtime: Runtime, item: str) -> Any:
    for pallet in runtime.pallets:
        if pallet.name == _PALLET:
            for declared in pallet.declared.storage:
                if declared.name == item:
                    return getattr(pallet, declared.attribute)
    raise NoDatasets("this chain's runtime has no datasets")


def _entry(info: Info) -> _Entry:
    return _Entry(info, "\n".join((info.name, *info.tags, info.spdx)).lower())


def _fits(query: Query, info: Info) -> bool:
    return (
        (query.name is None or query.name == info.name)
        and (query.tag is None or query.tag in info.tags)
        and (query.spdx is None or query.spdx == info.spdx)
        and (query.publisher is None or query.publisher == info.publisher)
    )
