"""The follower: fetches blocks from peers, executes each again, and keeps what holds."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from tilth.frame import InvalidBlock
from tilth.node.block import Block
from tilth.node.chain import Chain, UnknownBlock
from tilth.node.peering import Peer, PeerFailed, PeerRefused, Tip, Unfollowable
from tilth.node.pool import Pool
from tilth.node.runtimes import CODE
from tilth.node.store import StoreError
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import DecodeError, codec
from tilth.primitives.types import H256, Header, RuntimeEnvironmentUpdated

log = logging.getLogger(__name__)

_WINDOW: Final = 128  # blocks whose hashes are asked for at once
_MOST_AT_ONCE: Final = 32
_AHEAD: Final = 16 * 1024 * 1024  # bytes of bodies that may wait to be executed
_HELD: Final = 8192  # transactions that wait to be sent on to one peer
_FRUITLESS: Final = 3
"""So often a peer's best block may not come although all below it does: its chain may have become
another meanwhile, but somebody who names blocks that there are not would keep all others waiting.
"""
_RELOADED: Final = (
    "block {} is said to change the chain's runtime, and no transaction in it does ({}): so does "
    "`tilth dev --reload`, whose chains have no followers, or else the peer lies"
)
_header: Final = codec(Header)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer is left alone, in seconds: doubled each time, and much longer for a lie."""

    first: float = 1.0
    most: float = 60.0
    lie: float = 300.0


@dataclass(slots=True)
class Standing:
    """How a node stands among others."""

    follows: bool = False
    peers: int = 0
    starting: int = 0
    highest: int = 0
    syncing: bool = False


@final
class Follower:
    """Authors nothing. What several peers offer is fetched from one at a time.

    What is best and final is the peers' word; that every block follows from its parent by the
    chain's rules is not.
    """

    def __init__(
        self,
        chain: Chain,
        pool: Pool,
        peers: Sequence[Peer],
        standing: Standing,
        *,
        patience: Patience = Patience(),  # immutable
    ) -> None:
        self._chain = chain
        self._pool = pool
        self._peers = peers
        self._patience = patience
        self._standing = standing
        self._turn = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._outboxes: dict[str, asyncio.Queue[bytes]] = {}
        self.on_end: list[Callable[[Unfollowable], None]] = []
        """Called when no peer can be followed any further by this node."""
        standing.follows, standing.starting = True, chain.best.number
        standing.highest = chain.best.number

    def start(self) -> None:
        self._pool.on_taken.append(self._send_on)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._attend(peer)) for peer in self._peers]

    async def stop(self) -> None:
        self._pool.on_taken.remove(self._send_on)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in self._peers:
            await peer.close()

    async def _attend(self, peer: Peer) -> None:
        """Follow a peer for ever, with pauses after each failure."""
        failures = 0
        while True:
            before, pause = self._chain.best.number, self._patience.first
            try:
                await self._follow(peer)
            except PeerFailed as error:
                failures = 0 if self._chain.best.number > before else failures
                pause = min(self._patience.first * 2**failures, self._patience.most)
                log.warning("%s: %s; next try in %g s", peer.name, error, pause)
            except (PeerRefused, InvalidBlock) as error:
                pause = self._patience.lie
                log.error("%s is left alone for %g s: %s", peer.name, pause, error)
            except Unfollowable as error:
                log.error("%s", error)
                for listener in self.on_end:
                    listener(error)
                return
            except StoreError:
                return  # the chain has told whoever must know
            except Exception:
                pause = self._patience.lie
                log.exception("%s is left alone for %g s: it answers strangely", peer.name, pause)
            finally:
                await peer.close()
            failures += 1
            await asyncio.sleep(pause)

    async def _follow(self, peer: Peer) -> None:
        await peer.connect()
        await self._greet(peer)
        self._standing.peers += 1
        log.info("%s is followed", peer.name)
        outbox = self._outboxes[peer.name] = asyncio.Queue(_HELD)
        for extrinsic in self._pool.transactions():
            _put(outbox, extrinsic)
        try:
            await _first_failure(self._keep_up(peer), self._deliver(peer, outbox))
        finally:
            del self._outboxes[peer.name]
            self._standing.peers -= 1

    async def _greet(self, peer: Peer) -> None:
        ours = self._chain.genesis.hash
        (theirs,) = await peer.hashes([0])
        if theirs != ours:
            shown = "none" if theirs is None else f"0x{theirs.hex()}"
            raise PeerRefused(f"its chain is another: its genesis is {shown}, ours 0x{ours.hex()}")

    async def _keep_up(self, peer: Peer) -> None:
        while True:
            async with self._turn:
                await self._catch_up(peer)
            await peer.moved()

    async def _catch_up(self, peer: Peer) -> None:
        """Until what the peer calls best and final is here."""
        fruitless = 0
        while not self._stands((tip := await peer.tip()).best):
            self._standing.highest = tip.number
            self._standing.syncing = tip.number > self._chain.best.number + 1
            try:
                await self._fetch(peer, await self._fork_point(peer, tip), tip)
            finally:
                self._standing.syncing = False
            fruitless = 0 if self._chain.block(tip.best) else fruitless + 1
            if fruitless == _FRUITLESS:
                raise PeerFailed(f"it does not give block {tip.number}, which it calls its best")
        self._standing.highest = tip.number
        self._agree(peer, tip)

    def _stands(self, hash: H256) -> bool:
        """Whether the block is here and not of a fork that finality decided against."""
        block = self._chain.block(hash)
        if block is None:
            return False
        if block.number <= self._chain.finalized.number:
            return self._chain.hash_at(block.number) == hash
        return True

    async def _fork_point(self, peer: Peer, tip: Tip) -> int:
        """The height of the last block that both chains have."""
        final = self._chain.finalized.number
        number, step = min(self._chain.best.number, tip.number), 1
        while number > final:
            (theirs,) = await peer.hashes([number])
            if theirs is not None and theirs == self._chain.hash_at(number):
                return number
            number, step = max(number - step, final), step * 2
        if tip.number < final:
            return final
        (theirs,) = await peer.hashes([final])
        if theirs != self._chain.hash_at(final):
            raise PeerRefused(
                f"its chain has another block {final} than the one that is final here"
            )
        return final

    async def _fetch(self, peer: Peer, known: int, tip: Tip) -> None:
        """The blocks above a height that both have, the next ones while one is executed."""
        if known >= tip.number:
            raise PeerRefused(f"its best block {tip.number} is of no chain that it has")
        for first in range(known + 1, tip.number + 1, _WINDOW):
            numbers = range(first, min(first + _WINDOW, tip.number + 1))
            hashes = await peer.hashes(list(numbers))
            if None in hashes:
                return  # its chain has become another meanwhile
            named = [hash for hash in hashes if hash is not None]
            await self._fetch_all(peer, list(zip(numbers, named, strict=True)))

    async def _fetch_all(self, peer: Peer, named: list[tuple[int, H256]]) -> None:
        waiting = named[::-1]
        coming: list[tuple[int, H256, asyncio.Task[Any]]] = []
        at_once = 2
        try:
            while waiting or coming:
                while waiting and len(coming) < at_once:
                    number, hash = waiting.pop()
                    coming.append((number, hash, asyncio.ensure_future(peer.block(hash))))
                number, hash, task = coming[0]
                size = self._import(number, hash, await task)
                del coming[0]
                at_once = max(2, min(2 * at_once, _MOST_AT_ONCE, _AHEAD // (size + 1)))
        finally:
            for *_, task in coming:
                task.cancel()
            await asyncio.gather(*(task for *_, task in coming), return_exceptions=True)

    def _import(
        self, number: int, hash: H256, found: tuple[bytes, tuple[bytes, ...]] | None
    ) -> int:
        """Execute a block and keep it; returns the size of its body."""
        if found is None:
            raise PeerRefused(f"it has no block 0x{hash.hex()}, which it named")
        encoded, body = found
        if blake2_256(encoded) != hash:
            raise PeerRefused(f"it gave another header for block 0x{hash.hex()}")
        try:
            header = _header.decode(encoded)
        except DecodeError as error:
            raise PeerRefused(
                f"the header of block 0x{hash.hex()} cannot be read: {error}"
            ) from None
        if header.number != number:
            raise PeerRefused(f"it gave block {header.number} for its block {number}")
        try:
            self._check_runtime(self._chain.import_block(header, body))
        except UnknownBlock:
            raise PeerRefused(f"block {header.number} follows none that is here") from None
        except InvalidBlock as error:
            if any(isinstance(item, RuntimeEnvironmentUpdated) for item in header.digest.logs):
                raise Unfollowable(_RELOADED.format(header.number, error)) from error
            raise
        except (StoreError, Unfollowable):
            raise
        except Exception as error:
            log.exception("executing block %d, 0x%s, failed", header.number, hash.hex())
            raise PeerRefused(f"block {header.number} cannot be executed: {error}") from error
        return sum(map(len, body))

    def _check_runtime(self, block: Block) -> None:
        runtime, code = self._chain.runtime, block.state.get(CODE) or b""
        if code == runtime.code:
            return
        brought = runtime.version_in(code)
        what = "other code" if brought is None else f"{brought.spec_name} {brought.spec_version}"
        raise Unfollowable(
            f"block {block.number} upgrades the chain to {what}, and this node executes "
            f"{runtime.spec_name} {runtime.spec_version}: it follows no further. Start it with the "
            "release or the --runtime that has the new one"
        )

    def _agree(self, peer: Peer, tip: Tip) -> None:
        """Take the peer's word for what is best among what may be, and for what is final."""
        chain = self._chain
        best = chain.block(tip.best)
        if peer is self._peers[0] and best is not None and best.number >= chain.finalized.number:
            chain.set_head(best)
        final = chain.block(tip.finalized)
        if final is None or final.number <= chain.finalized.number:
            return
        if chain.hash_at(final.number) == final.hash:
            chain.finalize(final.hash)

    def _send_on(self, extrinsic: bytes) -> None:
        for outbox in self._outboxes.values():
            _put(outbox, extrinsic)

    async def _deliver(self, peer: Peer, outbox: "asyncio.Queue[bytes]") -> None:
        while True:
            await peer.submit(await outbox.get())


def _put(outbox: "asyncio.Queue[bytes]", extrinsic: bytes) -> None:
    """What has no room is sent when the peer is met again, if it still waits then."""
    if not outbox.full():
        outbox.put_nowait(extrinsic)


async def _first_failure(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one fails; the others end with it."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        # not gather: where one has just failed, it answers a cancellation with that failure
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
