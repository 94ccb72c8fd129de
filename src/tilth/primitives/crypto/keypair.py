"""Key pairs: made at random, from a seed or from a secret phrase with its derivation path."""

import re
from dataclasses import dataclass, field
from functools import reduce
from os import urandom
from typing import Final

from tilth.primitives.crypto.curves import CURVES, InvalidSecret, Scheme
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.crypto.signatures import VERIFIERS

__all__ = ["DEV_PHRASE", "InvalidSecret", "Keypair", "Scheme", "generate_mnemonic"]

DEV_PHRASE: Final = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
"""The root of all dev accounts; stands where a secret URI names no phrase."""

URI = re.compile(
    r"(?P<phrase>[a-zA-Z0-9 ]+)?(?P<path>(//?[^/]+)*)(///(?P<password>.*))?", re.DOTALL
)
JUNCTION = re.compile(r"/(/?)([^/]+)")
WORDS = (12, 15, 18, 21, 24)


def generate_mnemonic(words: int = 12) -> str:
    """A fresh secret phrase of 12, 15, 18, 21 or 24 English words."""
    from bip39 import bip39_generate  # pyright: ignore[reportAttributeAccessIssue]  # no stubs

    if words not in WORDS:
        raise ValueError(f"A phrase has 12, 15, 18, 21 or 24 words, not {words}.")
    return str(bip39_generate(words))


@dataclass(frozen=True, slots=True, repr=False)
class Keypair:
    """Signs raw bytes for one account; equal to another by scheme and public key."""

    scheme: Scheme
    public: bytes
    """33 bytes for ecdsa, 32 otherwise."""
    account: bytes
    _secret: bytes = field(compare=False)

    @classmethod
    def from_uri(cls, uri: str, scheme: Scheme = "sr25519") -> "Keypair":
        """Read a secret as Substrate writes it: `phrase//hard/soft///password`, `0x<seed>//hard`.

        Without a phrase (`//Alice`) the dev phrase is meant. An empty URI is refused: Substrate
        would take it for the dev phrase as well.
        """
        parts = URI.fullmatch(uri)
        if parts is None or not uri:
            raise InvalidSecret(
                "A secret reads phrase//hard/soft///password, where phrase is a mnemonic"
                " or 0x and 64 hexadecimal digits; // alone goes before a dev account's name."
            )
        seed = _seed(parts["phrase"] or DEV_PHRASE, parts["password"] or "")
        return cls.from_seed(seed, scheme).derive(parts["path"])

    @classmethod
    def from_seed(cls, seed: bytes, scheme: Scheme = "sr25519") -> "Keypair":
        if len(seed) != 32:
            raise InvalidSecret(f"A seed has 32 bytes, not {len(seed)}.")
        return cls.from_secret(CURVES[scheme].expand(seed), scheme)

    @classmethod
    def from_secret(cls, secret: bytes, scheme: Scheme = "sr25519") -> "Keypair":
        """Take what `expose_secret` gave: 64 bytes for sr25519, 32 otherwise."""
        curve = CURVES[scheme]
        if len(secret) != curve.secret_size:
            raise InvalidSecret(
                f"A {scheme} secret has {curve.secret_size} bytes, not {len(secret)}."
            )
        public = curve.public(secret)
        return cls(scheme, public, curve.account(public), secret)

    @classmethod
    def generate(cls, scheme: Scheme = "sr25519") -> "Keypair":
        return cls.from_seed(urandom(32), scheme)

    @property
    def kind(self) -> int:
        """The index of the scheme's variant in `sp_runtime::MultiSignature`."""
        return CURVES[self.scheme].kind

    def derive(self, path: str) -> "Keypair":
        """The pair behind a path of `//hard` and `/soft` junctions."""
        junctions = JUNCTION.findall(path)
        if "".join(f"/{hard}{code}" for hard, code in junctions) != path:
            raise InvalidSecret("A derivation path is a row of //hard and /soft parts.")
        return self.from_secret(reduce(self._child, junctions, self._secret), self.scheme)

    def sign(self, message: bytes) -> bytes:
        """Sign the bytes as they are: nothing is wrapped around them."""
        return CURVES[self.scheme].sign(self.public, self._secret, message)

    def verify(self, signature: bytes, message: bytes) -> bool:
        return VERIFIERS[self.kind](signature, message, self.account)

    def expose_secret(self) -> bytes:
        """The secret key itself: 64 bytes for sr25519, 32 (the seed) otherwise."""
        return self._secret

    def __repr__(self) -> str:
        return f"Keypair({self.scheme} 0x{self.public.hex()})"

    def _child(self, secret: bytes, junction: tuple[str, str]) -> bytes:
        hard, code = junction
        curve = CURVES[self.scheme]
        return (curve.hard if hard else curve.soft)(secret, _chain_code(code))


def _seed(phrase: str, password: str) -> bytes:
    if phrase.startswith("0x"):
        return _hex_seed(phrase[2:])
    from bip39 import bip39_to_mini_secret  # pyright: ignore[reportAttributeAccessIssue]

    try:
        return bytes(bip39_to_mini_secret(phrase, password))
    except ValueError:  # its text would tell which words are wrong
        raise InvalidSecret(
            "The phrase is no English BIP-39 mnemonic: a word is misspelt, missing or misplaced."
        ) from None


def _hex_seed(digits: str) -> bytes:
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdefABCDEF"):
        raise InvalidSecret("A seed is 0x and 64 hexadecimal digits.")
    return bytes.fromhex(digits)


def _chain_code(code: str) -> bytes:
    """sp_core::crypto::DeriveJunction: the SCALE form of a u64 or a string, hashed if too long."""
    if re.fullmatch(r"\+?0*[0-9]{1,20}", code) and int(code) < 1 << 64:
        return int(code).to_bytes(32, "little")
    data = code.encode()
    encoded = _compact(len(data)) + data
    return blake2_256(encoded) if len(encoded) > 32 else encoded.ljust(32, b"\x00")


def _compact(length: int) -> bytes:
    if length < 1 << 6:
        return bytes([length << 2])
    if length < 1 << 14:
        return (length << 2 | 1).to_bytes(2, "little")
    return (length << 2 | 2).to_bytes(4, "little")
