"""Content identifiers: a hash of the content, with how it was hashed and how to read it."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Annotated, Final, TypeAlias

from tilth.frame import Fixed, TypeName, hashing, scale_enum, struct, u64

ContentHash: TypeAlias = Annotated[bytes, Fixed(32), TypeName("ContentHash")]
CidCodec: TypeAlias = Annotated[u64, TypeName("CidCodec")]

# github.com/multiformats/multicodec, table.csv
RAW: Final = 0x55
_CID_V1: Final = 1


@scale_enum(path="bulletin_transaction_storage_primitives::cids::HashingAlgorithm")
class HashingAlgorithm(IntEnum):
    Blake2b256 = 0
    Sha2_256 = 1
    Keccak256 = 2


@struct(path="bulletin_transaction_storage_primitives::cids::CidConfig")
class CidConfig:
    codec: CidCodec
    hashing: HashingAlgorithm


DEFAULT_CID: Final = CidConfig(RAW, HashingAlgorithm.Blake2b256)
SHA2_CID: Final = CidConfig(RAW, HashingAlgorithm.Sha2_256)

_DIGESTS: Final[Mapping[HashingAlgorithm, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        HashingAlgorithm.Blake2b256: hashing.blake2_256,
        HashingAlgorithm.Sha2_256: hashing.sha2_256,
        HashingAlgorithm.Keccak256: hashing.keccak_256,
    }
)
_MULTIHASH_CODES: Final[Mapping[HashingAlgorithm, int]] = MappingProxyType(
    {
        HashingAlgorithm.Blake2b256: 0xB220,
        HashingAlgorithm.Sha2_256: 0x12,
        HashingAlgorithm.Keccak256: 0x1B,
    }
)


def digest(algorithm: HashingAlgorithm, content: bytes) -> bytes:
    return _DIGESTS[algorithm](content)


def cid_of(config: CidConfig, content_hash: bytes) -> bytes:
    """The binary CIDv1: version, codec and multihash."""
    code = _MULTIHASH_CODES[config.hashing]
    head = (_CID_V1, config.codec, code, len(content_hash))
    return b"".join(map(_varint, head)) + content_hash


def _varint(value: int) -> bytes:
    """Unsigned LEB128, as multiformats count."""
    groups = []
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))
