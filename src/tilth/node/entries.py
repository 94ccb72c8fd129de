"""Storage by the names of pallets and items: what keys and values of a state mean."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tilth.frame import Runtime
from tilth.frame.definition import StorageDef
from tilth.node.plain import Json, Plain, Unreadable, camel
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import DecodeError
from tilth.primitives.trie import Trie

_PREFIX: Final = 32
_REMOVE: Final = "$removePrefix"
_CODE: Final = b":code"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value in words: `key` is empty where the item is one value."""

    section: str
    method: str
    key: list[Json]
    value: Json


class Entries:
    """Reads and writes the storage of one runtime by name, as chopsticks does."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._plain = Plain(runtime)
        self._items = {
            bound.prefix: (pallet.name, declared, bound)
            for pallet in runtime.pallets
            for declared in pallet.declared.storage
            for bound in (getattr(pallet, declared.attribute),)
        }

    def written(self, values: Json, state: Trie) -> dict[bytes, bytes | None]:
        """What to write, from `{Pallet: {Item: value, Map: [[[key], value]]}}` or `[[key, hex]]`.

        null deletes, hex in place of a value is its bytes, `$removePrefix` names maps to be
        emptied. Raises Unreadable.
        """
        if isinstance(values, list):
            return dict(_raw_pair(pair) for pair in values)
        if not isinstance(values, Mapping):
            raise Unreadable("storage is an object of pallets, or a list of pairs of hex")
        written: dict[bytes, bytes | None] = {}
        for pallet, items in values.items():
            written.update(self._of_pallet(pallet, items, state))
        return written

    def _of_pallet(
        self, pallet: str, items: Mapping[str, Json], state: Trie
    ) -> Iterator[tuple[bytes, bytes | None]]:
        if not any(camel(each.name) == camel(pallet) for each in self._runtime.pallets):
            raise Unreadable(f"Cannot find pallet {pallet}")
        for name, given in items.items():
            if name == _REMOVE:
                for removed in given:
                    prefix = self._item(pallet, removed)[1].prefix
                    yield from ((key, None) for key in state.keys(prefix))
            else:
                yield from self._of_item(*self._item(pallet, name), given)

    def _item(self, pallet: str, name: str) -> tuple[StorageDef, Any]:
        for owner, declared, bound in self._items.values():
            if (camel(owner), camel(declared.name)) == (camel(pallet), camel(name)):
                return declared, bound
        raise Unreadable(f"Cannot find storage {name} in pallet {pallet}")

    def _of_item(
        self, declared: StorageDef, bound: Any, given: Json
    ) -> Iterator[tuple[bytes, bytes | None]]:
        if not bound.is_map:
            yield bound.prefix, self._encoded(bound, given)
            return
        for keys, value in _pairs(declared.name, given):
            parts = self._keys(declared, bound, keys)
            key = bound.key_of(parts[0] if len(parts) == 1 else parts)
            yield key, self._encoded(bound, value)

    def _keys(self, declared: StorageDef, bound: Any, given: Json) -> tuple[Any, ...]:
        annotations = bound.key_annotations
        values = given if isinstance(given, list) else [given]
        if len(values) != len(annotations):
            raise Unreadable(
                f"{declared.name} has keys of {len(annotations)} parts, not {len(values)}"
            )
        shape = self._runtime.codecs.shape
        return tuple(
            self._plain.read(shape(annotation), value)
            for annotation, value in zip(annotations, values, strict=True)
        )

    def _encoded(self, bound: Any, given: Json) -> bytes | None:
        if given is None:
            return None
        if isinstance(given, str) and given.startswith("0x"):
            return _unhex(given)
        encoded: bytes = bound.value.encode(self._plain.read(bound.value.shape, given))
        return encoded

    def entry(self, key: bytes, value: bytes | None) -> Entry | None:
        """What a key stands for and what its value says; None where nothing here has such a key."""
        if key.startswith(b":"):
            name = camel(key.decode(errors="replace").strip(":"))
            return Entry("substrate", name, [], _well_known(key, value))
        found = self._items.get(key[:_PREFIX])
        if found is None:
            return None
        pallet, declared, bound = found
        return Entry(
            camel(pallet),
            camel(declared.name),
            self._key_parts(bound, key),
            None if value is None else self._value(bound, value),
        )

    def _key_parts(self, bound: Any, key: bytes) -> list[Json]:
        if not bound.is_map:
            return []
        try:
            found = bound.key_from(key)
        except (AssertionError, DecodeError):  # behind a hash alone nothing can be read
            return [f"0x{key[_PREFIX:].hex()}"]
        shape, annotations = self._runtime.codecs.shape, bound.key_annotations
        parts = (found,) if len(annotations) == 1 else found
        return [
            self._plain.shown(shape(annotation), part)
            for annotation, part in zip(annotations, parts, strict=True)
        ]

    def _value(self, bound: Any, value: bytes) -> Json:
        try:
            return self._plain.shown(bound.value.shape, bound.value.decode(value))
        except DecodeError:
            return f"0x{value.hex()}"

    def as_object(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> dict[str, Json]:
        """`{pallet: {item: value}}`, with a level for each part of a key."""
        found: dict[str, Json] = {}
        for key, value in pairs:
            entry = self.entry(key, value)
            if entry is None:
                found[f"0x{key.hex()}"] = None if value is None else f"0x{value.hex()}"
                continue
            place = found.setdefault(entry.section, {})
            *path, last = (entry.method, *map(str, entry.key))
            for step in path:
                place = place.setdefault(step, {})
            place[last] = entry.value
        return found


def _raw_pair(pair: Json) -> tuple[bytes, bytes | None]:
    match pair:
        case [str(key), None]:
            return _unhex(key), None
        case [str(key), str(value)]:
            return _unhex(key), _unhex(value)
    raise Unreadable(f"{pair!r} is no pair of hex and hex, or of hex and null")


def _pairs(name: str, given: Json) -> list[tuple[Json, Json]]:
    if not (isinstance(given, list) and all(isinstance(e, list) and len(e) == 2 for e in given)):
        raise Unreadable(f"{name} is a map: give it a list of [[key], value]")
    return [(keys, value) for keys, value in given]


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise Unreadable(f"{text!r} is no hex") from None


def _well_known(key: bytes, value: bytes | None) -> Json:
    if value is None:
        return None
    if key == _CODE:
        return f"<:code blake2_256 0x{blake2_256(value).hex()} ({len(value)} bytes)>"
    return f"0x{value.hex()}"
