"""The examples do what they say, against a node in another process."""

import runpy
from pathlib import Path
from typing import Any, Protocol

import pytest

from tilth.sdk import NodeProcess
from tilth.v1 import onnx_pb2

EXAMPLES = Path(__file__).parents[2] / "examples"


class Market(Protocol):
    node: NodeProcess
    folder: Path


def main_of(example: str) -> Any:
    return runpy.run_path(str(EXAMPLES / example))["main"]


def test_publish_and_read(
    market: Market, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")

    main_of("publish_and_read.py")(str(tmp_path), market.node.ws, market.node.grpc)

    assert "t.csv: 8 bytes" in capsys.readouterr().out


def test_the_commons(
    market: Market,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    loaded = main_of("commons.py")(market.node.ws, market.node.grpc)

    assert loaded["long"].tolist() == [False, True, True]
    assert "the fingerprint is that of the files" in capsys.readouterr().out


def test_rent_out_a_table(market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    main_of("rent_out_a_table.py")(str(market.folder), "patients", market.node.ws, market.node.grpc)

    trained = onnx_pb2.ModelProto.FromString((tmp_path / "trained.onnx").read_bytes())
    assert [node.op_type for node in trained.graph.node] == ["Gemm"]
