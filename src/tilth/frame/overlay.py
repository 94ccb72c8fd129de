"""The state of a block while it executes: a trie below, decoded values above, a journal to undo."""

from collections.abc import Callable, Iterator
from heapq import merge
from itertools import islice
from typing import Any, Final, TypeAlias, final

from tilth.primitives.scale import Compact, codec, u32
from tilth.primitives.trie import Trie

Encode: TypeAlias = Callable[[Any], bytes]
Decode: TypeAlias = Callable[[bytes], Any]

_length: Final = codec(Compact[u32])


@final
class _Sentinel:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


ABSENT: Final = _Sentinel("ABSENT")
"""What a read answers where nothing is stored."""
_UNREAD: Final = _Sentinel("UNREAD")
_TRUNCATE: Final = _Sentinel("TRUNCATE")


@final
class Raw:
    """A value that was written as bytes and is decoded when a pallet reads it."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


@final
class Appended:
    """A vector that only grows: its items stay encoded and are joined at the end of the block."""

    __slots__ = ("_before", "_count_before", "items")

    def __init__(self, stored: bytes) -> None:
        """Go on after a vector that is stored already, or from an empty one."""
        count, start = _length.decode_at(stored, 0) if stored else (0, 0)
        self._count_before: int = count
        self._before = stored[start:]
        self.items: list[bytes] = []

    def encoded(self) -> bytes:
        length = _length.encode(self._count_before + len(self.items))
        return length + self._before + b"".join(self.items)


def _encode_raw(value: Raw) -> bytes:
    return value.data


def _encode_appended(value: Appended) -> bytes:
    return value.encoded()


def _encode_absent(_: object) -> bytes:
    raise AssertionError("a deleted value is never encoded")


@final
class Overlay:
    """Values written since `trie`, decoded; every write can be undone back to a mark.

    Values are shared with whoever reads them and therefore never changed in place: a pallet writes
    a new one.
    """

    __slots__ = ("_dirty", "_journal", "_values", "folded", "trie")

    def __init__(self, trie: Trie) -> None:
        self.trie = trie
        self.folded: dict[bytes, bytes | None] = {}
        """What the last commit put into the trie."""
        self._values: dict[bytes, Any] = {}
        self._dirty: dict[bytes, Encode] = {}
        self._journal: list[tuple[bytes, Any, Any]] = []

    def read(self, key: bytes, decode: Decode) -> Any:
        """The decoded value, or ABSENT."""
        value = self._values.get(key, _UNREAD)
        kind = type(value)
        if kind is _Sentinel and value is _UNREAD:
            data = self.trie.get(key)
            value = self._values[key] = ABSENT if data is None else decode(data)
        elif kind is Raw:
            return decode(value.data)
        elif kind is Appended:
            return decode(value.encoded())
        return value

    def write(self, key: bytes, value: Any, encode: Encode) -> None:
        self._journal.append((key, self._values.get(key, _UNREAD), self._dirty.get(key)))
        self._values[key] = value
        self._dirty[key] = encode

    def delete(self, key: bytes) -> None:
        self.write(key, ABSENT, _encode_absent)

    def append(self, key: bytes, item: bytes) -> None:
        """Add an encoded item to the vector under `key`."""
        value = self._values.get(key)
        if type(value) is not Appended:
            self._begin_appending(key, item)
        else:
            self._journal.append((key, len(value.items), _TRUNCATE))
            value.items.append(item)

    def _begin_appending(self, key: bytes, item: bytes) -> None:
        value = Appended(self.raw(key) or b"")
        value.items.append(item)
        self.write(key, value, _encode_appended)

    def raw(self, key: bytes) -> bytes | None:
        """The stored bytes, as a client reads them."""
        encode = self._dirty.get(key)
        if encode is None:
            return self.trie.get(key)
        value = self._values[key]
        return None if value is ABSENT else encode(value)

    def write_raw(self, key: bytes, data: bytes) -> None:
        self.write(key, Raw(data), _encode_raw)

    def mark(self) -> int:
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Undo every write since the mark."""
        journal, values, dirty = self._journal, self._values, self._dirty
        while len(journal) > mark:
            key, value, encode = journal.pop()
            if encode is _TRUNCATE:
                del values[key].items[value:]
                continue
            _restore(values, key, value, _UNREAD)
            _restore(dirty, key, encode, None)

    def settle(self) -> None:
        """Forget how to undo: what is written so far stays."""
        self._journal.clear()

    def written_since(self, mark: int) -> dict[bytes, bytes | None]:
        """Every key written since the mark, with its bytes now; None where it was deleted."""
        return {key: self.raw(key) for key, _, _ in self._journal[mark:]}

    def changes(self) -> dict[bytes, bytes | None]:
        """Every key written since the trie, with its bytes; None where it was deleted."""
        values = self._values
        return {
            key: None if (value := values[key]) is ABSENT else encode(value)
            for key, encode in self._dirty.items()
        }

    def commit(self) -> Trie:
        """The trie with all changes folded in; the overlay then stands empty above it."""
        self.folded = self.changes()
        self.trie = self.trie.update(self.folded)
        self._values.clear()
        self._dirty.clear()
        self._journal.clear()
        return self.trie

    def keys(self, prefix: bytes = b"", start: bytes | None = None) -> Iterator[bytes]:
        """Stored keys with the prefix in ascending order, strictly after `start`."""
        written = sorted(
            key for key in self._dirty if key.startswith(prefix) and (start is None or key > start)
        )
        if not written:
            return self.trie.keys(prefix, start)
        return self._merged(self.trie.keys(prefix, start), written)

    def _merged(self, below: Iterator[bytes], written: list[bytes]) -> Iterator[bytes]:
        last = None
        for key in merge(below, written):
            if key != last and self._values.get(key) is not ABSENT:
                yield key
            last = key

    def clear_prefix(self, prefix: bytes, limit: int | None = None) -> int:
        """Delete the keys with the prefix; returns how many were deleted.

        The limit counts keys that the block began with: what it wrote goes in any case, as in
        primitives/state-machine/src/ext.rs.
        """
        keys = [key for key in self._dirty if key.startswith(prefix)]
        keys += [key for key in islice(self.trie.keys(prefix), limit) if key not in self._dirty]
        doomed = [key for key in keys if self._values.get(key) is not ABSENT]
        for key in doomed:
            self.delete(key)
        return len(doomed)


def _restore(table: dict[bytes, Any], key: bytes, value: Any, nothing: Any) -> None:
    if value is nothing:
        table.pop(key, None)
    else:
        table[key] = value


@final
class Slot:
    """Where every storage item of a runtime finds the overlay that is current."""

    __slots__ = ("overlay",)

    def __init__(self) -> None:
        self.overlay = Overlay(Trie.empty())
