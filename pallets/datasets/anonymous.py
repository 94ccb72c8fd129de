"""Publishing without an account: a fresh key signs, and work stands for a fee."""

from typing import Any, Final

from tilth.frame import (
    H256,
    AccountId,
    ValidTransaction,
    codec,
    hashing,
    invalid,
    validity,
)
from tilth.pallets.datasets.types import Contents, Draft, Licence, Name, Tags
from tilth.primitives.crypto.signatures import verify_sr25519
from tilth.primitives.work import is_worked

_DOMAIN: Final = b"tilth/publish_anonymous/1"
_LONGEVITY: Final = 64
_DESCRIBED: Final[Any] = codec(tuple[H256, AccountId, Name, Licence, Tags, Draft, Contents])


def payload_of(
    genesis: H256 | None,
    publisher: AccountId,
    name: str,
    spdx: str,
    tags: tuple[str, ...],
    draft: Draft,
    contents: tuple[H256, ...],
) -> H256:
    """What is signed, and worked on together with the signature."""
    described = (genesis or H256(bytes(32)), publisher, name, spdx, tags, draft, contents)
    return H256(hashing.blake2_256(_DOMAIN + _DESCRIBED.encode(described)))


def work_bits(base: int, contents: int) -> int:
    """How much work stands for so many contents: as much again for each doubling."""
    return base + contents.bit_length()


def validate_anonymous(
    payload: bytes, publisher: AccountId, work: int, signature: bytes, bits: int
) -> ValidTransaction:
    """Raises InvalidTransactionError; the cheap check comes first.

    The signature is worked on as well, for one key signs the same in any number of ways.
    """
    if not is_worked(payload + signature, work, bits):
        raise invalid(validity.Payment())
    if not verify_sr25519(signature, payload, publisher):
        raise invalid(validity.BadProof())
    return ValidTransaction(provides=(payload,), longevity=_LONGEVITY)
