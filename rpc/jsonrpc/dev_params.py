"""What the dev chain's tools are told: plain JSON, read with words for what is wrong with it."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from tilth.node.block import Block
from tilth.node.chain import UnknownBlock
from tilth.node.plain import Json
from tilth.node.service import Node
from tilth.primitives import ss58
from tilth.primitives.scale import DecodeError, codec
from tilth.primitives.types import H256, AccountId, Digest, DigestItem, Header
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.shapes import hex_of

FAULT: Final = Fault(1, "{reason}")
"""Every tool's error, as chopsticks numbers it; the text says what to do."""

_SPELLINGS: Final = ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%b %d, %Y %H:%M:%S", "%Y/%m/%d")


def options_of(params: Json, *names: str) -> dict[str, Any]:
    """The members that are set; a name that nobody reads is a mistake of the caller's."""
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise FAULT(reason=f"an object was expected, with {', '.join(names)}")
    if unknown := params.keys() - set(names):
        raise FAULT(reason=f"there is no {', '.join(unknown)}; there are {', '.join(names)}")
    return {name: value for name, value in params.items() if value is not None}


def items_of(options: dict[str, Any], name: str) -> list[Any]:
    items = options.get(name, [])
    if not isinstance(items, list):
        raise FAULT(reason=f"{name} is a list of hex")
    return items


def count_of(options: dict[str, Any], name: str) -> int | None:
    return integer(options[name]) if name in options else None


def integer(value: Json) -> int:
    try:
        if isinstance(value, str):
            return int(value, 0)
        if type(value) in (int, float) and int(value) == value:
            return int(value)
    except (OverflowError, ValueError):
        pass
    raise FAULT(reason=f"{value!r} is no whole number")


def unhexed(value: Json) -> bytes:
    try:
        if isinstance(value, str) and value.startswith("0x"):
            return bytes.fromhex(value[2:])
    except ValueError:
        pass
    raise FAULT(reason=f"{value!r} is no hex: 0x and two digits for each byte")


def account_of(value: Json) -> AccountId:
    """An address, or the account itself as hex."""
    try:
        account = unhexed(value) if str(value).startswith("0x") else ss58.decode(str(value))
    except ValueError as error:
        raise FAULT(reason=f"{value!r} is no address: {error}") from None
    if len(account) != 32:
        raise FAULT(reason=f"{value!r} is no account of 32 bytes")
    return AccountId(account)


def block_at(node: Node, hash: bytes) -> Block:
    try:
        return node.block(H256(hash))
    except UnknownBlock:
        raise FAULT(reason=f"Block not found {hex_of(hash)}") from None


def moment_of(date: Json) -> int:
    """Milliseconds, or a date as people and machines write it; without a zone it is UTC."""
    if type(date) in (int, float):
        return integer(date)
    for read in (datetime.fromisoformat, parsedate_to_datetime, *map(_spelled, _SPELLINGS)):
        try:
            moment = read(str(date))
        except (TypeError, ValueError):
            continue
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    raise FAULT(reason="Invalid date")  # chopsticks' words


def _spelled(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form).replace(tzinfo=UTC)


def header_of(given: Json) -> Header:
    """As `chain_getHeader` answers it, or as SCALE in hex."""
    try:
        if isinstance(given, str):
            header: Header = codec(Header).decode(unhexed(given))
            return header
        logs = [codec(DigestItem).decode(unhexed(log)) for log in given["digest"]["logs"]]
        return Header(
            H256(unhexed(given["parentHash"])),
            integer(given["number"]),
            H256(unhexed(given["stateRoot"])),
            H256(unhexed(given["extrinsicsRoot"])),
            Digest(tuple(logs)),
        )
    except (KeyError, TypeError, DecodeError) as error:
        raise FAULT(reason=f"the block's header cannot be read: {error}") from None
