"""The catalogue follows the best block: what is published, what changes, and what is taken back."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from tilth.node.catalogue import Query
from tilth.node.service import Node
from tilth.pallets.datasets import Kind
from tilth.primitives.crypto import dev

Start = Callable[..., Awaitable[Any]]


def listing(number: int, name: str, *tags: str, **more: Any) -> list[Any]:
    info = {"kind": "Public", "publisher": f"0x{dev.ALICE.hex()}", "name": name, "tags": list(tags)}
    return [[number], {**info, "spdx": "CC0-1.0", "status": {"active": None}, **more}]


def put(node: Node, *listings: Any) -> None:
    node.dev.set_storage({"Datasets": {"Datasets": list(listings)}})


def numbers(node: Node, **wanted: Any) -> list[int]:
    return [number for number, _ in node.catalogue.matching(Query(**wanted))]


async def test_datasets_are_found_by_all_words_newest_first(start: Start) -> None:
    node = (await start()).node
    put(node, listing(0, "Rain in Ghana", "weather"), listing(1, "Soil", "ghana", "earth"))

    assert numbers(node) == [1, 0]
    assert numbers(node, text="GHANA") == [1, 0]
    assert numbers(node, text="ghana rain") == [0]
    assert numbers(node, text="snow") == []


async def test_what_is_wanted_narrows(start: Start) -> None:
    node = (await start()).node
    put(
        node,
        listing(0, "a", "x"),
        listing(1, "b", "x", spdx="MIT"),
        listing(2, "c", "y", kind="Private", publisher=f"0x{dev.BOB.hex()}"),
    )

    assert numbers(node, tag="x") == [1, 0]
    assert numbers(node, spdx="MIT") == [1]
    assert numbers(node, kind=Kind.PRIVATE) == [2]
    assert numbers(node, publisher=dev.BOB) == [2]
    assert numbers(node, name="a") == [0]
    found = node.catalogue.search(Query(), before=2, limit=1)
    assert ([number for number, _ in found.datasets], found.more) == ([1], True)


async def test_changes_and_what_is_taken_back_are_followed(start: Start) -> None:
    node = (await start(finality_lag=10)).node
    put(node, listing(0, "first"))
    assert numbers(node, text="first") == [0]
    before = node.chain.best.hash
    put(node, listing(0, "renamed"), listing(1, "second"))
    assert numbers(node) == [1, 0]
    assert numbers(node, text="first") == []

    node.dev.set_head(node.chain.expect(before))

    assert numbers(node, text="first") == [0]
    assert numbers(node) == [0]
    assert node.catalogue.info(1) is None


async def test_among_ten_thousand_a_search_is_a_matter_of_milliseconds(start: Start) -> None:
    node = (await start()).node
    put(node, *(listing(n, f"table {n} of soil", f"tag{n % 50}") for n in range(10_000)))
    assert len(node.catalogue) == 10_000
    put(node, listing(10_000, "one more"))

    begun = time.process_time()
    found = numbers(node, text="soil 99")
    spent = time.process_time() - begun

    assert len(found) > 100
    assert spent < 0.05
