"""What describes a dataset is what mlcroissant reads, without a network."""

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import Table, parquet

from tilth.sdk import Publication

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
