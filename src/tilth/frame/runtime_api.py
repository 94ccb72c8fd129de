"""The runtime API: the functions by which a node, and through it every client, asks a runtime."""

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from tilth.frame.definition import sentences
from tilth.primitives.scale import Codec, Codecs

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ApiMethod:
    name: str
    params: tuple[tuple[str, Any], ...]
    returns: Any
    docs: tuple[str, ...]
    function: Callable[..., Any]


def api_method(function: F) -> F:
    """Mark a method of a RuntimeApi as callable from outside."""
    function.__is_api__ = True  # type: ignore[attr-defined]
    return function


class RuntimeApi:
    """One trait of the runtime API: its marked methods, typed, are what `state_call` reaches."""

    name: ClassVar[str]
    version: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = cls.__dict__.get("name", cls.__name__)

    def __init__(self, runtime: "Runtime") -> None:
        self.runtime = runtime

    @property
    def id(self) -> bytes:
        # primitives/api: the trait's name under blake2b with eight bytes of output
        return blake2b(self.name.encode(), digest_size=8).digest()

    def methods(self) -> list[ApiMethod]:
        return [
            _method(name, getattr(self, name))
            for name, function in type(self).__dict__.items()
            if getattr(function, "__is_api__", False)
        ]


def _method(name: str, function: Callable[..., Any]) -> ApiMethod:
    hints = typing.get_type_hints(function, include_extras=True)
    params = tuple((param, hints[param]) for param in inspect.signature(function).parameters)
    docs = sentences(function.__doc__)
    return ApiMethod(name.rstrip("_"), params, hints["return"], docs, function)


class BadInput(ValueError):
    """The parameters of a runtime call could not be decoded."""


@dataclass(frozen=True, slots=True)
class BoundMethod:
    """One method with its codecs: bytes in, bytes out."""

    function: Callable[..., Any]
    params: Codec[Any]
    returns: Codec[Any]

    def call(self, data: bytes) -> bytes:
        return self.returns.encode(self.function(*(self.params.decode(data) or ())))


class Described(Protocol):
    """A function with the types of what it takes and answers."""

    @property
    def params(self) -> tuple[tuple[str, Any], ...]: ...

    @property
    def returns(self) -> Any: ...

    @property
    def function(self) -> Callable[..., Any]: ...


def bound(method: Described, codecs: Codecs) -> BoundMethod:
    taken: Any = tuple[tuple(annotation for _, annotation in method.params)]  # type: ignore[misc]
    return BoundMethod(method.function, codecs.of(taken), codecs.of(method.returns))


def bind(api: RuntimeApi, codecs: Codecs) -> dict[str, BoundMethod]:
    """Each method under its full name, `Trait_method`."""
    return {f"{api.name}_{method.name}": bound(method, codecs) for method in api.methods()}
