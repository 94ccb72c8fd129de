"""Files in many contents: nodes of dag-pb with UnixFS in them, as IPFS and Bulletin's SDK write."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from tilth.primitives.cid import BadCid, Cid, decode_cid

# github.com/ipfs/specs, UNIXFS.md: the enum of types
_RAW: Final = 0
_FILE: Final = 2
_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5

_Field: TypeAlias = tuple[int, int | bytes]


class NotAFile(ValueError):
    """The bytes are no dag-pb node, or one of something else than a file."""


@dataclass(frozen=True, slots=True)
class FileNode:
    """Bytes of its own, then those of its parts, of which each size is told."""

    data: bytes
    parts: tuple[tuple[Cid, int], ...]

    @property
    def size(self) -> int:
        return len(self.data) + sum(size for _, size in self.parts)


def read_file_node(encoded: bytes) -> FileNode:
    """Anybody may have made it, so nothing in it is believed; raises NotAFile."""
    links: list[Cid] = []
    payload = b""
    for number, value in _fields(encoded):
        if number == 2 and isinstance(value, bytes):
            links.append(_link(value))
        elif number == 1 and isinstance(value, bytes):
            payload = value
    return _file(payload, links)


def _link(encoded: bytes) -> Cid:
    for number, value in _fields(encoded):
        if number == 1 and isinstance(value, bytes):
            try:
                return decode_cid(value)
            except BadCid as error:
                raise NotAFile(f"a link of it is bad: {error}") from None
    raise NotAFile("a link of it leads nowhere")


def _file(payload: bytes, links: list[Cid]) -> FileNode:
    kind, data, total, sizes = -1, b"", None, list[int]()
    for number, value in _fields(payload):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number == 2 and isinstance(value, bytes):
            data = value
        elif number == 3 and isinstance(value, int):
            total = value
        elif number == 4:
            sizes += [value] if isinstance(value, int) else _varints(value)
    if kind not in (_RAW, _FILE):
        raise NotAFile("it is a folder or something else, not a file; ask for ?format=raw")
    if len(sizes) != len(links):
        raise NotAFile(f"it tells the sizes of {len(sizes)} parts and has {len(links)}")
    node = FileNode(data, tuple(zip(links, sizes, strict=True)))
    if total not in (None, node.size):
        raise NotAFile(f"it says that it has {total} bytes, its parts have {node.size}")
    return node


def _fields(encoded: bytes) -> Iterator[_Field]:
    """Protobuf, field by field."""
    at = 0
    while at < len(encoded):
        key, at = _varint(encoded, at)
        value, at = _value(encoded, at, key & 7)
        yield key >> 3, value


def _value(encoded: bytes, at: int, kind: int) -> tuple[int | bytes, int]:
    if kind == _VARINT:
        return _varint(encoded, at)
    if kind == _BYTES:
        length, at = _varint(encoded, at)
    elif kind in (_FIXED64, _FIXED32):
        length = 8 if kind == _FIXED64 else 4
    else:
        raise NotAFile("it is not protobuf")
    if at + length > len(encoded):
        raise NotAFile("it is cut off")
    return encoded[at : at + length], at + length


def _varints(packed: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(packed):
        number, at = _varint(packed, at)
        numbers.append(number)
    return numbers


def _varint(encoded: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(encoded) and shift < 64:
        byte, at = encoded[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise NotAFile("it is cut off")
