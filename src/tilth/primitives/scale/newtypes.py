"""Hashes and accounts: byte strings of one length, kept apart by the checkers only."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, NewType

from tilth.primitives.scale.annotations import Fixed, Path, TypeName

H160 = NewType("H160", bytes)
H256 = NewType("H256", bytes)
AccountId = NewType("AccountId", bytes)

# NewType(…, Annotated[…]) is refused by pyright, so size and path stand here.
NEW_TYPES: Mapping[object, object] = MappingProxyType(
    {
        H160: Annotated[bytes, Fixed(20), Path("primitive_types::H160")],
        H256: Annotated[bytes, Fixed(32), Path("primitive_types::H256")],
        AccountId: Annotated[
            bytes, Fixed(32), Path("sp_core::crypto::AccountId32"), TypeName("T::AccountId")
        ],
    }
)
