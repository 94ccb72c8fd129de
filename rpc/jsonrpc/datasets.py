"""datasets_*: datasets as people look for them, with what describes them and how they look."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal, TypedDict

from tilth.node.catalogue import NoDatasets, Query
from tilth.node.content import ContentLost, NoContent
from tilth.node.service import Node
from tilth.pallets.datasets import DatasetInfo, DeprecatedFor, Kind, Revision
from tilth.primitives import ss58
from tilth.rpc.datasets import PAGE, ROWS, DatasetReader, NoDataset, NotCroissant, NotHere
from tilth.rpc.jsonrpc.dispatch import fails
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.params import U32, Misfit, read_text
from tilth.rpc.jsonrpc.schema import DecimalText, HashText, Shape
from tilth.rpc.jsonrpc.shapes import hex_of, optional_hex
from tilth.rpc.preview import NoPreview

NONE_HERE: Final = Fault(7001, "This chain's runtime has no datasets")
UNKNOWN: Final = Fault(7002, "There is no such dataset or revision")
NOT_SHOWN: Final = Fault(7003, "Nothing of this dataset can be shown")
NOT_PRIVATE: Final = Fault(7004, "A public dataset has no budget")
LOST: Final = Fault(7005, "The node does not hold this content")
NOT_CROISSANT: Final = Fault(7006, "The dataset's metadata is not JSON-LD")


def _read_account(value: object) -> bytes:
    try:
        return ss58.decode(read_text(value))
    except ss58.InvalidAddress as error:
        raise Misfit(f"invalid value: {error}, expected an address") from None


Address = Annotated[
    bytes, _read_account, Shape({"title": "address", "type": "string", "minLength": 46})
]


class DeprecationJson(TypedDict):
    """The publisher advises against it: which one to use instead, and content that says why."""

    by: int | None
    reason: HashText | None


class DatasetJson(TypedDict):
    """A dataset; `head` is its newest revision, and 0 for a private table."""

    dataset: int
    kind: Literal["public", "private"]
    name: str
    spdx: str
    tags: list[str]
    publisher: str
    createdAt: int
    head: int
    deprecated: DeprecationJson | None
    bytes: int | None
    rows: int


class FoundJson(TypedDict):
    """A page, the newest first; `cursor` asks for the next one, if there is more."""

    datasets: list[DatasetJson]
    cursor: int | None


class RevisionJson(TypedDict):
    """One immutable state of a public dataset; sizes in bytes."""

    number: int
    manifest: HashText
    metadata: HashText
    changelog: HashText | None
    bytes: int
    rows: int
    fingerprint: HashText
    publishedAt: int


class DatasetAtJson(TypedDict):
    """A dataset with one of its revisions; null for a private table."""

    dataset: DatasetJson
    revision: RevisionJson | None


class PreviewJson(TypedDict):
    """The first rows of a table; of a private one, of its made-up twin."""

    file: str
    mock: bool
    columns: list[str]
    rows: list[list[str]]


class BudgetJson(TypedDict):
    """Epsilon in millionths at delta in 10^-12, and bytes of results."""

    epsilonMicro: DecimalText
    deltaPico: DecimalText
    spentMicro: DecimalText
    reservedMicro: DecimalText
    outputBytes: DecimalText
    outputBytesSpent: DecimalText
    outputBytesReserved: DecimalText


@contextmanager
def _told() -> Iterator[None]:
    """What cannot be answered, as this face says it."""
    try:
        yield
    except NoDatasets:
        raise NONE_HERE() from None
    except NoDataset as error:
        raise UNKNOWN(str(error)) from None
    except NoPreview as error:
        raise NOT_SHOWN(str(error)) from None
    except NotCroissant:
        raise NOT_CROISSANT() from None
    except (NotHere, NoContent, ContentLost) as error:
        raise LOST(str(error)) from error


@fails(NONE_HERE)
def datasets_search(
    node: Node,
    text: str | None = None,
    tag: str | None = None,
    spdx: str | None = None,
    publisher: Address | None = None,
    name: str | None = None,
    cursor: U32 | None = None,
    limit: U32 = PAGE,
) -> FoundJson:
    """Datasets that fit all that is given, the newest first; `text` is words of name and tags."""
    query = Query(text, name, tag, spdx, publisher)
    with _told():
        page = DatasetReader(node).search(query, before=cursor, limit=limit)
        shown = [_shown(node, number, info) for number, info in page.datasets]
    return {"datasets": shown, "cursor": page.cursor}


@fails(NONE_HERE, UNKNOWN)
def datasets_get(node: Node, dataset: U32, revision: U32 | None = None) -> DatasetAtJson:
    """A dataset and a revision of it, the newest if none is named."""
    reader = DatasetReader(node)
    with _told():
        info = reader.info(dataset)
        public = info.kind is not Kind.PRIVATE
        return {
            "dataset": _shown(node, dataset, info),
            "revision": _revision_json(*reader.revision(dataset, revision)) if public else None,
        }


@fails(NONE_HERE, UNKNOWN, NOT_SHOWN, LOST)
def datasets_preview(
    node: Node,
    dataset: U32,
    rows: U32 = ROWS,
    revision: U32 | None = None,
    file: str | None = None,
) -> PreviewJson:
    """The first rows of a table: of a public dataset's file, or of a private one's mock."""
    with _told():
        shown = DatasetReader(node).preview(dataset, revision, file, rows)
    return {"file": shown.file, "mock": shown.mock, "columns": shown.columns, "rows": shown.rows}


@fails(NONE_HERE, UNKNOWN, LOST, NOT_CROISSANT)
def datasets_croissant(node: Node, dataset: U32, revision: U32 | None = None) -> dict[str, Any]:
    """The Croissant description (JSON-LD) that the publisher gave, checked against its hash."""
    with _told():
        return DatasetReader(node).description(dataset, revision).document


@fails(NONE_HERE, UNKNOWN, NOT_PRIVATE)
def datasets_budget(node: Node, dataset: U32) -> BudgetJson:
    """What a private table has left for jobs."""
    reader = DatasetReader(node)
    with _told():
        if reader.info(dataset).kind is not Kind.PRIVATE:
            raise NOT_PRIVATE()
        budget, report = reader.private(dataset).budget, reader.epsilon(dataset)
        books = reader.ledger(dataset)
    return {
        "epsilonMicro": str(budget.epsilon_micro),
        "deltaPico": str(budget.delta_pico),
        "spentMicro": str(report.spent),
        "reservedMicro": str(report.reserved),
        "outputBytes": str(budget.output_bytes),
        "outputBytesSpent": str(books.bytes_spent),
        "outputBytesReserved": str(books.bytes_reserved),
    }


def _shown(node: Node, number: int, info: DatasetInfo) -> DatasetJson:
    size, rows = _size(DatasetReader(node), number, info)
    return {
        "dataset": number,
        "kind": "private" if info.kind is Kind.PRIVATE else "public",
        "name": info.name,
        "spdx": info.spdx,
        "tags": list(info.tags),
        "publisher": ss58.encode(info.publisher, node.runtime.ss58_prefix),
        "createdAt": info.created_at,
        "head": info.head,
        "deprecated": _deprecation(info),
        "bytes": size,
        "rows": rows,
    }


def _size(reader: DatasetReader, number: int, info: DatasetInfo) -> tuple[int | None, int]:
    """Bytes and rows; how many bytes a private table has is nobody's business."""
    if info.kind is Kind.PRIVATE:
        return None, reader.private(number).rows
    _, head = reader.revision(number)
    return head.bytes, head.rows


def _deprecation(info: DatasetInfo) -> DeprecationJson | None:
    status = info.status
    if not isinstance(status, DeprecatedFor):
        return None
    return {"by": status.by, "reason": optional_hex(status.reason)}


def _revision_json(number: int, revision: Revision) -> RevisionJson:
    return {
        "number": number,
        "manifest": hex_of(revision.manifest),
        "metadata": hex_of(revision.metadata),
        "changelog": optional_hex(revision.changelog),
        "bytes": revision.bytes,
        "rows": revision.rows,
        "fingerprint": hex_of(revision.fingerprint),
        "publishedAt": revision.at,
    }
