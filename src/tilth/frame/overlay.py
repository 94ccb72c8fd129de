"""The state of a block while it executes: a trie below, decoded values above, a journal to undo."""

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any, Final, TypeAlias, final

from tilth.frame.indexing import Indexed
from tilth.frame.readings import ABSENT as ABSENT
from tilth.frame.readings import UNREAD, Decode, Readings, Sentinel
from tilth.primitives.scale import Codec, Compact, codec, u32
from tilth.primitives.trie import Trie

_length: Final = codec(Compact[u32])


_TRUNCATE: Final = Sentinel("TRUNCATE")


class Growing:
    """Makes the bytes of a key anew whenever they are asked for."""

    __slots__ = ()

    def encoded(self) -> bytes:
        raise NotImplementedError


@final
class Appended(Growing):
    """A vector that only grows: its items stay encoded and are joined at the end of the block."""

    __slots__ = ("_before", "_count_before", "items")

    def __init__(self, stored: bytes) -> None:
        """Go on after a vector that is stored already, or from an empty one."""
        count, start = _length.decode_at(stored, 0) if stored else (0, 0)
        self._count_before: int = count
        self._before = stored[start:]
        self.items: list[bytes] = []

    def __len__(self) -> int:
        return self._count_before + len(self.items)

    def encoded(self) -> bytes:
        return _length.encode(len(self)) + self._before + b"".join(self.items)


@final
class Count(Growing):
    """How many items a growing vector has, wherever that is stored beside it."""

    __slots__ = ("_vector",)

    def __init__(self, vector: Appended) -> None:
        self._vector = vector

    def encoded(self) -> bytes:
        return len(self._vector).to_bytes(4, "little")


Form: TypeAlias = Codec[Any] | bytes | Growing
"""What makes the bytes of a written key: the codec of its value, or something that needs none."""

_OF_DELETED: Final = codec(bytes)  # never asked for bytes: the value is ABSENT


@final
class Overlay:
    """What was written since `trie`; every write can be undone back to a mark.

    Values are shared with whoever reads them and therefore never changed in place: a pallet writes
    a new one.
    """

    __slots__ = ("_forms", "_journal", "below", "folded", "indexed", "values")

    def __init__(self, trie: Trie, known: Readings | None = None) -> None:
        """Above the trie, of which some may be `known`."""
        self.below = known or Readings(trie)
        self.folded: dict[bytes, bytes | None] = {}
        """What the last commit put into the trie."""
        self.indexed: list[Indexed] = []
        """What the block brought for the node to keep; no rollback undoes it."""
        self.values: dict[bytes, Any] = {}
        """What was read or written, decoded, or ABSENT; what is not here is found by `read`."""
        self._forms: dict[bytes, Form] = {}
        self._journal: list[tuple[bytes, Any, Any]] = []

    @property
    def trie(self) -> Trie:
        return self.below.trie

    def read(self, key: bytes, decode: Decode) -> Any:
        """The decoded value, or ABSENT."""
        value = self.values.get(key, UNREAD)
        if value is not UNREAD:
            return value
        form = self._forms.get(key)
        if form is None:
            value = self.values[key] = self.below.value(key, decode)
            return value
        data = self._encoded(key, form)
        value = ABSENT if data is None else decode(data)
        if not isinstance(form, Growing):
            self.values[key] = value
        return value

    def write(self, key: bytes, value: Any, form: Codec[Any]) -> None:
        values, forms = self.values, self._forms
        self._journal.append((key, values.get(key, UNREAD), forms.get(key)))
        values[key] = value
        forms[key] = form

    def delete(self, key: bytes) -> None:
        if self.values.get(key) is not ABSENT:
            self.write(key, ABSENT, _OF_DELETED)

    def _write_form(self, key: bytes, form: Form) -> None:
        """Write what is decoded when a pallet reads it."""
        self._journal.append((key, self.values.pop(key, UNREAD), self._forms.get(key)))
        self._forms[key] = form

    def write_raw(self, key: bytes, data: bytes) -> None:
        self._write_form(key, data)

    def append(self, key: bytes, item: bytes, counter: bytes | None = None) -> None:
        """Add an encoded item to the vector under `key`, of which `counter` tells the length."""
        vector = self._forms.get(key)
        if isinstance(vector, Appended):
            self._journal.append((key, len(vector.items), _TRUNCATE))
        else:
            vector = self._begin_appending(key, counter)
        vector.items.append(item)

    def _begin_appending(self, key: bytes, counter: bytes | None) -> Appended:
        vector = Appended(self.raw(key) or b"")
        self._write_form(key, vector)
        if counter is not None:
            self._write_form(counter, Count(vector))
        return vector

    def raw(self, key: bytes) -> bytes | None:
        """The stored bytes, as a client reads them."""
        form = self._forms.get(key)
        if isinstance(form, bytes):
            return form
        return self.below.stored(key) if form is None else self._encoded(key, form)

    def _encoded(self, key: bytes, form: Form) -> bytes | None:
        if isinstance(form, bytes):
            return form
        if isinstance(form, Growing):
            return form.encoded()
        value = self.values[key]
        return None if value is ABSENT else form.encode(value)

    def mark(self) -> int:
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Undo every write since the mark."""
        journal, values, forms = self._journal, self.values, self._forms
        while len(journal) > mark:
            key, value, form = journal.pop()
            if form is _TRUNCATE:
                vector = forms[key]
                assert isinstance(vector, Appended), "it grew after it was written"
                del vector.items[value:]
                continue
            _restore(values, key, value, UNREAD)
            _restore(forms, key, form, None)

    def settle(self) -> None:
        """Forget how to undo: what is written so far stays."""
        self._journal.clear()

    def written_since(self, mark: int) -> dict[bytes, bytes | None]:
        """Every key written since the mark, with its bytes now; None where it was deleted."""
        return {key: self.raw(key) for key, _, _ in self._journal[mark:]}

    def changes(self) -> dict[bytes, bytes | None]:
        """Every key written since the trie, with its bytes; None where it was deleted."""
        return {key: self._encoded(key, form) for key, form in self._forms.items()}

    def commit(self) -> Trie:
        """The trie with all changes folded in; the overlay then stands empty above it."""
        self.folded = self.changes()
        self.below = self.below.after(self.folded)
        self.values.clear()
        self._forms.clear()
        self._journal.clear()
        return self.trie

    def keys(self, prefix: bytes = b"", start: bytes | None = None) -> Iterator[bytes]:
        """Stored keys with the prefix in ascending order, strictly after `start`."""
        written = sorted(
            key for key in self._forms if key.startswith(prefix) and (start is None or key > start)
        )
        if not written:
            return self.trie.keys(prefix, start)
        return self._merged(self.trie.keys(prefix, start), written)

    def _merged(self, below: Iterator[bytes], written: list[bytes]) -> Iterator[bytes]:
        last = None
        for key in merge(below, written):
            if key != last and self.values.get(key) is not ABSENT:
                yield key
            last = key

    def clear_prefix(self, prefix: bytes, limit: int | None = None) -> int:
        """Delete the keys with the prefix; returns how many were deleted.

        The limit counts keys that the block began with: what it wrote goes in any case, as in
        primitives/state-machine/src/ext.rs.
        """
        keys = [key for key in self._forms if key.startswith(prefix)]
        keys += [key for key in islice(self.trie.keys(prefix), limit) if key not in self._forms]
        doomed = [key for key in keys if self.values.get(key) is not ABSENT]
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

    __slots__ = ("layers", "overlay")

    def __init__(self) -> None:
        self.overlay = Overlay(Trie.empty())
        self.layers = 0
        """How many calls run within each other."""
