"""The block tree: every block known, which is best and which final, and how that changes."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol

from tilth.frame import Extrinsic, InvalidBlock, Runtime
from tilth.frame.indexing import Indexed
from tilth.node.block import Block
from tilth.node.contents import Contents, MemoryContents
from tilth.node.notices import Finalized, Imported, Notices
from tilth.node.runtimes import Runtimes
from tilth.node.shelf import Shelf
from tilth.node.store import StoreError
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256, Digest, Header

_KEPT_IN_MEMORY: Final = 256
_WHOLE: Final = 8  # blocks behind the finalized one whose bodies are likely to be asked for
_LARGE_BODY: Final = 64 * 1024


class Archive(Protocol):
    """Where blocks are kept beyond the process; `keep` is durable when it returns.

    Whatever fails raises StoreError.
    """

    @property
    def contents(self) -> Contents: ...

    def keep(
        self,
        block: Block,
        parent: Block | None,
        best: Block,
        finalized: Block,
        contents: Sequence[Indexed],
    ) -> None: ...

    def mark(self, best: Block, finalized: Block) -> None: ...

    def block(self, hash: H256) -> Block | None: ...

    def body(self, hash: H256) -> tuple[bytes, ...]: ...

    def hash_at(self, number: int) -> H256 | None: ...

    def close(self) -> None: ...


class UnknownBlock(KeyError):
    """No block with this hash is known."""

    def __init__(self, hash: bytes) -> None:
        self.hash = hash
        super().__init__(f"no block has the hash 0x{hash.hex()}")


class Chain:
    """Adds blocks and moves best and finalized; whoever listens is told after the block is kept."""

    def __init__(
        self,
        runtime: Runtime,
        genesis: Block,
        *,
        archive: Archive | None = None,
        head: tuple[Block, Block] | None = None,
        shelf: Shelf | None = None,
        finality_lag: int = 0,
    ) -> None:
        """`head` is the best and the finalized block of an archive that has some already."""
        self.runtimes = Runtimes(runtime, shelf)
        self.runtime = runtime
        """The one in force after the best block."""
        self.genesis = genesis
        self.notices = Notices()
        self.finality_lag = finality_lag
        self.failure: StoreError | None = None
        """Why nothing can be added any more: what a failed store holds, only a new start tells."""
        self.on_failure: list[Callable[[StoreError], None]] = []
        self._archive = archive
        self._memory = MemoryContents()
        self.contents: Contents = self._memory if archive is None else archive.contents
        """What the blocks brought, by its hash."""
        self._blocks: dict[H256, Block] = {genesis.hash: genesis}
        self._canonical: dict[int, H256] = {0: genesis.hash}
        self._children: dict[H256, list[H256]] = {}
        self.best, self.finalized = head or (genesis, genesis)
        self._evicted = max(self.finalized.number - 1, 0)
        """Up to this height, blocks of the best chain are in the archive alone."""
        self._lightened = self.finalized.number
        """Up to this height, large bodies are."""
        self._remember_unfinalized()

    def _remember_unfinalized(self) -> None:
        block = self.best
        while block.number > self.finalized.number:
            self._remember(block)
            self._canonical[block.number] = block.hash
            block = self.expect(block.parent_hash)
        self._blocks[self.finalized.hash] = self.finalized
        self._canonical[self.finalized.number] = self.finalized.hash

    def block(self, hash: H256) -> Block | None:
        block = self._blocks.get(hash)
        if block is None and self._archive is not None:
            block = self._archive.block(hash)
        return block

    def expect(self, hash: H256) -> Block:
        """The block, or UnknownBlock."""
        block = self.block(hash)
        if block is None:
            raise UnknownBlock(hash)
        return block

    def hash_at(self, number: int) -> H256 | None:
        """The hash at a height of the best chain."""
        if number > self.best.number:
            return None
        found = self._canonical.get(number)
        if found is None and self._archive is not None:
            found = self._archive.hash_at(number)
        return found

    def at(self, number: int) -> Block | None:
        hash = self.hash_at(number)
        return None if hash is None else self.block(hash)

    def ancestors(self, block: Block) -> Iterator[Block]:
        """The block's parent, its parent, and so on to genesis."""
        while block.number:
            block = self.expect(block.parent_hash)
            yield block

    def is_final(self, block: Block) -> bool:
        return block.number <= self.finalized.number and self.hash_at(block.number) == block.hash

    def unfinalized(self) -> list[Block]:
        """Blocks above the finalized one in any fork, parents first."""
        found, waiting = [], [self.finalized.hash]
        while waiting:
            for child in self._children.get(waiting.pop(0), ()):
                found.append(self._blocks[child])
                waiting.append(child)
        return found

    def import_block(self, header: Header, extrinsics: tuple[bytes, ...]) -> Block:
        """Execute another's block again and add it; raises InvalidBlock, UnknownBlock.

        A block that is known already is returned as it is.
        """
        known = self.block(header.hash)
        if known is not None and not self._was_taken_back(known):
            return known
        parent = self._parent(header)
        state, contents = self._executed(parent, header, extrinsics)
        block = Block(header, header.hash, extrinsics, state)
        self.add(block, contents)
        return block

    def _was_taken_back(self, block: Block) -> bool:
        """Whether it is in the archive alone, and could stand in the tree again."""
        return (
            block.hash not in self._blocks
            and block.number > self.finalized.number
            and block.parent_hash in self._blocks
        )

    def _parent(self, header: Header) -> Block:
        """A block with this header may only stand above the finalized one."""
        parent = self.expect(header.parent_hash)
        if parent.number < self.finalized.number or parent.hash not in self._blocks:
            raise InvalidBlock(
                f"block {header.number} does not follow the finalized block {self.finalized.number}"
            )
        return parent

    def execute(self, parent: Block, header: Header, extrinsics: tuple[bytes, ...]) -> Trie:
        """The state after the block; raises InvalidBlock."""
        return self._executed(parent, header, extrinsics)[0]

    def _executed(
        self, parent: Block, header: Header, extrinsics: tuple[bytes, ...]
    ) -> tuple[Trie, list[Indexed]]:
        """The state after the block, and the content that it brought."""
        runtime = self.runtimes.at(parent.state)
        if header.number != parent.number + 1:
            raise InvalidBlock(f"block {header.number} cannot follow block {parent.number}")
        decoded = [
            _decoded(runtime, header, position, data) for position, data in enumerate(extrinsics)
        ]
        with runtime.at(parent.state) as overlay:
            runtime.executive.execute_block(header, decoded)
            return overlay.trie, overlay.indexed

    def add(self, block: Block, contents: Sequence[Indexed] = ()) -> None:
        """Add an executed block; the longer chain is the best one, the older on a tie.

        `contents` are those that executing it indexed. A block that is known already changes
        nothing. Raises UnknownBlock, InvalidBlock, StoreError.
        """
        known = self.block(block.hash)
        if known is not None and not self._was_taken_back(known):
            return
        parent = self._parent(block.header)
        is_best = block.number > self.best.number
        retracted, enacted = self._route(block) if is_best else ((), ())
        best = block if is_best else self.best
        finalized = self._final_at(block) if is_best else self.finalized
        if self._archive is not None:
            self._write(partial(self._archive.keep, block, parent, best, finalized, contents))
        else:
            self._memory.add(block.extrinsics, contents)
        self._remember(block)
        if is_best:
            self._enact(block, enacted)
        self.notices.tell(Imported(block, is_best, retracted, enacted))
        self._finalize(finalized)

    def _remember(self, block: Block) -> None:
        self._blocks[block.hash] = block
        siblings = self._children.setdefault(block.parent_hash, [])
        if block.hash not in siblings:
            siblings.append(block.hash)

    def _write(self, write: Callable[[], None]) -> None:
        if self.failure is not None:
            raise self.failure
        try:
            write()
        except StoreError as error:
            self.failure = error
            for listener in self.on_failure:
                listener(error)
            raise

    def _route(self, block: Block) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
        """What leaves the best chain and what joins it when the block becomes best."""
        enacted: list[Block] = []
        retracted: list[Block] = []
        joining, leaving = block, self.best
        while joining.hash != leaving.hash:
            if joining.number >= leaving.number:
                enacted.append(joining)
                joining = self.expect(joining.parent_hash)
            else:
                retracted.append(leaving)
                leaving = self.expect(leaving.parent_hash)
        return tuple(retracted), tuple(reversed(enacted))

    def _enact(self, best: Block, enacted: tuple[Block, ...]) -> None:
        for block in enacted:
            self._canonical[block.number] = block.hash
        self.best = best
        self.runtime = self.runtimes.at(best.state)

    def _final_at(self, best: Block) -> Block:
        """What is final once the block is best: so many behind it as the lag says."""
        if best.number - self.finality_lag <= self.finalized.number:
            return self.finalized
        return self._so_far_behind(best)

    def _so_far_behind(self, best: Block) -> Block:
        block, target = best, max(best.number - self.finality_lag, 0)
        while block.number > target:
            block = self.expect(block.parent_hash)
        return block

    def set_head(self, block: Block) -> None:
        """Make a known block the best one, by hand and whatever its height.

        Below the finalized block finality goes back with it, and all that stood above is forgotten.
        Raises InvalidBlock for a block of a fork that finality has decided against.
        """
        if block.hash == self.best.hash:
            return
        retracted, enacted = self._route(block)
        undone = bool(retracted) and retracted[-1].number <= self.finalized.number
        if undone and enacted:
            raise InvalidBlock(f"{block} is on a fork that finality decided against")
        finalized = self._so_far_behind(block) if undone else self.finalized
        if self._archive is not None:
            self._write(partial(self._archive.mark, block, finalized))
        for left in retracted:
            self._canonical.pop(left.number, None)
        for joining in enacted:
            self._remember(joining)
        self._enact(block, enacted)
        if undone:
            self._take_back_finality(finalized, retracted)
        self.notices.tell(Imported(block, True, retracted, enacted, is_new=False))
        if undone:
            self.notices.tell(Finalized((finalized,)))

    def _take_back_finality(self, finalized: Block, retracted: tuple[Block, ...]) -> None:
        self._forget(self._children.pop(self.best.hash, []))
        for left in retracted:  # what lies in the archive alone is nobody's child here
            self._forget([left.hash])
        self.finalized = finalized
        self._evicted = min(self._evicted, max(finalized.number - 1, 0))
        self._remember_unfinalized()

    def _forget(self, waiting: list[H256]) -> list[Block]:
        """Drop blocks and all that stand on them; returns those that were still here."""
        gone: list[Block] = []
        while waiting:
            hash = waiting.pop()
            waiting.extend(self._children.pop(hash, ()))
            if (block := self._blocks.pop(hash, None)) is not None:
                gone.append(block)
        return gone

    def finalize(self, hash: H256) -> None:
        """Make a block of the best chain final, and all before it."""
        block = self.expect(hash)
        if self.hash_at(block.number) != block.hash:
            raise InvalidBlock(f"{block} is not on the best chain")
        if self._archive is not None and block.number > self.finalized.number:
            self._write(partial(self._archive.mark, self.best, block))
        self._finalize(block)

    def _finalize(self, block: Block) -> None:
        if block.number <= self.finalized.number:
            return
        fresh: list[Block] = []
        while block.number > self.finalized.number:
            fresh.append(block)
            block = self.expect(block.parent_hash)
        pruned = self._prune(fresh)
        self.finalized = fresh[0]
        self._evict()
        self.notices.tell(Finalized(tuple(reversed(fresh)), pruned))

    def _prune(self, fresh: list[Block]) -> tuple[Block, ...]:
        """Forget the forks that ended below the new finalized block."""
        kept = {block.hash for block in fresh}
        pruned = self._forget(
            [
                child
                for block in fresh
                for child in self._children.get(block.parent_hash, ())
                if child not in kept
            ]
        )
        for block in fresh:
            self._children[block.parent_hash] = [block.hash]
        return tuple(pruned)

    def _evict(self) -> None:
        """What is archived and long final is read from the archive again, if ever."""
        last = self.finalized.number - _KEPT_IN_MEMORY
        if self._archive is None:
            return
        self._lighten(self._archive)
        while self._evicted < last:
            self._evicted += 1
            hash = self._canonical.pop(self._evicted, None)
            if hash is not None:
                self._blocks.pop(hash, None)
                self._children.pop(hash, None)

    def runtime_after(self, block: Block) -> Runtime:
        """The one in force after the block: of this process' runtimes, or else the newest."""
        return self.runtimes.at(block.state)

    def _lighten(self, archive: Archive) -> None:
        while self._lightened < self.finalized.number - _WHOLE:
            self._lightened += 1
            block = self._blocks.get(self._canonical.get(self._lightened, self.genesis.hash))
            if block is not None:
                block.lighten(_LARGE_BODY, partial(archive.body, block.hash))

    def call(self, block: Block, method: str, data: bytes) -> bytes:
        """Call the runtime API on the state after the block; what it writes is thrown away."""
        return self.runtimes.call(block.state, method, data)

    def close(self) -> None:
        if self._archive is not None:
            self._archive.close()


def _decoded(runtime: Runtime, header: Header, position: int, data: bytes) -> Extrinsic:
    try:
        return runtime.format.decode(data)
    except ValueError as error:
        raise InvalidBlock(f"block {header.number}: extrinsic {position}: {error}") from error


def genesis_block(state: Trie, extrinsics_root: H256) -> Block:
    """Block 0: no extrinsics, no digest, only a state."""
    header = Header(H256(bytes(32)), 0, H256(state.root), extrinsics_root, Digest(()))
    return Block(header, header.hash, (), state)
