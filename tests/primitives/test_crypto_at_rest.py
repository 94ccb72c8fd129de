"""Encryption at rest notices whatever happens to a file."""

from io import BytesIO
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.primitives.crypto.at_rest import (
    CHUNK,
    AtRestBroken,
    decrypt,
    decrypt_stream,
    encrypt,
    encrypt_stream,
    generate_key,
    unwrap,
    wrap,
)

KEY = bytes(range(32))
CONTEXT = b"dataset 7"
HEAD = 8 + 32
SEALED = CHUNK + 16


def blocks(count: int) -> bytes:
    return b"".join(bytes([index]) * CHUNK for index in range(count))


def chunks_of(data: bytes) -> list[bytes]:
    return [data[at : at + SEALED] for at in range(HEAD, len(data), SEALED)]


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_data_comes_back(data: bytes, context: bytes) -> None:
    encrypted = encrypt(KEY, context, data)

    assert decrypt(KEY, context, encrypted) == data
    assert len(encrypted) == HEAD + len(data) + 16


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_every_size_comes_back(size: int) -> None:
    data = blocks(3)[:size]

    assert decrypt(KEY, CONTEXT, encrypt(KEY, CONTEXT, data)) == data


def test_encrypting_twice_gives_nothing_to_compare() -> None:
    one, two = encrypt(KEY, CONTEXT, b"rows"), encrypt(KEY, CONTEXT, b"rows")

    assert not set(chunks_of(one)) & set(chunks_of(two))


def test_another_key_or_context_fails() -> None:
    encrypted = encrypt(KEY, CONTEXT, b"rows")

    for key, context in ((generate_key(), CONTEXT), (KEY, b"dataset 8"), (KEY, b"")):
        with pytest.raises(AtRestBroken, match="Chunk 0 does not decrypt"):
            decrypt(key, context, encrypted)


def test_no_changed_bit_goes_unnoticed() -> None:
    encrypted = encrypt(KEY, CONTEXT, b"rows")

    for byte, bit in product(range(len(encrypted)), range(8)):
        flipped = bytearray(encrypted)
        flipped[byte] ^= 1 << bit
        with pytest.raises(AtRestBroken):
            decrypt(KEY, CONTEXT, bytes(flipped))


def test_no_cut_goes_unnoticed() -> None:
    encrypted = encrypt(KEY, CONTEXT, b"rows")

    for size in range(len(encrypted)):
        with pytest.raises(AtRestBroken):
            decrypt(KEY, CONTEXT, encrypted[:size])


def test_chunks_cannot_be_swapped_dropped_repeated_or_added() -> None:
    encrypted = encrypt(KEY, CONTEXT, blocks(3))
    head, (one, two, three) = encrypted[:HEAD], chunks_of(encrypted)

    for forged in (
        [two, one, three],
        [one, three, two],
        [one, two],
        [one, three],
        [two, three],
        [one, two, three, three],
        [one, two, three, b"\x00" * 16],
        [],
    ):
        with pytest.raises(AtRestBroken):
            decrypt(KEY, CONTEXT, head + b"".join(forged))


def test_a_chunk_of_another_file_under_the_same_key_and_context_fails() -> None:
    one, other = encrypt(KEY, CONTEXT, b"rows"), encrypt(KEY, CONTEXT, b"cows")

    with pytest.raises(AtRestBroken):
        decrypt(KEY, CONTEXT, one[:HEAD] + other[HEAD:])


def test_the_broken_chunk_is_named() -> None:
    encrypted = bytearray(encrypt(KEY, CONTEXT, blocks(3)))
    encrypted[HEAD + SEALED + 5] ^= 1

    stream = decrypt_stream(KEY, CONTEXT, BytesIO(encrypted))

    assert next(stream) == blocks(1)
    with pytest.raises(AtRestBroken, match="Chunk 1 does not decrypt"):
        next(stream)


def test_foreign_data_is_named_as_such() -> None:
    with pytest.raises(AtRestBroken, match="head is wrong or cut off"):
        decrypt(KEY, CONTEXT, b"PK\x03\x04" + bytes(100))


class Trickle(BytesIO):
    """A source that gives fewer bytes than asked for, as a pipe does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 300_000))


def test_a_trickling_source_makes_the_same_chunks() -> None:
    data = blocks(2) + b"end"

    encrypted = b"".join(encrypt_stream(KEY, CONTEXT, Trickle(data)))

    assert len(encrypted) == HEAD + len(data) + 3 * 16
    assert decrypt(KEY, CONTEXT, encrypted) == data


def test_a_wrapped_key_comes_back_under_its_key_alone() -> None:
    key = generate_key()

    wrapped = wrap(KEY, key)

    assert (unwrap(KEY, wrapped), len(wrapped)) == (key, 40)
    for kek, spoiled in ((key, wrapped), (KEY, wrapped[:-1] + b"\x00"), (KEY, wrapped[:-8])):
        with pytest.raises(AtRestBroken, match="does not unwrap"):
            unwrap(kek, spoiled)
    for rubbish in (b"", wrapped[:-1], wrapped + b"\x00"):
        with pytest.raises(AtRestBroken, match="does not unwrap"):
            unwrap(KEY, rubbish)


def test_keys_have_32_bytes() -> None:
    for call in (encrypt, decrypt):
        with pytest.raises(ValueError, match="32 bytes, not 16"):
            call(bytes(16), CONTEXT, encrypt(KEY, CONTEXT, b"rows"))
    with pytest.raises(ValueError, match="32 bytes, not 16"):
        wrap(KEY, bytes(16))
    with pytest.raises(ValueError, match="32 bytes, not 24"):
        wrap(bytes(24), KEY)
