"""Rust's `Result`, as a union of two structs."""

from typing import Annotated, Generic, TypeAlias, TypeVar

from tilth.primitives.scale.annotations import TypeName
from tilth.primitives.scale.structs import struct

T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


@struct(unnamed=True, index=0)
class Ok(Generic[T_co]):
    value: Annotated[T_co, TypeName(None)]


@struct(unnamed=True, index=1)
class Err(Generic[E_co]):
    error: Annotated[E_co, TypeName(None)]


Result: TypeAlias = Ok[T_co] | Err[E_co]
