"""Content: 64 MiB stored and final, read back, and a chunk shown of a GiB that is kept for ever.

Each figure stands beside the least that could be done for it in the same run: the hashes that the
chain cannot do without, and RocksDB taking or giving the bytes. Times are of this process's CPUs.

Run:  python benches/content.py [MiB to keep]
"""

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from tilth.cli.serving import SystemClock
from tilth.frame import H256
from tilth.node.author import ManualSeal
from tilth.node.block import Block
from tilth.node.content import ContentReader
from tilth.node.possession import Possession
from tilth.node.rocks import RocksStore
from tilth.node.service import Node, NodeConfig
from tilth.node.signer import KeypairSigner
from tilth.node.store import BlockStore
from tilth.pallets.datasets import Draft
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime import DevRuntime
from tilth.runtime.presets import dev_spec

MIB: Final = 1024 * 1024
STORED: Final = 64
KEPT: Final = 1024
AT_ONCE: Final = 8  # what a client has in flight, and a block takes
BLOCKS: Final = 60
AIM_RATE: Final = 20
AIM_PROOF_MS: Final = 5


def main(kept: int = KEPT) -> None:
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "node")
        contents = list(chunks(1, STORED))
        stored, least = bench.stored(contents), floor(contents, Path(folder) / "floor")
        row("storing and finalising", stored, least, STORED, AIM_RATE)
        row("reading back", bench.read(contents), hashing(contents), STORED)
        bench.keep(contents, 0)
        for number, start in enumerate(range(STORED, kept, STORED), 1):
            more = list(chunks(1 + number, min(STORED, kept - start)))
            bench.stored(more)
            bench.keep(more, number)
        bench.proofs(kept)


class Bench:
    """A node with its chain on the disk; Alice stores, by what was signed before the clock runs."""

    def __init__(self, path: Path) -> None:
        self._runtime = DevRuntime()
        config = NodeConfig(
            runtime=self._runtime,
            spec=dev_spec(self._runtime),
            clock=SystemClock(),
            sealing=lambda author, pool: ManualSeal(),
            store=BlockStore(RocksStore(path)),
        )
        self._node = Node(config)
        self._alice = KeypairSigner(Keypair.from_uri("//Alice"))

    def stored(self, contents: Sequence[bytes]) -> float:
        calls = [self._runtime.storage.storing(data) for data in contents]
        signed = self._signed(calls)
        return seconds(lambda: self._include(signed))

    def keep(self, contents: Sequence[bytes], number: int) -> None:
        """Publish them: what a dataset refers to stays for ever."""
        hashes = tuple(H256(sha256(data).digest()) for data in contents)
        said = H256(number.to_bytes(32, "little"))
        draft = Draft(hashes[0], hashes[0], None, len(contents) * MIB, 0, said, None)
        name, salt = f"corpus {number}", None
        call = self._runtime.datasets.publish.call(name, "MIT", (), draft, hashes, salt)
        self._include(self._signed([call]))

    def read(self, contents: Sequence[bytes]) -> float:
        reader = ContentReader(self._node.chain)
        hashes = [H256(sha256(data).digest()) for data in contents]
        return seconds(lambda: [reader.read(hash) for hash in hashes])

    def proofs(self, kept: int) -> None:
        """Each block draws another chunk, which is read from the disk."""
        chain = self._node.chain
        possession = Possession(chain, ContentReader(chain))
        shown, whole = [], []
        for _ in range(BLOCKS):
            shown.append(seconds(lambda: possession.inherent_data(chain.best)))
            whole.append(seconds(self._build))
        proof, block = median(shown), median(whole)
        least = median(seconds(lambda: hashed(bytes(MIB))) for _ in range(20))
        print(
            f"a chunk shown, {kept} MiB kept: {proof * 1000:.2f} ms (aim: {AIM_PROOF_MS}), ", end=""
        )
        print(
            f"{proof / least:.2f} times the sha2-256 of a content; its block {block * 1000:.2f} ms"
        )

    def _build(self) -> Block:
        return self._node.author.build()

    def _include(self, signed: Sequence[bytes]) -> None:
        """As an upload does: no more in the pool than a client may have in flight."""
        for start in range(0, len(signed), AT_ONCE):
            for extrinsic in signed[start : start + AT_ONCE]:
                self._node.pool.submit(extrinsic)
            while self._node.pool.transactions():
                self._build()
        chain = self._node.chain
        assert chain.finalized.hash == chain.best.hash, "what was stored is not final"

    def _signed(self, calls: Sequence[Any]) -> list[bytes]:
        best, runtime = self._node.chain.best, self._runtime
        first = self._node.next_nonce(self._alice.account)
        with runtime.at(best.state):
            runtime.executive.begin_validation(best.hash)
            return [self._alice.sign(runtime, call, first + n) for n, call in enumerate(calls)]


def floor(contents: Sequence[bytes], path: Path) -> float:
    """Name the bytes, name the transaction around them, and write them, a block's at a time."""
    store = RocksStore(path)

    def work() -> None:
        for start in range(0, len(contents), AT_ONCE):
            several = contents[start : start + AT_ONCE]
            for data in several:
                blake2b(data, digest_size=32).digest()
            store.commit({sha256(data).digest(): data for data in several})

    taken = seconds(work)
    store.close()
    return taken


def hashing(contents: Sequence[bytes]) -> float:
    return seconds(lambda: [hashed(data) for data in contents])


def hashed(data: bytes) -> bytes:
    return sha256(data).digest()


def chunks(seed: int, count: int) -> Iterator[bytes]:
    noise = random.Random(seed)
    return (noise.randbytes(MIB) for _ in range(count))


def seconds(work: Callable[[], object]) -> float:
    """Of all its threads; waiting for a busy machine does not count."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def row(what: str, taken: float, least: float, mib: int, aim: int | None = None) -> None:
    told = "" if aim is None else f" (aim: {aim})"
    rate, beside = f"{mib / taken:.0f} MiB/s{told}", taken / least
    print(f"{what:<24}{rate:>22} {beside:6.2f} times the least that can be done", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
