"""What a client is told when the pool refuses a transaction: the objects of a Rust node."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tilth.frame import validity
from tilth.node import pool as pools
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.author import author_submitExtrinsic
from tilth.rpc.jsonrpc.errors import RpcError

READ = json.loads((Path(__file__).parents[1] / "vectors" / "jsonrpc" / "errors.json").read_text())
SUBMITTED = READ["author_submitExtrinsic / author_submitAndWatchExtrinsic"]
INVALID = SUBMITTED["InvalidTransaction (SCALE of validate result 0x01 00 <idx>)"]
UNKNOWN = SUBMITTED["UnknownTransaction (0x01 01 <idx>)"]
POOL = SUBMITTED["pool"]


def told(error: pools.PoolError) -> dict[str, Any]:
    """The error object of a node whose pool refuses everything so."""

    def submit(data: bytes, watcher: object = None) -> H256:
        raise error

    node: Any = SimpleNamespace(pool=SimpleNamespace(submit=submit))
    with pytest.raises(RpcError) as raised:
        author_submitExtrinsic(node, b"")
    answer: dict[str, Any] = json.loads(raised.value.encoded())
    return answer


@pytest.mark.parametrize("name", INVALID)
def test_every_invalidity_has_its_object(name: str) -> None:
    kind = getattr(validity, name)
    reason = kind(7) if name == "Custom" else kind()

    expected = json.loads(json.dumps(INVALID[name]["error"]).replace("<u8>", "7"))
    assert told(pools.Rejected(validity.Invalid(reason))) == expected


@pytest.mark.parametrize("name", UNKNOWN)
def test_every_validity_that_is_unknown_has_its_object(name: str) -> None:
    kind: Any = getattr(validity, "UnknownCustom" if name == "Custom" else name)
    reason = kind(7) if name == "Custom" else kind()

    expected = json.loads(json.dumps(UNKNOWN[name]["error"]).replace("<u8>", "7"))
    assert told(pools.Rejected(validity.Unknown(reason))) == expected


def test_the_pool_has_its_objects() -> None:
    hash = H256(b"\xab" * 32)
    already = {**POOL["AlreadyImported"], "data": "0x" + "ab" * 32}
    low = {**POOL["TooLowPriority"], "message": "Priority is too low: (5 vs 3)"}

    assert told(pools.Banned()) == POOL["TemporarilyBanned"]
    assert told(pools.AlreadyImported(hash)) == already
    assert told(pools.TooLowPriority(5, 3)) == low
    assert told(pools.ImmediatelyDropped()) == POOL["ImmediatelyDropped"]
    assert told(pools.NoTags()) == POOL["NoTagsProvided"]


async def test_bytes_that_are_not_even_framed_are_told_apart_by_method(serving: Any) -> None:
    peer = await (await serving()).peer()

    submitted = await peer.error("author_submitExtrinsic", "0x1234")
    watched = await peer.error("author_submitAndWatchExtrinsic", "0x1234")

    assert submitted[0] == SUBMITTED["undecodable opaque bytes"]["submitExtrinsic"]["code"]
    assert submitted[1].startswith("Client error: ")
    assert watched[0] == SUBMITTED["undecodable opaque bytes"]["submitAndWatchExtrinsic"]["code"]
    assert watched[1].startswith("Extrinsic has invalid format: ")


async def test_framed_bytes_that_are_no_extrinsic_make_the_runtime_panic(serving: Any) -> None:
    peer = await (await serving()).peer()

    for method in ("author_submitExtrinsic", "author_submitAndWatchExtrinsic"):
        error = (await peer.reply(method, "0x08ffff"))["error"]

        assert error["code"] == 1002
        assert error["message"].startswith("Verification Error: Runtime error: Execution failed: ")
        assert error["data"].startswith('RuntimeApi("Execution failed: ')


async def test_costs_of_what_is_no_extrinsic_are_told_by_two_codes(serving: Any) -> None:
    peer = await (await serving()).peer()

    for method in ("payment_queryInfo", "payment_queryFeeDetails"):
        said = READ[method]
        unframed = (await peer.reply(method, "0x1234"))["error"]
        framed = (await peer.reply(method, "0x08ffff"))["error"]
        nowhere = (await peer.reply(method, "0x08ffff", "0x" + "77" * 32))["error"]

        assert (unframed["code"], unframed["message"]) == (2, said["undecodable"]["message"])
        assert (framed["code"], framed["message"]) == (1, said["runtime error"]["message"])
        assert nowhere["data"] == (
            "Api called for an unknown Block: Header was not found in the database: 0x" + "77" * 32
        )


async def test_a_dry_run_of_what_is_no_extrinsic_is_told_by_two_codes(serving: Any) -> None:
    peer = await (await serving()).peer()
    said = READ["system_dryRun"]

    unframed = await peer.error("system_dryRun", "0x1234")
    framed = await peer.error("system_dryRun", "0x08ffff")

    assert unframed == (2, said["undecodable"]["message"])
    assert framed == (1, said["runtime error"]["message"])
