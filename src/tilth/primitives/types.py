"""Substrate's own values: accounts, addresses, signatures, headers, and parts of one."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from typing import Annotated, TypeAlias

from tilth.primitives.era import Era as Era
from tilth.primitives.scale.annotations import (
    Compact,
    Fixed,
    Param,
    Path,
    TypeName,
    u8,
    u32,
    u64,
    u128,
)
from tilth.primitives.scale.codec import Codec, codec
from tilth.primitives.scale.newtypes import H160 as H160
from tilth.primitives.scale.newtypes import H256 as H256
from tilth.primitives.scale.newtypes import AccountId as AccountId
from tilth.primitives.scale.structs import struct

Hash: TypeAlias = H256
Balance: TypeAlias = Annotated[int, Param("Balance", u128, "T::Balance")]
BlockNumber: TypeAlias = Annotated[int, Param("BlockNumber", u32, "BlockNumberFor<T>")]
Nonce: TypeAlias = Annotated[int, Param("Nonce", u32, "T::Nonce")]
Moment: TypeAlias = Annotated[int, Param("Moment", u64, "T::Moment")]
AccountIndex: TypeAlias = Annotated[None, TypeName("AccountIndex")]

Signature64: TypeAlias = Annotated[bytes, Fixed(64)]
Signature65: TypeAlias = Annotated[bytes, Fixed(65)]
ConsensusEngineId: TypeAlias = Annotated[bytes, Fixed(4), TypeName("ConsensusEngineId")]


@struct(unnamed=True, index=0)
class Id:
    account: Annotated[AccountId, TypeName("AccountId")]


@struct(unnamed=True, index=1)
class Index:
    index: Compact[AccountIndex]


@struct(unnamed=True, index=2)
class Raw:
    data: bytes


@struct(unnamed=True, index=3)
class Address32:
    data: Annotated[bytes, Fixed(32)]


@struct(unnamed=True, index=4)
class Address20:
    data: Annotated[bytes, Fixed(20)]


MultiAddress: TypeAlias = Annotated[
    Id | Index | Raw | Address32 | Address20,
    Path("sp_runtime::multiaddress::MultiAddress", AccountId=AccountId, AccountIndex=AccountIndex),
]

Address: TypeAlias = Annotated[MultiAddress, Param("Address", MultiAddress, "AccountIdLookupOf<T>")]
"""What calls and signed extrinsics name an account by: MultiAddress, unless a runtime says so."""


@struct(unnamed=True, index=0)
class Ed25519:
    signature: Annotated[Signature64, TypeName("ed25519::Signature")]


@struct(unnamed=True, index=1)
class Sr25519:
    signature: Annotated[Signature64, TypeName("sr25519::Signature")]


@struct(unnamed=True, index=2)
class Ecdsa:
    signature: Annotated[Signature65, TypeName("ecdsa::Signature")]


MultiSignature: TypeAlias = Annotated[Ed25519 | Sr25519 | Ecdsa, Path("sp_runtime::MultiSignature")]
Signature: TypeAlias = Annotated[MultiSignature, Param("Signature", MultiSignature)]
"""What a signed extrinsic carries: a signature of any scheme, unless a runtime says of which."""


@struct(unnamed=True, index=6)
class PreRuntime:
    engine: ConsensusEngineId
    data: bytes


@struct(unnamed=True, index=4)
class Consensus:
    engine: ConsensusEngineId
    data: bytes


@struct(unnamed=True, index=5)
class Seal:
    engine: ConsensusEngineId
    data: bytes


@struct(unnamed=True, index=0)
class Other:
    data: bytes


@struct(index=8)
class RuntimeEnvironmentUpdated:
    pass


# The order of sp_runtime's declaration, which metadata keeps.
DigestItem: TypeAlias = Annotated[
    PreRuntime | Consensus | Seal | Other | RuntimeEnvironmentUpdated,
    Path("sp_runtime::generic::digest::DigestItem"),
]


@struct(path="sp_runtime::generic::digest::Digest")
class Digest:
    logs: tuple[DigestItem, ...]


@struct(path="sp_runtime::generic::header::Header", params={"Number": BlockNumber, "Hash": ...})
class Header:
    parent_hash: Annotated[H256, TypeName("Hash::Output")]
    number: Annotated[Compact[BlockNumber], TypeName("Number")]
    state_root: Annotated[H256, TypeName("Hash::Output")]
    extrinsics_root: Annotated[H256, TypeName("Hash::Output")]
    digest: Digest

    @property
    def hash(self) -> H256:
        """blake2-256 of the SCALE form: what identifies the block."""
        # The compact number has the same bytes whatever integer the runtime binds.
        return H256(blake2b(_header_codec().encode(self), digest_size=32).digest())


@cache
def _header_codec() -> Codec[Header]:
    return codec(Header)


@struct(unnamed=True, path="sp_arithmetic::per_things::Percent")
class Percent:
    parts: u8


@struct(unnamed=True, path="sp_arithmetic::per_things::Permill")
class Permill:
    parts: u32


@struct(unnamed=True, path="sp_arithmetic::per_things::Perbill")
class Perbill:
    parts: u32


@struct(unnamed=True, path="sp_arithmetic::per_things::Perquintill")
class Perquintill:
    parts: u64


@struct(unnamed=True, path="sp_arithmetic::fixed_point::FixedU128")
class FixedU128:
    inner: u128  # in units of 10^-18
