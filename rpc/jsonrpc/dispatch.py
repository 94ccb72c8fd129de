"""The method table: functions named as on the wire, each parsed once into a record."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import ModuleType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    TypeAlias,
    TypedDict,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from tilth.rpc.jsonrpc.client import Client, Sink
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.params import PLAIN_READERS, Misfit, Place, Reader, list_of
from tilth.rpc.jsonrpc.wire import ABSENT, encode

Function: TypeAlias = Callable[..., Any]
F = TypeVar("F", bound=Function)


class DeclarationError(TypeError):
    """A method was declared in a way that cannot be served."""


class Form(Enum):
    """How a method is answered."""

    PLAIN = "returns its result"
    ASYNC = "awaits its result"
    SUBSCRIPTION = "returns once it is subscribed"
    ASYNC_SUBSCRIPTION = "awaits until it is subscribed"
    STREAM = "yields its notifications"
    UNSUBSCRIPTION = "ends a subscription"


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of subscription: what its notifications are called and what ends it."""

    notification: str
    unsubscribe: str
    item: object = field(default=Any, compare=False)
    """The type of what a notification carries."""


@dataclass(frozen=True, slots=True)
class Parameter:
    names: tuple[str, ...]
    read: Reader
    optional: bool
    default: object
    hint: object = Any


@dataclass(frozen=True, slots=True)
class Method:
    """One wire name: what it calls, what it takes and who may call it."""

    name: str
    function: Function
    form: Form
    parameters: tuple[Parameter, ...]
    takes: tuple[type, ...]
    unsafe: bool
    topic: Topic | None
    faults: tuple[Fault, ...] = ()
    """The errors it answers, beside those that every method may."""

    def bind(self, params: object) -> list[Any]:
        """The arguments that a request's params stand for; raises Misfit."""
        if not self.parameters:
            return []
        if params is None:
            return self._positional(())
        if type(params) is list:
            return self._positional(params)
        if type(params) is dict:
            return self._named(params)
        raise Misfit(
            f"Invalid params. Expected one of '[', ']' or ',' but found {_quoted(params)}",
            Place.NOWHERE,
        )

    def _positional(self, values: list[Any] | tuple[()]) -> list[Any]:
        given = len(values)
        arguments: list[Any] = []
        try:
            for index, parameter in enumerate(self.parameters):
                value = values[index] if index < given else ABSENT
                if parameter.optional and (value is None or value is ABSENT):
                    arguments.append(parameter.default)
                elif value is ABSENT:
                    raise Misfit("No more params", Place.NOWHERE)
                else:
                    arguments.append(parameter.read(value))
        except Misfit as misfit:
            misfit.path.insert(0, len(arguments))
            raise
        return arguments

    def _named(self, members: dict[str, Any]) -> list[Any]:
        return [_named_argument(parameter, members) for parameter in self.parameters]


def _named_argument(parameter: Parameter, members: dict[str, Any]) -> Any:
    name = next((name for name in parameter.names if name in members), None)
    value = members[name] if name is not None else ABSENT
    if parameter.optional and (value is None or value is ABSENT):
        return parameter.default
    if name is None:
        raise Misfit(f"missing field `{parameter.names[0]}`", Place.END)
    try:
        return parameter.read(value)
    except Misfit as misfit:
        misfit.path.insert(0, name)
        raise


def _quoted(params: object) -> str:
    """Rust's debug form of the params' JSON text."""
    return encode(encode(params).decode()).decode()


@dataclass(frozen=True, slots=True)
class _Mark:
    topic: Topic | None = None
    unsafe: bool = False
    faults: tuple[Fault, ...] = ()


_MARK: Final = "jsonrpc"


def _mark_of(function: Function) -> _Mark:
    mark = vars(function).get(_MARK, _Mark())
    assert isinstance(mark, _Mark), "only this module marks functions"
    return mark


def unsafe(function: F) -> F:
    """Marks a method that only the node's operator may call."""
    vars(function)[_MARK] = replace(_mark_of(function), unsafe=True)
    return function


def fails(*faults: Fault) -> Callable[[F], F]:
    """Says which errors a method answers."""

    def mark(function: F) -> F:
        vars(function)[_MARK] = replace(_mark_of(function), faults=faults)
        return function

    return mark


def subscription(notification: str, *, unsubscribe: str, item: object = Any) -> Callable[[F], F]:
    """Marks a method that opens a subscription whose notifications are called `notification`.

    `item` is the type of what they carry.

    The function takes a `Sink`, may send at once, and returns what undoes it (or None); or it is
    an async generator of results, run once the caller knows the subscription's id. A sink that
    is refused raises RpcError, and no subscription exists.
    """

    def mark(function: F) -> F:
        topic = Topic(notification, unsubscribe, item)
        vars(function)[_MARK] = replace(_mark_of(function), topic=topic)
        return function

    return mark


class RpcMethods(TypedDict):
    methods: list[str]


class MethodTable:
    """Every wire name this node answers, built once from modules and functions.

    A module gives each public function it defines, and its `aliases`: further wire names, each
    standing for a function or for a wire name.
    """

    def __init__(
        self,
        *sources: ModuleType | Function,
        aliases: Mapping[str, Function | str] | None = None,
    ) -> None:
        self._methods: dict[str, Method] = {}
        also: dict[str, Function | str] = dict(aliases or {})
        for source in sources:
            if isinstance(source, ModuleType):
                also.update(getattr(source, "aliases", {}))
            for function in _functions(source):
                self._declare(function)
        self.add(_rpc_methods_of(self._methods))
        for alias, target in also.items():
            self._alias(alias, target)

    def get(self, name: str) -> Method | None:
        return self._methods.get(name)

    def names(self) -> list[str]:
        return sorted(self._methods)

    def _declare(self, function: Function) -> None:
        method = parse(function)
        self.add(method)
        if method.topic is not None:
            self.add(_unsubscription(method.topic))

    def add(self, method: Method) -> None:
        """Answer one more wire name; raises DeclarationError where it is taken."""
        if method.name in self._methods:
            raise DeclarationError(f"{method.name} is declared twice; a wire name has one meaning.")
        self._methods[method.name] = method

    def _alias(self, alias: str, target: Function | str) -> None:
        name = target if isinstance(target, str) else target.__name__
        if name not in self._methods:
            raise DeclarationError(f"{alias} stands for {name}, which is not in the table.")
        if alias in self._methods:
            raise DeclarationError(f"{alias} is declared twice; a wire name has one meaning.")
        self._methods[alias] = self._methods[name]


def _functions(source: ModuleType | Function) -> Iterable[Function]:
    if not isinstance(source, ModuleType):
        return [source]
    return [
        value
        for name, value in vars(source).items()
        if inspect.isfunction(value)
        and value.__module__ == source.__name__
        and not name.startswith("_")
    ]


def _unsubscription(topic: Topic) -> Method:
    def never_called() -> None:
        raise AssertionError("the session ends subscriptions itself")

    return Method(topic.unsubscribe, never_called, Form.UNSUBSCRIPTION, (), (), False, topic)


def _rpc_methods_of(methods: Mapping[str, Method]) -> Method:
    def rpc_methods(node: object) -> RpcMethods:
        """Every name this node answers, in order; any other is `Method not found`."""
        return {"methods": sorted(methods)}

    return parse(rpc_methods)


def parse(function: Function) -> Method:
    """The record of a function; raises DeclarationError for what cannot be served."""
    name = function.__name__
    mark = _mark_of(function)
    declared = list(inspect.signature(function).parameters.values())
    if not declared:
        raise DeclarationError(f"{name} takes nothing; its first parameter must be the node.")
    hints = _hints(function, declared[1:])
    takes = tuple(hint for hint in hints.values() if hint in (Client, Sink))
    parameters = tuple(
        _parameter(name, item, hints[item.name])
        for item in declared[1:]
        if hints[item.name] not in (Client, Sink)
    )
    form = _form(function, mark.topic)
    _check_order(name, list(hints.values()), len(takes), form)
    return Method(name, function, form, parameters, takes, mark.unsafe, mark.topic, mark.faults)


def _form(function: Function, topic: Topic | None) -> Form:
    if inspect.isasyncgenfunction(function):
        if topic is None:
            raise DeclarationError(f"{function.__name__} yields, but is no @subscription.")
        return Form.STREAM
    if inspect.iscoroutinefunction(function):
        return Form.ASYNC if topic is None else Form.ASYNC_SUBSCRIPTION
    return Form.PLAIN if topic is None else Form.SUBSCRIPTION


def _check_order(name: str, hints: list[object], leading: int, form: Form) -> None:
    if any(hint in (Client, Sink) for hint in hints[leading:]):
        raise DeclarationError(f"{name} must take its Sink and Client right behind the node.")
    wanted = form in (Form.SUBSCRIPTION, Form.ASYNC_SUBSCRIPTION)
    if wanted is not (Sink in hints):
        raise DeclarationError(
            f"{name} must take a Sink, to notify with."
            if wanted
            else f"{name} takes a Sink, but only a @subscription that does not yield has one."
        )


def _hints(function: Function, declared: list[inspect.Parameter]) -> dict[str, Any]:
    """The types of the parameters alone: the node's type may be known to checkers only."""
    raw = {item.name: item.annotation for item in declared}
    for name, annotation in raw.items():
        if annotation is inspect.Parameter.empty:
            raise DeclarationError(f"{function.__name__}: parameter {name} has no type.")
    holder = type("Parameters", (), {"__annotations__": raw})
    return get_type_hints(holder, globalns=function.__globals__, include_extras=True)


def _parameter(method: str, item: inspect.Parameter, hint: object) -> Parameter:
    if item.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        raise DeclarationError(f"{method}: parameter {item.name} must be an ordinary one.")
    inner, nullable = _without_none(hint)
    reader = _reader(inner)
    if reader is None:
        raise DeclarationError(
            f"{method}: parameter {item.name} is a {hint}, for which there is no reader; "
            "use a kind of tilth.rpc.jsonrpc.params or Annotated[type, reader]."
        )
    has_default = item.default is not inspect.Parameter.empty
    default = item.default if has_default else None
    return Parameter(_spellings(item.name), reader, has_default or nullable, default, inner)


def _without_none(hint: object) -> tuple[object, bool]:
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    members = get_args(hint)
    rest = tuple(member for member in members if member is not NoneType)
    return (rest[0] if len(rest) == 1 else hint), len(rest) < len(members)


def _reader(hint: object) -> Reader | None:
    if get_origin(hint) is Annotated:
        return next((extra for extra in get_args(hint)[1:] if callable(extra)), None)
    if get_origin(hint) is list:
        inner = _reader(get_args(hint)[0])
        return None if inner is None else list_of(inner)
    return PLAIN_READERS.get(hint)


def _spellings(name: str) -> tuple[str, ...]:
    """A by-name parameter may be written as declared, in snake_case or in lowerCamelCase."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    head, *tail = snake.split("_")
    return tuple(dict.fromkeys((name, snake, head + "".join(part.title() for part in tail))))
