"""Content in the pieces in which it is streamed."""

from collections.abc import Iterator
from typing import Final

import grpc

from tilth.node.content import ContentLost, ContentReader, NoContent
from tilth.primitives.types import H256
from tilth.rpc.grpc.failures import Failure, data_loss, not_found, unimplemented

PIECE: Final = 64 * 1024


def content_of(reader: ContentReader, hash: H256) -> bytes:
    """The content, checked against its hash; raises Failure."""
    try:
        content = reader.read(hash)
    except NoContent as error:
        raise unimplemented(str(error)) from error
    except ContentLost as error:
        raise data_loss(str(error)) from error
    if content is None:
        raise not_found(f"the chain has no content with the hash 0x{hash.hex()}")
    return content


def pieces(content: bytes, offset: int = 0, length: int = 0) -> Iterator[bytes]:
    """From offset on, so many bytes or, for 0, all; raises Failure where there is no such byte."""
    if offset >= len(content):
        raise Failure(
            grpc.StatusCode.OUT_OF_RANGE,
            f"the content ends after {len(content)} bytes, before byte {offset}",
        )
    end = min(offset + length, len(content)) if length else len(content)
    for start in range(offset, end, PIECE):
        yield content[start : min(start + PIECE, end)]
