"""datasets_*: datasets as people look for them, with what describes them and how they look."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypedDict, TypeVar

from tilth.node.catalogue import NoDatasets, Query
from tilth.node.content import ContentLost, NoContent
from tilth.node.service import Node
from tilth.pallets.datasets import (
    DatasetInfo,
    DeprecatedFor,
    EpsilonReport,
    Kind,
    Ledger,
    PrivateInfo,
    Revision,
)
from tilth.primitives import ss58
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.dispatch import fails
from tilth.rpc.jsonrpc.errors import Fault, RpcError
from tilth.rpc.jsonrpc.params import U32, Misfit, read_text
from tilth.rpc.jsonrpc.schema import DecimalText, HashText, Shape
from tilth.rpc.jsonrpc.shapes import hex_of, optional_hex
from tilth.rpc.preview import NoPreview, preview_files, preview_mock

T = TypeVar("T")

NONE_HERE: Final = Fault(7001, "This chain's runtime has no datasets")
UNKNOWN: Final = Fault(7002, "There is no such dataset or revision")
NOT_SHOWN: Final = Fault(7003, "Nothing of this dataset can be shown")
NOT_PRIVATE: Final = Fault(7004, "A public dataset has no budget")
LOST: Final = Fault(7005, "The node does not hold this content")
NOT_CROISSANT: Final = Fault(7006, "The dataset's metadata is not JSON-LD")

_PAGE: Final = 50
_LARGEST_PAGE: Final = 200
_ROWS: Final = 10
_MOST_ROWS: Final = 100


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


@fails(NONE_HERE)
def datasets_search(
    node: Node,
    text: str | None = None,
    tag: str | None = None,
    spdx: str | None = None,
    publisher: Address | None = None,
    name: str | None = None,
    cursor: U32 | None = None,
    limit: U32 = _PAGE,
) -> FoundJson:
    """Datasets that fit all that is given, the newest first; `text` is words of name and tags."""
    query = Query(text, name, tag, spdx, publisher)
    page = max(1, min(limit, _LARGEST_PAGE))
    found = _known(lambda: node.catalogue.search(query, before=cursor, limit=page))
    return {
        "datasets": [_shown(node, number, info) for number, info in found.datasets],
        "cursor": found.datasets[-1][0] if found.more else None,
    }


@fails(NONE_HERE, UNKNOWN)
def datasets_get(node: Node, dataset: U32, revision: U32 | None = None) -> DatasetAtJson:
    """A dataset and a revision of it, the newest if none is named."""
    info = _info(node, dataset)
    if info.kind is Kind.PRIVATE:
        return {"dataset": _shown(node, dataset, info), "revision": None}
    number = info.head if revision is None else revision
    return {
        "dataset": _shown(node, dataset, info),
        "revision": _revision_json(number, _revision(node, dataset, number)),
    }


@fails(NONE_HERE, UNKNOWN, NOT_SHOWN, LOST)
def datasets_preview(
    node: Node,
    dataset: U32,
    rows: U32 = _ROWS,
    revision: U32 | None = None,
    file: str | None = None,
) -> PreviewJson:
    """The first rows of a table: of a public dataset's file, or of a private one's mock."""
    info, count = _info(node, dataset), min(rows, _MOST_ROWS)
    private = info.kind is Kind.PRIVATE
    try:
        if private:
            shown = preview_mock(_content(node, _private(node, dataset).mock), count)
        else:
            number = info.head if revision is None else revision
            manifest = _content(node, _revision(node, dataset, number).manifest)
            shown = preview_files(manifest, lambda hash: _content(node, hash), file, count)
    except NoPreview as error:
        raise NOT_SHOWN(str(error)) from None
    return {"file": shown.file, "mock": private, "columns": shown.columns, "rows": shown.rows}


@fails(NONE_HERE, UNKNOWN, LOST, NOT_CROISSANT)
def datasets_croissant(node: Node, dataset: U32, revision: U32 | None = None) -> dict[str, Any]:
    """The Croissant description (JSON-LD) that the publisher gave, checked against its hash."""
    info = _info(node, dataset)
    if info.kind is Kind.PRIVATE:
        metadata = _private(node, dataset).metadata
    else:
        number = info.head if revision is None else revision
        metadata = _revision(node, dataset, number).metadata
    try:
        document = json.loads(_content(node, metadata))
    except (ValueError, RecursionError):
        raise NOT_CROISSANT() from None
    if not isinstance(document, dict):
        raise NOT_CROISSANT()
    return document


@fails(NONE_HERE, UNKNOWN, NOT_PRIVATE)
def datasets_budget(node: Node, dataset: U32) -> BudgetJson:
    """What a private table has left for jobs."""
    if _info(node, dataset).kind is not Kind.PRIVATE:
        raise NOT_PRIVATE()
    budget, report = _private(node, dataset).budget, _epsilon(node, dataset)
    books: Ledger = node.catalogue.read("Ledgers", dataset) or Ledger()
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
    size, rows = _size(node, number, info)
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


def _size(node: Node, number: int, info: DatasetInfo) -> tuple[int | None, int]:
    """Bytes and rows; how many bytes a private table has is nobody's business."""
    if info.kind is Kind.PRIVATE:
        return None, _private(node, number).rows
    head = _revision(node, number, info.head)
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


def _known(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except NoDatasets:
        raise NONE_HERE() from None


def _info(node: Node, dataset: int) -> DatasetInfo:
    info: DatasetInfo | None = _known(lambda: node.catalogue.info(dataset))
    if info is None:
        raise UNKNOWN(f"dataset {dataset}")
    return info


def _revision(node: Node, dataset: int, number: int) -> Revision:
    found: Revision | None = node.catalogue.read("Revisions", dataset, number)
    if found is None:
        raise UNKNOWN(f"revision {number} of dataset {dataset}")
    return found


def _private(node: Node, dataset: int) -> PrivateInfo:
    found: PrivateInfo | None = node.catalogue.read("PrivateInfos", dataset)
    assert found is not None, "the pallet enters both records of a private table"
    return found


def _epsilon(node: Node, dataset: int) -> EpsilonReport:
    method = "DatasetsApi_epsilon_spent"
    answer = node.chain.call(node.chain.best, method, dataset.to_bytes(4, "little"))
    report: EpsilonReport = node.runtime.returns(method).decode(answer)
    return report


def _content(node: Node, hash: bytes) -> bytes:
    try:
        data = node.content.read(H256(hash))
    except (NoContent, ContentLost) as error:
        raise _lost(hash) from error
    if data is None:
        raise _lost(hash)
    return data


def _lost(hash: bytes) -> RpcError:
    return LOST(hex_of(hash))
