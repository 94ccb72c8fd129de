"""What the JSON-RPC interface asks of a block's state: storage lookups and runtime calls."""

import binascii
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from tilth.node.block import Block
from tilth.node.service import Node
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.trie import Trie
from tilth.rpc.jsonrpc.params import Misfit, list_of, read_text, wrong_type
from tilth.rpc.jsonrpc.schema import Shape
from tilth.rpc.jsonrpc.shapes import hex_of

Item: TypeAlias = dict[str, str]
"""One answer: the key, and what was asked of it under the name of the kind."""

_log = logging.getLogger("tilth.rpc")


class BadHex(ValueError):
    """A text that should be hex, and is not."""


class CallFailed(Exception):
    """A call of the runtime did not come to an answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Query:
    """A lookup as the client wrote it: its hex may be wrong."""

    key: str
    kind: str
    start: str | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A lookup that can be answered."""

    key: bytes
    kind: str
    start: bytes | None = None

    @property
    def descends(self) -> bool:
        """Whether it is answered by all that stands below the key, which may be much."""
        return self.kind in _DESCENDING


def unhex(text: str) -> bytes:
    """Bytes as hex with or without 0x; nothing may also be written as nothing."""
    try:
        return binascii.unhexlify(text.removeprefix("0x"))
    except ValueError:
        raise BadHex(f"Invalid parameter: {text}") from None


def lookup(query: Query) -> Lookup:
    """Raises BadHex."""
    start = None if query.start is None else unhex(query.start)
    return Lookup(unhex(query.key), query.kind, start)


def answers(state: Trie, wanted: Lookup) -> Iterator[Item]:
    """What the state holds for it; a value that is absent is not among the answers."""
    if wanted.descends:
        shape = _DESCENDING[wanted.kind]
        for key, value in state.items(wanted.key, wanted.start):
            yield {"key": hex_of(key), **shape(value)}
        return
    if wanted.kind == "closestDescendantMerkleValue":
        name = state.closest_descendant_merkle_value(wanted.key)
        if name is not None:
            yield {"key": hex_of(wanted.key), wanted.kind: hex_of(name)}
        return
    here = state.get(wanted.key)
    if here is not None:
        yield {"key": hex_of(wanted.key), **SHAPES[wanted.kind](here)}


def _value(value: bytes) -> Item:
    return {"value": hex_of(value)}


def _hash(value: bytes) -> Item:
    return {"hash": hex_of(blake2_256(value))}


SHAPES: Final[dict[str, Callable[[bytes], Item]]] = {"value": _value, "hash": _hash}
_DESCENDING: Final[dict[str, Callable[[bytes], Item]]] = {
    "descendantsValues": _value,
    "descendantsHashes": _hash,
}
_KINDS: Final = (*SHAPES, "closestDescendantMerkleValue", *_DESCENDING)


def call_runtime(node: Node, block: Block, function: str, data: bytes) -> bytes:
    """Call the runtime API on the block's state; raises CallFailed."""
    try:
        return node.chain.call(block, function, data)
    except KeyError as error:
        if error.args == (function,):
            raise CallFailed(
                f"Execution failed: Other: Exported method {function} is not found"
            ) from error
        raise CallFailed(_panic(function)) from error
    except ValueError as error:
        raise CallFailed(panic(bad_input(function, error))) from error
    except Exception as error:  # a call that cannot be answered is the caller's, not our end
        raise CallFailed(_panic(function)) from error


def bad_input(function: str, error: object) -> str:
    """A runtime's words for arguments it cannot decode; there the API's name is not part of it."""
    return f"Bad input data provided to {function.partition('_')[2]}: {error}"


def panic(text: str) -> str:
    """The executor's words for a runtime that gave up."""
    return f"Execution failed: Execution aborted due to panic: {text}"


def _panic(function: str) -> str:
    _log.error("%s failed", function, exc_info=True)
    return panic(f"{function} failed")


def read_member(value: dict[str, Any], name: str) -> str:
    if name not in value:
        raise Misfit(f"missing field `{name}`")
    return _inside(value[name], name)


def read_optional_member(value: dict[str, Any], name: str) -> str | None:
    return None if value.get(name) is None else _inside(value[name], name)


def _inside(value: object, name: str) -> str:
    try:
        return read_text(value)
    except Misfit as misfit:
        misfit.path.insert(0, name)
        raise


def read_choice(value: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """A member that names one of a few; in serde's words when it does not."""
    chosen = read_member(value, name)
    if chosen not in choices:
        listed = ", ".join(f"`{choice}`" for choice in choices)
        misfit = Misfit(f"unknown variant `{chosen}`, expected one of {listed}")
        misfit.path.insert(0, name)
        raise misfit
    return chosen


def read_object(value: object, struct: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong_type(value, f"struct {struct}")
    return value


def read_query(value: object) -> Query:
    members = read_object(value, "StorageQuery")
    return Query(
        read_member(members, "key"),
        read_choice(members, "type", _KINDS),
        read_optional_member(members, "paginationStartKey"),
    )


_QUERY: Final = {
    "type": "object",
    "properties": {
        "key": {"type": "string"},
        "type": {"enum": list(_KINDS)},
        "paginationStartKey": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["key", "type"],
}

Queries: TypeAlias = Annotated[
    list[Query], list_of(read_query), Shape({"type": "array", "items": _QUERY})
]
