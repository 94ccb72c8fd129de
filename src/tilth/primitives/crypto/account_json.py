"""Account files of polkadot.js: one key pair as JSON, under a password or bare."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import scrypt
from os import urandom
from re import fullmatch
from typing import Any, Final

from tilth.primitives import ss58
from tilth.primitives.crypto.curves import CURVES, Scheme
from tilth.primitives.crypto.keypair import Keypair

VERSION: Final = "3"
ENCRYPTED: Final = ["scrypt", "xsalsa20-poly1305"]

# @polkadot/keyring pair/defaults: a PKCS#8 head, the secret, a divider, the public key
HEAD = bytes.fromhex("3053020101300506032b657004220420")
DIVIDER = bytes.fromhex("a123032100")

# (N, p, r). polkadot.js writes the largest since 2025, which py-substrate-interface cannot read
# (its scrypt stops at 64 MiB); both read ours.
WRITTEN: Final = (1 << 15, 1, 8)
# @polkadot/util-crypto scrypt/defaults: anything else is refused before it can eat the memory
READ: Final = frozenset(
    {(1 << 13, 10, 8), (1 << 14, 5, 8), (1 << 15, 3, 8), WRITTEN, (1 << 16, 2, 8), (1 << 17, 1, 8)}
)
MEMORY = 1 << 28  # twice what the largest takes


class InvalidAccountFile(ValueError):
    """The text is no account file of a kind that can be read."""


class WrongPassword(ValueError):
    """The password does not open the account file, or its ciphertext was changed."""


def export_account(
    pair: Keypair, password: str | None, *, name: str = "", prefix: int = ss58.SUBSTRATE
) -> str:
    """The pair as JSON text that polkadot.js imports; with None the secret lies open in it."""
    if password == "":
        raise WrongPassword("An empty password protects nothing: give one, or None for none.")
    content = HEAD + _secret_of(pair) + DIVIDER + pair.public
    document = {
        "encoded": b64encode(_lock(content, password) if password else content).decode(),
        "encoding": {
            "content": ["pkcs8", pair.scheme],
            "type": ENCRYPTED if password else ["none"],
            "version": VERSION,
        },
        "address": _address(pair, prefix),
        "meta": {"name": name},
    }
    return json.dumps(document)


def import_account(text: str, password: str | None = None) -> Keypair:
    """Read a file of encoding version 3; its address and name are not authentic and not used."""
    document = _document(text)
    scheme, encrypted = _encoding(document)
    encoded = _encoded(document)
    if not encrypted:
        return _pair(scheme, encoded)
    if not password:
        raise WrongPassword("The account file is encrypted: give its password.")
    return _pair(scheme, _unlock(encoded, password))


def _document(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidAccountFile("An account file is JSON, and this is not.") from None
    if not isinstance(document, dict) or not isinstance(document.get("encoding"), dict):
        raise InvalidAccountFile("An account file is a JSON object with `encoded` and `encoding`.")
    return document


def _encoding(document: Mapping[str, Any]) -> tuple[Scheme, bool]:
    encoding = document["encoding"]
    if encoding.get("version") != VERSION:
        raise InvalidAccountFile(
            "Only encoding version 3 is read: let polkadot.js import this file and export it anew."
        )
    if encoding.get("type") not in (ENCRYPTED, ["none"]):
        raise InvalidAccountFile(f"The encoding type is {ENCRYPTED} or ['none'], and here neither.")
    for scheme in CURVES:
        if encoding.get("content") == ["pkcs8", scheme]:
            return scheme, encoding["type"] == ENCRYPTED
    raise InvalidAccountFile("The content is pkcs8 of sr25519, ed25519 or ecdsa, and here neither.")


def _encoded(document: Mapping[str, Any]) -> bytes:
    encoded = document.get("encoded")
    try:
        if isinstance(encoded, str):
            is_hex = encoded.startswith("0x")
            return bytes.fromhex(encoded[2:]) if is_hex else b64decode(encoded, validate=True)
    except ValueError:
        pass
    raise InvalidAccountFile("`encoded` is base64 or 0x and hexadecimal, and here neither.")


def _pair(scheme: Scheme, content: bytes) -> Keypair:
    at = len(HEAD) + (32 if scheme == "ecdsa" else 64)
    secret, public = content[len(HEAD) : at], content[at + len(DIVIDER) :]
    if content != HEAD + secret + DIVIDER + public:
        raise InvalidAccountFile("What the account file holds is no PKCS#8 key of polkadot.js.")
    pair = _pair_of(scheme, secret)
    if pair.public != public:
        raise InvalidAccountFile("The secret in the account file has another public key beside it.")
    return pair


# @polkadot/keyring: sr25519 as an expanded ed25519 key, ed25519 as seed and public key
def _secret_of(pair: Keypair) -> bytes:
    import sr25519

    secret = pair.expose_secret()
    if pair.scheme == "sr25519":
        return bytes(sr25519.convert_secret_key_to_ed25519(secret))  # pyright: ignore[reportAttributeAccessIssue]
    return secret + pair.public if pair.scheme == "ed25519" else secret


def _pair_of(scheme: Scheme, secret: bytes) -> Keypair:
    import sr25519

    try:
        if scheme == "sr25519":
            _, secret = sr25519.pair_from_ed25519_secret_key(secret)  # pyright: ignore[reportAttributeAccessIssue]
            return Keypair.from_secret(secret, scheme)
        return Keypair.from_secret(secret[:32], scheme)
    except ValueError:
        raise InvalidAccountFile(f"The account file holds no {scheme} secret.") from None


def _address(pair: Keypair, prefix: int) -> str:
    # polkadot.js: an ecdsa public key cannot be had from its address, so it stands there itself
    return f"0x{pair.public.hex()}" if pair.scheme == "ecdsa" else ss58.encode(pair.account, prefix)


def _lock(content: bytes, password: str) -> bytes:
    from nacl.secret import SecretBox

    salt = urandom(32)
    parameters = b"".join(number.to_bytes(4, "little") for number in WRITTEN)
    return salt + parameters + SecretBox(_stretch(password, salt, WRITTEN)).encrypt(content)


def _unlock(data: bytes, password: str) -> bytes:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    salt, box = data[:32], data[44:]
    n, p, r = (int.from_bytes(data[at : at + 4], "little") for at in (32, 36, 40))
    if (n, p, r) not in READ:
        raise InvalidAccountFile(f"Scrypt with N={n} p={p} r={r} is nothing polkadot.js writes.")
    try:
        return bytes(SecretBox(_stretch(password, salt, (n, p, r))).decrypt(box))
    except (CryptoError, ValueError):
        raise WrongPassword("The password does not open this account file.") from None


def _stretch(password: str, salt: bytes, parameters: tuple[int, int, int]) -> bytes:
    n, p, r = parameters
    return scrypt(_password(password), salt=salt, n=n, r=r, p=p, maxmem=MEMORY, dklen=32)


def _password(text: str) -> bytes:
    # polkadot.js takes a password that looks like hexadecimal for the bytes it spells
    if fullmatch("0x([0-9a-fA-F]{2})+", text):
        return bytes.fromhex(text[2:])
    return text.encode()
