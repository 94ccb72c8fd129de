"""Content identifiers: how content is named outside a chain, by its hash and how to read it."""

from base64 import b32decode, b32encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tilth.primitives.crypto.hashing import blake2_256, keccak_256
from tilth.primitives.ss58 import DIGITS

# github.com/multiformats/multicodec, table.csv
RAW: Final = 0x55
DAG_PB: Final = 0x70
SHA2_256: Final = 0x12
BLAKE2B_256: Final = 0xB220
KECCAK_256: Final = 0x1B

LONGEST: Final = 128  # characters; 80 are the most that any of ours takes
_DIGEST: Final = 32
_HASHINGS: Final = (SHA2_256, BLAKE2B_256, KECCAK_256)


class BadCid(ValueError):
    """The text or bytes are no identifier of content that a chain of ours could have."""


@dataclass(frozen=True, slots=True)
class Cid:
    """A CIDv1, or the CIDv0 that stands for one."""

    codec: int
    hashing: int
    digest: bytes

    def __str__(self) -> str:
        return "b" + b32encode(self.encoded).decode().lower().rstrip("=")

    @property
    def encoded(self) -> bytes:
        head = (1, self.codec, self.hashing, len(self.digest))
        return b"".join(map(_varint, head)) + self.digest

    def fits(self, data: bytes) -> bool:
        """Whether these are the bytes it names."""
        if self.hashing == SHA2_256:
            return sha256(data).digest() == self.digest
        return (blake2_256 if self.hashing == BLAKE2B_256 else keccak_256)(data) == self.digest


def parse_cid(text: str) -> Cid:
    """Of base32, base58 or base16, or a CIDv0; raises BadCid."""
    if len(text) > LONGEST:
        raise BadCid(f"a CID has no more than {LONGEST} characters, this text {len(text)}")
    if len(text) == 46 and text.startswith("Qm"):
        return _version_0(_from_base58(text))
    bases: dict[str, Callable[[str], bytes]] = {
        "b": lambda digits: _from_base32(digits, digits.lower()),
        "B": lambda digits: _from_base32(digits, digits.upper()),
        "f": _from_base16,
        "F": _from_base16,
        "z": _from_base58,
    }
    if text[:1] not in bases:
        raise BadCid(f"{text!r} is no CID: it begins with none of {', '.join(bases)} and Qm")
    return decode_cid(bases[text[0]](text[1:]))


def decode_cid(data: bytes) -> Cid:
    """Of its bytes, a CIDv0's as well; raises BadCid."""
    if len(data) == 34 and data[:2] == bytes((SHA2_256, _DIGEST)):
        return _version_0(data)
    version, at = _read_varint(data, 0)
    codec, at = _read_varint(data, at)
    hashing, at = _read_varint(data, at)
    length, at = _read_varint(data, at)
    if version != 1:
        raise BadCid(f"a CID of version {version} is not known; it is 0 or 1")
    if hashing not in _HASHINGS:
        raise BadCid(
            f"the CID's hash is of the kind 0x{hashing:x}; "
            "it must be sha2-256, blake2b-256 or keccak-256"
        )
    if length != _DIGEST or len(data) - at != _DIGEST:
        raise BadCid(f"the CID's hash has {len(data) - at} bytes; it must have {_DIGEST}")
    return Cid(codec, hashing, data[at:])


def _version_0(data: bytes) -> Cid:
    if len(data) != 2 + _DIGEST or data[:2] != bytes((SHA2_256, _DIGEST)):
        raise BadCid("a CIDv0 is the sha2-256 hash of a dag-pb node in base58")
    return Cid(DAG_PB, SHA2_256, data[2:])


def _from_base32(digits: str, proper: str) -> bytes:
    if digits != proper:
        raise BadCid("the CID mixes small and large letters")
    padded = digits.upper() + "=" * (-len(digits) % 8)
    try:
        data = b32decode(padded)
    except ValueError:
        raise BadCid("the CID is not base32") from None
    if b32encode(data).decode().rstrip("=") != digits.upper():
        raise BadCid("the CID's last digit has bits that belong to no byte")
    return data


def _from_base16(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise BadCid("the CID is not base16") from None


def _from_base58(digits: str) -> bytes:
    number = 0
    for character in digits:
        if character not in DIGITS:
            raise BadCid("the CID is not base58")
        number = number * 58 + DIGITS[character]
    zeros = len(digits) - len(digits.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _varint(value: int) -> bytes:
    """Unsigned LEB128, as multiformats count."""
    groups = []
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 63:
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            if byte == 0 and shift > 7:
                break  # a longer form than the number needs
            return value, at
    raise BadCid("the CID is cut off, or has a number in no shortest form")
