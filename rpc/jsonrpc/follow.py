"""A client that follows the head of the chain: the blocks it holds and what it asks of them."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from tilth.frame import Runtime
from tilth.node.block import Block
from tilth.node.notices import Finalized, Imported, Notice, Phase
from tilth.node.service import Node
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.client import Sink, Undo
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.lookups import Item
from tilth.rpc.jsonrpc.shapes import hex_of, modern_version_json

# client/rpc-spec-v2/src/chain_head: the defaults of ChainHeadConfig
MOST_FOLLOWS: Final = 4
MOST_PINNED: Final = 512
MOST_OPERATIONS: Final = 16
MOST_FINALIZED: Final = 16
FIRST_PAGE: Final = 5
# A client that continues has read the page before, so the next one may be twice as long; in bytes
# a page stays well below what one message may hold.
LONGEST_PAGE: Final = 1000
FULLEST_PAGE: Final = 256 * 1024

# client/rpc-spec-v2/src/chain_head/error.rs
TOO_MANY_FOLLOWS: Final = Fault(-32800, "Maximum number of chainHead_follow has been reached")
NOT_PINNED: Final = Fault(-32801, "Invalid block hash")
DUPLICATES: Final = Fault(-32804, "Received duplicate hashes for the `chainHead_unpin` method")

Event: TypeAlias = dict[str, Any]
_CODE: Final = b":code"
_log = logging.getLogger("tilth.rpc")


class Follows:
    """The subscriptions of one client that follow the head."""

    def __init__(self) -> None:
        self._follows: dict[str, Follow] = {}

    def get(self, id_: str) -> "Follow | None":
        return self._follows.get(id_)

    def begin(self, node: Node, sink: Sink, *, with_runtime: bool) -> Undo:
        if len(self._follows) >= MOST_FOLLOWS:
            raise TOO_MANY_FOLLOWS()
        follow = self._follows[sink.id] = Follow(node, sink, with_runtime=with_runtime)

        def end() -> None:
            self._follows.pop(sink.id, None)
            follow.end()

        follow.begin()
        return end


class Follow:
    """Tells of blocks in the order of their events; what it told of stays readable until unpinned.

    The Rust node counts pins over all clients, and lets go of blocks pinned for a minute only when
    there are too many; here each subscription has its own count.
    """

    def __init__(self, node: Node, sink: Sink, *, with_runtime: bool) -> None:
        self.with_runtime = with_runtime
        self._node = node
        self._sink = sink
        self._pinned: dict[H256, Block] = {}
        self._ahead: dict[H256, Block] = {}
        """What a new block may build on: the last finalized block, and all told of since."""
        self._operations: dict[str, Operation] = {}
        self._begun = 0
        self._reserved = 0
        self._stop_listening: Callable[[], None] | None = None

    def begin(self) -> None:
        chain = self._node.chain
        self._stop_listening = chain.notices.listen(Phase.HEADS, self._on_notice)
        final = chain.finalized
        recent = _last_finalized(self._node)
        self._ahead[final.hash] = final
        self._send("initialized", self._initialized(recent))
        self._pin(recent)
        for block in chain.unfinalized():
            self._announce(block)
        self._send("bestBlockChanged", {"bestBlockHash": hex_of(chain.best.hash)})

    def end(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
        self._pinned.clear()
        self._ahead.clear()
        self._operations.clear()

    def _on_notice(self, notice: Notice) -> None:
        match notice:
            case Imported():
                self._on_imported(notice)
            case Finalized():
                self._on_finalized(notice)

    def _on_imported(self, notice: Imported) -> None:
        # One that became the best by hand was told of, unless finality was taken back for it.
        needed = notice.block.parent_hash if notice.is_new else notice.block.hash
        if needed not in self._ahead:
            self._stop()
            return
        if notice.is_new:
            self._announce(notice.block)
        if notice.is_best:
            self._send("bestBlockChanged", {"bestBlockHash": hex_of(notice.block.hash)})

    def _announce(self, block: Block) -> None:
        self._ahead[block.hash] = block
        event: Event = {
            "blockHash": hex_of(block.hash),
            "parentBlockHash": hex_of(block.parent_hash),
        }
        if self.with_runtime:
            event["newRuntime"] = self._new_runtime(block)
        self._send("newBlock", event)
        self._pin([block])

    def _on_finalized(self, notice: Finalized) -> None:
        pruned = [block for block in notice.pruned if block.hash in self._ahead]
        if any(block.hash not in self._ahead for block in notice.blocks):
            self._stop()
            return
        for block in (*pruned, *notice.blocks):
            del self._ahead[block.hash]
        last = notice.blocks[-1]
        self._ahead.pop(notice.blocks[0].parent_hash, None)
        self._ahead[last.hash] = last
        self._send(
            "finalized",
            {
                "finalizedBlockHashes": [hex_of(block.hash) for block in notice.blocks],
                "prunedBlockHashes": [hex_of(block.hash) for block in pruned],
            },
        )

    def _pin(self, blocks: Iterable[Block]) -> None:
        """Hold blocks; where they are too many for that the subscription is over."""
        self._pinned.update((block.hash, block) for block in blocks)
        if len(self._pinned) > MOST_PINNED:
            self._stop()

    def _stop(self) -> None:
        """The client is told to begin anew; what would be sent after that goes nowhere."""
        self._send("stop", {})
        self._sink.close()

    def _initialized(self, recent: list[Block]) -> Event:
        event: Event = {"finalizedBlockHashes": [hex_of(block.hash) for block in recent]}
        if self.with_runtime:
            event["finalizedBlockRuntime"] = _runtime_json(recent[-1].state.get(_CODE))
        return event

    def _new_runtime(self, block: Block) -> Any:
        """The runtime that the block brought; None where it left its parent's alone."""
        code = block.state.get(_CODE)
        before = self._ahead[block.parent_hash].state.get(_CODE)
        return None if code == before else _runtime_json(code)

    def _send(self, event: str, members: Event) -> None:
        self._sink.send({"event": event, **members})

    def pinned(self, hash: bytes) -> Block:
        """The block, if the client holds it; raises RpcError."""
        block = self._pinned.get(H256(hash))
        if block is None:
            raise NOT_PINNED()
        return block

    def unpin(self, hashes: list[bytes]) -> None:
        """Let go of all these blocks, or of none; raises RpcError."""
        if len(set(hashes)) < len(hashes):
            raise DUPLICATES()
        for hash in hashes:
            self.pinned(hash)
        for hash in hashes:
            del self._pinned[H256(hash)]

    @property
    def room(self) -> int:
        """How many operations more may run."""
        return MOST_OPERATIONS - self._reserved

    def start(self, work: "Work", *, weight: int = 1) -> "Operation":
        """Begin an operation that counts as so many, as soon as the client knows its id."""
        self._begun += 1
        self._reserved += weight
        operation = self._operations[str(self._begun)] = Operation(
            str(self._begun), self, work, weight
        )
        self._sink.client.begin(operation)
        return operation

    def operation(self, id_: str) -> "Operation | None":
        return self._operations.get(id_)

    def tell(self, operation: "Operation", event: str, members: Event) -> None:
        """Send an operation's event, unless it was stopped."""
        if operation.id in self._operations:
            self._send(event, {"operationId": operation.id, **members})

    def finish(self, operation: "Operation") -> None:
        if self._operations.pop(operation.id, None) is not None:
            self._reserved -= operation.weight


def _last_finalized(node: Node) -> list[Block]:
    """Oldest first, so that a client which comes back finds what became final meanwhile."""
    blocks = [node.chain.finalized]
    while blocks[-1].number and len(blocks) < MOST_FINALIZED:
        blocks.append(node.chain.expect(blocks[-1].parent_hash))
    return blocks[::-1]


def _runtime_json(code: bytes | None) -> Event:
    version = None if code is None else Runtime.version_in(code)
    if version is None:
        return {"type": "invalid", "error": "the bytes under :code are no runtime of this node"}
    return {"type": "valid", "spec": modern_version_json(version)}


Page: TypeAlias = tuple[str, Event]
Work: TypeAlias = Iterator[Page | None]
"""Yields its events; None where the client must ask for more."""


class Operation:
    """Work on a pinned block, which it holds by itself: unpinning does not end it."""

    def __init__(self, id_: str, follow: Follow, work: Work, weight: int) -> None:
        self.id = id_
        self.weight = weight
        self.waiting = False
        """Whether it goes on only when the client asks for more."""
        self._follow = follow
        self._work = work

    def release(self) -> None:
        """Go on until the work is done, or the client has to ask for more."""
        try:
            self._go_on()
        except Exception as error:  # noqa: BLE001 - a store that fails is the operation's end alone
            _log.error("a chainHead operation failed", exc_info=True)
            self._follow.tell(self, "operationError", {"error": str(error)})
            self.close()

    def close(self) -> None:
        """Nobody wants the rest."""
        self._follow.finish(self)

    def _go_on(self) -> None:
        for page in self._work:
            if page is None:
                self.waiting = True
                self._follow.tell(self, "operationWaitingForContinue", {})
                return
            self._follow.tell(self, *page)
        self.close()


def pages(items: Iterator[Item]) -> Iterator[Page | None]:
    """Items in pages that grow as long as the client asks for more."""
    longest, size, page = FIRST_PAGE, 0, list[Item]()
    for item in items:
        if len(page) >= longest or size >= FULLEST_PAGE:
            yield "operationStorageItems", {"items": page}
            yield None
            longest, size, page = min(2 * longest, LONGEST_PAGE), 0, []
        page.append(item)
        size += sum(map(len, item.values()))
    if page:
        yield "operationStorageItems", {"items": page}
