"""A pallet's storage, constants and documentation, as every version of metadata shows them."""

import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final, get_type_hints

from tilth.frame.definition import CONSTANT, VERBATIM, StorageDef, pascal, sentences
from tilth.frame.metadata.enums import AnyPallet
from tilth.frame.metadata.v14 import Constant, Entry, EntryType, Map, Modifier, Plain, Storage
from tilth.frame.storage import CountedMap, StorageItem, hasher_of
from tilth.primitives.scale import TypeRegistry, u32

# frame/support/src/storage/types/counted_map.rs
_COUNTER_DOCS: Final = ("Counter for the related counted storage map",)


def storage(pallet: AnyPallet, registry: TypeRegistry) -> Storage | None:
    declared = pallet.declared.storage
    if not declared:
        return None
    entries = tuple(entry for item in declared for entry in _entries(pallet, item, registry))
    return Storage(pallet.name, entries)


def _entries(pallet: AnyPallet, declared: StorageDef, registry: TypeRegistry) -> Iterator[Entry]:
    item: StorageItem = getattr(pallet, declared.attribute)
    yield Entry(
        declared.name,
        Modifier.DEFAULT if item.has_default else Modifier.OPTIONAL,
        _entry_type(item, registry),
        item.default_bytes(),
        pallet.parsed().docs.get(declared.attribute, ()),
    )
    if isinstance(item, CountedMap):
        name = f"CounterFor{declared.name}"
        counter = Plain(registry.id_of(u32))
        yield Entry(name, Modifier.DEFAULT, counter, bytes(4), _COUNTER_DOCS)


def _entry_type(item: StorageItem, registry: TypeRegistry) -> EntryType:
    value = item.annotations[-1]
    if not item.is_map:
        return Plain(registry.id_of(value))
    keys = item.key_annotations
    key: Any = keys[0] if len(keys) == 1 else tuple[keys]  # type: ignore[valid-type]
    return Map(tuple(map(hasher_of, keys)), registry.id_of(key), registry.id_of(value))


def constants(pallet: AnyPallet, registry: TypeRegistry) -> tuple[Constant, ...]:
    """What was configured as `Const`, then the properties whose type is `Const`."""
    documented = pallet.parsed().docs
    configured = (
        (named.name, named.annotation, documented.get(named.name, ()))
        for named in pallet.parsed().config
        if named.constant
    )
    return tuple(_constant(pallet, registry, *each) for each in (*configured, *_computed(pallet)))


def _constant(
    pallet: AnyPallet, registry: TypeRegistry, name: str, annotation: Any, docs: tuple[str, ...]
) -> Constant:
    value = pallet.runtime.codecs.of(annotation).encode(getattr(pallet, name))
    shown = name if VERBATIM in getattr(annotation, "__metadata__", ()) else pascal(name)
    return Constant(shown, registry.id_of(annotation), value, docs)


def _computed(pallet: AnyPallet) -> Iterable[tuple[str, Any, tuple[str, ...]]]:
    """Constants that follow from the runtime, such as its version."""
    found = {}
    for base in reversed(type(pallet).__mro__):
        for name, value in vars(base).items():
            if isinstance(value, property) and (annotation := _const_of(value.fget)) is not None:
                found[name] = (name, annotation, sentences(value.__doc__))
    return found.values()


def _const_of(getter: Any) -> Any:
    """The getter's type, if it is a Const; other types may name what exists for checkers only."""
    written = inspect.get_annotations(getter).get("return")
    if isinstance(written, str) and written.startswith("Const["):
        written = get_type_hints(getter, include_extras=True)["return"]
    return written if CONSTANT in getattr(written, "__metadata__", ()) else None


def docs(pallet: AnyPallet) -> tuple[str, ...]:
    """What its class says of itself, or else its module."""
    cls = type(pallet)
    return sentences(cls.__doc__ or sys.modules[cls.__module__].__doc__)
