"""How two states differ: key by key, in the parts that a client names."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from typing import Annotated, Final, TypeAlias

from tilth.primitives.trie import Trie
from tilth.rpc.jsonrpc.lookups import (
    SHAPES,
    read_choice,
    read_object,
    read_optional_member,
    unhex,
)
from tilth.rpc.jsonrpc.params import list_of
from tilth.rpc.jsonrpc.schema import Shape
from tilth.rpc.jsonrpc.shapes import hex_of


@dataclass(frozen=True, slots=True)
class DiffQuery:
    """A part of the state to compare, as the client wrote it."""

    key: str
    shape: str
    child_trie: str | None


def read_diff_query(value: object) -> DiffQuery:
    members = read_object(value, "ArchiveStorageDiffItem")
    return DiffQuery(
        read_optional_member(members, "key") or "",
        read_choice(members, "returnType", tuple(SHAPES)),
        read_optional_member(members, "childTrieKey"),
    )


_DIFF_QUERY: Final = {
    "type": "object",
    "properties": {
        "key": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "returnType": {"enum": list(SHAPES)},
        "childTrieKey": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["returnType"],
}

DiffQueries: TypeAlias = Annotated[
    list[DiffQuery], list_of(read_diff_query), Shape({"type": "array", "items": _DIFF_QUERY})
]


Part: TypeAlias = tuple[bytes, str]
"""A key, and the shape in which what changed below it is told."""


def parts_of(items: DiffQueries) -> list[Part]:
    """All of the state where nothing is named; in child tries, of which there are none, nothing."""
    if not items:
        return [(b"", "value")]
    named = [(unhex(item.key), item) for item in items]
    for item in items:
        unhex(item.child_trie or "")
    return [(key, item.shape) for key, item in named if item.child_trie is None]


def compared(
    now: Trie, before: Trie, parts: list[Part]
) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    """Each key below the parts that differs, in ascending order, with both its values.

    What the states share is not walked.
    """
    prefix: bytes | None = None
    for wanted in sorted({key for key, _ in parts}):
        if prefix is not None and wanted.startswith(prefix):
            continue
        prefix = wanted
        differing = merge(now.keys_since(before, prefix), before.keys_since(now, prefix))
        for key, _ in groupby(differing):
            yield key, now.get(key), before.get(key)


def changes(
    parts: list[Part], key: bytes, new: bytes | None, old: bytes | None
) -> Iterator[dict[str, str]]:
    """One event for each shape that was asked for; of a deleted key, the value it had."""
    value = old if new is None else new
    assert value is not None, "a key that differs is in one of the states"
    kind = "deleted" if new is None else "added" if old is None else "modified"
    asked = {shape for prefix, shape in parts if key.startswith(prefix)}
    for shape in SHAPES:
        if shape in asked:
            yield {"key": hex_of(key), **SHAPES[shape](value), "type": kind}
