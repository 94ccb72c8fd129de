"""Publishing and getting what is large: killed on the way it goes on, and memory does not grow."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tilth.primitives import ss58
from tilth.primitives.crypto import dev
from tilth.sdk import Client, NodeProcess
from tilth.sdk.contents import CHUNK_BYTES

MIB = 1 << 20
FEW = 8
"""Extrinsics beside those that store chunks, and those that were on their way."""
ALICE = ss58.encode(dev.ALICE)


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    with NodeProcess() as running:
        yield running


@pytest.fixture
def environment(node: NodeProcess, tmp_path: Path) -> dict[str, str]:
    places = {"TILTH_URL": node.ws, "TILTH_GRPC": node.grpc}
    return {**os.environ, **places, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def begun(environment: dict[str, str], *words: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tilth", "dataset", *words]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def peak(environment: dict[str, str], *words: str) -> int:
    """The most bytes of memory that the command ever had."""
    process = begun(environment, *words)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss * 1024


def publishing(file: Path) -> tuple[str, ...]:
    terms = "--licence", "CC0-1.0", "--key", "//Alice", "--yes"
    return "publish", str(file), "--name", file.stem, *terms


def test_a_publication_that_is_killed_goes_on_and_stores_nothing_twice(
    node: NodeProcess, environment: dict[str, str], tmp_path: Path
) -> None:
    chunks = [bytes([at]) * CHUNK_BYTES for at in range(40)]
    file, hashes = tmp_path / "killed.bin", [sha256(chunk).digest() for chunk in chunks]
    file.write_bytes(b"".join(chunks))
    with Client(node.ws, node.grpc) as client:
        process = begun(environment, *publishing(file))
        while not client.has_content(hashes[3]):
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert not client.has_content(hashes[-1])

        assert begun(environment, *publishing(file)).wait() == 0

        assert client.ask("system_accountNextIndex", ALICE) <= len(chunks) + FEW
        assert client.fetch_dataset(0) == {"killed.bin": b"".join(chunks)}


def test_memory_does_not_grow_with_the_file(environment: dict[str, str], tmp_path: Path) -> None:
    small, large = tmp_path / "small.bin", tmp_path / "large.bin"
    small.write_bytes(b"a")
    with large.open("wb") as stream:
        stream.truncate(256 * MIB)  # zeros, which are one chunk on the chain
        stream.write(bytes(range(256)) * (32 * MIB // 256))

    for words in (publishing, lambda file: ("get", file.stem, str(tmp_path / f"got-{file.stem}"))):
        least, most = peak(environment, *words(small)), peak(environment, *words(large))
        assert most < least + 96 * MIB

    assert (tmp_path / "got-large" / "large.bin").stat().st_size == 256 * MIB
    assert same(tmp_path / "got-large" / "large.bin", large)


def same(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        while data := left.read(MIB):
            if data != right.read(MIB):
                return False
        return not right.read(1)
