"""What metadata calls a field's type: the text a Rust author would have written there."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any, NewType, TypeVar

from tilth.primitives.scale.annotations import Bounded, Fixed, Param, Path, TypeName
from tilth.primitives.scale.newtypes import NEW_TYPES
from tilth.primitives.scale.resolve import unwrapped
from tilth.primitives.scale.shapes import Int, Uint
from tilth.primitives.scale.structs import options_of

_PLAIN = {bool: "bool", str: "String", bytes: "Vec<u8>", None: "()", type(None): "()"}
_COLLECTIONS = {
    list: "Vec",
    tuple: "Vec",
    set: "BTreeSet",
    frozenset: "BTreeSet",
    dict: "BTreeMap",
}


def wire_name(name: str) -> str:
    """`class_` is `class` at clients: Python keeps that word for itself."""
    return name.removesuffix("_")


def type_name(annotation: object) -> str | None:
    """The `typeName` of a field, or None where its annotation says to show none."""
    base, marks = unwrapped(annotation)
    name: str | None = "" if base in (int, Any) else _bare(base)
    for mark in marks:
        name = _marked(name or "", mark, base)
    return name


def _inner(annotation: object) -> str:
    return type_name(annotation) or "_"


def _marked(name: str, mark: object, base: Any) -> str | None:
    match mark:
        case Uint() | Int():
            return str(mark)
        case Param(name=param, type_name=shown):
            return shown or param
        case TypeName(text):
            return text
        case Path(path=path):
            return path.rpartition("::")[2]
        case Fixed(size):
            item = "u8" if base is bytes else _inner(typing.get_args(base)[0])
            return f"[{item}; {size}]"
        case Bounded(limit):
            return _bounded(name, limit)
        case _:
            return name


def _bounded(name: str, limit: int) -> str:
    outer, bracket, rest = name.partition("<")
    return f"Bounded{outer}<{rest[:-1]}, {limit}>" if bracket else name


def _bare(base: Any) -> str | None:
    if isinstance(base, NewType):
        return _newtype(base, NEW_TYPES)
    if base in _PLAIN:
        return _PLAIN[base]
    if isinstance(base, type) and not isinstance(base, types.GenericAlias):
        return _class(base)
    return _generic(base)


def _newtype(base: NewType, known: Mapping[object, object]) -> str:
    _, marks = unwrapped(known.get(base))
    shown = [m.text for m in marks if isinstance(m, TypeName) and m.text]
    return shown[-1] if shown else base.__name__


def _class(cls: type) -> str:
    options = options_of(cls)
    return (options and options.name) or cls.__name__


def _generic(base: Any) -> str | None:
    origin, args = typing.get_origin(base), typing.get_args(base)
    if origin in (typing.Union, types.UnionType):
        return _union(args)
    if origin is tuple and not (len(args) == 2 and args[1] is ...):
        return f"({', '.join(map(_inner, args))})"
    if origin in _COLLECTIONS:
        items = ", ".join(_inner(a) for a in args if a is not ...)
        return f"{_COLLECTIONS[origin]}<{items}>"
    if isinstance(base, TypeVar):
        return base.__name__
    return f"{_class(origin)}<{', '.join(map(_inner, args))}>"


def _union(args: tuple[Any, ...]) -> str | None:
    """An anonymous enum has no name to show."""
    members = [a for a in args if a is not type(None)]
    if len(members) < len(args):
        inner = _inner(members[0]) if len(members) == 1 else _union(tuple(members))
        return f"Option<{inner or '_'}>"
    classes = [typing.get_origin(a) or a for a in args]
    if [c.__name__ for c in classes] == ["Ok", "Err"]:
        return f"Result<{', '.join(_inner(typing.get_args(a)[0]) for a in args)}>"
    return None
