"""A pallet's definition: what its class declares, parsed once into plain data."""

import ast
import inspect
import sys
import typing
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_origin

from tilth.frame.call import CallMethod
from tilth.frame.errors import ErrorEnum
from tilth.frame.hold import FreezeReason, HoldReason
from tilth.frame.origin import Guard
from tilth.frame.release import Release, belongs
from tilth.frame.storage import StorageItem
from tilth.primitives.scale import options_of

T = TypeVar("T")


class _Constant:
    __slots__ = ()


CONSTANT: Final = _Constant()
Const: TypeAlias = Annotated[T, CONSTANT]
"""A constructor argument that is also a constant in metadata."""


class _Verbatim:
    __slots__ = ()


VERBATIM: Final = _Verbatim()
ExtraConst: TypeAlias = Annotated[T, CONSTANT, VERBATIM]
"""A constant that FRAME computes with a function: metadata has the function's name as written."""


class DeclarationError(TypeError):
    """A pallet's class does not say what a pallet must say."""


@dataclass(frozen=True, slots=True)
class AssociatedType:
    """A type that the runtime chooses for a pallet, as version 16 of metadata lists it."""

    name: str
    annotation: Any
    docs: str


@dataclass(frozen=True, slots=True)
class CallDef:
    name: str
    index: int
    method: CallMethod[Any, Any]
    guard: Guard
    params: tuple[tuple[str, Any], ...]
    """Names and annotations of the arguments after the origin."""
    docs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StorageDef:
    attribute: str
    name: str
    item: StorageItem


@dataclass(frozen=True, slots=True)
class ConfigDef:
    name: str
    annotation: Any
    constant: bool
    required: bool


@dataclass(frozen=True)
class Def:
    """All parts of a pallet; dispatch, storage keys, metadata and genesis are functions of it."""

    cls: type
    config: tuple[ConfigDef, ...]
    storage: tuple[StorageDef, ...]
    calls: tuple[CallDef, ...]
    events: tuple[type, ...]
    errors: type[ErrorEnum] | None
    hold_reasons: type[HoldReason] | None
    freeze_reasons: type[FreezeReason] | None
    genesis: inspect.Signature | None

    def of(self, release: Release) -> "Def":
        """What a release of FRAME has of it."""
        storage = tuple(each for each in self.storage if belongs(each.item, release))
        events = tuple(each for each in self.events if belongs(each, release))
        calls = tuple(each for each in self.calls if belongs(each.method, release))
        holds = self.hold_reasons if belongs(self.hold_reasons, release) else None
        return replace(self, storage=storage, events=events, calls=calls, hold_reasons=holds)

    @cached_property
    def docs(self) -> dict[str, tuple[str, ...]]:
        """The sentence under each annotated or assigned name; read when metadata is built."""
        found: dict[str, tuple[str, ...]] = {}
        for base in reversed(self.cls.__mro__):
            if getattr(base, "definition", None) is not None:
                found.update(_sentences(base))
        return found


def parse(cls: type, generic: type) -> Def:
    """Parse a pallet's class, or say which of its declarations is wrong."""
    hints = _hints(cls)
    supplied = generic.__annotations__.keys()
    _ensure_unshadowed(cls, generic)
    events, errors = _parameters(cls, generic)
    return Def(
        cls=cls,
        config=_config(cls, hints),
        storage=_storage(cls, hints.keys() | supplied),
        calls=_calls(cls),
        events=events,
        errors=errors,
        hold_reasons=_nested(cls, HoldReason),
        freeze_reasons=_nested(cls, FreezeReason),
        genesis=_genesis(cls),
    )


def _ensure_unshadowed(cls: type, generic: type) -> None:
    for attribute, value in _attributes(cls):
        if isinstance(value, StorageItem | CallMethod) and hasattr(generic, attribute):
            raise DeclarationError(f"{cls.__name__}.{attribute}: the framework uses this name")


def _hints(cls: type) -> dict[str, Any]:
    """What the pallet and the pallets it extends annotate."""
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base is cls or getattr(base, "definition", None) is not None:
            hints.update(inspect.get_annotations(base, eval_str=True))
    return hints


def _parameters(cls: type, generic: type) -> tuple[tuple[type, ...], type[ErrorEnum] | None]:
    for base in getattr(cls, "__orig_bases__", ()):
        if get_origin(base) is generic:
            events, errors = get_args(base)
            return _event_variants(cls, events), _error_enum(cls, errors)
    inherited: Def | None = getattr(cls.__mro__[1], "definition", None)
    if inherited is None:
        raise DeclarationError(
            f"{cls.__name__}: name the events and errors, as in "
            f"class {cls.__name__}(Pallet[Created | Removed, Error])"
        )
    return inherited.events, inherited.errors


def _event_variants(cls: type, events: Any) -> tuple[type, ...]:
    if events is typing.Never:
        return ()
    variants = get_args(events) or (events,)
    for variant in variants:
        if options_of(variant) is None:
            raise DeclarationError(
                f"{cls.__name__}: event {getattr(variant, '__name__', variant)} is not an @event"
            )
    return variants


def _error_enum(cls: type, errors: Any) -> type[ErrorEnum] | None:
    if errors is typing.Never:
        return None
    if not (isinstance(errors, type) and issubclass(errors, ErrorEnum)):
        raise DeclarationError(f"{cls.__name__}: {errors!r} is not an ErrorEnum")
    for member in errors:
        if not isinstance(member.value, str):
            raise DeclarationError(
                f"{cls.__name__}: error {member.name} needs a sentence that says its cause"
            )
    return errors


def _config(cls: type, hints: dict[str, Any]) -> tuple[ConfigDef, ...]:
    found: list[ConfigDef] = []
    for name, hint in hints.items():
        if name.startswith("_") or get_origin(hint) is typing.ClassVar:
            continue
        if _is_storage_type(hint):
            raise DeclarationError(
                f"{cls.__name__}.{name}: storage is assigned, not annotated: "
                f"{name} = {_bare(hint).__name__}[...]()"
            )
        constant = CONSTANT in getattr(hint, "__metadata__", ())
        found.append(ConfigDef(name, hint, constant, required=not hasattr(cls, name)))
    return tuple(found)


def _bare(hint: Any) -> type:
    return get_origin(hint) or hint  # type: ignore[no-any-return]


def _is_storage_type(hint: Any) -> bool:
    bare = _bare(hint)
    return isinstance(bare, type) and issubclass(bare, StorageItem)


def _storage(cls: type, annotated: Set[str]) -> tuple[StorageDef, ...]:
    found: dict[str, StorageDef] = {}
    for attribute, value in _attributes(cls):
        if isinstance(value, StorageItem):
            _ensure_typed(cls, attribute, value)
            name = value.name or pascal(attribute)
            found[attribute] = StorageDef(attribute, name, value)
        elif _is_undeclared(attribute, value, annotated):
            raise DeclarationError(
                f"{cls.__name__}.{attribute}: an assigned name is storage; configuration is "
                f"annotated: {attribute}: Const[...]"
            )
    _ensure_unique(cls, [item.name for item in found.values()], "storage item")
    return tuple(found.values())


def _ensure_typed(cls: type, attribute: str, item: StorageItem) -> None:
    if getattr(item, "__orig_class__", None) is None:
        raise DeclarationError(
            f"{cls.__name__}.{attribute}: name the types: {type(item).__name__}[Key, Value]()"
        )


def _is_undeclared(attribute: str, value: Any, annotated: Set[str]) -> bool:
    if attribute.startswith("_") or attribute in annotated or callable(value):
        return False
    return not isinstance(
        value, property | cached_property | classmethod | staticmethod | CallMethod | type
    )


def _attributes(cls: type) -> list[tuple[str, Any]]:
    """What the pallet and the pallets it extends assign, in the order of the text."""
    merged: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base is cls or getattr(base, "definition", None) is not None:
            merged.update(base.__dict__)
    return list(merged.items())


def _calls(cls: type) -> tuple[CallDef, ...]:
    found: dict[int, CallDef] = {}
    for name, value in _attributes(cls):
        if not isinstance(value, CallMethod):
            continue
        if value.index in found:
            raise DeclarationError(
                f"{cls.__name__}.{name}: call index {value.index} is taken by "
                f"{found[value.index].name}"
            )
        if not 0 <= value.index <= 255:
            raise DeclarationError(f"{cls.__name__}.{name}: a call index is one byte")
        found[value.index] = _call(cls, name, value)
    return tuple(found[index] for index in sorted(found))


def _call(cls: type, name: str, method: CallMethod[Any, Any]) -> CallDef:
    hints = typing.get_type_hints(method.function, include_extras=True)
    parameters = list(inspect.signature(method.function).parameters)[1:]
    where = f"{cls.__name__}.{name}"
    if not parameters:
        raise DeclarationError(f"{where}: the second parameter says who may call (who: Signed)")
    missing = [parameter for parameter in parameters if parameter not in hints]
    if missing:
        raise DeclarationError(f"{where}: parameter {missing[0]} has no type")
    origin, *rest = parameters
    guards = [
        part for part in getattr(hints[origin], "__metadata__", ()) if isinstance(part, Guard)
    ]
    if not guards:
        raise DeclarationError(
            f"{where}: parameter {origin} is not an origin: annotate it Signed, Root, Unsigned, …"
        )
    params = tuple((parameter, hints[parameter]) for parameter in rest)
    return CallDef(
        name, method.index, method, guards[0], params, sentences(method.function.__doc__)
    )


def _nested(cls: type, kind: type[T]) -> type[T] | None:
    for _, value in _attributes(cls):
        if isinstance(value, type) and issubclass(value, kind) and value is not kind:
            return value
    return None


def _genesis(cls: type) -> inspect.Signature | None:
    genesis = getattr(cls, "genesis", None)
    return None if genesis is None else inspect.signature(genesis)


def _ensure_unique(cls: type, names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"{cls.__name__}: two {what}s are called {name}")


def field_docs(cls: type) -> dict[str, tuple[str, ...]]:
    """The sentences under the fields of a struct, by the field's name."""
    return _sentences(cls)


def _sentences(cls: type) -> dict[str, tuple[str, ...]]:
    """The string literal under each name of a class body."""
    return _documented(cls.__module__).get(cls.__qualname__, {})


@cache
def _documented(module: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """The documented names of each class of a module, read from its source."""
    try:
        source = inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):
        return {}
    return dict(_classes(ast.parse(source).body, ""))


def _classes(
    statements: list[ast.stmt], within: str
) -> Iterator[tuple[str, dict[str, tuple[str, ...]]]]:
    for statement in statements:
        if isinstance(statement, ast.ClassDef):
            yield within + statement.name, _literals(statement.body)
            yield from _classes(statement.body, f"{within}{statement.name}.")
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(statement.body, f"{within}{statement.name}.<locals>.")


def _literals(body: list[ast.stmt]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for statement, following in pairwise(body):
        name = _assigned_name(statement)
        if name and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            found[name] = sentences(str(following.value.value))
    return found


def _assigned_name(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None


def sentences(text: str | None) -> tuple[str, ...]:
    """Documentation as metadata carries it: a line each."""
    return tuple(inspect.cleandoc(text).splitlines()) if text else ()


def pascal(name: str) -> str:
    """`total_issuance` is TotalIssuance at clients."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
