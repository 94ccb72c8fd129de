"""Publishing: everything is read, checked and paid for in mind before the first byte is sent."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tilth.primitives import ss58
from tilth.primitives.types import H256
from tilth.primitives.unixfs import DAG_PB
from tilth.sdk import contents, croissant
from tilth.sdk.connection import Connection
from tilth.sdk.contents import Progress
from tilth.sdk.files import Reading
from tilth.sdk.refusals import Refused
from tilth.sdk.token import Token
from tilth.sdk.wire import bounded

if TYPE_CHECKING:
    from substrateinterface import Keypair

    from tilth.pallets.datasets import Draft

_LONGEST_NAME: Final = 96
_MOST_CONTENTS: Final = 4096
_LARGEST_CONTENT: Final = 2 * 1024 * 1024
_SALT: Final = b"tilth/reservation/1"


@dataclass(frozen=True, slots=True)
class Price:
    """What becomes public, and what is held for it for ever; fees come on top. In planck."""

    files: int
    rows: int
    size: int
    new_bytes: int
    """Of what the chain does not have yet."""
    deposit: int


@dataclass(frozen=True, slots=True)
class Publication:
    """A revision of a dataset, read and described, but not sent."""

    name: str
    spdx: str
    tags: tuple[str, ...]
    reading: Reading
    metadata: bytes
    changelog: bytes | None

    @classmethod
    def of(
        cls,
        source: Path | Mapping[str, bytes],
        *,
        name: str,
        spdx: str,
        tags: Sequence[str] = (),
        description: str = "",
        changelog: str = "",
    ) -> "Publication":
        """Reads the source; raises Refused, BadTable, FileNotFoundError.

        Columns are not described where there are so many that no content could hold it.
        """
        _ensure_described(name, spdx, tags)
        reading = Reading.of(source)
        if len(reading.contents) > _MOST_CONTENTS:
            raise Refused("a revision has at most 4 GiB in 4096 parts: publish it as several")
        describe = partial(croissant.describe, name, spdx=spdx, tags=tags, description=description)
        metadata = describe(files=reading.files)
        if len(metadata) > _LARGEST_CONTENT:
            bare = [replace(file, columns=()) for file in reading.files]
            metadata = describe(files=bare)
        made = cls(name, spdx, tuple(tags), reading, metadata, changelog.encode() or None)
        if max(map(len, made.small)) > _LARGEST_CONTENT:
            raise Refused(
                "the list of its files, or what is said of it, is larger than the 2 MiB of a "
                "content: publish it as several datasets, or its files in an archive"
            )
        return made

    @property
    def small(self) -> list[bytes]:
        """What is stored beside the files' chunks and what lists those."""
        shown = [self.reading.manifest, self.metadata]
        return shown if self.changelog is None else [*shown, self.changelog]

    def price(self, connection: Connection) -> Price:
        reading = self.reading
        sizes = {
            **dict(reading.chunk_sizes()),
            **{_sha256(data): len(data) for data in (*reading.nodes, *self.small)},
        }
        there = contents.present(connection, list(sizes))
        new = [size for hash, size in sizes.items() if hash not in there]
        per_byte = connection.query("TransactionStorage", "ByteFee", [], None) or 0
        per_entry = connection.query("TransactionStorage", "EntryFee", [], None) or 0
        record = connection.constant("Datasets", "Deposit")
        deposit = int(per_byte) * sum(new) + int(per_entry) * len(new) + int(record)
        return Price(len(reading.files), reading.rows, reading.size, sum(new), deposit)

    def send(
        self,
        connection: Connection,
        pair: "Keypair",
        progress: Progress | None = None,
        revises: int | None = None,
    ) -> "Published":
        """Reserve, store and publish; raises Refused before anything is stored if it can."""
        self._ensure_affordable(connection, pair)
        salt = self._reserved(connection, pair)
        self._store(connection, pair, progress)
        params = {"draft": self.draft_params(), "contents": self._contents(), "salt": _hex(salt)}
        if revises is None:
            call = "publish"
            params |= {"name": self.name, "spdx": self.spdx, "tags": bounded(self.tags)}
        else:
            call = "publish_revision"
            params |= {"dataset": revises}
        receipt = connection.submit(connection.signed(pair, "Datasets", call, params))
        return published_in(receipt)

    def draft(self) -> "Draft":
        """What the chain is told of the revision."""
        from tilth.pallets.datasets import Draft

        reading = self.reading
        manifest, metadata, *changelog = (H256(_sha256(data)) for data in self.small)
        return Draft(
            manifest,
            metadata,
            changelog[0] if changelog else None,
            reading.size,
            reading.rows,
            H256(reading.fingerprint),
            reading.sketch,
        )

    def draft_params(self) -> dict[str, Any]:
        draft = self.draft()
        return {
            "manifest": _hex(draft.manifest),
            "metadata": _hex(draft.metadata),
            "changelog": None if draft.changelog is None else _hex(draft.changelog),
            "bytes": draft.bytes,
            "rows": draft.rows,
            "fingerprint": _hex(draft.fingerprint),
            "sketch": None if draft.sketch is None else list(draft.sketch),
        }

    def _contents(self) -> Any:
        return bounded(map(_hex, self.reading.contents))

    def _store(self, connection: Connection, pair: "Keypair", progress: Progress | None) -> None:
        contents.publish(connection, pair, self.reading.chunks(), progress)
        contents.publish(connection, pair, self.reading.nodes, codec=DAG_PB)
        contents.publish(connection, pair, self.small)

    def _ensure_affordable(self, connection: Connection, pair: "Keypair") -> None:
        deposit = self.price(connection).deposit
        account = connection.query("System", "Account", [pair.ss58_address], None)
        free = int(account["data"]["free"])
        if free <= deposit:
            words = Token.of(connection.ask("system_properties", [])).words
            raise Refused(
                f"publishing holds a deposit of {words(deposit)} beside fees, and the account has "
                f"{words(free)}; nothing was stored"
            )

    def _reserved(self, connection: Connection, pair: "Keypair") -> bytes:
        """The salt of a reservation, an earlier one where publishing was interrupted.

        The salt follows from the secret key, so that it need not be kept anywhere.
        """
        from tilth.pallets.datasets.originality import commitment

        fingerprint = self.reading.fingerprint
        secret = bytes(pair.private_key or b"")
        about = _SALT + connection.genesis_hash + fingerprint
        salt = hmac.digest(secret, about, "sha256")
        hidden = _hex(commitment(fingerprint, ss58.decode(pair.ss58_address), salt))
        if connection.query("Datasets", "Reservations", [hidden], None) is None:
            reserve = connection.signed(pair, "Datasets", "reserve", {"commitment": hidden})
            connection.submit(reserve)
        return salt


@dataclass(frozen=True, slots=True)
class Published:
    """A revision that the chain has, and which others say the same or nearly so."""

    dataset: int
    revision: int
    duplicate_of: int | None = None
    similar_to: int | None = None
    key_file: Path | None = None
    """Where the secret key is that published it, if nobody's account did."""


def published_in(receipt: Any, key_file: Path | None = None) -> Published:
    revised = next(receipt.all("Datasets", "RevisionPublished"), None)
    told = receipt.one("Datasets", "Published") if revised is None else revised
    duplicate = next(receipt.all("Datasets", "DuplicateOf"), None)
    similar = next(receipt.all("Datasets", "SimilarTo"), None)
    return Published(
        int(told["dataset"]),
        0 if revised is None else int(revised["revision"]),
        None if duplicate is None else int(duplicate["original"]),
        None if similar is None else int(similar["other"]),
        key_file,
    )


def _ensure_described(name: str, spdx: str, tags: Sequence[str]) -> None:
    """What the chain would refuse in the end is refused before anything is stored."""
    from tilth.pallets.datasets.spdx import is_expression

    if not 0 < len(name.encode()) <= _LONGEST_NAME:
        raise Refused("A dataset has a name, of at most 96 bytes.", "Datasets.BadName")
    if not is_expression(spdx) or len(spdx) > 64:
        raise Refused(
            f"The licence is not an SPDX expression of known licences: {spdx!r}; "
            "CC0-1.0 and CC-BY-4.0 are two of them.",
            "Datasets.BadSpdx",
        )
    if not all(0 < len(tag.encode()) <= 32 for tag in tags) or len(set(tags)) < len(tags):
        raise Refused("Tags are not empty, of at most 32 bytes, each once.", "Datasets.BadTags")
    if len(tags) > 16:
        raise Refused("A dataset has at most 16 tags.", "Datasets.BadTags")


def _sha256(data: bytes) -> bytes:
    return sha256(data).digest()


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
