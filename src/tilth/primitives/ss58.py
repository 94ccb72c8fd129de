"""Addresses as people write them: an account, its network and a checksum, in base58."""

from hashlib import blake2b
from typing import Final

SUBSTRATE: Final = 42
"""The prefix of a chain without one of its own."""

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
DIGITS: Final = {character: digit for digit, character in enumerate(ALPHABET)}

LONGEST = 50  # 2 bytes of prefix, 32 of account and 2 of checksum in base58
RESERVED = (46, 47)  # ss58-registry: never a network, refused by sp_core and polkadot.js


class InvalidAddress(ValueError):
    """The text is no address of a 32-byte account, or of another network than expected."""


def encode(account: bytes, prefix: int = SUBSTRATE) -> str:
    if len(account) != 32:
        raise InvalidAddress(f"An account has 32 bytes, not {len(account)}.")
    body = _prefix_bytes(prefix) + account
    return to_base58(body + _checksum(body))


def decode(text: str, prefix: int | None = None) -> bytes:
    """The account of an address, of any network unless its prefix is given."""
    data = _from_base58(text)
    size = 2 if b"\x40" <= data[:1] < b"\x80" else 1
    if len(data) != size + 34:
        raise InvalidAddress(
            f"An address of a 32-byte account holds {size + 34} bytes, this one {len(data)}."
        )
    found = _read_prefix(data)
    body, checksum = data[:-2], data[-2:]
    if _checksum(body) != checksum:
        raise InvalidAddress("The address's checksum is wrong: a character was mistyped or lost.")
    if found in RESERVED:
        raise InvalidAddress(f"The address has the prefix {found}, which belongs to no network.")
    if prefix not in (None, found):
        raise InvalidAddress(f"The address is of network {found}; one of {prefix} is expected.")
    return body[size:]


def _checksum(body: bytes) -> bytes:
    return blake2b(b"SS58PRE" + body).digest()[:2]


# sp_core::crypto::Ss58Codec: 14 bits, the low byte first, behind the two bits 01
def _prefix_bytes(prefix: int) -> bytes:
    if not 0 <= prefix < 1 << 14 or prefix in RESERVED:
        raise InvalidAddress(f"A network's prefix is 0 to 16383 but 46 and 47, not {prefix}.")
    if prefix < 64:
        return bytes([prefix])
    return bytes([prefix >> 2 & 0x3F | 0x40, prefix >> 8 | (prefix & 3) << 6])


def _read_prefix(data: bytes) -> int:
    if data[0] < 64:
        return data[0]
    if data[0] > 127:
        raise InvalidAddress("The address begins with no network prefix (0 to 16383).")
    return data[0] << 2 & 0xFF | data[1] >> 6 | (data[1] & 0x3F) << 8


def to_base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\x00"))) + text


def _from_base58(text: str) -> bytes:
    if len(text) > LONGEST:
        raise InvalidAddress(f"An address has at most {LONGEST} characters, not {len(text)}.")
    number = 0
    for position, character in enumerate(text, 1):
        if character not in DIGITS:
            raise InvalidAddress(f"Character {position}, {character!r}, is not one of base58.")
        number = number * 58 + DIGITS[character]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
