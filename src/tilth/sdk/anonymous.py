"""Publishing without an account: a fresh key signs, work stands for fees, and the pot pays."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from tilth.primitives import ss58
from tilth.primitives.types import H256, AccountId
from tilth.primitives.unixfs import DAG_PB, RAW
from tilth.primitives.work import work
from tilth.sdk import contents
from tilth.sdk.connection import Connection
from tilth.sdk.contents import Progress
from tilth.sdk.publishing import Publication, Published, published_in
from tilth.sdk.refusals import Refused
from tilth.sdk.token import Token
from tilth.sdk.wire import bounded
from tilth.vault.files import create_file, private_directory

if TYPE_CHECKING:
    from substrateinterface import Keypair

CHUNK_HASHING: Final = "Sha2_256"


def default_folder() -> Path:
    """In TILTH_KEYS, else where the XDG base directories say that data is kept."""
    named, home = os.environ.get("TILTH_KEYS"), os.environ.get("XDG_DATA_HOME")
    data = Path(home) if home else Path.home() / ".local" / "share"
    return Path(named) if named else data / "tilth" / "publisher-keys"


def send(
    connection: Connection,
    publication: Publication,
    keys: Path,
    progress: Progress | None = None,
) -> Published:
    """Nothing that is sent names an account but the fresh key's, which has never had money.

    What was stored by an earlier try is not stored again. The key is kept in a file of the
    folder, for whoever may want to show one day that the dataset is his.
    """
    _ensure_affordable(connection, publication)
    _store(connection, publication.reading.chunks(), progress)
    _store(connection, publication.reading.nodes, codec=DAG_PB)
    _store(connection, publication.small)
    key = _fresh()
    file = _kept(key, keys)
    receipt = connection.submit(_publishing(connection, publication, key))
    return published_in(receipt, file)


def _store(
    connection: Connection,
    data: Iterable[bytes],
    progress: Progress | None = None,
    codec: int = RAW,
) -> None:
    contents.store(connection, data, _Worker(connection, codec).storing, progress)


@final
class _Worker:
    """Makes extrinsics that store, each with a nonce that was worked for."""

    def __init__(self, connection: Connection, codec: int) -> None:
        from tilth.pallets.transaction_storage import CidConfig, HashingAlgorithm

        self._connection = connection
        self._cid = CidConfig(codec, HashingAlgorithm.Sha2_256)
        self._base = int(connection.constant("TransactionStorage", "AnonymousWorkBits"))
        self._period = int(connection.query("TransactionStorage", "RetentionPeriod", [], None))

    def storing(self, data: bytes, hash: bytes) -> bytes:
        from tilth.pallets.transaction_storage.unsigned import work_bits, work_payload

        number = int(self._connection.query("System", "Number", [], None))
        payload = work_payload(hash, self._cid, (number + 1) // self._period)
        params = {
            "work": work(payload, work_bits(self._base, len(data))),
            "cid": {"codec": self._cid.codec, "hashing": CHUNK_HASHING},
            "data": data,
        }
        return self._connection.unsigned("TransactionStorage", "store_anonymously", params)


def _publishing(connection: Connection, publication: Publication, key: "Keypair") -> bytes:
    from tilth.pallets.datasets.anonymous import payload_of, work_bits

    named = publication.name, publication.spdx, publication.tags
    listed = tuple(H256(each) for each in publication.reading.contents)
    publisher = AccountId(ss58.decode(key.ss58_address))
    genesis = H256(connection.genesis_hash)
    payload = payload_of(genesis, publisher, *named, publication.draft(), listed)
    signature: bytes = key.sign(payload)
    base = int(connection.constant("Datasets", "AnonymousWorkBits"))
    params: dict[str, Any] = {
        "publisher": key.ss58_address,
        "name": publication.name,
        "spdx": publication.spdx,
        "tags": bounded(publication.tags),
        "draft": publication.draft_params(),
        "contents": bounded("0x" + each.hex() for each in listed),
        "work": work(payload + signature, work_bits(base, len(listed))),
        "signature": "0x" + signature.hex(),
    }
    return connection.unsigned("Datasets", "publish_anonymous", params)


def _ensure_affordable(connection: Connection, publication: Publication) -> None:
    from tilth.pallets.transaction_storage import POT

    deposit = publication.price(connection).deposit
    pot = connection.query("System", "Account", ["0x" + POT.hex()], None)
    free = int(pot["data"]["free"])
    if free <= deposit:
        words = Token.of(connection.ask("system_properties", [])).words
        raise Refused(
            f"the pot that pays for what nobody signs has {words(free)}, and this takes "
            f"{words(deposit)}; nothing was stored. Anybody may fill it: tilth dataset donate"
        )


def _fresh() -> "Keypair":
    from substrateinterface import Keypair

    return Keypair.create_from_mnemonic(Keypair.generate_mnemonic())


def _kept(key: "Keypair", folder: Path) -> Path:
    """On the disk before anybody hears of it."""
    private_directory(folder)
    file = folder / str(key.ss58_address)
    create_file(file, f"{key.mnemonic}\n".encode())
    return file
