"""What is known of a state without a walk through its trie: what was read there or put there."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, final

from tilth.primitives.trie import Trie

Decode: TypeAlias = Callable[[bytes], Any]

_MOST: Final = 1 << 14  # a few megabytes


@final
class Sentinel:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


ABSENT: Final = Sentinel("ABSENT")
"""What a read answers where nothing is stored."""
UNREAD: Final = Sentinel("UNREAD")


@final
class Readings:
    """Of one state; whoever changes the state takes them along, and these are empty again.

    Values are always decoded from the stored bytes, never those that a block wrote, so that a node
    which has just started computes with the same.
    """

    __slots__ = ("_stored", "_values", "trie")

    def __init__(self, trie: Trie) -> None:
        self.trie = trie
        self._stored: dict[bytes, bytes | None] = {}
        self._values: dict[bytes, Any] = {}

    def stored(self, key: bytes) -> bytes | None:
        data = self._stored.get(key, UNREAD)
        if data is UNREAD:
            data = self.trie.get(key)
            if len(self._stored) >= _MOST:
                self._forget()
            self._stored[key] = data
        return data  # type: ignore[return-value]  # not UNREAD

    def value(self, key: bytes, decode: Decode) -> Any:
        """The decoded value, or ABSENT."""
        value = self._values.get(key, UNREAD)
        if value is UNREAD:
            data = self.stored(key)
            value = self._values[key] = ABSENT if data is None else decode(data)
        return value

    def after(self, changes: Mapping[bytes, bytes | None]) -> "Readings":
        """Of the state with these changes; what is stored already does not reach the trie."""
        known = self._stored
        new = {key: data for key, data in changes.items() if known.get(key, UNREAD) != data}
        following = Readings(self.trie.update(new))
        following._stored, following._values = self._stored, self._values
        self._forget()
        following._learn(new)
        return following

    def _forget(self) -> None:
        self._stored, self._values = {}, {}

    def _learn(self, changes: dict[bytes, bytes | None]) -> None:
        if len(self._stored) + len(changes) > _MOST:
            self._forget()
        self._stored.update(changes)
        for key in changes:
            self._values.pop(key, None)
