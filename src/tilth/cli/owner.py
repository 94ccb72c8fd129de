"""A node that works on jobs for the tables of a data owner."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tilth.cli.vault import existing_vault
from tilth.engine import Engine
from tilth.frame import H256
from tilth.node.offchain import OffchainHost
from tilth.node.service import Node
from tilth.node.signer import KeypairSigner
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime.executor import ClusterUnfit, Executor, ThisMachine
from tilth.runtime.presets import DEV_WORKER
from tilth.runtime.worker import ComputeWorker

_LOOK_AGAIN: Final = 0.05


def employ(
    node: Node,
    folder: Path,
    *,
    key: str = DEV_WORKER,
    unconfined_ok: bool,
    compute: str | None = None,
) -> "Shift":
    """Make the node a worker on the folder's tables; end the shift when the node has stopped.

    `key` is the secret URI of the account that works. Jobs run here, or on the Ray cluster at the
    address `compute`. Raises NotNow, VaultError, ClusterUnfit, and NotConfined where this machine
    cannot jail foreign models.
    """
    vault = existing_vault(folder)
    shift = Shift(_executor(compute, unconfined_ok=unconfined_ok))
    read = _on_loop(node.content.read)
    worker = ComputeWorker(vault, shift.executor, read, node.genesis_hash, rest=shift.rest)
    signer = KeypairSigner(Keypair.from_uri(key))
    runners = shift.runners(worker.runners())
    node.offchain = OffchainHost(node.chain, node.pool, signer, runners, node.next_nonce)
    return shift


def _executor(compute: str | None, *, unconfined_ok: bool) -> Executor:
    if compute is None:
        return ThisMachine(Engine(unconfined_ok=unconfined_ok))
    if not compute.startswith("ray://"):
        raise ClusterUnfit(f"--compute is ray://HOST:PORT, not {compute}")
    from tilth.runtime.ray_cluster import RayCluster

    return RayCluster(compute, unconfined_ok=unconfined_ok)


class ShiftOver(Exception):
    """The node is stopping, so this work is left to the next one."""


class Shift:
    """The work of one run of the node: ends even where a model trains for hours."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._over = threading.Event()
        self._busy: set[int] = set()
        """The threads that work."""

    def runners(
        self, runners: Mapping[type, Callable[[Any], Any]]
    ) -> dict[type, Callable[[Any], Any]]:
        return {kind: self._counted(run) for kind, run in runners.items()}

    async def end(self) -> None:
        """Take models their jails away, also those that were on their way into one."""
        self._over.set()
        while self._busy:
            self.executor.close()
            await asyncio.sleep(_LOOK_AGAIN)
        self.executor.close()

    def rest(self, seconds: float) -> None:
        """Wait so long, or leave at the end of the shift."""
        if self._over.wait(seconds):
            raise ShiftOver

    def _counted(self, run: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def counted(task: Any) -> Any:
            self._busy.add(threading.get_ident())
            try:
                if self._over.is_set():
                    raise ShiftOver
                return run(task)
            finally:
                self._busy.discard(threading.get_ident())

        return counted


def _on_loop(read: Callable[[H256], bytes | None]) -> Callable[[bytes], bytes | None]:
    """For runners, which have threads of their own: the chain is read on the node's alone."""
    loop = asyncio.get_running_loop()

    async def reading(hash: bytes) -> bytes | None:
        return read(H256(hash))

    def from_thread(hash: bytes) -> bytes | None:
        return asyncio.run_coroutine_threadsafe(reading(hash), loop).result()

    return from_thread
