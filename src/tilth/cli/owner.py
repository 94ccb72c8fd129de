"""A node that works on jobs for the tables of a data owner."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tilth.cli.vault import existing_vault
from tilth.engine import Engine
from tilth.frame import H256
from tilth.node.content import ContentReader
from tilth.node.offchain import OffchainHost
from tilth.node.service import Node
from tilth.node.signer import KeypairSigner
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime.presets import DEV_WORKER
from tilth.runtime.worker import ComputeWorker


def employ(node: Node, folder: Path, *, unconfined_ok: bool) -> Engine:
    """Make the node a worker on the folder's tables; close the engine when the node has stopped.

    Raises NotNow, VaultError, and NotConfined where this machine cannot jail foreign models.
    """
    engine = Engine(unconfined_ok=unconfined_ok)
    read = _on_loop(ContentReader(node.chain).read)
    worker = ComputeWorker(existing_vault(folder), engine, read, node.genesis_hash)
    signer = KeypairSigner(Keypair.from_uri(DEV_WORKER))
    node.offchain = OffchainHost(node.chain, node.pool, signer, worker.runners(), node.next_nonce)
    return engine


def _on_loop(read: Callable[[H256], bytes | None]) -> Callable[[bytes], bytes | None]:
    """For runners, which have threads of their own: the chain is read on the node's alone."""
    loop = asyncio.get_running_loop()

    async def reading(hash: bytes) -> bytes | None:
        return read(H256(hash))

    def from_thread(hash: bytes) -> bytes | None:
        return asyncio.run_coroutine_threadsafe(reading(hash), loop).result()

    return from_thread
