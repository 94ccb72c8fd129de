"""The committed stubs are what protoc makes of the contract today."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("chain", "content", "jobs", "transactions")
MESSAGES = ("errors", *SERVICES)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stubs")
    plugin = Path(sys.executable).with_name("protoc-gen-mypy_grpc")
    _protoc([f"--python_out={out}", f"--pyi_out={out}"], MESSAGES)
    _protoc(
        [
            f"--grpc_python_out={out}",
            f"--mypy_grpc_out={out}",
            f"--plugin=protoc-gen-mypy_grpc={plugin}",
        ],
        SERVICES,
    )
    return out / "tilth" / "v1"


def _protoc(options: list[str], names: tuple[str, ...]) -> None:
    files = [f"tilth/v1/{name}.proto" for name in names]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}", *options, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name",
    [
        *(f"{name}_pb2{suffix}" for name in MESSAGES for suffix in (".py", ".pyi")),
        *(f"{name}_pb2_grpc{suffix}" for name in SERVICES for suffix in (".py", ".pyi")),
    ],
)
def test_a_stub_is_in_sync_with_its_contract(generated: Path, name: str) -> None:
    committed = (ROOT / "src" / "tilth" / "v1" / name).read_text()

    assert committed == (generated / name).read_text(), (
        "run protoc as in this file, with --python_out=src and so on"
    )


def test_every_contract_is_held_to_its_stubs() -> None:
    contracts = {path.stem for path in (ROOT / "proto" / "tilth" / "v1").glob("*.proto")}

    assert contracts - {"onnx"} == set(MESSAGES)  # onnx is a file format, held by the engine
