"""The catalogue: every dataset of the best block, found by what its publisher says of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

from tilth.node.chain import Chain
from tilth.node.mirror import Mirror
from tilth.pallets.datasets import DatasetInfo, DeprecatedFor, Kind


@dataclass(frozen=True, slots=True)
class Listed:
    """A dataset as the catalogue lists it."""

    number: int
    info: DatasetInfo
    text: str
    """What words are looked for in."""

    @property
    def is_deprecated(self) -> bool:
        return isinstance(self.info.status, DeprecatedFor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is wanted; whatever is left out does not matter."""

    text: str = ""
    """Words, each in name, tags or licence, in any spelling of capitals."""
    tag: str | None = None
    spdx: str | None = None
    publisher: bytes | None = None
    kind: Kind | None = None
    deprecated: bool = True
    """Whether those that their publisher advises against are wanted."""


@final
class Catalogue:
    """Follows the best block; make it by `node.beside(Catalogue)`, so that there is one."""

    def __init__(self, chain: Chain) -> None:
        self._mirror: Mirror[int, Listed] = Mirror(chain, "Datasets", "datasets", _listed)
        self._version = -1
        self._newest_first: list[Listed] = []

    def __len__(self) -> int:
        return len(self._mirror.current())

    def get(self, number: int) -> Listed | None:
        return self._mirror.current().get(number)

    def search(self, wanted: Search) -> list[Listed]:
        """Newest first; a dataset of exactly this name before all others."""
        words = wanted.text.lower().split()
        found = [each for each in self._all() if _fits(each, wanted, words)]
        name = wanted.text.strip()
        exact = [each for each in found if each.info.name == name] if words else []
        return exact + [each for each in found if each.info.name != name] if exact else found

    def named(self, name: str) -> list[Listed]:
        """Datasets of exactly this name, newest first."""
        return [each for each in self._all() if each.info.name == name]

    def _all(self) -> Sequence[Listed]:
        entries = self._mirror.current()
        if self._version != self._mirror.version:
            self._newest_first = [entries[number] for number in sorted(entries, reverse=True)]
            self._version = self._mirror.version
        return self._newest_first


def count_tags(found: Iterable[Listed]) -> Counter[str]:
    return Counter(tag for each in found for tag in each.info.tags)


def count_licences(found: Iterable[Listed]) -> Counter[str]:
    return Counter(each.info.spdx for each in found)


def _listed(number: int, info: DatasetInfo) -> Listed:
    return Listed(number, info, "\n".join((info.name, *info.tags, info.spdx)).lower())


def _fits(each: Listed, wanted: Search, words: Sequence[str]) -> bool:
    info = each.info
    return (
        (wanted.kind is None or info.kind is wanted.kind)
        and (wanted.publisher is None or info.publisher == wanted.publisher)
        and (wanted.spdx is None or info.spdx == wanted.spdx)
        and (wanted.tag is None or wanted.tag in info.tags)
        and (wanted.deprecated or not each.is_deprecated)
        and all(word in each.text for word in words)
    )
