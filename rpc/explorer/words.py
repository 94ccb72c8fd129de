"""Values of the chain in words for people: short, and tagged where a page links or counts them."""

from typing import Any, Final

from tilth.frame import FreezeReason, HoldReason, Runtime, RuntimeCall, RuntimeEvent
from tilth.node.plain import Json, Plain
from tilth.primitives import ss58
from tilth.primitives.scale import shapes
from tilth.primitives.scale.shapes import Shape

_HASH: Final = 32
_SHOWN_BYTES: Final = 48
_SHOWN_TEXT: Final = 400
_SHOWN_ITEMS: Final = 64
_EXACT: Final = 2**53  # what a double still counts
_AMOUNT: Final = 16  # bytes of a balance
_TAGGED: Final = "sp_core::crypto::AccountId32"


class Words(Plain):
    """As JSON with tags: `{"$account": …}`, `$amount`, `$hash`, `$bytes`, `$reason`, `$call`,
    `$event` and `$more`.

    A name of the chain never begins with $, so a tag is never mistaken. Whatever is long is cut:
    content of megabytes is a call's argument.
    """

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._prefix = runtime.ss58_prefix

    def shown(self, shape: Shape, value: Any) -> Json:
        match shape:
            case shapes.Named(path=path) if path == _TAGGED:
                return {"$account": ss58.encode(value, self._prefix)}
            case shapes.Uint(size) | shapes.Int(size):
                return _number(value, size)
            case shapes.Bytes() | shapes.FixedBytes():
                return _bytes(value)
            case shapes.Text():
                return value if len(value) <= _SHOWN_TEXT else f"{value[:_SHOWN_TEXT]}…"
            case shapes.Array(item=item) | shapes.Sequence(item=item):
                return self._items(item, value)
            case shapes.Custom() if isinstance(value, RuntimeCall):
                return {"$call": self.call(value)}
            case shapes.Custom() if isinstance(value, RuntimeEvent):
                return {"$event": self.event(value)}
            case shapes.Custom() if isinstance(value, HoldReason | FreezeReason):
                return {"$reason": _reason(value), "text": value.value}
            case _:
                return super().shown(shape, value)

    def account(self, account: bytes) -> str:
        return ss58.encode(account, self._prefix)

    def _items(self, item: Shape, values: Any) -> Json:
        shown = [self.shown(item, each) for each in values[:_SHOWN_ITEMS]]
        left = len(values) - len(shown)
        return [*shown, {"$more": left}] if left else shown


def _reason(value: HoldReason | FreezeReason) -> str:
    pallet = type(value).__qualname__.partition(".")[0]
    return f"{pallet}: {value.name.replace('_', ' ').lower()}"


def _number(value: int, size: int) -> Json:
    if size == _AMOUNT:
        return {"$amount": str(value)}
    return value if abs(value) < _EXACT else str(value)


def _bytes(value: bytes) -> Json:
    if len(value) == _HASH:
        return {"$hash": f"0x{value.hex()}"}
    return {"$bytes": len(value), "head": f"0x{value[:_SHOWN_BYTES].hex()}", "text": _text(value)}


def _text(value: bytes) -> str | None:
    """What bytes say, where they say something that can be read."""
    try:
        text = value[:_SHOWN_TEXT].decode()
    except UnicodeDecodeError:
        return None
    return text if text and all(c.isprintable() or c in "\n\t\r" for c in text) else None
