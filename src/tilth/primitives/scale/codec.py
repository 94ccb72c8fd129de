"""Codecs: an annotation in, the functions between its values and their bytes out."""

from __future__ import annotations

import typing
from collections.abc import Callable, Hashable
from collections.abc import Mapping as Bindings
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Generic, TypeVar

from tilth.primitives.scale.defaults import default_maker
from tilth.primitives.scale.faults import FAILURES, fault
from tilth.primitives.scale.ordering import sort_key
from tilth.primitives.scale.reading import least_item, write_decoders
from tilth.primitives.scale.resolve import Resolver
from tilth.primitives.scale.shapes import Mapping, Sequence, Shape, Tuple, children, fixed_size
from tilth.primitives.scale.source import Source
from tilth.primitives.scale.writing import write_encoder

T = TypeVar("T")

_NOTHING: Bindings[object, object] = MappingProxyType({})


class Codec(Generic[T]):
    """`encode` and `decode` are the generated functions themselves: no call in between.

    `decode` wants the whole input, `decode_at(data, offset)` returns the value and where it ended.
    Each is written when it is first asked for: of most types a chain needs one or none.
    """

    __slots__ = (
        "_default",
        "annotation",
        "decode",
        "decode_at",
        "encode",
        "fixed_size",
        "shape",
    )

    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]
    decode_at: Callable[[bytes, int], tuple[T, int]]

    def __init__(self, annotation: object, shape: Shape) -> None:
        _ensure_codable(shape)
        self.annotation = annotation
        self.shape = shape
        self.fixed_size: int | None = fixed_size(shape)
        self._default: Callable[[], T] | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "encode":
            self.encode = _encoder(self.shape)
        elif name in ("decode", "decode_at"):
            functions = _decoders(self.shape)
            self.decode, self.decode_at = functions["decode"], functions["decode_at"]
        else:
            raise AttributeError(f"a codec has no {name}")
        return getattr(self, name)

    @property
    def default(self) -> T:
        """Rust's `Default`, made anew each time."""
        if self._default is None:
            self._default = default_maker(self.shape)
        return self._default()

    def __repr__(self) -> str:
        return f"<Codec {self.shape}>"


def _ensure_codable(shape: Shape) -> None:
    """Raises TypeError for collections that have a shape, but no bytes or no order."""
    waiting, seen = [shape], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Sequence):
            least_item(node, node.item)
            if node.kind in (set, frozenset):
                sort_key(node.item)
        elif isinstance(node, Mapping):
            least_item(node, Tuple((node.key, node.value)))
            sort_key(node.key)
        waiting.extend(children(node))


def _decoders(shape: Shape) -> dict[str, Any]:
    source = Source(shape)
    write_decoders(shape, source)
    return source.build()


def _encoder(shape: Shape) -> Callable[[Any], bytes]:
    source = Source(shape)
    write_encoder(shape, source)
    source.bind_as("fault", fault)
    source.bind_as("FAILURES", FAILURES)
    encode: Callable[[Any], bytes] = source.build()["encode"]
    return encode


class Codecs:
    """The codecs of one runtime: each annotation is compiled once.

    A binding says what a placeholder class, a NewType or a `Param`'s name stands for: another
    annotation or a CustomCodec.
    """

    def __init__(self, bindings: Bindings[object, object] = _NOTHING) -> None:
        self._resolver = Resolver(bindings)
        self._codecs: dict[Hashable, Codec[Any]] = {}

    def of(self, annotation: object) -> Codec[Any]:
        key = ordered(annotation)
        if key not in self._codecs:
            self._codecs[key] = Codec(annotation, self.shape(annotation))
        return self._codecs[key]

    def shape(self, annotation: object) -> Shape:
        return self._resolver.shape(annotation)


def ordered(annotation: object) -> Hashable:
    """A key under which `A | B` and `B | A` differ, as their bytes do; Python calls them equal."""
    args = typing.get_args(annotation)
    if not args:
        return annotation
    origin = typing.get_origin(annotation)
    return typing.Union if origin is UnionType else origin, *map(ordered, args)


@cache
def _default_codecs() -> Codecs:
    return Codecs()


def codec(annotation: object) -> Codec[Any]:
    """The codec under the default bindings."""
    return _default_codecs().of(annotation)
