"""Publishing in one call: what the user has at hand becomes files, and then a dataset."""

import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tilth.sdk.client import Client
from tilth.sdk.contents import Progress
from tilth.sdk.publishing import Publication, Published
from tilth.sdk.tables import arrow

if TYPE_CHECKING:
    from substrateinterface import Keypair


class NoKey(ValueError):
    """Nobody is named to publish; the text says how to."""


def publish(
    source: Any,
    *,
    name: str,
    licence: str,
    key: "Keypair | str | None" = None,
    anonymous: bool = False,
    tags: Sequence[str] = (),
    description: str = "",
    changelog: str = "",
    revises: int | None = None,
    progress: Progress | None = None,
    url: str = "ws://127.0.0.1:9944",
    grpc: str = "127.0.0.1:50051",
) -> Published:
    """Publish a file, a folder, a pandas or Arrow table or a NumPy array, for ever.

    `key` is a key pair, or a secret URI as //Alice; without it TILTH_KEY is read. Called again
    after an interruption, it goes on where it stopped.

    `anonymous` takes no account: this machine works for a while instead, a pot that others fill
    pays the deposits, and the answer's `key_file` is the secret of the dataset's publisher.
    """
    if anonymous and (key is not None or revises is not None):
        raise ValueError("anonymous is without a key, and nobody's dataset has a new revision")
    publication = Publication.of(
        files_of(source),
        name=name,
        spdx=licence,
        tags=tags,
        description=description,
        changelog=changelog,
    )
    if anonymous:
        with Client(url, grpc) as client:
            return client.send_anonymously(publication, progress)
    pair = key_pair(key)
    with Client(url, grpc) as client:
        return client.send_publication(pair, publication, progress, revises=revises)


def files_of(source: Any) -> Path | Mapping[str, bytes]:
    """Frames become CSV, arrays .npy; paths and named bytes stay what they are."""
    if isinstance(source, str | Path):
        return Path(source)
    if isinstance(source, Mapping):
        return source
    if isinstance(source, np.ndarray):
        return {"array.npy": _npy(source)}
    if hasattr(source, "to_csv"):
        return {"table.csv": source.to_csv(index=False).encode()}
    if hasattr(source, "to_batches"):
        return {"table.csv": _csv(source)}
    raise TypeError(
        "publish a path, a pandas.DataFrame, a pyarrow.Table, a NumPy array or a dict of bytes, "
        f"not {type(source).__name__}"
    )


def key_pair(key: "Keypair | str | None") -> "Keypair":
    """Of what was given, or of TILTH_KEY; raises NoKey."""
    from substrateinterface import Keypair

    if isinstance(key, Keypair):
        return key
    secret = key or os.environ.get("TILTH_KEY")
    if not secret:
        raise NoKey("who publishes? give key=, or set TILTH_KEY to the account's secret URI")
    try:
        return Keypair.create_from_uri(secret)
    except (ValueError, NotImplementedError):
        raise NoKey("the key is no secret URI") from None


def _npy(array: Any) -> bytes:
    written = BytesIO()
    np.lib.format.write_array(written, np.ascontiguousarray(array), allow_pickle=False)
    return written.getvalue()


def _csv(table: Any) -> bytes:
    arrow()
    from pyarrow import csv

    written = BytesIO()
    csv.write_csv(table, written)
    return written.getvalue()
