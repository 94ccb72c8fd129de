"""A row root binds every row at its place, and shows none of them."""

from collections.abc import Callable
from hashlib import blake2b
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.vault.commitments import RowCommitment, commit, leaf, salt, verify
from tilth.vault.schema import Numeric, Schema
from tilth.vault.table import Table

KEY = bytes(range(32))
row_lists = st.lists(st.binary(max_size=12), min_size=1, max_size=40)


def rows_of(count: int) -> list[bytes]:
    return [number.to_bytes(4, "little") for number in range(count)]


@given(row_lists)
def test_every_row_is_proved_and_no_other_in_its_place(rows: list[bytes]) -> None:
    tree = commit(KEY, rows)
    for index in range(len(rows)):
        path = tree.path(index)
        assert verify(tree.root, index, len(rows), tree.leaf(index), path)
        assert tree.leaf(index) == leaf(salt(KEY, index), rows[index])
        for other in {index - 1, index + 1, len(rows)}:
            assert not verify(tree.root, other, len(rows), tree.leaf(index), path)


@given(row_lists, st.data())
def test_a_changed_proof_fails(rows: list[bytes], data: st.DataObject) -> None:
    tree = commit(KEY, rows)
    index = data.draw(st.integers(0, len(rows) - 1))
    parts = [tree.root, tree.leaf(index), *tree.path(index)]
    at = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    parts[at] = (int.from_bytes(parts[at], "big") ^ 1 << bit).to_bytes(32, "big")

    assert not verify(parts[0], index, len(rows), parts[1], parts[2:])


@given(row_lists, row_lists)
def test_different_tables_have_different_roots(one: list[bytes], other: list[bytes]) -> None:
    assert (commit(KEY, one).root == commit(KEY, other).root) == (one == other)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 13])
def test_the_number_of_rows_is_bound(count: int) -> None:
    tree = commit(KEY, rows_of(count))
    for claimed in {count - 1, count + 1, 2 * count, 0} - {count}:
        assert not verify(tree.root, 0, claimed, tree.leaf(0), tree.path(0))


def test_an_inner_node_is_not_a_leaf_nor_a_subtree_a_table() -> None:
    tree = commit(KEY, rows_of(4))
    left, right = tree.path(2)[1], tree.path(0)[1]

    assert RowCommitment([left, right]).root != tree.root
    for index, (node, beside) in enumerate([(left, right), (right, left)]):
        assert not verify(tree.root, index, 2, node, (beside,))
        assert not verify(tree.root, index, 4, node, (beside,))


def test_a_row_that_spells_an_inner_node_is_hashed_apart() -> None:
    tree = commit(KEY, rows_of(2))
    inner = blake2b(b"\x01" + tree.leaf(0) + tree.leaf(1), digest_size=32).digest()
    spelt_as_row = blake2b(b"\x00" + tree.leaf(0) + tree.leaf(1), digest_size=32).digest()

    assert leaf(tree.leaf(0), tree.leaf(1)) == spelt_as_row != inner
    assert tree.root not in (inner, spelt_as_row)


def test_a_repeated_last_row_is_another_table() -> None:
    three = commit(KEY, rows_of(3))
    doubled = RowCommitment([three.leaf(at) for at in (0, 1, 2, 2)])

    assert doubled.root != three.root


def test_paths_of_the_wrong_length_or_width_fail() -> None:
    tree = commit(KEY, rows_of(5))
    path = tree.path(1)

    for wrong in (path[:-1], (*path, bytes(32)), (), (path[0][:31], *path[1:])):
        assert not verify(tree.root, 1, 5, tree.leaf(1), wrong)
    assert not verify(tree.root, 1, 5, tree.leaf(1)[:31], path)
    assert not verify(tree.root, 0, 1 << 64, tree.leaf(0), path)
    assert not verify(tree.root[:31], 1, 5, tree.leaf(1), path)


def test_the_root_is_fixed_for_ever() -> None:
    def inner(left: bytes, right: bytes) -> bytes:
        return blake2b(b"\x01" + left + right, digest_size=32).digest()

    tree = commit(KEY, rows_of(3))
    top = inner(inner(tree.leaf(0), tree.leaf(1)), tree.leaf(2))
    root = blake2b(b"\x02" + (3).to_bytes(8, "little") + top, digest_size=32).digest()

    assert tree.root == root


def test_a_commitment_needs_rows_and_knows_their_places() -> None:
    with pytest.raises(ValueError, match="at least one"):
        commit(KEY, [])
    with pytest.raises(ValueError, match="32"):
        leaf(b"short", b"row")
    for index in (-1, 2):
        with pytest.raises(IndexError):
            commit(KEY, rows_of(2)).path(index)


def found_by_guessing(leaves: list[bytes], hashed: Callable[[bytes], bytes]) -> int:
    """How many leaves an attacker finds who tries all rows on a grid of tenths, as in iris."""
    grid = (np.array(values, "<f4").tobytes() for values in product(np.arange(0, 8, 0.1), repeat=2))
    guessed = {hashed(row) for row in grid}
    return sum(leaf in guessed for leaf in leaves)


def test_unsalted_rows_are_found_by_guessing_and_salted_ones_are_not() -> None:
    features = np.random.default_rng(1).integers(0, 80, (150, 2)) / 10
    table = Table(Schema((Numeric("a", 0, 8), Numeric("b", 0, 8))), features.astype(np.float32))

    def unsalted(row: bytes) -> bytes:
        return blake2b(b"\x00" + row, digest_size=32).digest()

    tree = commit(KEY, table.rows())
    salted = [tree.leaf(index) for index in range(150)]

    assert found_by_guessing([unsalted(row) for row in table.rows()], unsalted) == 150
    assert found_by_guessing(salted, unsalted) == 0
    assert found_by_guessing(salted, lambda row: leaf(salt(bytes(32), 0), row)) == 0
    assert found_by_guessing(salted, lambda row: leaf(salt(KEY, 7), row)) == 1


def test_equal_rows_have_different_leaves() -> None:
    tree = commit(KEY, [b"same"] * 9)

    assert len({tree.leaf(index) for index in range(9)}) == 9
