"""Manifests: anybody may publish one, so anything may be in it."""

import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.primitives.manifest import BadManifest, read_manifest

HASH = "ab" * 32
GOOD = {"path": "data/a.csv", "size": 3, "sha256": HASH, "chunks": [HASH, HASH]}


def test_a_manifest_lists_files_in_order() -> None:
    files = read_manifest(json.dumps({"files": [GOOD, {**GOOD, "path": "b"}]}).encode())

    assert [file.path for file in files] == ["data/a.csv", "b"]
    assert files[0].size == 3
    assert files[0].sha256 == bytes.fromhex(HASH)
    assert files[0].chunks == (bytes.fromhex(HASH),) * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "/etc/passwd"},
        {"path": "../secret"},
        {"path": "a/../../b"},
        {"path": "a//b"},
        {"path": "./a"},
        {"path": ""},
        {"path": "a\\b"},
        {"path": "C:/a"},
        {"path": "a\0"},
        {"path": "\ud800"},
        {"path": 7},
        {"size": -1},
        {"size": 2**63},
        {"size": 1.5},
        {"size": True},
        {"size": None},
        {"sha256": "ab"},
        {"sha256": "no hex"},
        {"sha256": None},
        {"chunks": None},
        {"chunks": "ab"},
        {"chunks": [HASH, 1]},
    ],
)
def test_a_file_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadManifest):
        read_manifest(json.dumps({"files": [{**GOOD, **changes}]}).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"{",
        b'{"files": 1}',
        b'{"files": "ab"}',
        b'{"files": [{}]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(BadManifest):
        read_manifest(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    entry=st.fixed_dictionaries(
        {},
        optional={
            "path": st.text(alphabet="ab./\\:\0é", max_size=12) | json_values,
            "size": st.integers(0, 10) | json_values,
            "sha256": st.just(HASH) | json_values,
            "chunks": st.just([HASH]) | json_values,
        },
    )
)
def test_no_manifest_names_a_file_outside_its_folder(entry: dict[str, Any]) -> None:
    try:
        (file,) = read_manifest(json.dumps({"files": [entry]}).encode())
    except BadManifest:
        return

    path = PurePosixPath(file.path)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert str(path) == file.path
