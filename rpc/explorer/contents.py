"""Stored content as the explorer shows it: its identifier, and what it says as JSON."""

import json
from typing import Any, Final

from tilth.node.content import ContentLost, NoContent
from tilth.node.service import Node
from tilth.primitives.cid import BLAKE2B_256, RAW, SHA2_256, Cid
from tilth.primitives.crypto.hashing import blake2_256, sha2_256
from tilth.primitives.types import H256

_DOCUMENT_BYTES: Final = 1024 * 1024


def read(node: Node, hash: bytes) -> bytes | None:
    """The content, checked against its hash; None where the chain has it not, or not any more."""
    try:
        return node.content.read(H256(hash))
    except (NoContent, ContentLost):
        return None


def cid(hash: bytes, data: bytes | None = None) -> str:
    """How content is asked for; by sha2-256, as our own tools store, unless the data say other."""
    is_blake2 = data is not None and sha2_256(data) != hash and blake2_256(data) == hash
    return str(Cid(RAW, BLAKE2B_256 if is_blake2 else SHA2_256, hash))


def document(data: bytes | None) -> Any:
    """What content says as JSON; None where it is none, or longer than anybody reads."""
    if data is None or len(data) > _DOCUMENT_BYTES:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
