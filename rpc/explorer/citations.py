"""What a dataset was made from and what was made from it: two steps each way."""

from collections.abc import Iterator
from typing import Final, TypedDict

from tilth.node.service import Node
from tilth.pallets.datasets import Datasets
from tilth.rpc.explorer.market import pallet, reading

_STEPS: Final = 2
_MOST: Final = 60


class CitedJson(TypedDict):
    """A dataset in the graph; those it was made from have a level below 0."""

    number: int
    name: str
    kind: str
    level: int


class CitationJson(TypedDict):
    """That a revision of one dataset was made from a revision of another."""

    user: int
    userRevision: int
    source: int
    sourceRevision: int | None


class CitationGraph(TypedDict):
    nodes: list[CitedJson]
    edges: list[CitationJson]
    isWhole: bool


def graph(node: Node, number: int) -> CitationGraph:
    """Not whole where there are more datasets than can be told apart in a picture."""
    datasets = pallet(node, Datasets)
    levels, edges, whole = {number: 0}, dict[tuple[int, int], CitationJson](), True
    with reading(node):
        for way in (-1, 1):
            edge = [number]
            for step in range(1, _STEPS + 1):
                following: list[int] = []
                for citation in _around(datasets, edge, way):
                    other = citation["source"] if way < 0 else citation["user"]
                    if other not in levels and len(levels) >= _MOST:
                        whole = False
                        continue
                    edges[citation["user"], citation["source"]] = citation
                    if other not in levels:
                        levels[other] = way * step
                        following.append(other)
                edge = following
    return {"nodes": _nodes(node, levels), "edges": list(edges.values()), "isWhole": whole}


def _around(datasets: Datasets, numbers: list[int], way: int) -> Iterator[CitationJson]:
    for number in numbers:
        yield from _sources(datasets, number) if way < 0 else _users(datasets, number)


def _sources(datasets: Datasets, user: int) -> Iterator[CitationJson]:
    for (_, revision), uses in datasets.citations.items(user):
        for source, of in uses:
            yield {
                "user": user,
                "userRevision": revision,
                "source": source,
                "sourceRevision": of,
            }


def _users(datasets: Datasets, source: int) -> Iterator[CitationJson]:
    for (_, user), revision in datasets.cited_by.items(source):
        yield {"user": user, "userRevision": revision, "source": source, "sourceRevision": None}


def _nodes(node: Node, levels: dict[int, int]) -> list[CitedJson]:
    found = ((number, node.catalogue.info(number), level) for number, level in levels.items())
    return [
        {"number": number, "name": info.name, "kind": info.kind.name.lower(), "level": level}
        for number, info, level in found
        if info is not None
    ]
