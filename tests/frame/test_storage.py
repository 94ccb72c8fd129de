"""Storage behaves as Python's dicts and values do, over the keys that Substrate would use."""

from typing import Never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.frame import (
    AccountId,
    CountedMap,
    DefaultDoubleMap,
    DefaultMap,
    DefaultValue,
    DispatchFailure,
    ErrorEnum,
    Overlay,
    Pallet,
    Runtime,
    StorageDoubleMap,
    StorageMap,
    StorageNMap,
    StorageValue,
    Twox64,
    hashing,
    u8,
    u32,
    u64,
)
from tilth.primitives.trie import Trie

ALICE = AccountId(b"\x01" * 32)
BOB = AccountId(b"\x02" * 32)


class Error(ErrorEnum):
    MISSING = "It is not there."


class Shelf(Pallet[Never, Error]):
    one = StorageValue[u32]()
    counted = CountedMap[Twox64[u32], u32]()
    total = DefaultValue[u64](default=7)
    plain = StorageMap[AccountId, u32]()
    defaulted = DefaultMap[Twox64[u32], tuple[u8, ...]]()
    pairs = StorageDoubleMap[AccountId, Twox64[u32], u32]()
    sums = DefaultDoubleMap[AccountId, AccountId, u64]()
    triples = StorageNMap[tuple[Twox64[u32], AccountId, Twox64[u8]], bool]()


@pytest.fixture
def shelf() -> Shelf:
    return Runtime().add(3, Shelf())


def test_keys_are_those_of_frame(shelf: Shelf) -> None:
    prefix = hashing.twox_128(b"Shelf") + hashing.twox_128(b"Plain")
    shelf.plain[ALICE] = 5

    (key,) = shelf.runtime.slot.overlay.keys()

    assert key == prefix + hashing.blake2_128(ALICE) + ALICE
    assert shelf.runtime.slot.overlay.raw(key) == bytes([5, 0, 0, 0])


def test_an_absent_value_is_none_or_the_default(shelf: Shelf) -> None:
    assert shelf.one.get() is None
    assert not shelf.one.exists()
    assert shelf.total.get() == 7
    assert shelf.plain.get(ALICE) is None
    assert shelf.defaulted[4] == ()
    assert 4 not in shelf.defaulted


def test_reading_a_default_stores_nothing(shelf: Shelf) -> None:
    shelf.defaulted[4]
    shelf.total.get()

    assert shelf.runtime.slot.overlay.changes() == {}


def test_a_plain_map_raises_key_error_and_expect_the_pallets_error(shelf: Shelf) -> None:
    with pytest.raises(KeyError):
        shelf.plain[ALICE]
    with pytest.raises(DispatchFailure) as failure:
        shelf.plain.expect(ALICE, Error.MISSING)
    assert failure.value.reason is Error.MISSING


def test_take_returns_and_removes(shelf: Shelf) -> None:
    shelf.one.put(4)
    shelf.plain[BOB] = 9

    assert shelf.one.take() == 4
    assert shelf.one.take() is None
    assert shelf.plain.take(BOB) == 9
    assert BOB not in shelf.plain


def test_a_counted_map_knows_its_length(shelf: Shelf) -> None:
    for key in (1, 2, 2, 3):
        shelf.counted[key] = key
    del shelf.counted[2]
    del shelf.counted[99]

    assert len(shelf.counted) == 2
    assert sorted(shelf.counted.keys()) == [1, 3]


def test_pairs_are_walked_and_cleared_by_their_first_key(shelf: Shelf) -> None:
    for number in range(3):
        shelf.pairs[ALICE, number] = number
    shelf.pairs[BOB, 7] = 7

    assert dict(shelf.pairs.items(ALICE)) == {(ALICE, n): n for n in range(3)}
    assert shelf.pairs.clear(ALICE) == 3
    assert list(shelf.pairs.keys()) == [(BOB, 7)]


def test_keys_of_any_length(shelf: Shelf) -> None:
    shelf.triples[1, ALICE, 2] = True
    shelf.triples[1, BOB, 3] = False

    assert shelf.triples[1, ALICE, 2] is True
    assert set(shelf.triples.keys(1)) == {(1, ALICE, 2), (1, BOB, 3)}
    assert list(shelf.triples.keys(1, BOB)) == [(1, BOB, 3)]


def test_values_written_raw_are_read_typed(shelf: Shelf) -> None:
    overlay = shelf.runtime.slot.overlay
    overlay.write_raw(shelf.plain.key_of(ALICE), bytes([1, 1, 0, 0]))

    assert shelf.plain[ALICE] == 257


def test_two_runtimes_share_nothing() -> None:
    one, other = Runtime().add(0, Shelf()), Runtime().add(0, Shelf())
    one.one.put(1)

    assert other.one.get() is None


def test_an_older_state_is_read_without_touching_the_current_one(shelf: Shelf) -> None:
    shelf.one.put(1)
    older = shelf.runtime.slot.overlay.commit()
    shelf.one.put(2)

    with shelf.runtime.at(older):
        assert shelf.one.get() == 1
        shelf.one.put(3)

    assert shelf.one.get() == 2


keys = st.binary(min_size=1, max_size=3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), keys, st.binary(max_size=40)),
        st.tuples(st.just("delete"), keys),
        st.tuples(st.just("mark")),
        st.tuples(st.just("rollback")),
        st.tuples(st.just("commit")),
        st.tuples(st.just("clear"), st.binary(max_size=1)),
    ),
    max_size=60,
)


@given(steps)
def test_an_overlay_is_a_dict_with_marks(plan: list[tuple]) -> None:  # type: ignore[type-arg]
    overlay, model = Overlay(Trie.empty()), {}
    marks: list[tuple[int, dict[bytes, bytes]]] = []
    for step in plan:
        match step:
            case ("write", key, value):
                overlay.write_raw(key, value)
                model[key] = value
            case ("delete", key):
                overlay.delete(key)
                model.pop(key, None)
            case ("mark",):
                marks.append((overlay.mark(), dict(model)))
            case ("rollback",) if marks:
                mark, model = marks.pop()
                overlay.rollback(mark)
            case ("commit",):
                overlay.commit()
                marks.clear()
            case ("clear", prefix):
                overlay.clear_prefix(prefix)
                model = {k: v for k, v in model.items() if not k.startswith(prefix)}
        assert list(overlay.keys()) == sorted(model)
        assert all(overlay.raw(key) == value for key, value in model.items())
    assert overlay.commit().root == Trie.from_entries(model).root


def test_what_is_appended_is_rolled_back_too() -> None:
    overlay = Overlay(Trie.empty())
    overlay.append(b"events", b"\x01")
    mark = overlay.mark()
    overlay.append(b"events", b"\x02")
    overlay.append(b"events", b"\x03")
    overlay.rollback(mark)
    overlay.append(b"events", b"\x04")

    assert overlay.raw(b"events") == b"\x08\x01\x04"
