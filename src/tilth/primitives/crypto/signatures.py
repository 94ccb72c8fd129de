"""Whether a signature is one: sr25519, ed25519 and ecdsa, judged exactly as a Substrate node does.

Every function answers False to garbage of any length; none raises.
"""

from collections.abc import Callable
from typing import Final

from tilth.primitives.crypto.hashing import blake2_256

# sp_runtime::MultiSignature: the index of each variant
ED25519: Final = 0
SR25519: Final = 1
ECDSA: Final = 2


def verify_sr25519(signature: bytes, message: bytes, public: bytes) -> bool:
    """Judge as schnorrkel does, in the signing context "substrate"."""
    from sr25519 import verify  # pyright: ignore[reportAttributeAccessIssue]  # no stubs

    try:
        return bool(verify(signature, message, public))
    except ValueError:  # a malformed signature (marker bit, scalar, length) or public key
        return False


def verify_ed25519(signature: bytes, message: bytes, public: bytes) -> bool:
    """Judge by the ZIP-215 rules; any other library would split the consensus on edge cases."""
    from ed25519_zebra import ed_verify  # pyright: ignore[reportAttributeAccessIssue]  # no stubs

    return bool(ed_verify(signature, message, public))


def verify_ecdsa(signature: bytes, message: bytes, account: bytes) -> bool:
    """Whether the recovered key is the one whose hash is the 32-byte account."""
    public = recover_ecdsa(signature, message)
    return public is not None and blake2_256(public) == account


def recover_ecdsa(signature: bytes, message: bytes) -> bytes | None:
    """The compressed public key that signed the message's blake2_256, or None if there is none.

    High-S signatures are accepted, and recovery ids 27 to 30 mean 0 to 3, as in
    `sp_io::crypto::secp256k1_ecdsa_recover_compressed` version 2.
    """
    from coincurve import PublicKey  # 26 ms, and most accounts are not ecdsa

    if len(signature) != 65:
        return None
    if signature[64] > 26:
        signature = signature[:64] + bytes([signature[64] - 27])
    try:
        public = PublicKey.from_signature_and_message(signature, blake2_256(message), hasher=None)
    except ValueError:  # r or s out of range, a recovery id above 3, no such point
        return None
    return public.format()


VERIFIERS: Final[tuple[Callable[[bytes, bytes, bytes], bool], ...]] = (
    verify_ed25519,
    verify_sr25519,
    verify_ecdsa,
)
"""By the variant's index in `sp_runtime::MultiSignature`."""


def verify(kind: int, signature: bytes, message: bytes, account: bytes) -> bool:
    """Judge the variant `kind` of `sp_runtime::MultiSignature` against a 32-byte account."""
    return 0 <= kind < 3 and VERIFIERS[kind](signature, message, account)
