"""datasets_*: search, descriptions, previews and budgets, as clients of JSON-RPC see them."""

import json
from hashlib import sha256
from typing import Any

import pytest

from tilth.frame import H256, AccountId, RuntimeCall
from tilth.node.catalogue import Query
from tilth.pallets.datasets import Anyone, Budget, Draft, Policy
from tilth.pallets.transaction_storage import RAW, CidConfig, HashingAlgorithm
from tilth.primitives import ss58
from tilth.primitives.crypto import dev
from tilth.runtime import DevRuntime

TABLE = b"a,b\n1,x\n2,y\n3,z\n"
LINES = b'{"a": 1}\n{"b": [2]}\n'
SHA2 = CidConfig(RAW, HashingAlgorithm.Sha2_256)


class Commons:
    """A node with datasets in it."""

    def __init__(self, served: Any, runtime: DevRuntime, peer: Any) -> None:
        self.runtime = runtime
        self.node = served.node
        self.ask = peer.ask
        self.error = peer.error
        self._served = served

    def do(self, call: RuntimeCall) -> None:
        self.node.pool.submit(self._served.signed(call))
        self.node.author.build()

    def stored(self, data: bytes) -> H256:
        self.do(self.runtime.storage.store_with_cid_config.call(SHA2, data))
        return H256(sha256(data).digest())

    def publish(
        self, name: str, files: dict[str, bytes], tags: tuple[str, ...] = (), spdx: str = "MIT"
    ) -> None:
        draft, contents = self._draft(files)
        self.do(self.runtime.datasets.publish.call(name, spdx, tags, draft, contents, None))

    def revise(self, dataset: int, files: dict[str, bytes]) -> None:
        draft, contents = self._draft(files)
        self.do(self.runtime.datasets.publish_revision.call(dataset, draft, contents, None))

    def register(self, name: str) -> None:
        public = self.stored(b"schema"), self.stored(TABLE), self.stored(b'{"name": "hidden"}')
        policy = Policy(0, 0, Anyone(), 10**6, 10, 10**6, ())
        self.do(
            self.runtime.datasets.register_private.call(
                name, "MIT", *public, H256(bytes(32)), 100, policy,
                Budget(4_000_000, 10**6, 5_000), (AccountId(dev.BOB),),
            )
        )  # fmt: skip

    def _draft(self, files: dict[str, bytes]) -> tuple[Draft, tuple[H256, ...]]:
        chunks = {path: self.stored(data) for path, data in files.items()}
        entries = [
            {"path": path, "size": len(files[path]), "sha256": hash.hex(), "chunks": [hash.hex()]}
            for path, hash in chunks.items()
        ]
        manifest = self.stored(json.dumps({"files": entries}).encode())
        metadata = self.stored(b'{"name": "described"}')
        size = sum(map(len, files.values()))
        draft = Draft(manifest, metadata, None, size, 3, manifest, None)
        return draft, tuple(chunks.values())


@pytest.fixture
async def commons(serving: Any, dev_runtime: DevRuntime) -> Commons:
    served = await serving()
    return Commons(served, dev_runtime, await served.peer())


async def names(commons: Commons, *query: str | None) -> list[str]:
    found = await commons.ask("datasets_search", *query)
    return [each["name"] for each in found["datasets"]]


def found_by(commons: Commons, **query: Any) -> list[str]:
    return [info.name for _, info in commons.node.catalogue.search(Query(**query), limit=9)[0]]


async def test_all_that_is_asked_for_must_hold_and_the_newest_comes_first(commons: Commons) -> None:
    commons.publish("Iris flowers", {"a": b"1"}, ("flowers",))
    commons.publish("wine", {"a": b"2"}, ("drinks", "Flowers"), "CC0-1.0")

    assert await names(commons) == ["wine", "Iris flowers"]
    assert await names(commons, None, None, None, ss58.encode(dev.BOB, 42)) == []
    assert found_by(commons, text="FLOW") == ["wine", "Iris flowers"]
    assert found_by(commons, text="iris flow") == ["Iris flowers"]
    assert found_by(commons, tag="flowers") == ["Iris flowers"]
    assert found_by(commons, spdx="CC0-1.0") == ["wine"]
    assert found_by(commons, name="wine", tag="flowers") == []
    assert found_by(commons, publisher=dev.ALICE) == ["wine", "Iris flowers"]
    assert found_by(commons, publisher=dev.BOB) == []


async def test_a_cursor_leads_to_the_next_page_until_there_is_none(commons: Commons) -> None:
    for number in range(3):
        commons.publish(f"n{number}", {"a": b"%d" % number})
    ask = [None] * 5

    first = await commons.ask("datasets_search", *ask, None, 2)
    second = await commons.ask("datasets_search", *ask, first["cursor"], 2)

    assert [each["dataset"] for each in first["datasets"]] == [2, 1]
    assert [each["dataset"] for each in second["datasets"]] == [0]
    assert second["cursor"] is None


async def test_a_search_follows_revisions_and_forks(commons: Commons) -> None:
    commons.publish("stays", {"t.csv": TABLE})
    before = commons.node.chain.best
    commons.publish("goes", {"t.csv": TABLE + b"4,w\n"})
    commons.revise(0, {"t.csv": TABLE + b"5,v\n"})
    newest = await commons.ask("datasets_search")

    commons.node.chain.set_head(before)
    after = await commons.ask("datasets_search")

    assert [(each["name"], each["head"]) for each in newest["datasets"]] == [
        ("goes", 0),
        ("stays", 1),
    ]
    assert [(each["name"], each["head"]) for each in after["datasets"]] == [("stays", 0)]


async def test_a_dataset_is_shown_with_the_revision_asked_for(commons: Commons) -> None:
    commons.publish("table", {"t.csv": TABLE}, ("x",))
    commons.revise(0, {"t.csv": TABLE + b"4,w\n"})

    newest = await commons.ask("datasets_get", 0)
    first = await commons.ask("datasets_get", 0, 0)

    assert newest["dataset"] == first["dataset"]
    assert newest["dataset"]["publisher"] == ss58.encode(dev.ALICE, 42)
    assert (newest["revision"]["number"], first["revision"]["number"]) == (1, 0)
    assert newest["revision"]["bytes"] == len(TABLE) + 4
    assert await commons.error("datasets_get", 0, 2) == (
        7002,
        "There is no such dataset or revision",
    )


async def test_a_preview_shows_the_first_table_or_the_one_named(commons: Commons) -> None:
    commons.publish("tables", {"readme.txt": b"hello", "t.csv": TABLE, "u.jsonl": LINES})

    table = await commons.ask("datasets_preview", 0, 2)
    lines = await commons.ask("datasets_preview", 0, 9, None, "u.jsonl")

    assert table == {
        "file": "t.csv",
        "mock": False,
        "columns": ["a", "b"],
        "rows": [["1", "x"], ["2", "y"]],
    }
    assert (lines["columns"], lines["rows"]) == (["a", "b"], [["1", ""], ["", "[2]"]])
    code, _ = await commons.error("datasets_preview", 0, 9, None, "readme.txt")
    assert code == 7003


async def test_of_a_private_table_the_mock_is_shown_and_what_is_left(commons: Commons) -> None:
    commons.register("patients")

    shown = await commons.ask("datasets_preview", 0)
    budget = await commons.ask("datasets_budget", 0)
    described = await commons.ask("datasets_croissant", 0)

    assert (shown["mock"], shown["columns"], len(shown["rows"])) == (True, ["a", "b"], 3)
    assert (budget["epsilonMicro"], budget["spentMicro"]) == ("4000000", "0")
    assert described == {"name": "hidden"}
    assert (await commons.ask("datasets_get", 0))["revision"] is None


async def test_a_description_comes_as_it_was_published(commons: Commons) -> None:
    commons.publish("table", {"t.csv": TABLE})

    assert await commons.ask("datasets_croissant", 0) == {"name": "described"}
    assert (await commons.error("datasets_budget", 0))[0] == 7004
    assert (await commons.error("datasets_croissant", 1))[0] == 7002
