"""What clients ask about datasets."""

from typing import Protocol

from tilth.frame import Runtime, RuntimeApi, api_method
from tilth.pallets.datasets.types import (
    DatasetId,
    DatasetInfo,
    EpsilonReport,
    PrivateInfo,
    Revision,
    RevisionNo,
)


class Catalogue(Protocol):
    """What the API reads."""

    def info(self, dataset: int) -> DatasetInfo | None: ...

    def revision(self, dataset: int, number: int) -> Revision | None: ...

    def private_info(self, dataset: int) -> PrivateInfo | None: ...


class Books(Protocol):
    """What private tables have left."""

    def epsilon_spent(self, dataset: int) -> EpsilonReport | None: ...


class DatasetsApi(RuntimeApi):
    """Datasets by number."""

    def __init__(self, runtime: Runtime, catalogue: Catalogue, books: Books) -> None:
        super().__init__(runtime)
        self._catalogue = catalogue
        self._books = books

    @api_method
    def info(self, dataset: DatasetId) -> DatasetInfo | None:
        """The dataset, public or private."""
        return self._catalogue.info(dataset)

    @api_method
    def revision(self, dataset: DatasetId, number: RevisionNo) -> Revision | None:
        """One revision of a public dataset."""
        return self._catalogue.revision(dataset, number)

    @api_method
    def private_info(self, dataset: DatasetId) -> PrivateInfo | None:
        """Commitments and terms of a private table."""
        return self._catalogue.private_info(dataset)

    @api_method
    def epsilon_spent(self, dataset: DatasetId) -> EpsilonReport | None:
        """How much of its privacy budget a private table has spent and reserved."""
        return self._books.epsilon_spent(dataset)
