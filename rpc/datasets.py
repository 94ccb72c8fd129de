"""A node's datasets as people ask for them, through whichever face."""

import json
from typing import Any, Final, NamedTuple

from tilth.node.catalogue import Query
from tilth.node.service import Node
from tilth.pallets.datasets import DatasetInfo, EpsilonReport, Kind, Ledger, PrivateInfo, Revision
from tilth.primitives.types import H256
from tilth.rpc.preview import Preview, preview_files, preview_mock

PAGE: Final = 50
ROWS: Final = 10
_LARGEST_PAGE: Final = 200
_MOST_ROWS: Final = 100
_MOST: Final = 2**32
"""Numbers of datasets and revisions are below this."""


class NoDataset(LookupError):
    """There is no such dataset or revision; the text says which."""


class PrivateRows(LookupError):
    """A public dataset was asked for."""


class NotHere(LookupError):
    """The chain has no such content, or no more."""

    def __init__(self, hash: bytes) -> None:
        super().__init__(f"the chain has no content with the hash 0x{hash.hex()}")
        self.hash = hash


class NotCroissant(ValueError):
    """The publisher's description is not JSON-LD."""


class Page(NamedTuple):
    """The newest first; `cursor` asks for the next page, if there is more."""

    datasets: list[tuple[int, DatasetInfo]]
    cursor: int | None


class Description(NamedTuple):
    """As it is stored, and what it says."""

    hash: H256
    data: bytes
    document: dict[str, Any]


class DatasetReader:
    """On the best block's state; every question raises NoDatasets on a chain that has none.

    What needs content raises NotHere, NoContent and ContentLost too.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._catalogue = node.catalogue

    def search(self, query: Query, *, before: int | None = None, limit: int = PAGE) -> Page:
        """Datasets with lower numbers than `before`, where one is given."""
        size = max(1, min(limit, _LARGEST_PAGE))
        found = self._catalogue.search(query, before=before, limit=size)
        return Page(found.datasets, found.datasets[-1][0] if found.more else None)

    def info(self, dataset: int) -> DatasetInfo:
        """Raises NoDataset."""
        info: DatasetInfo | None = self._catalogue.info(dataset)
        if info is None:
            raise NoDataset(f"there is no dataset {dataset}")
        return info

    def revision(self, dataset: int, number: int | None = None) -> tuple[int, Revision]:
        """Of a public dataset, the newest where none is named; raises NoDataset, PrivateRows."""
        info = self.info(dataset)
        if info.kind is Kind.PRIVATE:
            raise PrivateRows(f"dataset {dataset} is private: its rows stay with its owner")
        at = info.head if number is None else number
        found: Revision | None = (
            self._catalogue.read("Revisions", dataset, at) if at < _MOST else None
        )
        if found is None:
            raise NoDataset(f"dataset {dataset} has no revision {at}")
        return at, found

    def private(self, dataset: int) -> PrivateInfo:
        """Of a private table."""
        found: PrivateInfo | None = self._catalogue.read("PrivateInfos", dataset)
        assert found is not None, "the pallet enters both records of a private table"
        return found

    def ledger(self, dataset: int) -> Ledger:
        """A private table's books of bytes."""
        return self._catalogue.read("Ledgers", dataset) or Ledger()

    def epsilon(self, dataset: int) -> EpsilonReport:
        """What a private table's privacy budget has spent."""
        method, chain = "DatasetsApi_epsilon_spent", self._node.chain
        answer = chain.call(chain.best, method, dataset.to_bytes(4, "little"))
        report: EpsilonReport = self._node.runtime.returns(method).decode(answer)
        return report

    def preview(
        self, dataset: int, revision: int | None, file: str | None, rows: int = ROWS
    ) -> Preview:
        """The first rows of a public file, or of a private table's mock; raises NoPreview."""
        count = min(rows, _MOST_ROWS)
        if self.info(dataset).kind is Kind.PRIVATE:
            return preview_mock(self._content(self.private(dataset).mock), count)
        manifest = self._content(self.revision(dataset, revision)[1].manifest)
        return preview_files(manifest, self._content, file, count)

    def description(self, dataset: int, revision: int | None = None) -> Description:
        """What the publisher says of it, as Croissant; raises NotCroissant."""
        if self.info(dataset).kind is Kind.PRIVATE:
            hash = self.private(dataset).metadata
        else:
            hash = self.revision(dataset, revision)[1].metadata
        data = self._content(hash)
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise NotCroissant(f"dataset {dataset} is described by something that is no JSON-LD")
        return Description(hash, data, document)

    def _content(self, hash: bytes) -> bytes:
        data = self._node.content.read(H256(hash))
        if data is None:
            raise NotHere(hash)
        return data
