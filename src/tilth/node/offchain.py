"""The off-chain host: asks pallets what this node owes after each block, does it, and answers."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tilth.frame import Runtime, RuntimeCall, Task
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.notices import Imported, Notice, Phase
from tilth.node.pool import Pool, PoolError
from tilth.primitives.types import H256, AccountId

log = logging.getLogger(__name__)


class Signer(Protocol):
    """Signs calls as one account of the node's keystore."""

    @property
    def account(self) -> AccountId: ...

    def sign(self, runtime: Runtime, call: RuntimeCall, nonce: int) -> bytes:
        """The signed extrinsic, for the state that is current in the runtime."""
        ...


Runner = Callable[[Any], Any]
"""Does one kind of task, in a thread of its own; what it returns or raises is the answer."""


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
        self._answered: dict[bytes, H256] = {}
        """By task, the transaction that answers it, until the state no longer owes it."""
        self.account = signer.account

    def start(self) -> None:
        self._stop = self._chain.notices.listen(Phase.WORK, self._on_notice)

    async def stop(self) -> None:
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
        owed = self._owed(block)
        self._answered = {
            identity: hash for identity, hash in self._answered.items() if identity in owed
        }
        for identity, task in owed.items():
            if identity not in self._running and not self._is_answered(identity):
                work = asyncio.get_running_loop().create_task(self._work(identity, task))
                self._running[identity] = work

    def _is_answered(self, identity: bytes) -> bool:
        answer = self._answered.get(identity)
        return answer is not None and answer in self._pool

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
                return
            nonce = self._next_nonce(self._signer.account)
            extrinsic = self._signer.sign(runtime, call, nonce)
        try:
            self._answered[identity] = self._pool.submit(extrinsic)
        except PoolError as error:
            log.warning("the answer of %s was refused: %r", type(task).__name__, error)
