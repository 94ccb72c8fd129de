"""offchain_*: what the node's off-chain workers keep for themselves."""

from typing import Annotated, Final, TypeAlias

from tilth.node.service import Node
from tilth.rpc.jsonrpc.dispatch import fails, unsafe
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.params import Hex, Misfit, read_text
from tilth.rpc.jsonrpc.schema import HexText, Shape
from tilth.rpc.jsonrpc.shapes import optional_hex

# client/rpc-api/src/offchain/error.rs
UNAVAILABLE: Final = Fault(5001, "This storage kind is not available yet")

_PERSISTENT: Final = "PERSISTENT"
_KINDS: Final = (_PERSISTENT, "LOCAL")


def _read_kind(value: object) -> str:
    kind = read_text(value)
    if kind not in _KINDS:
        raise Misfit(f"unknown variant `{kind}`, expected `PERSISTENT` or `LOCAL`")
    return kind


Kind: TypeAlias = Annotated[str, _read_kind, Shape({"enum": list(_KINDS)})]


@unsafe
@fails(UNAVAILABLE)
def offchain_localStorageSet(node: Node, kind: Kind, key: Hex, value: Hex) -> None:
    """Keep a value beside the chain; only the kind PERSISTENT is there."""
    _check(kind)
    node.local_storage.set(key, value)


@unsafe
@fails(UNAVAILABLE)
def offchain_localStorageGet(node: Node, kind: Kind, key: Hex) -> HexText | None:
    """The value that is kept under a key."""
    _check(kind)
    return optional_hex(node.local_storage.get(key))


@unsafe
@fails(UNAVAILABLE)
def offchain_localStorageClear(node: Node, kind: Kind, key: Hex) -> None:
    """Keep nothing more under a key."""
    _check(kind)
    node.local_storage.clear(key)


def _check(kind: str) -> None:
    if kind != _PERSISTENT:
        raise UNAVAILABLE()
