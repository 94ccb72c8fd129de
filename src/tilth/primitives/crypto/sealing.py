"""Sealed messages: anyone may seal one to a one-time key, and only that key's owner opens it.

HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, one shot,
no associated data; a sealed message is the encapsulated key followed by the ciphertext.
"""

from os import urandom
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hpke import Suite

OVERHEAD: Final = 48
"""How many bytes a sealed message is longer than the message."""


class SealBroken(ValueError):
    """A sealed message was changed, or was sealed to another key or for another purpose."""


class SealingKey:
    """An X25519 key for the messages of one purpose, never to be used for a second one."""

    __slots__ = ("_secret", "public")

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        if len(secret) != 32:
            raise ValueError(f"A sealing key's secret has 32 bytes, not {len(secret)}.")
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        self.public: Final = self._secret.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> "SealingKey":
        return cls(urandom(32))

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """The message, if it was sealed to this key for the same `info`."""
        from cryptography.exceptions import InvalidTag

        try:
            return _suite().decrypt(sealed, self._secret, info)
        except (InvalidTag, ValueError):
            raise SealBroken(
                "The sealed message does not open: it was changed or cut off,"
                " or it was sealed to another key or for another purpose."
            ) from None

    def expose_secret(self) -> bytes:
        """The 32 bytes from which the key can be made again."""
        return self._secret.private_bytes_raw()

    def __repr__(self) -> str:
        return f"SealingKey(0x{self.public.hex()})"


def seal(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """Seal to a key what only opens with the same `info`: bind it to job, chain and model."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    try:
        return _suite().encrypt(plaintext, X25519PublicKey.from_public_bytes(public), info)
    except ValueError:
        raise ValueError("The key to seal to is no X25519 public key of 32 bytes.") from None


def _suite() -> "Suite":
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
