"""The seam for types whose bytes annotations cannot say: runtime calls, events, eras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from tilth.primitives.scale.info import Type
    from tilth.primitives.scale.registry import TypeRegistry


@runtime_checkable
class CustomCodec(Protocol):
    """Bound to a placeholder class in `Codecs`, or a class's own `__scale_codec__`.

    Decoding raises DecodeError and keeps its own limit of depth. Two optional attributes:
    `least_size`, the fewest bytes of a value (1 unless said; it bounds the items of a Vec), and
    `default`, Rust's Default.
    """

    def encode(self, value: Any, /) -> bytes: ...

    def decode_at(self, data: bytes, offset: int, /) -> tuple[Any, int]: ...

    def type_info(self, registry: TypeRegistry, /) -> Type: ...
