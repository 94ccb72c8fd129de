"""What is known of a state answers as the state itself."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.frame import readings
from tilth.frame.overlay import Overlay
from tilth.frame.readings import ABSENT, Readings
from tilth.primitives.scale import codec, u8
from tilth.primitives.trie import Trie

keys = st.binary(min_size=1, max_size=2)
changes = st.dictionaries(keys, st.none() | st.binary(max_size=40), max_size=6)
decode: Callable[[bytes], bytes] = bytes.hex  # type: ignore[assignment]  # any function of bytes


@given(st.lists(changes, max_size=6), st.lists(keys, max_size=4))
def test_readings_that_go_along_with_changes_answer_as_the_trie(
    steps: list[Mapping[bytes, bytes | None]], asked: list[bytes]
) -> None:
    known = Readings(Trie.empty())
    for step in steps:
        for key in asked:
            stored = known.trie.get(key)
            assert known.stored(key) == stored
            assert known.value(key, decode) == (ABSENT if stored is None else decode(stored))
        before, plain = known, known.trie.update(step)
        known = known.after(step)
        assert known.trie.root == plain.root
        assert [before.stored(key) for key in asked] == [before.trie.get(key) for key in asked]


class Counting:
    def __init__(self, trie: Trie) -> None:
        self.trie = trie
        self.asked = 0

    def get(self, key: bytes) -> bytes | None:
        self.asked += 1
        return self.trie.get(key)

    def update(self, changes: Mapping[bytes, bytes | None]) -> "Counting":
        self.updated = dict(changes)
        return Counting(self.trie.update(changes))


def test_neither_what_was_read_nor_what_was_written_is_looked_up_again() -> None:
    trie = Counting(Trie.from_entries({b"read": b"1"}))
    first = Readings(trie)  # type: ignore[arg-type]  # it answers as one
    first.stored(b"read")
    following = first.after({b"written": b"2", b"deleted": None})

    assert following.value(b"read", decode) == decode(b"1")
    assert following.value(b"written", decode) == decode(b"2")
    assert following.value(b"deleted", decode) is ABSENT
    assert (trie.asked, following.trie.asked) == (1, 0)  # type: ignore[attr-defined]


def test_what_is_stored_already_does_not_reach_the_trie() -> None:
    trie = Counting(Trie.from_entries({b"same": b"1", b"other": b"1"}))
    known = Readings(trie)  # type: ignore[arg-type]  # it answers as one
    for key in (b"same", b"other", b"absent"):
        known.stored(key)
    known.after({b"same": b"1", b"other": b"2", b"absent": None})

    assert trie.updated == {b"other": b"2"}


def test_readings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "_MOST", 8)
    entries = {bytes((number,)): b"x" for number in range(100)}
    known = Readings(Trie.from_entries(entries))
    for key in entries:
        assert known.value(key, decode) == decode(b"x")
        assert len(known._stored) <= 8
        assert len(known._values) <= 8
    known = known.after({b"new": b"y"})

    assert known.stored(b"new") == b"y"
    assert len(known._stored) <= 8


def test_a_block_reads_what_was_decoded_from_bytes_not_what_another_wrote() -> None:
    overlay = Overlay(Trie.empty())
    overlay.write(b"key", [1, 2], codec(tuple[u8, u8]))
    overlay.commit()

    above = Overlay(overlay.trie, overlay.below)
    assert above.read(b"key", tuple) == (1, 2)
