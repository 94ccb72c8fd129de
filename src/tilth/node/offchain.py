"""The off-chain host: asks pallets what this node owes after each block, does it, and answers."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tilth.frame import Runtime, RuntimeCall, Task
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.notices import Imported, Notice, Phase
from tilth.node.pool import Pool, PoolError
from tilth.primitives.types import H256, AccountId

log = logging.getLogger(__name__)

_MOST_DOUBLINGS: Final = 8


class Signer(Protocol):
    """Signs calls as one account of the node's keystore."""

    @property
    def account(self) -> AccountId: ...

    def sign(self, runtime: Runtime, call: RuntimeCall, nonce: int) -> bytes:
        """The signed extrinsic, for the state that is current in the runtime."""
        ...


Runner = Callable[[Any], Any]
"""Does one kind of task, in a thread of its own; what it returns or raises is the answer."""


@dataclass(slots=True)
class _Tries:
    """How often a task was begun, and what came of it."""

    count: int = 0
    not_before: int = 0
    """The block after which it may be begun again."""
    answer: H256 | None = None
    """The transaction that answered it last."""

    def wait(self, block: int) -> None:
        """Not again before so many blocks as double with every try."""
        self.answer = None
        self.not_before = block + 2 ** min(self.count, _MOST_DOUBLINGS)


class OffchainHost:
    """Runs each owed task once at a time; the chain's state alone says what is owed."""

    def __init__(
        self,
        chain: Chain,
        pool: Pool,
        signer: Signer,
        runners: Mapping[type, Runner],
        next_nonce: Callable[[AccountId], int],
    ) -> None:
        self._chain = chain
        self._pool = pool
        self._signer = signer
        self._runners = runners
        self._next_nonce = next_nonce
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._tries: dict[bytes, _Tries] = {}
        """By task, until the state no longer owes it."""
        self._stop: Callable[[], None] | None = None
        self.account = signer.account

    def start(self) -> None:
        self._stop = self._chain.notices.listen(Phase.WORK, self._on_notice)

    async def stop(self) -> None:
        """What runs is abandoned: its answer will not be submitted."""
        if self._stop is not None:
            self._stop()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, Imported) and notice.is_best:
            self.look(notice.block)

    def look(self, block: Block) -> None:
        """Begin whatever the state after the block owes and nobody does yet."""
        try:
            owed = self._owed(block)
        except Exception:
            log.exception("a pallet cannot say what is owed after block %d", block.number)
            return
        self._tries = {identity: self._tries.get(identity) or _Tries() for identity in owed}
        for identity, task in owed.items():
            if identity not in self._running and self._is_due(identity, block):
                work = asyncio.get_running_loop().create_task(self._work(identity, task))
                self._running[identity] = work

    def _is_due(self, identity: bytes, block: Block) -> bool:
        """An answer that failed in its block brings no new one at once: each costs a fee."""
        tries = self._tries[identity]
        if tries.answer is not None:
            if tries.answer in self._pool:
                return False
            tries.wait(block.number)
        if block.number < tries.not_before:
            return False
        tries.wait(block.number)
        tries.count += 1
        return True

    def _owed(self, block: Block) -> dict[bytes, Task]:
        runtime = self._chain.runtime
        with runtime.at(block.state):
            return {
                task.identity: task
                for pallet in runtime.pallets
                for task in pallet.offchain_worker(self)
                if type(task) in self._runners
            }

    async def _work(self, identity: bytes, task: Task) -> None:
        try:
            answer = await asyncio.to_thread(self._runners[type(task)], task)
            self._submit(identity, task, answer)
        except Exception:
            # The task stays owed and is tried again after a later block.
            log.exception("off-chain task %s failed", type(task).__name__)
        finally:
            self._running.pop(identity, None)

    def _submit(self, identity: bytes, task: Task, answer: Any) -> None:
        runtime, best = self._chain.runtime, self._chain.best
        with runtime.at(best.state):
            runtime.executive.begin_validation(best.hash)
            call = task.then(answer)
            if call is None:
                self._tries.pop(identity, None)  # it may be asked again after the next block
                return
            nonce = self._next_nonce(self._signer.account)
            extrinsic = self._signer.sign(runtime, call, nonce)
        tries = self._tries.setdefault(identity, _Tries())
        try:
            tries.answer = self._pool.submit(extrinsic)
        except PoolError as error:
            log.warning("the answer of %s was refused: %r", type(task).__name__, error)
