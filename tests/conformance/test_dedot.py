"""An unmodified dedot, driven by the new protocol and by the old methods."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tilth.runtime import DevRuntime
from tilth.testing import LocalNode

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with LocalNode(DevRuntime) as running:
        # dedot waits until the finalized block has a parent that it knows
        running.run(lambda node: node.author.build())
        yield running


@pytest.mark.parametrize(
    ("client", "statuses"),
    [
        ("new", ["Validated", "Broadcasting"]),
        ("legacy", ["Validated", "BestChainBlockIncluded"]),
    ],
)
def test_it_transfers_reads_and_watches(
    node: LocalNode, drive: Callable[..., dict[str, Any]], client: str, statuses: list[str]
) -> None:
    seen = drive("dedot.mjs", node.ws, client)

    assert seen["statuses"][:2] == statuses
    assert seen["statuses"][-1] == "Finalized"
    assert seen["events"][0] == "Balances.Withdraw"
    assert seen["events"][-1] == "System.ExtrinsicSuccess"
    assert seen["received"] == "1000000000000"
    assert seen["batch"]
    assert seen["error"] == {"type": "Token", "value": "FundsUnavailable"}
    assert seen["several"] == 2
    assert seen["accounts"] >= 2
    assert seen["deposit"] == "1000000000"
    assert seen["spec"] == "tilth"
    assert seen["versions"] == [14, 15, 16]
    assert int(seen["fee"]) > 0
    assert (seen["balances"][0], seen["balances"][-1]) == ("0", "2000000000000")
