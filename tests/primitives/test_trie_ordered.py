"""Tries over lists: the same roots as the general trie's, and compact proofs of single values."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.primitives.trie import Layout, OrderedTrie, Trie, ordered_root, verify_ordered
from tilth.primitives.trie.nodes import MalformedNode, compact

LISTS = st.lists(st.binary(max_size=70), max_size=80)
LAYOUTS = st.sampled_from(Layout)


@given(LISTS, LAYOUTS)
def test_the_root_is_that_of_a_trie_with_compact_keys(values: list[bytes], layout: Layout) -> None:
    entries = {compact(index): value for index, value in enumerate(values)}
    assert ordered_root(values, layout) == Trie.from_entries(entries, layout).root


def test_the_root_of_one_small_chunk_is_the_one_substrate_computes() -> None:
    # sp_transaction_storage_proof, its own test of a proof over [[42]]
    root = "ff8611a4d212fc161dae19dd57f0f1ba9309f45d6207da13f2d3eab4c6839e91"
    assert ordered_root([b"\x2a"], Layout.V1).hex() == root


def test_keys_of_one_two_and_four_bytes_share_a_trie() -> None:
    values = [index.to_bytes(4, "big") * 10 for index in range(16_400)]
    entries = {compact(index): value for index, value in enumerate(values)}
    trie = OrderedTrie(values, Layout.V1)
    assert trie.root == Trie.from_entries(entries, Layout.V1).root
    for index in (0, 63, 64, 16_383, 16_384, 16_399):
        proof = trie.proof(index)
        assert verify_ordered(trie.root, proof, index, values[index], Layout.V1)


@given(LISTS.filter(bool), LAYOUTS, st.data())
def test_a_proof_shows_its_value_and_no_other(
    values: list[bytes], layout: Layout, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(
        st.integers(0, len(values)).filter(
            lambda at: values[at : at + 1] != values[index : index + 1]
        )
    )
    trie = OrderedTrie(values, layout)
    proof, value = trie.proof(index), values[index]
    assert verify_ordered(trie.root, proof, index, value, layout)
    assert not verify_ordered(trie.root, proof, index, value + b"\0", layout)
    assert not verify_ordered(trie.root, proof, other, value, layout)
    assert not verify_ordered(bytes(32), proof, index, value, layout)


@given(LISTS.filter(bool), LAYOUTS, st.data())
def test_a_proof_with_a_byte_changed_or_a_node_too_many_shows_nothing(
    values: list[bytes], layout: Layout, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(values) - 1))
    trie = OrderedTrie(values, layout)
    proof = list(trie.proof(index))
    assert not verify_ordered(trie.root, [*proof, b""], index, values[index], layout)
    assert not verify_ordered(trie.root, proof[:-1], index, values[index], layout)
    place = data.draw(st.integers(0, len(proof) - 1))
    at = data.draw(st.integers(0, len(proof[place]) - 1))
    changed = bytearray(proof[place])
    changed[at] ^= data.draw(st.integers(1, 255))
    proof[place] = bytes(changed)
    assert not verify_ordered(trie.root, proof, index, values[index], layout)


def test_a_proof_leaves_out_what_follows_from_the_rest() -> None:
    chunks = [bytes([index]) * 256 for index in range(200)]
    proof = OrderedTrie(chunks, Layout.V1).proof(150)
    assert not any(chunks[150] in node for node in proof)
    assert sum(map(len, proof)) < 3 * 16 * 33


@pytest.mark.parametrize("node", [b"", b"\x00", b"\x41", b"\x80\xff\xff", b"\xff" * 40])
def test_bytes_that_are_no_node_show_nothing(node: bytes) -> None:
    assert not verify_ordered(bytes(32), [node], 0, b"", Layout.V1)


@given(st.integers(1, 700), LAYOUTS, st.data())
def test_an_outline_proves_the_same_and_looks_at_few_values(
    count: int, layout: Layout, data: st.DataObject
) -> None:
    values = [index.to_bytes(2, "big") * 20 for index in range(count)]
    trie = OrderedTrie(values, layout)
    index = data.draw(st.integers(0, count - 1))
    watched = Watched(values)

    outlined = OrderedTrie(watched, layout, trie.outline)

    assert outlined.proof(index) == OrderedTrie(values, layout).proof(index)
    assert outlined.root == trie.root
    assert watched.seen <= {each for each in range(count) if each % 64 == index % 64} | {index}


def test_values_that_are_not_those_of_the_outline_prove_nothing() -> None:
    values = [index.to_bytes(2, "big") * 20 for index in range(300)]
    outline = OrderedTrie(values, Layout.V1).outline
    changed = [*values[:100], b"other" * 8, *values[101:]]

    with pytest.raises(MalformedNode, match="not those of the outline"):
        OrderedTrie(changed, Layout.V1, outline).proof(164)


def test_there_is_no_proof_of_a_value_beyond_the_end() -> None:
    for values in ([], [b"one"], [b"one", b"two"]):
        with pytest.raises(IndexError):
            OrderedTrie(values, Layout.V1).proof(len(values))


class Watched(Sequence[bytes]):
    """Remembers which of its values somebody has looked at."""

    def __init__(self, values: list[bytes]) -> None:
        self.seen: set[int] = set()
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        self.seen.add(index)
        return self._values[index]
