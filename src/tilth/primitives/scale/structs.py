"""Structs and fieldless enums: what a class declares beyond its annotations."""

from __future__ import annotations

import dataclasses
import inspect
import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

C = TypeVar("C", bound=type)
E = TypeVar("E", bound=type[IntEnum])
T = TypeVar("T")

_KEEP: Any = object()


@dataclass(frozen=True)
class StructOptions:
    """What `@struct` was told; kept on the class as `__scale__`."""

    path: str
    name: str | None = None
    unnamed: bool = False
    index: int | None = None
    docs: tuple[str, ...] = ()
    params: tuple[tuple[str, object], ...] | None = field(default=None, compare=False)


@overload
@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def struct(cls: C, /) -> C: ...
@overload
@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def struct(
    *,
    path: str | None = None,
    name: str | None = None,
    unnamed: bool = False,
    index: int | None = None,
    params: Mapping[str, object] | None = None,
) -> Callable[[C], C]: ...
def struct(
    cls: C | None = None,
    /,
    *,
    path: str | None = None,
    name: str | None = None,
    unnamed: bool = False,
    index: int | None = None,
    params: Mapping[str, object] | None = None,
) -> C | Callable[[C], C]:
    """A value with fields: immutable to the checkers, a slotted dataclass in fact.

    `unnamed` fields have no names in metadata; `index` and `name` are its place and name as a
    variant of an enum; `params` are metadata's type parameters.
    """

    def declare(cls: C) -> C:
        options = StructOptions(
            path=path or default_path(cls, name),
            name=name,
            unnamed=unnamed,
            index=index,
            docs=doc_lines(cls.__dict__.get("__doc__")),
            params=None if params is None else tuple(params.items()),
        )
        return _dataclass(cls, options)

    return declare if cls is None else declare(cls)


def _dataclass(cls: C, options: StructOptions) -> C:
    written = cls.__dict__.get("__doc__")
    cls.__doc__ = written or cls.__name__  # or dataclass() works out a signature to say instead
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    made.__doc__ = written
    made.__scale__ = options
    for name, method in _methods(made).items():
        if name not in cls.__dict__ or cls.__dict__[name] is None:
            setattr(made, name, method)
    return made  # type: ignore[no-any-return]  # dataclass() keeps the class's type


def _methods(cls: type) -> dict[str, Callable[..., Any]]:
    """What dataclass() would write as well, and compile one by one: a runtime has 300 structs."""
    fields = dataclasses.fields(cls)
    names = [f.name for f in fields]
    values = _reader(names)

    def same(self: Any, other: Any) -> Any:
        return values(self) == values(other) if other.__class__ is cls else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    def replaced(self: Any, /, **changes: Any) -> Any:
        return cls(**{name: getattr(self, name) for name in names} | changes)

    return {
        "__init__": _init(cls, fields),
        "__repr__": _shown,
        "__eq__": same,
        "__hash__": hashed,
        "__replace__": replaced,
    }


def _reader(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: None


def _init(cls: type, fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """Compiled: values are made in every call, and mostly by position."""
    parameters = "".join(f", {f.name}{_default(f)}" for f in fields)
    assignments = "".join(f"\n    self.{f.name} = {_given(f)}" for f in fields) or "\n    pass"
    code = f"def __init__(self{parameters}):{assignments}\n"
    space: dict[str, Any] = {"KEEP": _KEEP, "OF": {f.name: f for f in fields}}
    filename = f"<tilth struct {cls.__module__}.{cls.__qualname__}>"
    linecache.cache[filename] = (len(code), None, code.splitlines(True), filename)
    exec(compile(code, filename, "exec"), space)  # noqa: S102  # the class's own field names
    init: Callable[..., None] = space["__init__"]
    return init


def _default(declared: dataclasses.Field[Any]) -> str:
    if declared.default_factory is not dataclasses.MISSING:
        return "=KEEP"
    name = declared.name
    return "" if declared.default is dataclasses.MISSING else f"=OF[{name!r}].default"


def _given(declared: dataclasses.Field[Any]) -> str:
    name = declared.name
    if declared.default_factory is dataclasses.MISSING:
        return name
    return f"OF[{name!r}].default_factory() if {name} is KEEP else {name}"


def _shown(self: Any) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({values})"


def replace(value: T, /, **changes: Any) -> T:
    """A copy of a struct with some fields changed."""
    made: T = value.__replace__(**changes)  # type: ignore[attr-defined]  # every struct has it
    return made


def options_of(cls: object) -> StructOptions | None:
    """What `@struct` kept on this very class, not on a base."""
    own = getattr(cls, "__dict__", {}).get("__scale__")
    return own if isinstance(own, StructOptions) else None


def scale_enum(*, path: str) -> Callable[[E], E]:
    """Gives a fieldless enum another path in metadata than its module's."""

    def declare(cls: E) -> E:
        cls.__scale_path__ = path  # type: ignore[attr-defined]  # read by enum_path alone
        return cls

    return declare


def enum_path(cls: type[IntEnum]) -> str:
    declared = cls.__dict__.get("__scale_path__")
    return declared if isinstance(declared, str) else default_path(cls)


def default_path(cls: type, name: str | None = None) -> str:
    """`pallet_datasets::pallet::Name` for a pallet's types, `tilth_<module>::Name` otherwise."""
    parts = cls.__module__.split(".")
    if parts[:2] == ["tilth", "pallets"] and len(parts) > 2:
        return f"pallet_{parts[2]}::pallet::{name or cls.__name__}"
    return f"tilth_{parts[-1]}::{name or cls.__name__}"


def doc_lines(text: object) -> tuple[str, ...]:
    return tuple(inspect.cleandoc(text).splitlines()) if isinstance(text, str) else ()
