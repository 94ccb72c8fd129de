"""bitswap_*: content by its CID, as Polkadot's nodes give what the Bulletin chain keeps."""

from typing import Final

from tilth.node.content import ContentLost, NoContent
from tilth.node.service import Node
from tilth.primitives.cid import BLAKE2B_256, SHA2_256, BadCid, Cid, parse_cid
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.dispatch import fails
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.schema import HexText
from tilth.rpc.jsonrpc.shapes import hex_of

# paritytech/json-rpc-interface-spec, src/api/bitswap_v1_get.md
INVALID: Final = Fault(-32602, "Invalid or unsupported CID")
NOT_FOUND: Final = Fault(-32810, "The content was not found")
RETRY: Final = Fault(-32812, "{error}")


@fails(INVALID, NOT_FOUND, RETRY)
async def bitswap_v1_get(node: Node, cid: str) -> HexText:
    """The content with this CID, of version 1 in base32, and of sha2-256 or blake2b-256."""
    named = _cid(cid)
    try:
        content = await node.healer.read(H256(named.digest))
    except NoContent as error:
        raise NOT_FOUND({"variant": "NotFound"}) from error
    except ContentLost as error:
        raise RETRY({"variant": "Lost"}, error=error) from error
    if content is None or not named.fits(content):
        raise NOT_FOUND({"variant": "NotFound"})
    return hex_of(content)


def _cid(text: str) -> Cid:
    try:
        cid = parse_cid(text)
    except BadCid as error:
        raise INVALID({"variant": "InvalidCid", "details": str(error)}) from None
    if not text.startswith("b"):
        raise INVALID({"variant": "InvalidCid", "details": "only base32, which begins with b"})
    if cid.hashing not in (SHA2_256, BLAKE2B_256):
        raise INVALID({"variant": "InvalidCid", "details": "only sha2-256 and blake2b-256"})
    return cid
