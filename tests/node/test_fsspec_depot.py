"""Content wherever fsspec reaches: never half written, and no trouble is taken for an answer."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tilth.node.contents import DepotFailed
from tilth.node.fsspec_depot import FsspecDepot
from tilth.primitives.crypto.hashing import sha2_256

pytest.importorskip("fsspec")
_names = itertools.count()


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}/kept" if request.param == "file" else f"memory://{next(_names)}"


def test_what_was_put_is_there_and_nothing_else_is(url: str) -> None:
    depot, data = FsspecDepot(url), bytes(range(256)) * 1000
    depot.put(sha2_256(data), data)
    depot.put(sha2_256(data), data)

    assert FsspecDepot(url).get(sha2_256(data)) == data
    assert depot.get(sha2_256(b"other")) is None


def test_a_depot_that_cannot_write_says_so(tmp_path: Path, monkeypatch: Any) -> None:
    depot = FsspecDepot(f"file://{tmp_path}/kept")

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(depot._files, "pipe_file", full)
    with pytest.raises(DepotFailed, match="no space left"):
        depot.put(bytes(32), b"seed")
    assert depot.get(bytes(32)) is None


def test_a_url_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(DepotFailed, match="'nonsense://x' cannot be used"):
        FsspecDepot("nonsense://x")
