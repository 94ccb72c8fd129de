"""The node's own keys on disk, in the layout of Substrate's keystore."""

import json
import os
import re
from pathlib import Path

from tilth.primitives.crypto.curves import CURVES, InvalidSecret, Scheme
from tilth.primitives.crypto.keypair import Keypair


class KeystoreError(Exception):
    """A key is absent or its file unusable; the message names the file, never its content."""


class Keystore:
    """A directory only its owner can enter, with a file for each key.

    sc_keystore: the name is key type and public key in hexadecimal, the content the secret URI as
    a JSON string.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_mode & 0o077:
            directory.chmod(0o700)

    def insert(self, key_type: bytes, uri: str, scheme: Scheme = "sr25519") -> Keypair:
        """Keep the secret behind a URI for a purpose of four letters, such as `b"aura"`."""
        pair = Keypair.from_uri(uri, scheme)
        self.put(key_type, pair.public, uri)
        return pair

    def put(self, key_type: bytes, public: bytes, uri: str) -> None:
        """Keep a secret URI under the public key that it is said to make.

        As in Substrate nobody looks whether it does before the key is used.
        """
        path = self._path(key_type, public)
        draft = path.with_name(f".{os.urandom(8).hex()}")
        try:
            _write_private(draft, json.dumps(uri).encode())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_directory(self.directory)

    def has(self, key_type: bytes, public: bytes) -> bool:
        return self._path(key_type, public).exists()

    def keys(self, key_type: bytes) -> list[bytes]:
        """The public keys kept for a purpose, in order."""
        name = re.compile(_hex_of(key_type) + "((?:[0-9a-f]{2})+)")
        found = (name.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted(bytes.fromhex(match[1]) for match in found if match)

    def pair(self, key_type: bytes, public: bytes) -> Keypair:
        path = self._path(key_type, public)
        try:
            uri = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise KeystoreError(f"No key is kept in {path}.") from None
        except ValueError:
            raise KeystoreError(f"{path} holds no secret URI as a JSON string.") from None
        return _pair_of(uri, public, path)

    def __repr__(self) -> str:
        return f"Keystore({self.directory})"

    def _path(self, key_type: bytes, public: bytes) -> Path:
        return self.directory / (_hex_of(key_type) + public.hex())


class MemoryKeystore:
    """Keys of a node that keeps nothing: they go with the process."""

    def __init__(self) -> None:
        self._uris: dict[tuple[bytes, bytes], str] = {}

    def put(self, key_type: bytes, public: bytes, uri: str) -> None:
        self._uris[key_type, public] = uri

    def has(self, key_type: bytes, public: bytes) -> bool:
        return (key_type, public) in self._uris


def _hex_of(key_type: bytes) -> str:
    if len(key_type) != 4:
        raise KeystoreError(f"A key type has 4 bytes, not {len(key_type)}.")
    return key_type.hex()


def _pair_of(uri: object, public: bytes, path: Path) -> Keypair:
    """The name tells no scheme: it is the one that makes this public key of the secret."""
    for scheme in CURVES:
        pair = _try_pair(uri, scheme) if isinstance(uri, str) else None
        if pair is not None and pair.public == public:
            return pair
    raise KeystoreError(f"{path} holds no secret of the public key in its name.")


def _try_pair(uri: str, scheme: Scheme) -> Keypair | None:
    try:
        return Keypair.from_uri(uri, scheme)
    except InvalidSecret:  # a soft path, which only sr25519 knows
        return None


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
