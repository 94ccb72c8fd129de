"""The archive: a chain's blocks in a store that outlives the process."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tilth.frame import Runtime
from tilth.frame.indexing import Indexed
from tilth.node.block import Block
from tilth.node.store import BlockStore, StoreError
from tilth.primitives.scale import codec
from tilth.primitives.trie import Layout, Trie
from tilth.primitives.types import H256, Header


class WrongChain(StoreError):
    """The base path holds a chain that begins otherwise."""


class StoredChain:
    """Reads and writes blocks; a state is loaded node by node as it is read."""

    def __init__(self, store: BlockStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout

    @property
    def contents(self) -> BlockStore:
        return self._store

    def keep(
        self,
        block: Block,
        parent: Block | None,
        best: Block,
        finalized: Block,
        contents: Sequence[Indexed] = (),
    ) -> None:
        """Durable when it returns: header, body, new nodes and the heads, or nothing."""
        self._store.write_block(
            block.encoded_header,
            hash=block.hash,
            number=block.number,
            body=block.extrinsics,
            nodes=block.state.nodes_since(None if parent is None else parent.state),
            best=best.hash,
            finalized=finalized.hash,
            contents=contents,
        )

    def mark(self, best: Block, finalized: Block) -> None:
        self._store.mark(best=best.hash, finalized=finalized.hash)

    def block(self, hash: H256) -> Block | None:
        stored = self._store.header(hash)
        if stored is None:
            return None
        header: Header = codec(Header).decode(stored.encoded)
        state = Trie.load(header.state_root, self._store.fetch, self._layout)
        return Block(header, hash, partial(self.body, hash), state)

    def body(self, hash: H256) -> tuple[bytes, ...]:
        body = self._store.body(hash)
        if body is None:
            raise StoreError(f"the body of 0x{hash.hex()} is missing; run `tilth db verify`")
        return body

    def hash_at(self, number: int) -> H256 | None:
        hash = self._store.hash_at(number)
        return None if hash is None else H256(hash)

    def first(self) -> Block:
        assert self._store.genesis is not None, "only an empty store has none"
        return self._expect(self._store.genesis)

    def heads(self) -> tuple[Block, Block] | None:
        """The best and the finalized block, if the store has a chain."""
        best, finalized = self._store.best, self._store.finalized
        if best is None or finalized is None:
            return None
        return self._expect(best), self._expect(finalized)

    def _expect(self, hash: bytes) -> Block:
        block = self.block(H256(hash))
        if block is None:
            raise StoreError(f"block 0x{hash.hex()} is missing; run `tilth db verify`")
        return block

    def close(self) -> None:
        self._store.close()


@dataclass(frozen=True, slots=True)
class Opened:
    """An archive, and where its chain begins and stands."""

    archive: StoredChain
    genesis: Block
    best: Block
    finalized: Block


def open_archive(store: BlockStore, genesis: Block, runtime: Runtime, *, evolves: bool) -> Opened:
    """An empty store begins with the genesis block.

    Raises WrongChain where the store's chain began otherwise, unless its code has become the
    runtime's since, or may become it now, where it `evolves`.
    """
    archive = StoredChain(store, runtime.state_layout)
    if store.genesis is None:
        archive.keep(genesis, None, genesis, genesis)
    heads = archive.heads()
    if heads is None:
        raise StoreError("the store has a genesis block but no heads; run `tilth db verify`")
    if store.genesis not in (None, genesis.hash):
        first = archive.first()
        if not _has_become(first, heads[0], runtime, evolves=evolves):
            raise WrongChain(
                f"the base path holds the chain with genesis 0x{first.hash.hex()}, the runtime's "
                f"genesis is 0x{genesis.hash.hex()}; use another base path, or the runtime that "
                "made it (a dev chain with --reload goes on with a changed one)"
            )
        genesis = first
    return Opened(archive, genesis, *heads)


def _has_become(first: Block, best: Block, runtime: Runtime, *, evolves: bool) -> bool:
    """Whether a chain that began with other code is the runtime's now, or may become it."""
    began, code = (block.state.get(b":code") or b"" for block in (first, best))
    version = runtime.version_in(code)
    if began == runtime.code or version is None or version.spec_name != runtime.spec_name:
        return False
    return evolves or code == runtime.code


def code_in(store: BlockStore) -> bytes | None:
    """The runtime's code after the best block of a store; None in an empty one."""
    heads = StoredChain(store, Layout.V1).heads()
    return None if heads is None else heads[0].state.get(b":code")
