"""Publishing and loading in one line each, against a node in another process."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from substrateinterface import Keypair

import tilth
from tilth.primitives.manifest import File
from tilth.primitives.types import H256
from tilth.sdk import Client, NodeProcess, Publication, Refused, Unreachable, WrongContent
from tilth.sdk.arrays import load_array, load_arrays
from tilth.sdk.cache import Cache
from tilth.sdk.contents import CHUNK_BYTES
from tilth.sdk.loading import LoadedDataset, NotOne

FRAME = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, 1.5, -2.0], "word": ["a", "b", "c"]})


class Market(Protocol):
    node: NodeProcess


@pytest.fixture
def at(market: Market) -> dict[str, Any]:
    return {"url": market.node.ws, "grpc": market.node.grpc}


def published(at: dict[str, Any], source: Any, name: str, **more: Any) -> int:
    return tilth.publish(source, name=name, licence="CC0-1.0", key="//Alice", **at, **more).dataset


def loaded(at: dict[str, Any], cache: Path, which: str | int, **more: Any) -> LoadedDataset:
    return tilth.load_dataset(which, cache=cache, **at, **more)


def saved(array: Any) -> bytes:
    stream = BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy(shape: tuple[int, ...]) -> bytes:
    """A header of so many float64, and four of them."""
    stream = BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(32)


def packed(member: bytes) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", member)
    return stream.getvalue()


def bomb() -> bytes:
    """A thousandth of what it unpacks to."""
    stream = BytesIO()
    with (
        ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.npy", "w") as member,
    ):
        for _ in range(65):
            member.write(bytes(1 << 24))
    return stream.getvalue()


def test_a_frame_comes_back_by_its_name(at: dict[str, Any], tmp_path: Path) -> None:
    published(at, FRAME, "a frame")

    with loaded(at, tmp_path, "a frame") as dataset:
        pd.testing.assert_frame_equal(dataset.to_pandas(), FRAME, check_dtype=False)
        assert dataset.to_arrow().column_names == ["n", "x", "word"]
        assert sum(batch.num_rows for batch in dataset.batches()) == 3
    (records,) = dataset.croissant["recordSet"]
    kinds = [field["dataType"] for field in records["field"]]
    assert kinds == ["sc:Integer", "sc:Float", "sc:Text"]


def test_formats_come_back_as_they_were(at: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    table = pa.table({"n": [1, 2], "t": ["x", "y"]})
    parquet.write_table(table, folder / "t.parquet")
    with (
        pa.OSFile(str(folder / "t.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table)
    (folder / "t.jsonl").write_text('{"n": 1, "t": "x"}\n{"n": 2, "t": "y"}\n')
    np.save(folder / "t.npy", np.arange(6.0).reshape(3, 2))
    np.savez(folder / "t.npz", a=np.arange(3))
    number = published(at, folder, "formats")

    with loaded(at, tmp_path / "cache", number) as dataset:
        for name in ("t.parquet", "t.arrow", "t.jsonl"):
            assert dataset.to_arrow(name).equals(table), name
        assert np.array_equal(dataset.to_numpy("t.npy"), np.arange(6.0).reshape(3, 2))
        assert np.array_equal(dataset.to_numpy("t.npz")["a"], np.arange(3))
        with pytest.raises(NotOne, match=r"name the table: the dataset has .*t\.arrow"):
            dataset.to_arrow()
        assert len(dataset.verify()) == 4


def test_a_parquet_says_the_same_as_its_csv(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pandas(FRAME), tmp_path / "t.parquet")
    one = Publication.of(tmp_path, name="one", spdx="MIT").reading
    other = Publication.of(
        {"t.csv": FRAME.to_csv(index=False).encode()}, name="other", spdx="MIT"
    ).reading

    assert one.fingerprint == other.fingerprint
    assert one.sketch == other.sketch


def test_large_files_are_fetched_once_and_have_an_identifier_of_ipfs(
    at: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * (CHUNK_BYTES // 100)
    number = published(at, {"big.bin": data}, "large")

    with loaded(at, tmp_path, number) as dataset:
        assert dataset.path("big.bin").read_bytes() == data
        assert b"".join(dataset.stream("big.bin")) == data
        (file,) = dataset.croissant["distribution"]
        assert file["contentUrl"].startswith("/ipfs/bafybei")
        assert file["sha256"] == sha256(data).hexdigest()
        monkeypatch.setattr(Client, "fetch", lambda *_: pytest.fail("it is here already"))
        assert dataset.path("big.bin").read_bytes() == data


def test_damage_in_the_cache_is_mended(at: dict[str, Any], tmp_path: Path) -> None:
    number = published(at, {"t.csv": b"a\n1\n"}, "mended")
    with loaded(at, tmp_path, number) as dataset:
        dataset.path("t.csv").write_bytes(b"a\n2\n")

        assert dataset.path("t.csv").read_bytes() == b"a\n1\n"


def test_a_revision_is_loaded_by_number_or_tag(
    at: dict[str, Any], tmp_path: Path, client: Client, alice: Keypair
) -> None:
    number = published(at, {"t.csv": b"a\n1\n"}, "revised")
    again = tilth.publish(
        {"t.csv": b"a\n1\n2\n"},
        name="revised",
        licence="CC0-1.0",
        key=alice,
        revises=number,
        changelog="One more row.",
        **at,
    )
    client.submit(
        alice, "Datasets", "tag_revision", {"dataset": number, "tag": "v1", "revision": 0}
    )

    assert (again.dataset, again.revision) == (number, 1)
    for revision, rows in ((None, 2), (0, 1), ("v1", 1)):
        with loaded(at, tmp_path, "revised", revision=revision) as dataset:
            assert dataset.to_arrow().num_rows == rows
    with pytest.raises(LookupError, match="no tag 'v2'"):
        loaded(at, tmp_path, number, revision="v2")


def test_a_name_that_several_have_is_answered_with_their_numbers(
    at: dict[str, Any], tmp_path: Path
) -> None:
    first, second = (published(at, {"t.csv": b"a\n%d\n" % n}, "twice") for n in (1, 2))

    with pytest.raises(NotOne, match=f"of {second}, {first}"):
        loaded(at, tmp_path, "twice")
    with pytest.raises(NotOne, match="no dataset named 'nowhere'"):
        loaded(at, tmp_path, "nowhere")


def test_the_publisher_hears_of_a_duplicate_and_of_a_likeness(at: dict[str, Any]) -> None:
    rows = [f"{n},{n * n}" for n in range(500)]
    first = published(at, {"t.csv": "\n".join(["a,b", *rows]).encode()}, "squares")
    turned = [",".join(row.split(",")[::-1]) for row in reversed(rows)]

    same = tilth.publish(
        {"u.csv": "\n".join(["b,a", *turned]).encode()},
        name="turned", licence="MIT", key="//Bob", **at,
    )  # fmt: skip
    alike = tilth.publish(
        {"v.csv": "\n".join(["a,b", *rows[:450]]).encode()},
        name="alike", licence="MIT", key="//Bob", **at,
    )  # fmt: skip

    assert (same.duplicate_of, same.similar_to) == (first, first)
    assert (alike.duplicate_of, alike.similar_to) == (None, first)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"licence": "Do what you want"}, "not an SPDX expression"),
        ({"name": ""}, "A dataset has a name"),
        ({"tags": ["a", "a"]}, "each once"),
        ({"key": "//Nobody"}, "nothing was stored"),
    ],
)
def test_what_cannot_be_published_is_said_before_anything_is_stored(
    at: dict[str, Any], client: Client, change: dict[str, Any], message: str
) -> None:
    what: dict[str, Any] = {"name": "n", "licence": "MIT", "key": "//Alice", **change}
    before = client.query("TransactionStorage", "PinCount"), client.block_number()

    with pytest.raises(Refused, match=message):
        tilth.publish({"t.csv": b"a\n99\n"}, **what, **at)

    assert (client.query("TransactionStorage", "PinCount"), client.block_number()) == before


def test_a_description_that_lies_about_a_hash_is_refused(
    at: dict[str, Any], tmp_path: Path, client: Client, alice: Keypair
) -> None:
    publication = Publication.of({"t.csv": b"a\n5\n"}, name="lie", spdx="MIT")
    described = json.loads(publication.metadata)
    described["distribution"][0]["sha256"] = "00" * 32
    lying = Publication("lie", "MIT", (), publication.reading, json.dumps(described).encode(), None)
    number = client.send_publication(alice, lying).dataset

    with pytest.raises(WrongContent, match="the description lies"):
        loaded(at, tmp_path, number)


def test_an_upload_that_broke_off_goes_on_with_its_reservation(
    at: dict[str, Any], client: Client
) -> None:
    data = bytes(range(251)) * (CHUNK_BYTES // 100)

    def cut(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        published(at, {"cut.bin": data}, "cut", progress=cut)
    reserved = list(client.entries("Datasets", "Reservations"))

    number = published(at, {"cut.bin": data}, "cut")

    assert len(reserved) == 1
    assert not list(client.entries("Datasets", "Reservations"))
    assert client.fetch_dataset(number) == {"cut.bin": data}


def test_a_download_that_broke_off_goes_on_where_it_was(
    at: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(241)) * (CHUNK_BYTES // 60)
    chunks = -(-len(data) // CHUNK_BYTES)
    number = published(at, {"cut.bin": data}, "cut on the way")
    real, fetched, left = Client.fetch, list[bytes](), [2]

    def cut(self: Client, hash: bytes) -> bytes:
        if not left[0]:
            raise Unreachable("the line is cut")
        left[0] -= 1
        fetched.append(hash)
        return real(self, hash)

    heard: list[int] = []
    with loaded(at, tmp_path, number) as dataset:
        monkeypatch.setattr(Client, "fetch", cut)
        with pytest.raises(Unreachable):
            dataset.path("cut.bin")
        left[0] = chunks - 1
        (part,) = tmp_path.rglob("*.part")
        with part.open("r+b") as stream:
            stream.seek(-1, os.SEEK_END)
            stream.write(b"!")  # of the two chunks that are here, the second is damaged
        assert dataset.path("cut.bin", heard.append).read_bytes() == data

    assert (len(fetched), len(set(fetched))) == (chunks + 1, chunks)
    assert sum(heard) == len(data)
    assert [path for path in tmp_path.rglob("*") if path.suffix] == []


def test_two_processes_that_load_the_same_file_fetch_it_once(tmp_path: Path) -> None:
    contents = [bytes([at]) * 1000 for at in range(20)]
    chunks = tuple(H256(sha256(each).digest()) for each in contents)
    whole = b"".join(contents)
    file = File("t.bin", len(whole), sha256(whole).digest(), chunks)
    fetched: list[bytes] = []

    def fetch(hash: bytes) -> bytes:
        fetched.append(hash)
        time.sleep(0.005)
        return contents[chunks.index(H256(hash))]

    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: Cache(tmp_path).file(file, fetch), range(2)))

    assert [path.read_bytes() for path in paths] == [whole] * 2
    assert len(fetched) == len(chunks)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("huge.npy", npy((10**13,))),
        ("cut.npy", npy((4,))[:-3]),
        ("objects.npy", saved(np.array([{}], dtype=object))),
        ("no.npy", b"PK"),
        ("no.npz", b"PK"),
        ("huge.npz", packed(npy((10**13,)))),
        ("objects.npz", packed(saved(np.array([{}], dtype=object)))),
        ("bomb.npz", bomb()),
    ],
)
def test_an_array_that_is_not_what_it_says_is_refused_before_room_is_made_for_it(
    tmp_path: Path, name: str, data: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(data)

    with pytest.raises(WrongContent, match=r"it is no \.np|unpacks to more than 1 GiB"):
        load_array(path) if name.endswith("npy") else load_arrays(path)
