"""The market's pallets of a runtime, wherever it has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tilth.frame import Pallet
from tilth.node.block import Block
from tilth.node.service import Node

P = TypeVar("P", bound=Pallet[Any, Any])


class NotHere(LookupError):
    """This chain's runtime has no such pallet."""


def find(node: Node, kind: type[P]) -> P | None:
    return next((each for each in node.runtime.pallets if isinstance(each, kind)), None)


def pallet(node: Node, kind: type[P]) -> P:
    """Raises NotHere."""
    found = find(node, kind)
    if found is None:
        raise NotHere(f"this chain's runtime has no pallet {kind.__name__}")
    return found


@contextmanager
def reading(node: Node, block: Block | None = None) -> Iterator[None]:
    """Within it, storage is read as it is after the block, the best one if none is named."""
    with node.runtime.at((block or node.chain.best).state):
        yield
