"""What describes a dataset is what mlcroissant reads: from files, and from a node."""

import http.client
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import Table, parquet

import tilth
from tilth.sdk import NodeProcess, Publication, Refused

FRAME = pd.DataFrame({"n": [1, 2, 3], "x y": [0.5, 1.5, -2.0], "word": ["a", "b", "c"]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    FRAME.to_json(tmp_path / "l.jsonl", orient="records", lines=True)
    parquet.write_table(Table.from_pandas(FRAME), tmp_path / "p.parquet")
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path


def test_mlcroissant_validates_and_loads_it(folder: Path, tmp_path: Path) -> None:
    publication = Publication.of(
        folder, name="frames", spdx="CC0-1.0", tags=["a"], description="Three rows."
    )
    described = tmp_path / "croissant.json"
    described.write_bytes(publication.metadata)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own, about its own libraries
        import mlcroissant

        local = {file.path: folder / file.path for file in publication.reading.files}
        read: Any = mlcroissant.Dataset(jsonld=described, mapping=local)
        assert not read.metadata.issues.errors
        for name in ("t.csv", "l.jsonl", "p.parquet"):
            rows = list(read.records(f"{name}/rows"))
            assert [row[f"{name}/rows/n"] for row in rows] == [1, 2, 3]
            assert [row[f"{name}/rows/x_y"] for row in rows] == [0.5, 1.5, -2.0]
            assert [row[f"{name}/rows/word"] for row in rows] in (
                [b"a", b"b", b"c"],
                ["a", "b", "c"],
            )


def test_columns_that_no_content_could_hold_are_not_described() -> None:
    columns = ",".join(
        f"a rather long name of a column whose number is {at}" for at in range(20_000)
    )

    wide = Publication.of({"w.csv": columns.encode() + b"\n"}, name="wide", spdx="MIT")

    assert len(wide.metadata) < 2000
    assert json.loads(wide.metadata)["recordSet"] == []
    assert json.loads(wide.metadata)["distribution"][0]["name"] == "w.csv"


def test_what_no_content_could_list_is_refused_before_anything_is_stored() -> None:
    many = {f"folder/{at}.txt": b"the same" for at in range(15_000)}

    with pytest.raises(Refused, match="publish it as several datasets, or its files in an archive"):
        Publication.of(many, name="many", spdx="MIT")


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    with NodeProcess() as running:
        yield running


def published(node: NodeProcess, source: Any, **more: Any) -> int:
    terms = {"name": "frames", "licence": "CC0-1.0", "key": "//Alice"}
    return tilth.publish(source, url=node.ws, grpc=node.grpc, **terms, **more).dataset


def get(node: NodeProcess, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(node.http.removeprefix("http://"), timeout=10)
    connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    reply = connection.getresponse()
    found = reply.status, reply.read()
    connection.close()
    return found


def test_mlcroissant_loads_a_dataset_from_a_nodes_address(
    node: NodeProcess, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = published(node, folder)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own, about its own libraries
        import mlcroissant
        from mlcroissant._src.core import constants

        monkeypatch.setattr(constants, "DOWNLOAD_PATH", type(constants.DOWNLOAD_PATH)(tmp_path))
        read: Any = mlcroissant.Dataset(f"{node.http}/datasets/{number}/croissant.json")
        assert not read.metadata.issues.errors
        for name in ("t.csv", "l.jsonl", "p.parquet"):
            rows = list(read.records(f"{name}/rows"))
            assert [row[f"{name}/rows/n"] for row in rows] == [1, 2, 3]


def test_an_older_revision_and_a_proxys_address_are_asked_for(node: NodeProcess) -> None:
    number = published(node, {"one.csv": b"a\n1\n"})
    published(node, {"two.csv": b"a\n2\n"}, revises=number)
    path = f"/datasets/{number}/croissant.json"

    _, newest = get(node, path)
    _, first = get(node, f"{path}?revision=0", x_forwarded_proto="https")

    (two,), (one,) = (json.loads(each)["distribution"] for each in (newest, first))
    assert (one["name"], two["name"]) == ("one.csv", "two.csv")
    assert one["contentUrl"].startswith(f"https://{node.http.removeprefix('http://')}/ipfs/")
    assert two["contentUrl"].startswith(f"{node.http}/ipfs/")
    status, data = get(node, two["contentUrl"].removeprefix(node.http))
    assert (status, data) == (200, b"a\n2\n")


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("9999/croissant.json", 404, "there is no dataset 9999"),
        ("0/croissant.json?revision=77", 404, "no revision 77"),
        ("0/croissant.json?revision=x", 400, "a revision is a number"),
        ("99999999999999/croissant.json", 404, "croissant.json is here"),
        ("../x", 404, "croissant.json is here"),
    ],
)
def test_what_has_no_description_is_told(
    node: NodeProcess, path: str, status: int, told: str
) -> None:
    published(node, {"here.csv": b"a\n%d\n" % len(path)})

    answer = get(node, f"/datasets/{path}")

    assert answer[0] == status
    assert told in answer[1].decode()
