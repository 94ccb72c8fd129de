"""How long a search of 10,000 datasets takes, and the first one after a block changed some.

Run:  python benches/commons.py
"""

from dataclasses import replace
from time import process_time
from types import SimpleNamespace
from typing import Any, cast

from tilth.frame import AccountId
from tilth.node.catalogue import Catalogue, Query
from tilth.node.chain import Chain
from tilth.pallets.datasets import Active, DatasetInfo, Kind
from tilth.primitives.trie import Trie
from tilth.runtime import DevRuntime

DATASETS = 10_000
AIM_MS = 50


def main() -> None:
    records: Any = DevRuntime().datasets.datasets
    info = DatasetInfo(Kind.PUBLIC, AccountId(bytes(32)), 1, 0, "", "MIT", ("a", "b"), Active())
    infos = {n: replace(info, name=f"dataset {n} of {n % 97}") for n in range(DATASETS)}
    state = Trie.from_entries(
        {records.key_of(n): records.value.encode(each) for n, each in infos.items()}
    )
    chain = SimpleNamespace(runtime=DevRuntime(), best=SimpleNamespace(state=state))
    catalogue = Catalogue(cast(Chain, chain))
    timed("building the index", catalogue, None)
    timed("a search", catalogue, AIM_MS)
    renamed = records.value.encode(replace(info, name="dataset renamed"))
    chain.best = SimpleNamespace(state=state.update({records.key_of(77): renamed}))
    timed("a search after a block", catalogue, AIM_MS)


def timed(what: str, catalogue: Catalogue, aim: float | None) -> None:
    before = process_time()
    catalogue.search(Query(text="dataset renamed 9", tag="b"), limit=50)
    taken = (process_time() - before) * 1000
    told = "" if aim is None else f" (aim: {aim} ms)"
    print(f"{what}: {taken:.1f} ms{told}")


if __name__ == "__main__":
    main()
