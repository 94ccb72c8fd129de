"""What goes wrong between a value and its bytes."""

from collections.abc import Sized


class DecodeError(ValueError):
    """The bytes are not the one encoding of a value of the expected type."""

    __slots__ = ("expected", "offset")

    def __init__(self, offset: int, expected: str, found: str) -> None:
        super().__init__(f"At byte {offset}: expected {expected}, found {found}.")
        self.offset = offset
        self.expected = expected


class EncodeError(ValueError):
    """The value is outside of what its annotation allows."""


def short(data: bytes, offset: int, size: int, expected: str) -> DecodeError:
    left = max(len(data) - offset, 0)
    return DecodeError(offset, f"{expected} ({size} bytes)", f"{left} bytes before the end")


def trailing(data: bytes, offset: int) -> DecodeError:
    rest = data[offset : offset + 8].hex() + ("…" if len(data) - offset > 8 else "")
    return DecodeError(offset, "the end of the input", f"{len(data) - offset} more bytes: {rest}")


def inexact(data: bytes, size: int, expected: str) -> DecodeError:
    return short(data, 0, size, expected) if len(data) < size else trailing(data, size)


def bad_tag(offset: int, expected: str, tag: int) -> DecodeError:
    return DecodeError(offset, expected, f"the tag {tag}")


def too_many(offset: int, bound: int, count: int) -> DecodeError:
    return DecodeError(offset, f"at most {bound} items", f"{count}")


def too_deep(offset: int, limit: int) -> DecodeError:
    return DecodeError(offset, f"at most {limit} levels of nesting", "one more")


def wrong_length(where: str, size: int, value: Sized) -> EncodeError:
    return EncodeError(f"{where}: {size} items are needed, {len(value)} were given.")


def too_long(where: str, bound: int, length: int) -> EncodeError:
    return EncodeError(f"{where}: at most {bound} items fit, {length} were given.")


def no_variant(where: str, value: object) -> EncodeError:
    return EncodeError(f"{where}: {value!r} is none of its variants.")


def nested_too_deep(where: str, limit: int) -> EncodeError:
    return EncodeError(f"{where}: nested deeper than {limit} levels.")
