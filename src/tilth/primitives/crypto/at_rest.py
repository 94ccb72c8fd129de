"""Encryption at rest: data in chunks of 1 MiB that cannot be changed, moved, cut off or swapped.

A file is a head, a random salt and the chunks, each AES-256-GCM under a key that HKDF-SHA256
derives from key and salt, so a key may encrypt any number of files. A chunk's nonce is its index
and whether it is the last; both stand with the context in its associated data.
"""

from collections.abc import Iterator
from io import BytesIO
from os import urandom
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK: Final = 1 << 20
HEAD: Final = b"tilth-1\n"
SALT = 32
TAG = 16


class AtRestBroken(ValueError):
    """What was read back is not what was encrypted under this key for this context."""


def generate_key() -> bytes:
    return urandom(32)


def encrypt(key: bytes, context: bytes, data: bytes) -> bytes:
    """Encrypt for a context, such as a dataset's id, without which it does not decrypt."""
    return b"".join(encrypt_stream(key, context, BytesIO(data)))


def decrypt(key: bytes, context: bytes, data: bytes) -> bytes:
    return b"".join(decrypt_stream(key, context, BytesIO(data)))


def encrypt_stream(key: bytes, context: bytes, source: BinaryIO) -> Iterator[bytes]:
    salt = urandom(SALT)
    cipher = _cipher(key, salt)
    yield HEAD + salt
    for index, last, chunk in _chunks(source, CHUNK):
        place = _place(index, last=last)
        yield cipher.encrypt(place, chunk, context + place)


def decrypt_stream(key: bytes, context: bytes, source: BinaryIO) -> Iterator[bytes]:
    """Each chunk as soon as it is proved; only after the last is it known that none is missing."""
    from cryptography.exceptions import InvalidTag

    head = _read(source, len(HEAD) + SALT)
    if not head.startswith(HEAD) or len(head) != len(HEAD) + SALT:
        raise AtRestBroken("This is no data encrypted at rest: its head is wrong or cut off.")
    cipher = _cipher(key, head[len(HEAD) :])
    for index, last, chunk in _chunks(source, CHUNK + TAG):
        place = _place(index, last=last)
        try:
            plain = cipher.decrypt(place, chunk, context + place)
        except InvalidTag:
            raise AtRestBroken(
                f"Chunk {index} does not decrypt: it was changed, moved or cut off,"
                " or it belongs to another key or context."
            ) from None
        yield plain


def wrap(kek: bytes, key: bytes) -> bytes:
    """A key under another (RFC 3394), to be kept beside the data it encrypts: 8 bytes longer."""
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    return aes_key_wrap(_checked(kek), _checked(key))


def unwrap(kek: bytes, wrapped: bytes) -> bytes:
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    try:
        return aes_key_unwrap(_checked(kek), wrapped)
    except InvalidUnwrap:
        raise AtRestBroken(
            "The wrapped key does not unwrap: it was changed, or is under another key."
        ) from None


def _checked(key: bytes) -> bytes:
    if len(key) != 32:
        raise ValueError(f"A key has 32 bytes, not {len(key)}.")
    return key


def _cipher(key: bytes, salt: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derive = HKDF(algorithm=SHA256(), length=32, salt=salt, info=HEAD)
    return AESGCM(derive.derive(_checked(key)))


def _place(index: int, *, last: bool) -> bytes:
    return index.to_bytes(11, "big") + bytes([last])


def _chunks(source: BinaryIO, size: int) -> Iterator[tuple[int, bool, bytes]]:
    """Index, whether it is the last, and bytes; there is always one, if only an empty one."""
    index, chunk = 0, _read(source, size)
    while following := _read(source, size):
        yield index, False, chunk
        index, chunk = index + 1, following
    yield index, True, chunk


def _read(source: BinaryIO, size: int) -> bytes:
    """As many bytes as asked for unless the source ends: one read may give fewer."""
    parts: list[bytes] = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
