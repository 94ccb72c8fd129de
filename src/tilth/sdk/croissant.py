"""Croissant: a dataset's description as machines read it, JSON-LD in the terms of schema.org."""

import mimetypes
import re
from collections.abc import Sequence
from typing import Any, Final

from tilth.sdk.files import ReadFile
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
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.0"
_LICENCE: Final = re.compile(r"[A-Za-z0-9.-]+")


def describe(
    name: str,
    *,
    spdx: str,
    files: Sequence[ReadFile] = (),
    tags: Sequence[str] = (),
    description: str = "",
    url: str = "",
) -> bytes:
    """The JSON-LD of a dataset; a file's `sha256` is what the chain's manifest says of it too."""
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": name,
        "description": description or name,
        "license": _licence(spdx),
        "distribution": [_file_object(file) for file in files],
        "recordSet": [_record_set(file) for file in files if file.columns],
    }
    if tags:
        document["keywords"] = list(tags)
    if url:
        document["url"] = url
    return canonical_json(document)


def _licence(spdx: str) -> str:
    """A single licence has a page; an expression stands as it is."""
    simple = _LICENCE.fullmatch(spdx) and not spdx.startswith(("LicenseRef-", "DocumentRef-"))
    return f"https://spdx.org/licenses/{spdx}" if simple else spdx


def _file_object(file: ReadFile) -> dict[str, Any]:
    encoding, _ = mimetypes.guess_type(file.path)
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.size} B",
        "encodingFormat": encoding or "application/octet-stream",
        "sha256": file.sha256.hex(),
    }


def _record_set(file: ReadFile) -> dict[str, Any]:
    identity = f"{file.path}/rows"
    return {
        "@type": "cr:RecordSet",
        "@id": identity,
        "name": identity,
        "field": [_field(file, identity, column) for column in file.columns or ()],
    }


def _field(file: ReadFile, records: str, column: str) -> dict[str, Any]:
    identity = f"{records}/{column}"
    return {
        "@type": "cr:Field",
        "@id": identity,
        "name": identity,
        "dataType": "sc:Text",
        "source": {"fileObject": {"@id": file.path}, "extract": {"column": column}},
    }
