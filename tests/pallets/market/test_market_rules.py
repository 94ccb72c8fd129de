"""Rules of the house that hold for each of the market's pallets."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tilth.primitives.scale.shapes import children

STORING = ("store", "store_with_cid_config", "check_proof", "store_anonymously")
"""Where content has another limit: the call's own, or that of a block's author."""
PALLETS = ("transaction_storage", "datasets", "rewards", "compute")


@pytest.fixture(params=PALLETS)
def pallet(market: Any, request: pytest.FixtureRequest) -> Any:
    return getattr(market, request.param)


def _sources(pallet: Any) -> Iterator[tuple[str, ast.Module]]:
    for path in Path(inspect.getfile(type(pallet))).parent.glob("*.py"):
        yield path.name, ast.parse(path.read_text("utf-8"))


def test_no_float_is_near_the_state(pallet: Any) -> None:
    for name, tree in _sources(pallet):
        for node in ast.walk(tree):
            where = f"{name}:{getattr(node, 'lineno', 0)}"
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), where
            assert not isinstance(node, ast.Div), where
            assert not (isinstance(node, ast.Name) and node.id == "float"), where


def test_no_pallet_reads_clock_chance_disk_or_network(pallet: Any) -> None:
    allowed = {
        "bisect",
        "collections",
        "contextlib",
        "dataclasses",
        "enum",
        "functools",
        "itertools",
    }
    allowed |= {"re", "types", "typing", "tilth"}
    for name, tree in _sources(pallet):
        for node in ast.walk(tree):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            assert {module.split(".")[0] for module in modules} <= allowed, name


def test_what_wallets_show_is_a_sentence(pallet: Any) -> None:
    definition = pallet.parsed()
    shown = {f"error {error.name}": error.value for error in definition.errors}
    shown |= {f"call {call.name}": " ".join(call.docs) for call in definition.calls}
    shown |= {f"event {event.__name__}": event.__doc__ for event in definition.events}
    shown |= {f"hold {hold.name}": hold.value for hold in definition.hold_reasons or ()}
    shown |= {f"name {name}": " ".join(docs) for name, docs in definition.docs.items()}

    for what, sentence in shown.items():
        assert sentence, what
        assert sentence.endswith("."), what
        assert sentence[0].isupper(), what


def test_storage_and_constants_are_explained(pallet: Any) -> None:
    definition = pallet.parsed()
    named = {item.attribute for item in definition.storage}
    named |= {needed.name for needed in definition.config if needed.constant}

    assert named <= definition.docs.keys()


def test_every_sequence_a_caller_gives_is_bounded(pallet: Any) -> None:
    for call in pallet.parsed().calls:
        stores = call.name in STORING
        codec = pallet.runtime.codecs.of(tuple[tuple(hint for _, hint in call.params)])
        for shape in _shapes(codec.shape):
            kind = type(shape).__name__
            if kind in ("Sequence", "Mapping", "Text", "Bytes") and not stores:
                assert shape.bound is not None, f"{call.name} takes an endless {kind}"


def _shapes(shape: Any) -> Iterator[Any]:
    yield shape
    for child in children(shape):
        yield from _shapes(child)


def test_metadata_of_every_version_describes_the_market(market: Any) -> None:
    for version in (14, 15, 16):
        assert market.metadata(version)[4] == version
