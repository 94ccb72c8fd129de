"""An unmodified @parity/bulletin-sdk stores a file of several chunks, which reads back."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tilth.primitives.unixfs import DAG_PB, cid_text, file_node
from tilth.sdk import Client, NodeProcess

pytestmark = pytest.mark.npm

Drive = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def node(node_modules: Path) -> Iterator[NodeProcess]:
    if not (node_modules / "@parity" / "bulletin-sdk").exists():
        pytest.skip("@parity/bulletin-sdk is not installed: `make test` does that, where npm is")
    with NodeProcess() as running:
        yield running


def test_what_it_stores_reads_back_and_is_named_as_we_name_it(
    node: NodeProcess, drive: Drive
) -> None:
    seen = drive("bulletin_sdk.mjs", node.ws)

    with Client(node.ws, node.grpc) as client:
        chunks = [client.fetch(bytes.fromhex(chunk)) for chunk in seen["chunks"]]
        manifest = client.fetch(bytes.fromhex(seen["manifest"]))
        assert client.fetch(bytes.fromhex(seen["small"])) == b"Hello, Bulletin!"
    assert [len(chunk) for chunk in chunks] == [2**20, 2**20, 2**19]
    assert sha256(b"".join(chunks)).hexdigest() == seen["sha256"]
    assert manifest == file_node([(sha256(chunk).digest(), len(chunk)) for chunk in chunks])
    assert seen["cid"] == cid_text(sha256(manifest).digest(), DAG_PB)
    assert seen["renewed"]
    assert seen["completed"]
