"""View functions: what a pallet answers to clients without a transaction, by names of its own."""

import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from tilth.frame.definition import sentences
from tilth.frame.release import belongs
from tilth.frame.runtime_api import BoundMethod, RuntimeApi, api_method, bound
from tilth.primitives.crypto.hashing import twox_128
from tilth.primitives.scale import DecodeError, Err, Fixed, Ok, Path, Result, struct
from tilth.primitives.scale.names import type_name

if TYPE_CHECKING:
    from tilth.frame.pallet import Pallet

F = TypeVar("F", bound=Callable[..., Any])


def view_function(function: F) -> F:
    """Mark a method of a pallet as a question that clients may ask."""
    function.__is_view__ = True  # type: ignore[attr-defined]  # read by view_functions alone
    return function


@dataclass(frozen=True, slots=True)
class ViewFunction:
    id: bytes
    name: str
    params: tuple[tuple[str, Any], ...]
    returns: Any
    docs: tuple[str, ...]
    function: Callable[..., Any]


def view_functions(pallet: "Pallet[Any, Any]") -> Iterator[ViewFunction]:
    """Those that the runtime's release has, in the order written."""
    release = pallet.runtime.release
    for base in reversed(type(pallet).__mro__):
        for name, member in vars(base).items():
            if getattr(member, "__is_view__", False) is True and belongs(member, release):
                yield _view(pallet, name, getattr(pallet, name))


def _view(pallet: "Pallet[Any, Any]", name: str, function: Callable[..., Any]) -> ViewFunction:
    hints = typing.get_type_hints(function, include_extras=True)
    returns = hints.pop("return")
    params = tuple(hints.items())
    # frame/support/procedural/src/pallet/parse/view_functions.rs: the suffix is the signature
    taken = ",".join(_rust(hint) for _, hint in params)
    suffix = twox_128(f"{name}({taken}) -> {_rust(returns)}".encode())
    docs = sentences(function.__doc__)
    id = twox_128(pallet.name.encode()) + suffix
    return ViewFunction(id, name, params, returns, docs, function)


def _rust(annotation: Any) -> str:
    return (type_name(annotation) or "").replace(" ", "")


Half: TypeAlias = Annotated[bytes, Fixed(16)]


@struct(path="frame_support::view_functions::ViewFunctionId")
class ViewFunctionId:
    """The pallet's name and the function's signature, each hashed."""

    prefix: Half
    suffix: Half


@struct(name="NotImplemented")
class NoViewFunctions: ...


@struct(unnamed=True)
class NotFound:
    id: ViewFunctionId


@struct(name="Codec")
class Undecodable: ...


ViewFunctionDispatchError: TypeAlias = Annotated[
    NoViewFunctions | NotFound | Undecodable,
    Path("frame_support::view_functions::ViewFunctionDispatchError"),
]
Answer: TypeAlias = Result[bytes, ViewFunctionDispatchError]


class RuntimeViewFunction(RuntimeApi):
    """How clients ask what pallets answer without a transaction."""

    @cached_property
    def _views(self) -> dict[bytes, BoundMethod]:
        codecs, pallets = self.runtime.codecs, self.runtime.pallets
        found = (view for pallet in pallets for view in view_functions(pallet))
        return {view.id: bound(view, codecs) for view in found}

    @api_method
    def execute_view_function(self, query_id: ViewFunctionId, input: bytes) -> Answer:
        """Ask by a function's identifier, with its arguments encoded one after the other."""
        view = self._views.get(query_id.prefix + query_id.suffix)
        if view is None:
            return Err(NotFound(query_id))
        try:
            return Ok(view.call(input))
        except DecodeError:
            return Err(Undecodable())
