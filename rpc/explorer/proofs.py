"""Which pinned chunk each of the last blocks had to show, and whose dataset it was."""

from collections import OrderedDict
from typing import Any, Final, NamedTuple, TypedDict, final

from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.service import Node
from tilth.pallets.transaction_storage import TransactionStorage
from tilth.primitives.chunks import count_chunks
from tilth.primitives.types import H256
from tilth.rpc.explorer import datasets
from tilth.rpc.explorer.market import find, reading

BLOCKS: Final = 240
_CHALLENGE: Final = "ContentApi_challenge"


class Drawn(NamedTuple):
    """The chunk of a content that a block showed."""

    content: bytes
    chunk: int


class ProofJson(TypedDict):
    block: int
    part: str
    chunk: int


class ProofHistory(TypedDict):
    """Proofs of a dataset among the blocks from `first` to `last`; the blocks had `drawn` in all.

    `chunks` of all `pinned` chunks are the dataset's, so a block asks for one of them as often.
    """

    first: int
    last: int
    drawn: int
    chunks: int
    pinned: int
    proofs: list[ProofJson]


@final
class ProofBook:
    """What each block was drawn to prove is known from its parent, and asked of that once."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._drawn: OrderedDict[H256, Drawn | None] = OrderedDict()

    def of(self, block: Block) -> Drawn | None:
        """None where nothing was pinned yet, and of the first block."""
        if block.hash not in self._drawn:
            self._drawn[block.hash] = self._ask(block)
            if len(self._drawn) > 2 * BLOCKS:
                self._drawn.popitem(last=False)
        return self._drawn[block.hash]

    def _ask(self, block: Block) -> Drawn | None:
        parent = self._chain.block(block.parent_hash)
        if parent is None:
            return None
        try:
            codec = self._chain.runtimes.at(parent.state).returns(_CHALLENGE)
        except KeyError:
            return None
        drawn: Any = codec.decode(self._chain.call(parent, _CHALLENGE, parent.hash))
        return None if drawn is None else Drawn(drawn.content_hash, drawn.chunk)


def history(node: Node, number: int) -> ProofHistory:
    """Of the last blocks, those that showed a part of the dataset's newest revision."""
    book, best = node.beside(ProofBook), node.chain.best.number
    first = max(best - BLOCKS + 1, 1)
    blocks = [node.chain.at(each) for each in range(first, best + 1)]
    drawn = [(block.number, book.of(block)) for block in blocks if block is not None]
    parts = _parts(node, number)
    return {
        "first": first,
        "last": best,
        "drawn": sum(each is not None for _, each in drawn),
        "chunks": _chunks(node, parts),
        "pinned": _pinned(node),
        "proofs": [
            {"block": block, "part": parts[each.content], "chunk": each.chunk}
            for block, each in drawn
            if each is not None and each.content in parts
        ],
    }


def _parts(node: Node, number: int) -> dict[bytes, str]:
    """What each content that the dataset is made of is to a reader."""
    private = datasets.private_of(node, number)
    if private is not None:
        named = (private.schema, "schema"), (private.mock, "mock"), (private.metadata, "metadata")
        return {bytes(hash): name for hash, name in named}
    shown, files = datasets.files_of(node, number)
    if shown is None:
        return {}
    parts = {bytes(chunk): file.path for file in files for chunk in file.chunks}
    parts |= {bytes(shown.manifest): "manifest", bytes(shown.metadata): "metadata"}
    return parts


def _chunks(node: Node, parts: dict[bytes, str]) -> int:
    storage = find(node, TransactionStorage)
    if storage is None:
        return 0
    with reading(node):
        sizes = [storage.content_size(content) for content in parts]
    return sum(count_chunks(size) for size in sizes if size is not None)


def _pinned(node: Node) -> int:
    storage = find(node, TransactionStorage)
    if storage is None:
        return 0
    with reading(node):
        return storage.pinned.chunks()
