"""What sr25519, ed25519 and ecdsa each make of a secret: a public key, signatures, children."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.crypto.signatures import ECDSA, ED25519, SR25519

Scheme: TypeAlias = Literal["sr25519", "ed25519", "ecdsa"]


class InvalidSecret(ValueError):
    """A secret, phrase or derivation path cannot be used; the message never repeats any of it."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The functions of one scheme; a secret is what `expand` makes of a 32-byte seed."""

    kind: int
    secret_size: int
    expand: Callable[[bytes], bytes]
    public: Callable[[bytes], bytes]
    account: Callable[[bytes], bytes]
    sign: Callable[[bytes, bytes, bytes], bytes]
    """Of public key, secret and message."""
    hard: Callable[[bytes, bytes], bytes]
    """The secret of the child behind `//`, of secret and chain code."""
    soft: Callable[[bytes, bytes], bytes]


def _itself(value: bytes) -> bytes:
    return value


def _no_soft_child(secret: bytes, code: bytes) -> bytes:
    raise InvalidSecret(
        "Only sr25519 has soft derivations: write // instead of / before each part of the path."
    )


def _sr25519_expand(seed: bytes) -> bytes:
    from sr25519 import pair_from_seed  # pyright: ignore[reportAttributeAccessIssue]  # no stubs

    return bytes(pair_from_seed(seed)[1])


def _sr25519_public(secret: bytes) -> bytes:
    from sr25519 import public_from_secret_key  # pyright: ignore[reportAttributeAccessIssue]

    try:
        return bytes(public_from_secret_key(secret))
    except ValueError:
        raise InvalidSecret("The 64 bytes are no sr25519 secret key.") from None


def _sr25519_sign(public: bytes, secret: bytes, message: bytes) -> bytes:
    from sr25519 import sign  # pyright: ignore[reportAttributeAccessIssue]  # no stubs

    return bytes(sign((public, secret), message))


def _sr25519_hard(secret: bytes, code: bytes) -> bytes:
    from sr25519 import hard_derive_keypair  # pyright: ignore[reportAttributeAccessIssue]

    return bytes(hard_derive_keypair((code, _sr25519_public(secret), secret), b"")[2])


def _sr25519_soft(secret: bytes, code: bytes) -> bytes:
    from sr25519 import derive_keypair  # pyright: ignore[reportAttributeAccessIssue]  # no stubs

    return bytes(derive_keypair((code, _sr25519_public(secret), secret), b"")[2])


def _ed25519_public(secret: bytes) -> bytes:
    from ed25519_zebra import ed_public_from_secret  # pyright: ignore[reportAttributeAccessIssue]

    return bytes(ed_public_from_secret(secret))


def _ed25519_sign(public: bytes, secret: bytes, message: bytes) -> bytes:
    from ed25519_zebra import ed_sign  # pyright: ignore[reportAttributeAccessIssue]  # no stubs

    return bytes(ed_sign(secret, message))


# sp_core::ed25519 and ::ecdsa: blake2_256 of the SCALE tuple (name, seed, chain code)
def _ed25519_hard(secret: bytes, code: bytes) -> bytes:
    return blake2_256(b"\x2cEd25519HDKD" + secret + code)


def _ecdsa_hard(secret: bytes, code: bytes) -> bytes:
    return blake2_256(b"\x34Secp256k1HDKD" + secret + code)


def _ecdsa_public(secret: bytes) -> bytes:
    from coincurve import PublicKey

    try:
        return PublicKey.from_secret(secret).format()
    except ValueError:
        raise InvalidSecret("The 32 bytes are zero or beyond the order of secp256k1.") from None


def _ecdsa_sign(public: bytes, secret: bytes, message: bytes) -> bytes:
    from coincurve import PrivateKey

    return PrivateKey(secret).sign_recoverable(message, hasher=blake2_256)


CURVES: Final[Mapping[Scheme, Curve]] = MappingProxyType(
    {
        "ed25519": Curve(
            kind=ED25519,
            secret_size=32,
            expand=_itself,
            public=_ed25519_public,
            account=_itself,
            sign=_ed25519_sign,
            hard=_ed25519_hard,
            soft=_no_soft_child,
        ),
        "sr25519": Curve(
            kind=SR25519,
            secret_size=64,
            expand=_sr25519_expand,
            public=_sr25519_public,
            account=_itself,
            sign=_sr25519_sign,
            hard=_sr25519_hard,
            soft=_sr25519_soft,
        ),
        "ecdsa": Curve(
            kind=ECDSA,
            secret_size=32,
            expand=_itself,
            public=_ecdsa_public,
            account=blake2_256,
            sign=_ecdsa_sign,
            hard=_ecdsa_hard,
            soft=_no_soft_child,
        ),
    }
)
