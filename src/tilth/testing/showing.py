"""Events and errors as a failed test shows them: accounts by name, bytes in hex."""

from dataclasses import fields, is_dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from tilth.frame import ErrorEnum, RuntimeEvent
from tilth.primitives.crypto import dev

_NAMES: Final = MappingProxyType({account: name for name, account in dev.DEV_ACCOUNTS.items()})
_LONGEST: Final = 32
"""Bytes that are shown; of more, the beginning."""


def show(value: Any) -> str:
    """One line of text for people."""
    if isinstance(value, RuntimeEvent):
        return f"{value.pallet}.{show(value.event)}"
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, ErrorEnum):
        return f"{type(value).__module__}.{value.name} ({value.value!r})"
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(show, value))}]"
    if is_dataclass(value) and not isinstance(value, type):
        return _struct(value)
    return value.__name__ if isinstance(value, type) else repr(value)


def _bytes(data: bytes) -> str:
    if data in _NAMES:
        return _NAMES[data]
    short = f"0x{data[:_LONGEST].hex()}"
    return short if len(data) <= _LONGEST else f"{short}… ({len(data)} bytes)"


def _struct(value: Any) -> str:
    parts = (f"{field.name}={show(getattr(value, field.name))}" for field in fields(value))
    return f"{type(value).__name__}({', '.join(parts)})"
