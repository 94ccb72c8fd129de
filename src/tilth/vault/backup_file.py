"""A vault and its key in one file under a password: proved before it is used, never overwritten.

head: the line below, a salt, and the vault's key wrapped (RFC 3394) under scrypt(password, salt)
body: the vault's files as a tar, encrypted at rest under a key of the vault's key; its context is
the head, so that no part of one backup goes with another
"""

import hashlib
import hmac
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO, Final

from tilth.primitives.crypto import at_rest
from tilth.vault.backup import copy_vault
from tilth.vault.errors import DamagedError, TakenError, WrongKeyError
from tilth.vault.files import UNFINISHED, sync_directory, write_private

HEAD: Final = b"tilth vault backup 1\n"
_SALT: Final = 32
_WRAPPED: Final = 40
_HEAD_BYTES: Final = len(HEAD) + _SALT + _WRAPPED
_COST: Final = 1 << 17
"""scrypt's n: half a second and 128 MiB for each password that somebody tries."""
_BLOCK: Final = 8
_PLACE: Final = re.compile(r"check|[0-9a-f]{64}/(key|manifest|rows|releases|results/[0-9a-f]+)")


def write_backup(
    vault: Path, kek: bytes, target: Path, password: str, *, cost: int = _COST
) -> None:
    """Back up a vault that others may be using; the file appears whole or not at all."""
    salt = os.urandom(_SALT)
    head = HEAD + salt + at_rest.wrap(_under(password, salt, cost), kek)
    with TemporaryDirectory(dir=target.parent, prefix=UNFINISHED) as made:
        copy_vault(vault, Path(made) / "vault")
        with TemporaryFile(dir=made) as packed:
            _pack(Path(made) / "vault", packed)
            packed.seek(0)
            body = at_rest.encrypt_stream(_body_key(kek), head, packed)
            _appear(target, Path(made) / "file", head, body)


def unpack_backup(source: Path, target: Path, password: str, *, cost: int = _COST) -> bytes:
    """Unpack a backup into an empty directory, all of it proved first; returns the vault's key."""
    with open(source, "rb") as file, TemporaryFile(dir=target) as packed:
        kek, head = _opened(source, file.read(_HEAD_BYTES), password, cost)
        try:
            packed.writelines(at_rest.decrypt_stream(_body_key(kek), head, file))
        except at_rest.AtRestBroken as problem:
            raise DamagedError(f"{source} is damaged: {problem}") from None
        packed.seek(0)
        _unpack(source, packed, target)
    return kek


def _opened(source: Path, head: bytes, password: str, cost: int) -> tuple[bytes, bytes]:
    if len(head) != _HEAD_BYTES or not head.startswith(HEAD):
        raise DamagedError(f"{source} is no backup of a vault, or most of it is cut off.")
    salt, wrapped = head[len(HEAD) : -_WRAPPED], head[-_WRAPPED:]
    try:
        return at_rest.unwrap(_under(password, salt, cost), wrapped), head
    except at_rest.AtRestBroken:
        cause = "it is another's, or the beginning of the file was changed"
        raise WrongKeyError(f"The password does not open {source}: {cause}.") from None


def _under(password: str, salt: bytes, cost: int) -> bytes:
    memory = 2 * 128 * cost * _BLOCK
    known = password.encode()
    return hashlib.scrypt(known, salt=salt, n=cost, r=_BLOCK, p=1, maxmem=memory, dklen=32)


def _body_key(kek: bytes) -> bytes:
    return hmac.digest(kek, b"tilth vault: back up", "sha256")


def _appear(target: Path, unfinished: Path, head: bytes, body: Iterator[bytes]) -> None:
    write_private(unfinished, head)
    with open(unfinished, "ab") as file:
        file.writelines(body)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(unfinished, target)
    except FileExistsError:
        raise TakenError(f"{target} exists; name a file that does not.") from None
    sync_directory(target.parent)


def _pack(directory: Path, packed: BinaryIO) -> None:
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted(found for found in directory.rglob("*") if found.is_file()):
            entry = tarfile.TarInfo(path.relative_to(directory).as_posix())
            entry.size = path.stat().st_size
            with open(path, "rb") as file:
                archive.addfile(entry, file)


def _unpack(source: Path, packed: BinaryIO, target: Path) -> None:
    with tarfile.open(fileobj=packed, mode="r:") as archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.isreg() else None
            if file is None or not _PLACE.fullmatch(entry.name):
                raise DamagedError(f"{source} holds what no vault has.")
            place = target / entry.name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(place, file.read())
