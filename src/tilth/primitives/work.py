"""Proof of work: what somebody without an account shows instead of money."""

from typing import Final

from tilth.primitives.crypto.hashing import blake2_256

_NONCE_BYTES: Final = 8


def is_worked(payload: bytes, nonce: int, bits: int) -> bool:
    """Whether so many tries were likely needed to find the nonce: two to the power of `bits`."""
    digest = blake2_256(payload + nonce.to_bytes(_NONCE_BYTES, "little"))
    return int.from_bytes(digest, "big") >> (256 - bits) == 0


def work(payload: bytes, bits: int) -> int:
    """A nonce that shows it."""
    nonce = 0
    while not is_worked(payload, nonce, bits):
        nonce += 1
    return nonce
