"""One-time keys of a buyer's jobs, kept on this machine so that a script may be started again."""

import os
from pathlib import Path
from typing import Final, final

from tilth.primitives.crypto.sealing import SealingKey
from tilth.vault.files import create_file, private_directory

_MODEL: Final = ".onnx"


def default_keys() -> "KeyRing":
    """In TILTH_KEYS, else where the XDG base directories say that data is kept."""
    named, home = os.environ.get("TILTH_KEYS"), os.environ.get("XDG_DATA_HOME")
    data = Path(home) if home else Path.home() / ".local" / "share"
    return KeyRing(Path(named) if named else data / "tilth" / "job-keys")


@final
class KeyRing:
    """A file for each key, under its public part, which a job's spec tells; for its owner's eyes.

    Who loses a key has paid for a result that nobody can open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def generate(self) -> SealingKey:
        """A new key, on the disk before anybody hears of it."""
        key = SealingKey.generate()
        self.keep(key)
        return key

    def keep(self, key: SealingKey) -> None:
        private_directory(self.folder)
        create_file(self._path(key.public), key.expose_secret().hex().encode() + b"\n")

    def find(self, public: bytes) -> SealingKey | None:
        path = self._path(public)
        if not path.exists():
            return None
        try:
            return SealingKey(bytes.fromhex(path.read_text()))
        except ValueError:
            raise ValueError(f"{path} holds no key") from None

    def keep_model(self, public: bytes, model: bytes) -> None:
        """A secret model, until a worker has claimed its job and it can be sealed to him."""
        create_file(self._path(public).with_suffix(_MODEL), model)

    def model(self, public: bytes) -> bytes | None:
        path = self._path(public).with_suffix(_MODEL)
        return path.read_bytes() if path.exists() else None

    def promised(self, name: bytes) -> SealingKey:
        """The one key of a job that its owner has to list before it is ordered."""
        link = self.folder / f"promised-{name.hex()}"
        if not link.exists():
            key = self.generate()
            create_file(link, key.public.hex().encode())
            return key
        found = self.find(bytes.fromhex(link.read_text()))
        if found is None:
            raise LookupError(f"the key that {link} promises is not beside it")
        return found

    def forget_promise(self, name: bytes) -> None:
        """It was ordered: a second job needs another key."""
        (self.folder / f"promised-{name.hex()}").unlink(missing_ok=True)

    def _path(self, public: bytes) -> Path:
        return self.folder / public.hex()
