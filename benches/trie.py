"""What a changed key costs the state trie, as a multiple of hashing one full branch.

Both are CPU time of the same run, so the ratio holds on a busy machine where the times do not.
Usage: python benches/trie.py [entries ...]
"""

import gc
import random
import sys
from collections.abc import Callable
from hashlib import blake2b
from statistics import median
from time import process_time

from tilth.primitives.trie import Trie

ACCOUNTS = bytes.fromhex("26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9")
BRANCH_LENGTH = 3 + 16 * 33


def account_key(index: int) -> bytes:
    account = blake2b(index.to_bytes(8, "little"), digest_size=32).digest()
    return ACCOUNTS + blake2b(account, digest_size=16).digest() + account


def account(nonce: int) -> bytes:
    return (
        nonce.to_bytes(4, "little")
        + bytes(12)
        + (10**18 + nonce).to_bytes(16, "little")
        + bytes(48)
    )


def seconds(run: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        start = process_time()
        run()
        taken.append(process_time() - start)
    return median(taken)


def hash_cost() -> float:
    data = bytes(BRANCH_LENGTH)
    return seconds(lambda: [blake2b(data, digest_size=32).digest() for _ in range(1000)], 50) / 1000


def line(name: str, cost: float, unit: float) -> str:
    return f"  {name:28} {cost / unit:7.1f} hashes   {cost * 1e6:7.2f} µs"


def measure(entries: int) -> None:
    choose = random.Random(1)
    keys = [account_key(index) for index in range(entries)]
    unit = hash_cost()
    start = process_time()
    trie = Trie.from_entries({key: account(index) for index, key in enumerate(keys)})
    print(f"{entries} entries")
    print(line("build, per key", (process_time() - start) / entries, unit))
    gc.collect()
    gc.freeze()
    for batch in (size for size in (1, 10, 100, 1000, 5000) if size <= entries):
        measure_batch(trie, keys, batch, choose)
    gc.unfreeze()


def measure_batch(trie: Trie, keys: list[bytes], batch: int, choose: random.Random) -> None:
    unit = hash_cost()
    changes = {key: account(choose.randrange(2**32)) for key in choose.sample(keys, batch)}
    times = max(9, 2000 // batch)
    changed = trie.update(changes)
    print(
        line(
            f"{batch} changed, per key", seconds(lambda: trie.update(changes), times) / batch, unit
        )
    )
    collect = seconds(lambda: list(changed.nodes_since(trie)), times) / batch
    print(line("  its new nodes, per key", collect, unit))


if __name__ == "__main__":
    for size in sys.argv[1:] or ["1000", "100000"]:
        measure(int(float(size)))
