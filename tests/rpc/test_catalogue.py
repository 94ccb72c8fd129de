"""The catalogue follows the best block: what is published, what changes, and what is taken back."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from tilth.node.service import Node
from tilth.pallets.datasets import Kind
from tilth.primitives.crypto import dev
from tilth.rpc.catalogue import Catalogue, Search, count_licences, count_tags

Serving = Callable[..., Awaitable[Any]]


def listing(number: int, name: str, *tags: str, **more: Any) -> list[Any]:
    info = {"kind": "Public", "publisher": f"0x{dev.ALICE.hex()}", "name": name, "tags": list(tags)}
    return [[number], {**info, "spdx": "CC0-1.0", "status": {"active": None}, **more}]


def put(node: Node, *listings: Any) -> None:
    node.dev.set_storage({"Datasets": {"Datasets": list(listings)}})


def numbers(node: Node, **wanted: Any) -> list[int]:
    return [each.number for each in node.beside(Catalogue).search(Search(**wanted))]


async def test_datasets_are_found_by_all_words_newest_first(serving: Serving) -> None:
    node = (await serving()).node
    put(node, listing(0, "Rain in Ghana", "weather"), listing(1, "Soil", "ghana", "earth"))

    assert numbers(node) == [1, 0]
    assert numbers(node, text="GHANA") == [1, 0]
    assert numbers(node, text="ghana rain") == [0]
    assert numbers(node, text="snow") == []


async def test_a_dataset_of_exactly_this_name_comes_first(serving: Serving) -> None:
    node = (await serving()).node
    put(node, listing(0, "iris"), listing(1, "iris of Japan"), listing(2, "Iris"))

    assert numbers(node, text="iris") == [0, 2, 1]
    assert [each.number for each in node.beside(Catalogue).named("iris")] == [0]


async def test_what_is_wanted_narrows(serving: Serving) -> None:
    node = (await serving()).node
    put(
        node,
        listing(0, "a", "x"),
        listing(1, "b", "x", spdx="MIT"),
        listing(2, "c", "y", kind="Private", publisher=f"0x{dev.BOB.hex()}"),
        listing(3, "d", status={"deprecated": {"by": 0, "reason": None}}),
    )
    catalogue = node.beside(Catalogue)

    assert numbers(node, tag="x") == [1, 0]
    assert numbers(node, spdx="MIT") == [1]
    assert numbers(node, kind=Kind.PRIVATE) == [2]
    assert numbers(node, publisher=dev.BOB) == [2]
    assert numbers(node, deprecated=False) == [2, 1, 0]
    assert count_tags(catalogue.search(Search())) == {"x": 2, "y": 1}
    assert count_licences(catalogue.search(Search())) == {"CC0-1.0": 3, "MIT": 1}


async def test_changes_and_what_is_taken_back_are_followed(serving: Serving) -> None:
    node = (await serving(finality_lag=10)).node
    put(node, listing(0, "first"))
    assert numbers(node, text="first") == [0]
    before = node.chain.best.hash
    put(node, listing(0, "renamed"), listing(1, "second"))
    assert numbers(node) == [1, 0]
    assert numbers(node, text="first") == []

    node.dev.set_head(node.chain.expect(before))

    assert numbers(node, text="first") == [0]
    assert numbers(node) == [0]
    assert node.beside(Catalogue).get(1) is None


async def test_among_ten_thousand_a_search_is_a_matter_of_milliseconds(serving: Serving) -> None:
    node = (await serving()).node
    put(node, *(listing(n, f"table {n} of soil", f"tag{n % 50}") for n in range(10_000)))
    assert len(node.beside(Catalogue)) == 10_000
    put(node, listing(10_000, "one more"))

    begun = time.process_time()
    found = numbers(node, text="soil 99")
    spent = time.process_time() - begun

    assert len(found) > 100
    assert spent < 0.05
