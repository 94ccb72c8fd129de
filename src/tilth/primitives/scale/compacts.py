"""Compact integers in their one canonical form."""

from tilth.primitives.scale.errors import DecodeError, EncodeError, short

SMALL = tuple(bytes((n << 2,)) for n in range(64))
"""The compact form of the integers below 64."""
# parity-scale-codec, compact.rs: each mode refuses what the mode before can hold; a big integer's
# first byte says that up to 67 follow.
_LEAST = {2: 1 << 6, 4: 1 << 14, 5: 1 << 30} | {size: 1 << 8 * (size - 2) for size in range(6, 69)}


def compact_rest(data: bytes, offset: int, limit: int) -> tuple[int, int]:
    """The compact integer at `offset` whose first byte is not of the one-byte mode."""
    first = data[offset]
    mode = first & 3
    size = (first >> 2) + 5 if mode == 3 else 2 * mode
    chunk = data[offset : offset + size]
    if len(chunk) < size:
        raise short(data, offset, size, "a compact integer")
    value = int.from_bytes(chunk, "little") >> (8 if mode == 3 else 2)
    if value < _LEAST[size]:
        raise DecodeError(offset, "the shortest compact form", f"{value} in {size} bytes")
    if value > limit:
        raise DecodeError(offset, f"a compact integer up to {limit}", _shown(value))
    return value, offset + size


def _shown(value: int) -> str:
    return str(value) if value < 1 << 128 else f"one of {value.bit_length()} bits"


def compact(value: int, limit: int) -> bytes:
    """The compact form of an integer between 0 and `limit`."""
    if not 0 <= value <= limit:
        raise EncodeError(f"{value} does not fit: at least 0 and at most {limit} is needed.")
    if value < 1 << 6:
        return SMALL[value]
    if value < 1 << 14:
        return (value << 2 | 1).to_bytes(2, "little")
    if value < 1 << 30:
        return (value << 2 | 2).to_bytes(4, "little")
    size = (value.bit_length() + 7) // 8
    return bytes((size - 4 << 2 | 3,)) + value.to_bytes(size, "little")
