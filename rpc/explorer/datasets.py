"""Datasets as the explorer shows them: a page of many, and the card of one."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, TypeAlias, TypedDict

from tilth.node.catalogue import Query
from tilth.node.service import Node
from tilth.pallets.datasets import DatasetInfo, Datasets, DeprecatedFor, Kind, PrivateInfo, Revision
from tilth.primitives.manifest import BadManifest, File, read_manifest
from tilth.rpc.explorer import contents
from tilth.rpc.explorer.described import ColumnJson, Described, columns, described
from tilth.rpc.explorer.market import pallet, reading
from tilth.rpc.explorer.words import Words

_SHOWN_FACETS: Final = 24
_SHOWN_FILES: Final = 200
_SHOWN_REVISIONS: Final = 100
_SHOWN_TEXT: Final = 4_000


Listed: TypeAlias = tuple[int, DatasetInfo]


class DatasetRow(TypedDict):
    """A dataset in a list; sizes are those of its newest revision."""

    number: int
    name: str
    kind: str
    publisher: str
    spdx: str
    tags: list[str]
    revisions: int
    createdAt: int
    deprecated: bool
    rows: int
    bytes: int | None


class Facet(TypedDict):
    name: str
    count: int


class DatasetPage(TypedDict):
    """Some of what was found, and what would narrow it."""

    total: int
    all: int
    items: list[DatasetRow]
    tags: list[Facet]
    licences: list[Facet]


class FileJson(TypedDict):
    """A file of a revision, and the identifiers of the contents that make it."""

    path: str
    size: int
    sha256: str
    cids: list[str]


class RevisionRow(TypedDict):
    number: int
    at: int
    rows: int
    bytes: int
    fingerprint: str
    manifest: str
    metadata: str
    changelog: str | None
    tags: list[str]


class PrivateJson(TypedDict):
    """What is public of a private table, and what is left of its budget."""

    rows: int
    rowRoot: str
    schema: list[ColumnJson]
    policy: Any
    workers: list[str]
    budget: dict[str, int]
    spentMicro: int
    reservedMicro: int
    bytesSpent: int
    bytesReserved: int


class DatasetCard(TypedDict):
    """All that is known of a dataset; `shown` is the revision that files and metadata are of."""

    row: DatasetRow
    shown: int
    successor: int | None
    reason: str | None
    original: int | None
    metadataCid: str | None
    metadata: Described
    changelog: str | None
    revisions: list[RevisionRow]
    files: list[FileJson]
    filesLeft: int
    filesNote: str
    private: PrivateJson | None


def page(node: Node, wanted: Query, offset: int, limit: int) -> DatasetPage:
    """Raises NoDatasets."""
    found: list[Listed] = list(node.catalogue.matching(wanted))
    tags = Counter(tag for _, info in found for tag in info.tags)
    licences = Counter(info.spdx for _, info in found)
    return {
        "total": len(found),
        "all": len(node.catalogue),
        "items": rows(node, found[offset : offset + limit]),
        "tags": _facets(tags),
        "licences": _facets(licences),
    }


def rows(node: Node, listed: Iterable[Listed]) -> list[DatasetRow]:
    """These datasets, as in a list."""
    datasets, words = pallet(node, Datasets), Words(node.runtime)
    with reading(node):
        return [_row(datasets, words, number, info) for number, info in listed]


def card(node: Node, number: int, revision: int | None) -> DatasetCard | None:
    """Of the newest revision where none is named, or one is named that there is not."""
    info, datasets = node.catalogue.info(number), pallet(node, Datasets)
    if info is None:
        return None
    words = Words(node.runtime)
    with reading(node):
        shown = datasets.revision(number, info.head if revision is None else revision)
        at = revision if shown is not None and revision is not None else info.head
        shown = shown or datasets.revision(number, info.head)
        told: DatasetCard = {
            "row": _row(datasets, words, number, info),
            "shown": at,
            "successor": info.status.by if isinstance(info.status, DeprecatedFor) else None,
            "reason": None,
            "original": None if shown is None else _original(datasets, number, shown),
            "metadataCid": None,
            "metadata": described(None),
            "changelog": None,
            "revisions": _revisions(datasets, number, info),
            "files": [],
            "filesLeft": 0,
            "filesNote": "",
            "private": _private(node, datasets, words, number),
        }
        private = datasets.private_info(number)
    _describe(node, told, info, shown, None if private is None else private.metadata)
    return told


def files_of(node: Node, number: int) -> tuple[Revision | None, tuple[File, ...]]:
    """The newest revision, and the files that its manifest lists."""
    datasets = pallet(node, Datasets)
    with reading(node):
        info = datasets.info(number)
        shown = None if info is None else datasets.revision(number, info.head)
    return (None, ()) if shown is None else (shown, _files(node, shown)[0])


def private_of(node: Node, number: int) -> PrivateInfo | None:
    datasets = pallet(node, Datasets)
    with reading(node):
        return datasets.private_info(number)


def _row(datasets: Datasets, words: Words, number: int, info: DatasetInfo) -> DatasetRow:
    head = datasets.revision(number, info.head)
    private = None if head is not None else datasets.private_info(number)
    return {
        "number": number,
        "name": info.name,
        "kind": info.kind.name.lower(),
        "publisher": words.account(info.publisher),
        "spdx": info.spdx,
        "tags": list(info.tags),
        "revisions": info.head + 1 if info.kind is Kind.PUBLIC else 0,
        "createdAt": info.created_at,
        "deprecated": isinstance(info.status, DeprecatedFor),
        "rows": head.rows if head is not None else private.rows if private is not None else 0,
        "bytes": None if head is None else head.bytes,
    }


def _facets(counted: Counter[str]) -> list[Facet]:
    return [{"name": name, "count": count} for name, count in counted.most_common(_SHOWN_FACETS)]


def _original(datasets: Datasets, number: int, shown: Revision) -> int | None:
    """The dataset that had this fingerprint before."""
    claim = datasets.by_content.get(shown.fingerprint)
    return None if claim is None or claim.dataset == number else claim.dataset


def _revisions(datasets: Datasets, number: int, info: DatasetInfo) -> list[RevisionRow]:
    """The newest first."""
    names: dict[int, list[str]] = {}
    for (_, tag), revision in datasets.revision_by_tag.items(number):
        names.setdefault(revision, []).append(tag)
    lowest = max(info.head - _SHOWN_REVISIONS, -1)
    numbers = range(info.head, lowest, -1)
    found = ((each, datasets.revision(number, each)) for each in numbers)
    return [_revision(each, r, sorted(names.get(each, ()))) for each, r in found if r is not None]


def _revision(number: int, revision: Revision, tags: list[str]) -> RevisionRow:
    changelog = revision.changelog
    return {
        "number": number,
        "at": revision.at,
        "rows": revision.rows,
        "bytes": revision.bytes,
        "fingerprint": f"0x{revision.fingerprint.hex()}",
        "manifest": contents.cid(revision.manifest),
        "metadata": contents.cid(revision.metadata),
        "changelog": None if changelog is None else contents.cid(changelog),
        "tags": tags,
    }


def _private(node: Node, datasets: Datasets, words: Words, number: int) -> PrivateJson | None:
    info = datasets.private_info(number)
    spent = datasets.tables.epsilon_spent(number)
    books = datasets.ledgers.get(number)
    if info is None or spent is None or books is None:
        return None
    return {
        "rows": info.rows,
        "rowRoot": f"0x{info.row_root.hex()}",
        "schema": columns(contents.document(contents.read(node, info.schema))),
        "policy": words.shown(node.runtime.codecs.shape(type(info.policy)), info.policy),
        "workers": [words.account(worker) for worker in info.workers],
        "budget": {
            "epsilonMicro": info.budget.epsilon_micro,
            "deltaPico": info.budget.delta_pico,
            "outputBytes": info.budget.output_bytes,
        },
        "spentMicro": spent.spent,
        "reservedMicro": spent.reserved,
        "bytesSpent": books.bytes_spent,
        "bytesReserved": books.bytes_reserved,
    }


def _describe(
    node: Node,
    told: DatasetCard,
    info: DatasetInfo,
    shown: Revision | None,
    private_metadata: bytes | None,
) -> None:
    """Add what the contents say that the records refer to."""
    status = info.status
    if isinstance(status, DeprecatedFor) and status.reason is not None:
        told["reason"] = _text(contents.read(node, status.reason))
    metadata = private_metadata if shown is None else shown.metadata
    if metadata is not None:
        data = contents.read(node, metadata)
        told["metadata"] = described(contents.document(data))
        told["metadataCid"] = contents.cid(metadata, data)
    if shown is None:
        return
    if shown.changelog is not None:
        told["changelog"] = _text(contents.read(node, shown.changelog))
    files, told["filesNote"] = _files(node, shown)
    told["files"] = [_file(each) for each in files[:_SHOWN_FILES]]
    told["filesLeft"] = max(len(files) - _SHOWN_FILES, 0)


def _text(data: bytes | None) -> str | None:
    return None if data is None else data[:_SHOWN_TEXT].decode(errors="replace")


def _files(node: Node, shown: Revision) -> tuple[tuple[File, ...], str]:
    """What the manifest lists, and why nothing where it lists nothing."""
    data = contents.read(node, shown.manifest)
    if data is None:
        return (), "The chain has no content of the manifest's hash any more."
    try:
        return read_manifest(data), ""
    except BadManifest as error:
        return (), f"The publisher's manifest is none: {error}."


def _file(file: File) -> FileJson:
    return {
        "path": file.path,
        "size": file.size,
        "sha256": file.sha256.hex(),
        "cids": [contents.cid(chunk) for chunk in file.chunks],
    }
