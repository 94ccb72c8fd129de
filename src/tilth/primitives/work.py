"""Proof of work: what somebody without an account shows instead of money."""

from hashlib import blake2b
from typing import Final

from tilth.primitives.crypto.hashing import blake2_256

_NONCE_BYTES: Final = 8


def is_worked(payload: bytes, nonce: int, bits: int) -> bool:
    """Whether so many tries were likely needed to find the nonce: two to the power of `bits`."""
    digest = blake2_256(payload + nonce.to_bytes(_NONCE_BYTES, "little"))
    return int.from_bytes(digest, "big") >> (256 - bits) == 0


def work(payload: bytes, bits: int) -> int:
    """A nonce that shows it."""
    begun, most = blake2b(payload, digest_size=32), 2 ** (256 - bits)
    least = most.to_bytes(33, "big")[1:] if bits else b"\xff" * 33
    nonce = 0
    while True:
        tried = begun.copy()
        tried.update(nonce.to_bytes(_NONCE_BYTES, "little"))
        if tried.digest() < least:
            return nonce
        nonce += 1
