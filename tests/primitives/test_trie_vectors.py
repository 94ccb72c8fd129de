"""The trie against roots and proofs recorded from smoldot and from a compiled FRAME runtime."""

import gzip
import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from tilth.primitives.trie import EMPTY_ROOT, Layout, Trie, ordered_root, verify_proof

VECTORS = Path(__file__).parents[1] / "vectors" / "trie"
SHARED = Path(__file__).parents[2].parent / "shared" / "vectors" / "trie" / "state_roots.json"
CODE = b":code"


def read(name: str) -> Any:
    return json.loads(gzip.decompress((VECTORS / name).read_bytes()))


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def blake2_256(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


class Digest(bytes):
    """A value of which only the hash was recorded."""


class Encoder:
    """The trie's definition, written once more and as plainly as possible, from scratch only."""

    def __init__(self, entries: Mapping[bytes, bytes]) -> None:
        self.nodes: dict[bytes, bytes] = {}
        paths = {key.hex(): value for key, value in entries.items()}
        top = self.encode(paths) if paths else b"\0"
        self.root = self.keep(top)

    def keep(self, data: bytes) -> bytes:
        self.nodes[blake2_256(data)] = data
        return blake2_256(data)

    def encode(self, paths: Mapping[str, bytes]) -> bytes:
        first, last = min(paths), max(paths)
        common = next(
            (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
        )
        value = paths.get(first[:common])
        children, bitmap = b"", 0
        for slot, digit in enumerate("0123456789abcdef"):
            start = first[:common] + digit
            below = {p[common + 1 :]: v for p, v in paths.items() if p.startswith(start)}
            if below:
                bitmap |= 1 << slot
                child = self.encode(below)
                child = child if len(child) < 32 else self.keep(child)
                children += bytes([len(child) << 2]) + child
        return self.head(first[:common], value, bitmap) + children

    def head(self, partial: str, value: bytes | None, bitmap: int) -> bytes:
        hashed = value is not None and (isinstance(value, Digest) or len(value) > 32)
        if bitmap:
            kind, most = (0x80, 63) if value is None else (0x10, 15) if hashed else (0xC0, 63)
        else:
            kind, most = (0x20, 31) if hashed else (0x40, 63)
        length = len(partial)
        start = bytes([kind | min(length, most)])
        if length >= most:
            more, rest = divmod(length - most, 255)
            start += b"\xff" * more + bytes([rest])
        start += bytes.fromhex("0" * (length % 2) + partial)
        if bitmap:
            start += bitmap.to_bytes(2, "little")
        if value is None:
            return start
        if hashed:
            return start + (value if isinstance(value, Digest) else self.keep(value))
        return start + bytes([len(value) << 2]) + value


def params(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in cases]


def check_roots(case: dict[str, Any]) -> None:
    entries = [(unhex(key), unhex(value)) for key, value in case["entries"]]

    assert Trie.from_entries(entries, Layout.V0).root == unhex(case["v0"])
    assert Trie.from_entries(entries, Layout.V1).root == unhex(case["v1"])


@pytest.mark.parametrize("case", params(read("state_roots.json.gz")["cases"]))
def test_the_root_is_the_one_smoldot_computes(case: dict[str, Any]) -> None:
    check_roots(case)


def test_the_root_is_smoldots_on_the_cases_that_may_not_be_copied() -> None:
    if not SHARED.exists():
        pytest.skip(f"the GPL-3.0 cases are read from {SHARED}, which is not here")
    cases = [c for c in json.loads(SHARED.read_text())["cases"] if "polkadot-tests" in c["name"]]
    assert len(cases) == 8
    for case in cases:
        check_roots(case)


def genesis() -> Trie:
    """The recorded genesis as a store holds it; of the runtime's code only the hash is known."""
    blocks = read("blocks.json.gz")
    entries = {unhex(key): unhex(value) for key, value in blocks["genesis_storage"].items()}
    stored = Encoder({**entries, CODE: Digest(unhex(blocks["code_blake2_256"]))})
    assert stored.root == unhex(blocks["genesis_state_root"])
    return Trie.load(stored.root, stored.nodes.__getitem__)


@pytest.mark.parametrize("scenario", sorted(read("blocks.json.gz")["scenarios"]))
def test_every_recorded_block_has_its_state_and_extrinsics_root(scenario: str) -> None:
    trie = genesis()
    blocks = read("blocks.json.gz")["scenarios"][scenario]
    assert blocks

    for block in blocks:
        diff = block["state_diff"].items()
        trie = trie.update({unhex(k): None if v is None else unhex(v) for k, v in diff})
        extrinsics = [unhex(extrinsic) for extrinsic in block["extrinsics"]]

        assert trie.root == unhex(block["state_root"])
        assert ordered_root(extrinsics, Layout.V0) == unhex(block["extrinsics_root"])


@pytest.mark.parametrize("case", params(read("read_proof.json.gz")["proofs"]))
def test_a_read_proof_is_the_set_of_nodes_the_runtime_reads(case: dict[str, Any]) -> None:
    recorded = read("read_proof.json.gz")
    entries = {unhex(key): unhex(value) for key, value in recorded["state"].items()}
    stored = Encoder({**entries, CODE: Digest(unhex(recorded["code_blake2_256"]))})
    trie = Trie.load(unhex(recorded["state_root"]), stored.nodes.__getitem__)

    nodes = [unhex(node) for node in case["proof_nodes"]]
    assert trie.proof(map(unhex, case["keys"])) == sorted(nodes)
    for key, value in zip(case["keys"], case["values"], strict=True):
        assert verify_proof(trie.root, nodes, unhex(key)) == (unhex(value) if value else None)


def test_the_empty_trie_has_substrates_empty_root() -> None:
    assert Trie.empty().root == EMPTY_ROOT == blake2_256(b"\0") == ordered_root([], Layout.V0)
