"""dev_getBlockStats and state_traceBlock: a block executed once more."""

from typing import Any

import pytest

from tilth.primitives.trie import Trie
from tilth.primitives.trie.nodes import blake2_256
from tilth.rpc.jsonrpc.shapes import hex_of
from tilth.rpc.jsonrpc.witness import Witness, witness_of

NUMBER = "26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac"
NOWHERE = "0x" + "77" * 32


async def with_a_block(serving: Any) -> tuple[Any, Any, Any]:
    served = await serving()
    remark = served.signed(served.node.runtime.system.remark.call(remark=b"x"))
    served.node.pool.submit(remark)
    return served, await served.peer(), served.node.author.build()


async def test_a_witness_is_enough_to_execute_the_block(serving: Any) -> None:
    served, _, block = await with_a_block(serving)
    node, parent = served.node, served.node.chain.genesis
    witness = witness_of(node.runtime, parent, block)

    alone = Trie.load(parent.state.root, witness.nodes.__getitem__, parent.state.layout)
    decoded = [node.runtime.format.decode(data) for data in block.extrinsics]
    with node.runtime.at(alone):
        node.runtime.executive.execute_block(block.header, decoded)

    assert all(blake2_256(node) == hash for hash, node in witness.nodes.items())
    assert len(witness.nodes) < sum(1 for _ in parent.state.nodes_since(None))


def test_a_compact_witness_leaves_out_the_hashes_of_what_follows() -> None:
    trie = Trie.from_entries({bytes((16 * i, 0)): bytes((i,)) * 40 for i in range(16)})
    whole = Witness(trie.root, dict(trie.nodes_since(None)))
    root = Witness(trie.root, {trie.root: whole.nodes[trie.root]})

    # a branch that names sixteen leaves of three nibbles, each with the hash of its value
    branch, leaf, value = 1 + 2 + 16 * 33, 1 + 2 + 32, 40
    assert whole.size() == 1 + (2 + branch) + 16 * ((1 + leaf) + (1 + value))
    assert root.compact_size() == root.size() == 1 + (2 + branch)
    short = leaf - 32 + 1 + 1  # an empty value instead of the hash, and the escape
    assert whole.compact_size() == 1 + (1 + branch - 16 * 32) + 16 * ((1 + short) + (1 + value))


async def test_a_block_is_measured(serving: Any) -> None:
    _, peer, block = await with_a_block(serving)

    stats = await peer.ask("dev_getBlockStats", hex_of(block.hash))

    body = 1 + sum(len(data) for data in block.extrinsics)
    assert stats["blockLen"] == len(block.encoded_header) + body
    assert stats["numExtrinsics"] == 2
    assert 0 < stats["witnessCompactLen"] < stats["witnessLen"]
    assert await peer.ask("dev_getBlockStats", NOWHERE) is None
    assert await peer.ask("dev_getBlockStats", block.header.parent_hash.hex()) is None


async def test_a_trace_tells_the_phases_and_what_they_wrote(serving: Any) -> None:
    served, peer, block = await with_a_block(serving)

    trace = (await peer.ask("state_traceBlock", hex_of(block.hash), "", "", ""))["blockTrace"]

    names = ["execute_block", "init_block", "apply_extrinsic", "apply_extrinsic", "final_checks"]
    assert [span["name"] for span in trace["spans"]] == names
    assert [span["parentId"] for span in trace["spans"]] == [None, 1, 1, 1, 1]
    assert trace["blockHash"] == block.hash.hex()
    last: dict[str, str] = {}
    for event in trace["events"]:
        values = event["data"]["stringValues"]
        last[values["key"]] = values["value_encoded"]
    state = served.node.chain.best.state
    for key, value in last.items():
        now = state.get(bytes.fromhex(key))
        assert value == ("00" if now is None else "01" + now.hex())


async def test_a_trace_is_filtered_by_target_key_and_method(serving: Any) -> None:
    _, peer, block = await with_a_block(serving)
    ask = ("state_traceBlock", hex_of(block.hash))

    by_key = (await peer.ask(*ask, "state", NUMBER, "Put"))["blockTrace"]
    by_method = (await peer.ask(*ask, "", "", "Get"))["blockTrace"]
    by_target = (await peer.ask(*ask, "pallet", "", ""))["blockTrace"]
    by_default = (await peer.ask(*ask))["blockTrace"]

    assert {event["data"]["stringValues"]["key"] for event in by_key["events"]} == {NUMBER}
    assert by_key["spans"] == by_method["events"] == by_target["events"] == []
    assert by_default["tracingTargets"] == "pallet,frame,state"
    assert by_default["spans"]
    assert by_default["events"] == []


@pytest.mark.parametrize(
    ("which", "details"),
    [
        ("nowhere", "Missing block component: Header not found"),
        ("genesis", "Dispatch error: Failed to collect traces and execute block: "),
    ],
)
async def test_what_cannot_be_traced_says_why(serving: Any, which: str, details: str) -> None:
    served = await serving()
    peer = await served.peer()
    hash = NOWHERE if which == "nowhere" else hex_of(served.node.genesis_hash)

    code, message = await peer.error("state_traceBlock", hash)

    assert code == 4001
    assert message.startswith(
        f'Cannot resolve a block range [\'"{hash}"\' ... \'"None"]. {details}'
    )
