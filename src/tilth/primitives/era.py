"""Mortality of transactions: the span of blocks in which one is valid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tilth.primitives.scale.annotations import u8
from tilth.primitives.scale.errors import DecodeError, EncodeError, short
from tilth.primitives.scale.info import Field, Type, Variant, VariantDef, segments
from tilth.primitives.scale.registry import TypeRegistry

_SHORTEST, _LONGEST = 4, 1 << 16
_FOREVER = (1 << 64) - 1


class EraCodec:
    """One zero byte for immortal; period and phase in two bytes otherwise."""

    least_size = 1

    @property
    def default(self) -> Era:
        return Era()

    def encode(self, era: Era) -> bytes:
        if not era.period:
            return b"\0"
        if era != Era(*_periodic(era.period, era.phase)):
            raise EncodeError(f"{era} has no encoding: make it with Era.mortal.")
        scale = era.period.bit_length() - 2
        return (scale | era.phase // _step(era.period) << 4).to_bytes(2, "little")

    def decode_at(self, data: bytes, offset: int) -> tuple[Era, int]:
        chunk = data[offset : offset + 2]
        if not chunk:
            raise short(data, offset, 1, "an Era")
        if not chunk[0]:
            return Era(), offset + 1
        if len(chunk) < 2:
            raise short(data, offset, 2, "a mortal Era")
        encoded = int.from_bytes(chunk, "little")
        period = 2 << encoded % 16
        phase = (encoded >> 4) * _step(period)
        if period < _SHORTEST or phase >= period:
            raise DecodeError(offset, "an Era", f"period {period} with phase {phase}")
        return Era(period, phase), offset + 2

    def type_info(self, registry: TypeRegistry) -> Type:
        # sp_runtime/src/generic/era.rs: the first byte is the variant, the second its field.
        byte = Field(None, registry.id_of(u8))
        mortal = (Variant(f"Mortal{i}", (byte,), i) for i in range(1, 256))
        variants = Variant("Immortal", (), 0), *mortal
        return Type(segments("sp_runtime::generic::era::Era"), (), VariantDef(variants))


@dataclass(frozen=True, slots=True)
class Era:
    """Immortal with period 0; otherwise valid for `period` blocks from where `phase` falls."""

    __scale_codec__: ClassVar[EraCodec] = EraCodec()

    period: int = 0
    phase: int = 0

    @staticmethod
    def mortal(period: int, current: int) -> Era:
        """The era around block `current`; the period is rounded up to a power of two in 4…65536."""
        return Era(*_periodic(period, current))

    def birth(self, current: int) -> int:
        """The first block of the era that block `current` is in: its hash is signed."""
        if not self.period:
            return 0
        return (max(current, self.phase) - self.phase) // self.period * self.period + self.phase

    def death(self, current: int) -> int:
        """The first block in which it is no longer valid."""
        return self.birth(current) + self.period if self.period else _FOREVER


def _step(period: int) -> int:
    """Phases of long periods are coarse, so that they fit into twelve bits."""
    return max(period >> 12, 1)


def _periodic(period: int, current: int) -> tuple[int, int]:
    power = 1 << max(period - 1, 0).bit_length()
    period = min(max(power, _SHORTEST), _LONGEST)
    phase = current % period
    return period, phase // _step(period) * _step(period)
