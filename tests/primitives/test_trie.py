"""What the trie promises about its entries, its proofs and what it asks of a store."""

from collections.abc import Mapping
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tilth.primitives.trie import (
    EMPTY_ROOT,
    CorruptNode,
    InvalidProof,
    Layout,
    Trie,
    ordered_root,
    verify_proof,
)
from tilth.primitives.trie.nodes import MalformedNode, decode

# A small alphabet makes keys that are prefixes of others, forks and collapses common.
KEYS = st.lists(st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xFF]), max_size=5).map(bytes) | st.binary(
    max_size=70
)
VALUES = st.binary(max_size=3) | st.integers(30, 70).map(lambda length: bytes([length]) * length)
LAYOUTS = st.sampled_from(Layout)
LONG = b"long" * 20


def blake2_256(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def stored(trie: Trie) -> dict[bytes, bytes]:
    return dict(trie.nodes_since(None))


def nothing_stored(digest: bytes) -> bytes:
    raise AssertionError(f"0x{digest.hex()} was fetched without need")


class Counting:
    """A store that remembers what was asked of it."""

    def __init__(self, nodes: Mapping[bytes, bytes]) -> None:
        self.nodes = nodes
        self.asked: list[bytes] = []

    def __call__(self, digest: bytes) -> bytes:
        self.asked.append(digest)
        return self.nodes[digest]


@given(st.dictionaries(KEYS, VALUES), LAYOUTS)
def test_a_trie_answers_as_the_dict_it_was_made_from(
    entries: dict[bytes, bytes], layout: Layout
) -> None:
    trie = Trie.from_entries(entries, layout)

    assert list(trie.items()) == sorted(entries.items())
    assert all(trie.get(key) == value and key in trie for key, value in entries.items())
    assert b"absent" * 20 not in trie
    assert trie.get(b"absent" * 20) is None


@given(st.dictionaries(KEYS, VALUES), KEYS, KEYS | st.none())
def test_keys_are_those_with_the_prefix_and_after_the_start(
    entries: dict[bytes, bytes], prefix: bytes, start: bytes | None
) -> None:
    trie = Trie.from_entries(entries)
    expected = [
        key for key in sorted(entries) if key.startswith(prefix) and (start is None or key > start)
    ]

    assert list(trie.keys(prefix, start)) == expected
    assert list(trie.items(prefix, start)) == [(key, entries[key]) for key in expected]


@given(st.dictionaries(KEYS, VALUES), KEYS)
def test_the_next_key_is_the_first_one_after(entries: dict[bytes, bytes], key: bytes) -> None:
    following = [other for other in sorted(entries) if other > key]

    assert Trie.from_entries(entries).next_key(key) == (following[0] if following else None)


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, VALUES | st.none()), LAYOUTS)
def test_the_root_depends_on_the_entries_alone(
    before: dict[bytes, bytes], changes: dict[bytes, bytes | None], layout: Layout
) -> None:
    after = {k: v for k, v in {**before, **changes}.items() if v is not None}

    assert (
        Trie.from_entries(before, layout).update(changes).root
        == Trie.from_entries(after, layout).root
    )


@given(st.dictionaries(KEYS, VALUES, min_size=1), LAYOUTS)
def test_deleting_everything_gives_the_empty_root(
    entries: dict[bytes, bytes], layout: Layout
) -> None:
    trie = Trie.from_entries(entries, layout)

    assert trie.update(dict.fromkeys(entries)).root == EMPTY_ROOT
    for key in entries:
        trie = trie.update({key: None})
    assert trie.root == EMPTY_ROOT


@given(st.dictionaries(KEYS, VALUES), KEYS)
def test_a_change_that_changes_nothing_gives_the_same_trie(
    entries: dict[bytes, bytes], absent: bytes
) -> None:
    trie = Trie.from_entries(entries)

    assert trie.update(entries) is trie
    assert trie.update({} if absent in entries else {absent: None}) is trie


@given(st.dictionaries(KEYS, VALUES), st.lists(KEYS, max_size=3), LAYOUTS)
def test_a_proof_decides_the_keys_it_was_made_for(
    entries: dict[bytes, bytes], absent: list[bytes], layout: Layout
) -> None:
    keys = [*list(entries)[:3], *absent]
    trie = Trie.from_entries(entries, layout)
    proof = trie.proof(keys)

    assert proof == sorted(set(proof))
    for key in keys:
        assert verify_proof(trie.root, proof, key) == entries.get(key)


@given(st.dictionaries(KEYS, VALUES, min_size=1), st.data())
def test_a_proof_with_a_changed_or_missing_node_decides_nothing_false(
    entries: dict[bytes, bytes], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(entries)))
    trie = Trie.from_entries(entries)
    proof = trie.proof([key])
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 8 * len(proof[at]) - 1))
    flipped = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(len(proof[at]), "big")

    for lost in ([], [flipped]):
        with pytest.raises(InvalidProof, match="does not decide"):
            verify_proof(trie.root, proof[:at] + lost + proof[at + 1 :], key)


def test_a_proof_names_the_key_it_does_not_decide() -> None:
    with pytest.raises(InvalidProof, match=r"0x6b6579.*missing from the store"):
        verify_proof(bytes(32), [], b"key")


class History(RuleBasedStateMachine):
    """One line of states, each kept beside a dict of what it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[tuple[Trie, dict[bytes, bytes]]] = [(Trie.empty(), {})]
        self.store: dict[bytes, bytes] = {}

    @rule(changes=st.dictionaries(KEYS, VALUES | st.none(), max_size=8))
    def change(self, changes: dict[bytes, bytes | None]) -> None:
        self.append(changes)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        keys = sorted(self.states[-1][1])
        self.append(dict.fromkeys(data.draw(st.lists(st.sampled_from(keys))) if keys else []))

    @rule()
    def delete_all(self) -> None:
        self.append(dict.fromkeys(self.states[-1][1]))
        assert self.states[-1][0].root == EMPTY_ROOT

    @rule()
    def restart(self) -> None:
        """From here on the head comes from the store, node by node."""
        trie, entries = self.states[-1]
        self.states[-1] = (Trie.load(trie.root, self.store.__getitem__), entries)

    def append(self, changes: dict[bytes, bytes | None]) -> None:
        older, entries = self.states[-1]
        trie = older.update(changes)
        new = {k: v for k, v in {**entries, **changes}.items() if v is not None}
        for digest, data in trie.nodes_since(older):
            assert blake2_256(data) == digest
            self.store[digest] = data
        self.states.append((trie, new))

    @invariant()
    def the_head_is_what_its_entries_make(self) -> None:
        trie, entries = self.states[-1]
        assert trie.root == Trie.from_entries(entries).root

    @invariant()
    def every_state_is_as_it_was_and_whole_in_the_store(self) -> None:
        for trie, entries in self.states[-4:]:
            assert dict(trie.items()) == entries
            assert dict(Trie.load(trie.root, self.store.__getitem__).items()) == entries


TestHistory = History.TestCase


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, VALUES | st.none()), LAYOUTS)
def test_what_is_new_since_an_older_state_is_nothing_that_it_holds_in_its_place(
    before: dict[bytes, bytes], changes: dict[bytes, bytes | None], layout: Layout
) -> None:
    older = Trie.from_entries(before, layout)
    newer = older.update(changes)
    # The same difference, of two tries that share no object and come from a store.
    older_loaded = Trie.load(older.root, stored(older).__getitem__, layout)
    newer_loaded = Trie.load(newer.root, stored(newer).__getitem__, layout)
    new = dict(newer.nodes_since(older))

    assert dict(newer_loaded.nodes_since(older_loaded)) == new
    assert stored(newer).items() <= stored(older).items() | new.items()
    assert new.keys() <= stored(newer).keys()


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, VALUES), LAYOUTS, KEYS, st.data())
def test_keys_since_an_older_state_are_those_that_hold_something_else_in_order(
    before: dict[bytes, bytes],
    changes: dict[bytes, bytes],
    layout: Layout,
    prefix: bytes,
    data: st.DataObject,
) -> None:
    older = Trie.from_entries(before, layout)
    gone = data.draw(st.sets(st.sampled_from(sorted(before)))) if before else set()
    newer = older.update(changes | dict.fromkeys(gone))
    loaded = Trie.load(newer.root, stored(newer).__getitem__, layout)
    other = [key for key, value in newer.items(prefix) if older.get(key) != value]

    for trie in (newer, loaded):
        assert list(trie.keys_since(older, prefix)) == other


def test_a_small_change_is_stored_as_one_path() -> None:
    entries = {blake2_256(bytes([n])): LONG for n in range(200)}
    older = Trie.from_entries(entries)
    key = blake2_256(b"\x07")
    newer = older.update({key: LONG + b"!"})

    assert LONG + b"!" in dict(newer.nodes_since(older)).values()
    assert 3 <= len(dict(newer.nodes_since(older))) <= 5
    assert list(newer.nodes_since(newer)) == []
    assert list(Trie.empty().nodes_since(older)) == []


def test_a_loaded_trie_fetches_only_the_path_it_needs_and_each_node_once() -> None:
    entries = {blake2_256(bytes([n])): LONG + bytes([n]) for n in range(200)}
    trie = Trie.from_entries(entries)
    store = Counting(stored(trie))
    loaded = Trie.load(trie.root, store)
    key = blake2_256(b"\x07")

    assert loaded.get(key) == loaded.get(key) == LONG + b"\x07"
    assert 3 <= len(store.asked) == len(set(store.asked)) <= 5
    assert next(loaded.keys(prefix=key)) == key
    assert loaded.next_key(key) is not None
    assert len(store.asked) <= 10
    assert loaded.update({key: b"new"}).root == trie.update({key: b"new"}).root


def test_what_a_damaged_store_lost_is_listed_and_the_rest_is_whole() -> None:
    older = Trie.from_entries({blake2_256(bytes([n])): LONG + bytes([n]) for n in range(200)})
    trie = older.update({blake2_256(b"\x07"): LONG + b"!"})
    whole = stored(trie)
    gone = sorted(whole.keys() - {trie.root} - dict(trie.nodes_since(older)).keys())[::20]
    damaged = {digest: data for digest, data in whole.items() if digest not in gone}

    loaded = Trie.load(trie.root, damaged.__getitem__)
    faults = [fault.hash for fault in loaded.faults_since(None)]
    assert faults
    assert set(faults) <= set(gone)
    assert list(loaded.faults_since(older)) == list(loaded.faults_since(loaded)) == []
    assert list(Trie.load(trie.root, whole.__getitem__).faults_since(None)) == []
    with pytest.raises(CorruptNode, match="is missing"):
        list(loaded.nodes_since(None))


def test_an_older_state_that_cannot_be_read_shares_nothing() -> None:
    older = Trie.from_entries({blake2_256(bytes([n])): LONG for n in range(50)})
    trie = older.update({blake2_256(b"\x07"): b"new"})
    ruin = Trie.load(older.root, Counting({older.root: stored(older)[older.root]}))

    new = dict(trie.nodes_since(ruin))
    assert dict(trie.nodes_since(older)).items() <= new.items()
    assert new.keys() <= stored(trie).keys()


def test_walking_what_is_stored_keeps_none_of_it_in_memory() -> None:
    trie = Trie.from_entries({blake2_256(bytes([n])): LONG for n in range(50)})
    store = Counting(stored(trie))
    loaded = Trie.load(trie.root, store)

    assert dict(loaded.nodes_since(None)) == dict(loaded.nodes_since(None)) == stored(trie)
    asked = len(store.asked)
    assert loaded.get(blake2_256(b"\x07")) == LONG
    assert len(store.asked) > asked


def test_a_value_of_which_only_the_hash_is_known_gives_the_root_of_the_whole() -> None:
    long = bytes(range(40))
    whole = Trie.from_entries({b"code": long, b"colour": b"red", b"zoo": long})
    known = Trie.from_entries({b"colour": b"red", b"zoo": long})

    trie = known.with_digests({b"code": blake2b(long, digest_size=32).digest()})

    assert trie.root == whole.root
    assert b"code" in trie
    assert trie.update({b"zoo": None}).root == whole.update({b"zoo": None}).root
    with pytest.raises(CorruptNode, match="is missing from the store"):
        trie.get(b"code")


def test_where_nodes_hold_whole_values_a_hash_does_not_do() -> None:
    with pytest.raises(ValueError, match="layout V0 holds whole values"):
        Trie.empty(Layout.V0).with_digests({b"code": bytes(32)})


def test_the_empty_trie_loads_without_a_store() -> None:
    empty = Trie.load(EMPTY_ROOT, nothing_stored)

    assert empty.get(b"key") is None
    assert list(empty.keys()) == []
    assert empty.proof([b"key"]) == [b"\0"]
    assert verify_proof(EMPTY_ROOT, [b"\0"], b"key") is None


@pytest.mark.parametrize("layout", Layout)
def test_every_flipped_bit_of_a_stored_node_is_an_error_that_names_it(layout: Layout) -> None:
    entries = {b"a": b"1", b"ab": LONG, b"b": b"x" * 31, b"bc": b"y" * 40}
    trie = Trie.from_entries(entries, layout)
    whole = stored(trie)
    for digest, data in whole.items():
        for bit in range(8 * len(data)):
            flipped = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
            broken = {**whole, digest: flipped}

            with pytest.raises(CorruptNode, match=f"0x{digest.hex()} does not match") as caught:
                dict(Trie.load(trie.root, broken.__getitem__, layout).items())
            assert caught.value.hash == digest


def test_a_missing_node_is_an_error_that_names_it() -> None:
    trie = Trie.from_entries({b"key": LONG})

    with pytest.raises(CorruptNode, match=f"0x{trie.root.hex()} is missing"):
        Trie.load(trie.root, Counting({}))


MALFORMED = {
    "nothing": b"",
    "a reserved header": b"\x01",
    "a cut partial": b"\x44\x12",
    "a cut length": b"\x7f",
    "a cut value": b"\x42\x12\x08\x01",
    "a byte too many": b"\x42\x12\x04\x01\x00",
    "padding": b"\x41\x12\x04\x01",
    "an endless partial": b"\x7f" + b"\xff" * 300 + b"\x00",
    "a long form of a length": b"\x42\x12\x05\x00\x01",
    "a longer form of a length": b"\x42\x12\x03\x01\x00\x00\x00\x01",
    "a cut hash": b"\x22\x12" + bytes(31),
    "a cut bitmap": b"\x80\x01",
    "a missing child": b"\x80\x01\x00",
    "an empty child": b"\x80\x01\x00\x00",
    "a long child": b"\x80\x01\x00" + bytes([33 << 2]) + bytes(33),
    "a two-byte child length": b"\x80\x01\x00\x11\x00\x42\x12\x04\x01",
    "a malformed child": b"\x80\x01\x00\x04\x01",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_no_trie_encodes_to_is_refused_even_under_its_own_hash(data: bytes) -> None:
    with pytest.raises(CorruptNode, match="malformed"):
        Trie.load(blake2_256(data), lambda _: data)


@given(st.binary(max_size=60))
def test_any_bytes_decode_to_a_node_that_encodes_to_them_or_are_refused(data: bytes) -> None:
    try:
        node = decode(data)
    except MalformedNode:
        return
    node.encoded = None
    assert node.encode() == data


@pytest.mark.parametrize("length", [30, 31, 32, 33, 62, 63, 64, 300, 317, 318, 319, 800])
@pytest.mark.parametrize("value", [b"", b"v" * 63, b"v" * 64, b"v" * 16384, b"v" * 2**16])
@pytest.mark.parametrize("layout", Layout)
def test_paths_and_values_of_any_length_survive_the_store(
    length: int, value: bytes, layout: Layout
) -> None:
    long = b"k" * length
    entries = {long: value, long + b"\x00": value, long + b"\x07": value}
    for some in (entries, {long: value}):
        trie = Trie.from_entries(some, layout)

        assert dict(Trie.load(trie.root, stored(trie).__getitem__).items()) == some


def test_a_value_of_a_gibibyte_has_its_compact_length() -> None:
    node = b"\x40" + b"\x03\x00\x00\x00\x40"

    with pytest.raises(MalformedNode, match=f"{6 + 2**30} were expected"):
        decode(node)


def test_a_key_longer_than_any_node_can_name_is_refused() -> None:
    assert Trie.from_entries({bytes(32767): b""}).get(bytes(32767)) == b""
    with pytest.raises(ValueError, match="65536 nibbles"):
        Trie.from_entries({bytes(32768): b""})


def test_keys_nested_a_thousand_deep_are_only_entries() -> None:
    entries = {b"k" * n: LONG for n in range(1500)}
    trie = Trie.from_entries(entries)

    assert dict(Trie.load(trie.root, stored(trie).__getitem__).items()) == entries
    assert trie.update(dict.fromkeys(entries)).root == EMPTY_ROOT


def test_the_layouts_part_at_thirty_three_bytes() -> None:
    def roots(value: bytes) -> tuple[bytes, bytes]:
        v0, v1 = (Trie.from_entries({b"key": value}, layout) for layout in Layout)
        return v0.root, v1.root

    assert roots(b"v" * 32)[0] == roots(b"v" * 32)[1]
    assert roots(b"v" * 33)[0] != roots(b"v" * 33)[1]


def test_a_v0_state_goes_over_to_v1_as_its_values_are_written() -> None:
    entries = {b"a": LONG, b"b": LONG}
    old = Trie.from_entries(entries, Layout.V0)
    new = Trie.load(old.root, stored(old).__getitem__, Layout.V1)

    assert dict(new.items()) == entries
    assert new.update(entries).root == Trie.from_entries(entries, Layout.V1).root


def test_the_closest_descendant_is_the_highest_node_at_or_below_the_key() -> None:
    entries = {b"\x12\x34": LONG, b"\x12\x35": b"short", b"\x20": b"x"}
    trie = Trie.from_entries(entries)
    nodes = stored(trie)
    closest = trie.closest_descendant_merkle_value

    assert closest(b"") == trie.root
    fork = closest(b"\x12")
    assert fork is not None
    assert nodes[fork][0] & 0xC0 == 0x80
    assert closest(b"\x12\x35") == b"\x40\x14short"
    assert closest(b"\x20") == b"\x41\x00\x04x"
    assert closest(b"\x12\x34") in nodes
    assert [closest(key) for key in (b"\x13", b"\x12\x34\x00", b"\x30")] == [None] * 3
    assert Trie.empty().closest_descendant_merkle_value(b"") is None


@given(st.lists(VALUES, max_size=80), LAYOUTS)
def test_a_list_is_keyed_by_compact_index(values: list[bytes], layout: Layout) -> None:
    indices = [bytes([n << 2]) for n in range(64)]
    indices += [(n << 2 | 1).to_bytes(2, "little") for n in range(64, 80)]
    entries = zip(indices, values, strict=False)

    assert ordered_root(values, layout) == Trie.from_entries(entries, layout).root
