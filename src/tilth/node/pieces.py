"""A body in pieces: bytes of its own, and references to content that is kept apart from it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from tilth.frame.indexing import Indexed

HASH_LENGTH: Final = 32
_OWN, _REFERENCE, _END = b"\0", b"\1", b"\2"


def places(body: Sequence[bytes], contents: Iterable[Indexed]) -> Iterator[tuple[int, Indexed]]:
    """Where in its extrinsic each content stands; contents come in the order of the body."""
    at = 0, 0
    for content in contents:
        after = at[1] if at[0] == content.extrinsic else 0
        start = body[content.extrinsic].find(content.data, after)
        if start >= 0:
            at = content.extrinsic, start + len(content.data)
            yield start, content


def cut(body: Sequence[bytes], contents: Iterable[Indexed]) -> bytes:
    """The body without the contents, and where they belong."""
    found: dict[int, list[tuple[int, Indexed]]] = {}
    for start, content in places(body, contents):
        found.setdefault(content.extrinsic, []).append((start, content))
    return b"".join(
        piece
        for index, extrinsic in enumerate(body)
        for piece in (*_pieces(extrinsic, found.get(index, ())), _END)
    )


def _pieces(extrinsic: bytes, contents: Iterable[tuple[int, Indexed]]) -> Iterator[bytes]:
    at = 0
    for start, content in contents:
        yield _own(extrinsic[at:start])
        yield _REFERENCE + content.hash
        at = start + len(content.data)
    yield _own(extrinsic[at:])


def _own(data: bytes) -> bytes:
    return _OWN + len(data).to_bytes(4, "little") + data


def joined(record: bytes, content: Callable[[bytes], bytes]) -> tuple[bytes, ...]:
    """The body again, with the contents that `content` finds by their hashes."""
    body: list[bytes] = []
    parts: list[bytes] = []
    at = 0
    while at < len(record):
        kind, at = record[at : at + 1], at + 1
        if kind == _END:
            body.append(b"".join(parts))
            parts.clear()
        elif kind == _REFERENCE:
            parts.append(content(record[at : at + HASH_LENGTH]))
            at += HASH_LENGTH
        else:
            end = at + 4 + int.from_bytes(record[at : at + 4], "little")
            parts.append(record[at + 4 : end])
            at = end
    return tuple(body)


def references(record: bytes) -> list[bytes]:
    """The hashes of the contents that belong into the body."""
    found: list[bytes] = []

    def note(hash: bytes) -> bytes:
        found.append(hash)
        return b""

    joined(record, note)
    return found


def packed(body: Sequence[bytes]) -> bytes:
    """A body without content, whole."""
    return b"".join(
        part for extrinsic in body for part in (len(extrinsic).to_bytes(4, "little"), extrinsic)
    )


def unpacked(record: bytes) -> tuple[bytes, ...]:
    body, at = [], 0
    while at < len(record):
        end = at + 4 + int.from_bytes(record[at : at + 4], "little")
        body.append(record[at + 4 : end])
        at = end
    return tuple(body)
