"""Files as IPFS knows them: identifiers of contents, and the node that lists a file's chunks."""

from base64 import b32encode
from collections.abc import Iterable, Sequence
from typing import Final

RAW: Final = 0x55
DAG_PB: Final = 0x70
_SHA2_256: Final = b"\x12\x20"
_FILE: Final = 2  # UnixFS's DataType


def cid_text(sha256: bytes, codec: int = RAW) -> str:
    """CIDv1 in base32, as gateways take it."""
    data = b"\x01" + _varint(codec) + _SHA2_256 + sha256
    return "b" + b32encode(data).decode().lower().rstrip("=")


def file_node(chunks: Sequence[tuple[bytes, int]]) -> bytes:
    """The DAG-PB node of a file whose raw chunks have these hashes and sizes.

    github.com/ipfs/specs: DAG-PB writes links before data, UnixFS the file's size and its parts'.
    """
    links = b"".join(_field(2, _link(hash, size)) for hash, size in chunks)
    sizes = [size for _, size in chunks]
    data = _number(1, _FILE) + _number(3, sum(sizes)) + _numbers(4, sizes)
    return links + _field(1, data)


def _link(hash: bytes, size: int) -> bytes:
    cid = b"\x01" + _varint(RAW) + _SHA2_256 + hash
    return _field(1, cid) + _field(2, b"") + _number(3, size)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _numbers(number: int, values: Iterable[int]) -> bytes:
    return b"".join(_number(number, value) for value in values)


def _varint(value: int) -> bytes:
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
