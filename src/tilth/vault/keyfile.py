"""The vault's own key, in a file of the keystore that nobody else may read."""

import os
import secrets
import stat
from pathlib import Path

from tilth.vault.errors import KeyFileError
from tilth.vault.files import create_file, private_directory

KEY_FILE = "vault.key"
_KEY_BYTES = 32


def create_key(keystore: Path) -> bytes:
    """Make the vault's key. Without it, or a backup under a password, all tables are lost."""
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        keep_key(keystore, key)
    except FileExistsError:  # another process was first, and its key is as good
        return read_key(keystore)
    return key


def keep_key(keystore: Path, key: bytes) -> None:
    """Put a known key into the keystore; raises FileExistsError where one is."""
    private_directory(keystore)
    create_file(keystore / KEY_FILE, key.hex().encode() + b"\n")


def read_key(keystore: Path) -> bytes:
    """The key as 64 hex digits; refused when the file is missing, open to others or not a key."""
    path = keystore / KEY_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise KeyFileError(f"The vault's key {path} cannot be read: {problem.strerror}.") from None
    with open(descriptor, "rb") as file:
        _check_mode(path, os.fstat(descriptor).st_mode)
        text = file.read(2 * _KEY_BYTES + 2)
    key = _parsed(text.rstrip(b"\n"))
    if key is None:
        raise KeyFileError(f"{path} is not a key of 64 hex digits; put the right file back.")
    return key


def _check_mode(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise KeyFileError(f"{path} is not a file.")
    if stat.S_IMODE(mode) & 0o077:
        cause = f"others may read {path} (mode {stat.S_IMODE(mode):04o})"
        raise KeyFileError(f"The key is not safe: {cause}; chmod it to 0600.")


def _parsed(text: bytes) -> bytes | None:
    if len(text) != 2 * _KEY_BYTES or not set(text) <= set(b"0123456789abcdef"):
        return None
    return bytes.fromhex(text.decode())
