"""Croissant: a dataset's description as machines read it, JSON-LD in the terms of schema.org."""

import mimetypes
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tilth.primitives.manifest import File
from tilth.sdk.columns import Column
from tilth.sdk.files import ReadFile
from tilth.sdk.refusals import WrongContent
from tilth.sdk.tables import ending
from tilth.sdk.wire import canonical_json

# https throughout: readers of Croissant do not know schema.org by http
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.0"
# Of what Croissant's readers can take apart; other tables are files to them
_TABLES: Final = {
    "csv": "text/csv",
    "jsonl": "application/jsonlines",
    "ndjson": "application/jsonlines",
    "parquet": "application/x-parquet",
}
_NO_ID: Final = re.compile(r"[^\w./-]+")
_LICENCE: Final = re.compile(r"[A-Za-z0-9.-]+")


def describe(
    name: str,
    *,
    spdx: str,
    files: Sequence[ReadFile] = (),
    tags: Sequence[str] = (),
    description: str = "",
) -> bytes:
    """The JSON-LD of a dataset; a file's `sha256` is what the chain's manifest says of it too."""
    named = list(zip(_ids([file.path for file in files]), files, strict=True))
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": name,
        "description": description or name,
        "license": _licence(spdx),
        "distribution": [_file_object(id, file) for id, file in named],
        "recordSet": [_record_set(id, file.columns) for id, file in named if _is_table(file)],
    }
    if tags:
        document["keywords"] = list(tags)
    return canonical_json(document)


def _licence(spdx: str) -> str:
    """A single licence has a page; an expression stands as it is."""
    simple = _LICENCE.fullmatch(spdx) and not spdx.startswith(("LicenseRef-", "DocumentRef-"))
    return f"https://spdx.org/licenses/{spdx}" if simple else spdx


def _file_object(id: str, file: ReadFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": id,
        "name": file.path,
        "contentUrl": f"/ipfs/{file.cid}",
        "contentSize": f"{file.size} B",
        "encodingFormat": _encoding(file.path),
        "sha256": file.sha256.hex(),
    }


def _encoding(path: str) -> str:
    known = _TABLES.get(ending(path))
    return known or mimetypes.guess_type(path)[0] or "application/octet-stream"


def _is_table(file: ReadFile) -> bool:
    return bool(file.columns) and ending(file.path) in _TABLES


def _record_set(file: str, columns: Sequence[Column]) -> dict[str, Any]:
    rows = f"{file}/rows"
    fields = zip(_ids([column.name for column in columns]), columns, strict=True)
    return {
        "@type": "cr:RecordSet",
        "@id": rows,
        "name": rows,
        "field": [_field(f"{rows}/{id}", file, column) for id, column in fields],
    }


def _field(id: str, file: str, column: Column) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": id,
        "name": column.name,
        "dataType": column.kind.value,
        "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
    }


def _ids(names: Sequence[str]) -> list[str]:
    """Names without blanks, which readers of Croissant do not take in an `@id`, each its own."""
    plain = [_NO_ID.sub("_", name) for name in names]
    often = Counter(plain)
    return [id if id and often[id] == 1 else f"{id}_{at}" for at, id in enumerate(plain)]


def ensure_true(document: Any, files: Iterable[File]) -> None:
    """A description may say less of the files than their manifest, but nothing else.

    Raises WrongContent.
    """
    hashes = {file.path: file.sha256.hex() for file in files}
    described = document.get("distribution", []) if isinstance(document, dict) else None
    if not isinstance(described, list):
        raise WrongContent("the dataset's description is not Croissant")
    for each in described:
        said = each.get("sha256") if isinstance(each, dict) else None
        if said is None:
            continue
        true = hashes.get(str(each.get("name")), said if said in hashes.values() else None)
        if said != true:
            raise WrongContent(
                f"the description lies: it says that {each.get('name')!r} has the sha256 {said}, "
                + ("which no file has" if true is None else f"which in truth is {true}")
            )
