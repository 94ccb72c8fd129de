"""The digest of a metadata (RFC-78): an offline wallet signs it to say how it read the extrinsic."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, final

from tilth.frame.metadata.v15 import V15, Extrinsic
from tilth.primitives.scale import Compact, Fixed, codec, struct, u8, u16, u32
from tilth.primitives.scale.info import (
    ArrayDef,
    BitSequenceDef,
    CompactDef,
    CompositeDef,
    Field,
    PortableRegistry,
    Primitive,
    PrimitiveDef,
    SequenceDef,
    TupleDef,
    Type,
    Variant,
    VariantDef,
)

# merkleized-metadata 0.5, types.rs: TypeRef. The primitives have the numbers of scale-info.
_COMPACTS: Final = {
    Primitive.U8: 15,
    Primitive.U16: 16,
    Primitive.U32: 17,
    Primitive.U64: 18,
    Primitive.U128: 19,
    Primitive.U256: 20,
}
_VOID: Final = b"\x15"
_BY_ID: Final = b"\x16"
# types.rs: TypeDef
_COMPOSITE, _ENUMERATION, _SEQUENCE, _ARRAY, _TUPLE, _BITS = (bytes((n,)) for n in range(6))
_WIDTHS: Final = {Primitive.U8: 1, Primitive.U16: 2, Primitive.U32: 4, Primitive.U64: 8}

_number: Final = codec(Compact[u32])
_text: Final = codec(str)
_text_or_none: Final = codec(str | None)
_texts: Final = codec(tuple[str, ...])


@struct
class _Digest:
    version: u8
    types_root: bytes
    extrinsic: bytes
    spec_version: u32
    spec_name: str
    base58_prefix: u16
    decimals: u8
    token_symbol: str


def metadata_digest(
    described: V15,
    *,
    spec_version: int,
    spec_name: str,
    base58_prefix: int,
    decimals: int,
    token_symbol: str,
) -> bytes:
    """The 32 bytes that CheckMetadataHash puts under the signature."""
