"""Storage items: what a pallet keeps, as dicts and values of Python over the trie of the chain."""

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    TypeAlias,
    TypeVar,
    cast,
    final,
    get_args,
)

from tilth.frame.errors import DispatchFailure, Reason
from tilth.frame.overlay import ABSENT, Slot
from tilth.primitives.crypto import hashing
from tilth.primitives.scale import Codec, Codecs, scale_enum, u32

K = TypeVar("K")
K1 = TypeVar("K1")
K2 = TypeVar("K2")
V = TypeVar("V")

_KEYS_REMEMBERED: Final = 1 << 16


@scale_enum(path="StorageHasher")
class Hasher(IntEnum):
    """How a key becomes part of a storage key; all but the hashes alone keep the key readable."""

    BLAKE2_128 = 0
    BLAKE2_256 = 1
    BLAKE2_128_CONCAT = 2
    TWOX_128 = 3
    TWOX_256 = 4
    TWOX_64_CONCAT = 5
    IDENTITY = 6


_HASH: Final = {
    Hasher.BLAKE2_128: (hashing.blake2_128, None),
    Hasher.BLAKE2_256: (hashing.blake2_256, None),
    Hasher.BLAKE2_128_CONCAT: (hashing.blake2_128_concat, 16),
    Hasher.TWOX_128: (hashing.twox_128, None),
    Hasher.TWOX_256: (hashing.twox_256, None),
    Hasher.TWOX_64_CONCAT: (hashing.twox_64_concat, 8),
    Hasher.IDENTITY: (hashing.identity, 0),
}

Blake2_128: TypeAlias = Annotated[K, Hasher.BLAKE2_128]
Blake2_256: TypeAlias = Annotated[K, Hasher.BLAKE2_256]
Twox128: TypeAlias = Annotated[K, Hasher.TWOX_128]
Twox256: TypeAlias = Annotated[K, Hasher.TWOX_256]
Twox64: TypeAlias = Annotated[K, Hasher.TWOX_64_CONCAT]
Identity: TypeAlias = Annotated[K, Hasher.IDENTITY]


def hasher_of(annotation: Any) -> Hasher:
    """The hasher a key names, or Substrate's choice for keys that users supply."""
    named = [part for part in getattr(annotation, "__metadata__", ()) if isinstance(part, Hasher)]
    return named[0] if named else Hasher.BLAKE2_128_CONCAT


def _prefix(pallet: str, item: str) -> bytes:
    # frame/support/src/storage/mod.rs: twox128(pallet) ++ twox128(item)
    return hashing.twox_128(pallet.encode()) + hashing.twox_128(item.encode())


class StorageItem:
    """One named place of a pallet's storage; a declaration until the runtime binds it."""

    is_map: ClassVar[bool] = False
    has_default: ClassVar[bool] = False

    def __init__(self, *, name: str | None = None, prefix_of: str | None = None) -> None:
        """`name` is the name in metadata where it is not the attribute's in PascalCase."""
        self.name = name
        self._prefix_of = prefix_of

    prefix: bytes
    slot: Slot
    value: Codec[Any]
    __orig_class__: Any

    @property
    def annotations(self) -> tuple[Any, ...]:
        return get_args(self.__orig_class__)

    @property
    def key_annotations(self) -> tuple[Any, ...]:
        return self.annotations[:-1]

    def bind(self, pallet_prefix: str, item_prefix: str, slot: Slot, codecs: Codecs) -> Any:
        """This declaration as storage of one pallet in one runtime."""
        bound = type(self).__new__(type(self))
        for name, value in vars(self).items():
            setattr(bound, name, value)  # a copied dict would be slower to read from
        bound.prefix = _prefix(pallet_prefix, item_prefix)
        bound.slot = slot
        bound.value = codecs.of(self.annotations[-1])
        bound._bound(codecs)
        return bound

    def _bound(self, codecs: Codecs) -> None: ...

    def default_bytes(self) -> bytes:
        """What metadata gives as the value of an absent key."""
        return b"\x00"


# Storage is read and written many times in every call, so the reads below look into the overlay's
# values themselves and ask the overlay only for what is not there yet.


class _Value(StorageItem, Generic[V]):
    def _read(self) -> Any:
        overlay = self.slot.overlay
        value = overlay.values.get(self.prefix)
        return overlay.read(self.prefix, self.value.decode) if value is None else value

    def put(self, value: V) -> None:
        self.slot.overlay.write(self.prefix, value, self.value)

    def put_encoded(self, value: bytes) -> None:
        """For what is written far more often than read."""
        self.slot.overlay.write_raw(self.prefix, value)

    def kill(self) -> None:
        self.slot.overlay.delete(self.prefix)

    def exists(self) -> bool:
        return self._read() is not ABSENT


class StorageValue(_Value[V]):
    """One value, or none."""

    def get(self) -> V | None:
        overlay = self.slot.overlay
        value: V | None = overlay.values.get(self.prefix)
        if value is None:
            value = overlay.read(self.prefix, self.value.decode)
        return None if value is ABSENT else value

    def expect(self, reason: Reason) -> V:
        value = self._read()
        if value is ABSENT:
            raise DispatchFailure(reason)
        return cast(V, value)

    def take(self) -> V | None:
        value = self.get()
        if value is not None:  # FRAME deletes nothing where there is nothing
            self.kill()
        return value


class _Defaulting(StorageItem):
    has_default = True

    def __init__(
        self, *, default: Any = None, name: str | None = None, prefix_of: str | None = None
    ) -> None:
        super().__init__(name=name, prefix_of=prefix_of)
        self._default = default

    default: Any

    def _bound(self, codecs: Codecs) -> None:
        self.default = self.value.default if self._default is None else self._default

    def default_bytes(self) -> bytes:
        return self.value.encode(self.default)


class DefaultValue(_Defaulting, _Value[V]):
    """One value; its type's default where nothing is stored."""

    def get(self) -> V:
        overlay = self.slot.overlay
        value: Any = overlay.values.get(self.prefix)
        if value is None:
            value = overlay.read(self.prefix, self.value.decode)
        return self.default if value is ABSENT else value  # type: ignore[no-any-return]  # a V

    def take(self) -> V:
        value = self._read()
        if value is ABSENT:
            value = self.default
        else:
            self.kill()
        return cast(V, value)


class AppendedValue(_Defaulting, _Value[V]):
    """A vector that grows item by item within a block, such as its events."""

    def __init__(self, *, counted_by: str | None = None, name: str | None = None) -> None:
        """`counted_by` is the name of the item that always holds how many there are."""
        super().__init__(name=name)
        self._counted_by = counted_by

    counter: bytes | None

    def bind(self, pallet_prefix: str, item_prefix: str, slot: Slot, codecs: Codecs) -> Any:
        bound = super().bind(pallet_prefix, item_prefix, slot, codecs)
        counted_by = self._counted_by
        bound.counter = None if counted_by is None else _prefix(pallet_prefix, counted_by)
        return bound

    def get(self) -> V:
        value: V = self._read()
        return self.default if value is ABSENT else value

    def append(self, item: bytes) -> None:
        """Add an item that is already encoded."""
        self.slot.overlay.append(self.prefix, item, self.counter)


@final
class _Keys(dict[Any, bytes]):
    """The storage keys of a map, each made once; too many are all forgotten."""

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        self._make = make

    def __missing__(self, key: Any) -> bytes:
        if len(self) >= _KEYS_REMEMBERED:
            self.clear()
        made = self[key] = self._make(key)
        return made


class _Map(StorageItem, Generic[K, V]):
    """Keys are tuples where the map has several."""

    is_map = True

    @property
    def hashers(self) -> tuple[Hasher, ...]:
        return tuple(hasher_of(annotation) for annotation in self.key_annotations)

    def _bound(self, codecs: Codecs) -> None:
        super()._bound(codecs)
        self._parts = [
            (codecs.of(annotation), *_HASH[hasher_of(annotation)])
            for annotation in self.key_annotations
        ]
        self._single = len(self._parts) == 1
        self._keys = _Keys(self._make_key)

    def key_of(self, key: K) -> bytes:
        """The full storage key."""
        return self._keys[key]

    def _make_key(self, key: Any) -> bytes:
        return self.prefix + self._hashed((key,) if self._single else key)

    def _hashed(self, parts: tuple[Any, ...]) -> bytes:
        return b"".join(
            digest(codec.encode(part))
            for part, (codec, digest, _) in zip(parts, self._parts, strict=False)
        )

    def _read(self, key: K) -> Any:
        full, overlay = self._keys[key], self.slot.overlay
        value = overlay.values.get(full)
        return overlay.read(full, self.value.decode) if value is None else value

    def __setitem__(self, key: K, value: V) -> None:
        self.slot.overlay.write(self._keys[key], value, self.value)

    def __delitem__(self, key: K) -> None:
        self.slot.overlay.delete(self._keys[key])

    def __contains__(self, key: K) -> bool:
        return self._read(key) is not ABSENT

    def expect(self, key: K, reason: Reason) -> V:
        """The value, or the call fails for this reason."""
        value: V = self._read(key)
        if value is ABSENT:
            raise DispatchFailure(reason)
        return value

    def keys(self, *first: Any) -> Iterator[K]:
        """Every key, in the order of its hash; of a map with several keys, those that begin so."""
        prefix = self.prefix + self._hashed(first)
        for stored in self.slot.overlay.keys(prefix):
            yield self.key_from(stored)

    def items(self, *first: Any) -> Iterator[tuple[K, V]]:
        prefix = self.prefix + self._hashed(first)
        overlay, decode = self.slot.overlay, self.value.decode
        for stored in list(overlay.keys(prefix)):
            yield self.key_from(stored), overlay.read(stored, decode)

    def values(self, *first: Any) -> Iterator[V]:
        return (value for _, value in self.items(*first))

    def clear(self, *first: Any, limit: int | None = None) -> int:
        """Delete everything below, at most `limit` entries; returns how many."""
        return self.slot.overlay.clear_prefix(self.prefix + self._hashed(first), limit)

    def key_from(self, stored: bytes) -> K:
        """The key that a full storage key holds; not behind hashes that do not keep it."""
        offset = len(self.prefix)
        parts: list[Any] = []
        for codec, _, skipped in self._parts:
            assert skipped is not None, "keys of a map with opaque hashes cannot be listed"
            part, offset = codec.decode_at(stored, offset + skipped)
            parts.append(part)
        return cast(K, parts[0] if self._single else tuple(parts))


class StorageMap(_Map[K, V]):
    """A dict: an absent key has no value."""

    def get(self, key: K) -> V | None:
        value: V = self._read(key)
        return None if value is ABSENT else value

    def __getitem__(self, key: K) -> V:
        value: V = self._read(key)
        if value is ABSENT:
            raise KeyError(key)
        return value

    def take(self, key: K) -> V | None:
        value = self.get(key)
        if value is not None:
            del self[key]
        return value


class DefaultMap(_Defaulting, _Map[K, V]):
    """A defaultdict: an absent key has its type's default, and reading it stores nothing."""

    def _bound(self, codecs: Codecs) -> None:
        _Map._bound(self, codecs)
        _Defaulting._bound(self, codecs)

    def __getitem__(self, key: K) -> V:
        full, overlay = self._keys[key], self.slot.overlay
        value: Any = overlay.values.get(full)
        if value is None:
            value = overlay.read(full, self.value.decode)
        return self.default if value is ABSENT else value  # type: ignore[no-any-return]  # a V

    def get(self, key: K) -> V:
        return self[key]

    def take(self, key: K) -> V:
        value = self._read(key)
        if value is ABSENT:
            value = self.default
        else:
            del self[key]
        return cast(V, value)


class CountedMap(StorageMap[K, V]):
    """A dict that knows its length without walking it."""

    def bind(self, pallet_prefix: str, item_prefix: str, slot: Slot, codecs: Codecs) -> Any:
        bound = super().bind(pallet_prefix, item_prefix, slot, codecs)
        # frame/support/src/storage/types/counted_map.rs: the counter's prefix
        bound.counter = DefaultValue[u32]().bind(
            pallet_prefix, f"CounterFor{item_prefix}", slot, codecs
        )
        return bound

    counter: DefaultValue[u32]

    def __len__(self) -> int:
        return self.counter.get()

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self:
            self.counter.put(self.counter.get() + 1)
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        if key in self:
            self.counter.put(self.counter.get() - 1)
        super().__delitem__(key)


class StorageDoubleMap(StorageMap[tuple[K1, K2], V], Generic[K1, K2, V]):
    """A dict of pairs; all pairs that share the first key can be walked or cleared."""


class DefaultDoubleMap(DefaultMap[tuple[K1, K2], V], Generic[K1, K2, V]):
    """A defaultdict of pairs."""


class StorageNMap(StorageMap[K, V]):
    """A dict whose key is a tuple of any length: `StorageNMap[tuple[A, B, C], V]`."""

    @property
    def key_annotations(self) -> tuple[Any, ...]:
        return get_args(self.annotations[0])
