"""Every dataset of the chain in memory, so that a search asks the runtime nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, final

from tilth.frame import Runtime
from tilth.node.chain import Chain
from tilth.node.mirror import Mirror

_PALLET: Final = "Datasets"


class NoDatasets(LookupError):
    """This chain's runtime has no datasets."""


class Info(Protocol):
    """What the chain's record of a dataset says that people look for."""

    @property
    def kind(self) -> int: ...

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
    kind: int | None = None


class Found(NamedTuple):
    """A page of what was found, the newest first."""

    datasets: list[tuple[int, Any]]
    more: bool


class _Entry(NamedTuple):
    info: Any
    words: str


@final
class Catalogue:
    """Brought up to date by each question, with what changed since the last one."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._records: Mirror[int, _Entry] = Mirror(chain, _PALLET, "datasets", _entry)
        self._version = -1
        self._newest: list[int] = []

    def __len__(self) -> int:
        return len(self._records.current())

    def search(self, query: Query, *, before: int | None = None, limit: int) -> Found:
        """Datasets with lower numbers than `before`, where one is given; raises NoDatasets."""
        found = list(islice(self.matching(query, before=before), limit + 1))
        return Found(found[:limit], len(found) > limit)

    def matching(self, query: Query, *, before: int | None = None) -> Iterator[tuple[int, Any]]:
        """All of them, the newest first; raises NoDatasets."""
        _storage(self._chain.runtime, "Datasets")
        return self._matching(query, before)

    def info(self, dataset: int) -> Any | None:
        """The chain's record of a dataset; raises NoDatasets."""
        _storage(self._chain.runtime, "Datasets")
        entry = self._records.current().get(dataset)
        return None if entry is None else entry.info

    def read(self, item: str, *key: int) -> Any | None:
        """What the datasets' storage holds under a key after the best block."""
        bound = _storage(self._chain.runtime, item)
        encoded = self._chain.best.state.get(bound.key_of(key[0] if len(key) == 1 else key))
        return None if encoded is None else bound.value.decode(encoded)

    def _matching(self, query: Query, before: int | None) -> Iterator[tuple[int, Any]]:
        words, entries = (query.text or "").lower().split(), self._records.current()
        if self._version != self._records.version:
            self._newest = sorted(entries, reverse=True)
            self._version = self._records.version
        for number in self._newest:
            if before is not None and number >= before:
                continue
            info, text = entries[number]
            if all(word in text for word in words) and _fits(query, info):
                yield number, info


def _storage(runtime: Runtime, item: str) -> Any:
    for pallet in runtime.pallets:
        if pallet.name == _PALLET:
            for declared in pallet.declared.storage:
                if declared.name == item:
                    return getattr(pallet, declared.attribute)
    raise NoDatasets("this chain's runtime has no datasets")


def _entry(_: int, info: Info) -> _Entry:
    return _Entry(info, "\n".join((info.name, *info.tags, info.spdx)).lower())


def _fits(query: Query, info: Info) -> bool:
    return (
        (query.name is None or query.name == info.name)
        and (query.tag is None or query.tag in info.tags)
        and (query.spdx is None or query.spdx == info.spdx)
        and (query.publisher is None or query.publisher == info.publisher)
        and (query.kind is None or query.kind == info.kind)
    )
