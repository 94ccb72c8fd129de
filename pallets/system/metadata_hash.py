"""The extension that binds a signature to the metadata which an offline signer was shown."""

from collections.abc import Callable
from enum import IntEnum
from typing import Annotated, ClassVar, TypeAlias

from tilth.frame import (
    Fixed,
    TransactionExtension,
    TypeName,
    scale_enum,
    struct,
    unknown,
    validity,
)


@scale_enum(path="frame_metadata_hash_extension::Mode")
class Mode(IntEnum):
    DISABLED = 0
    ENABLED = 1


@struct(path="frame_metadata_hash_extension::CheckMetadataHash", params={"T": ...})
class _Chosen:
    mode: Annotated[Mode, TypeName("Mode")]


_Digest: TypeAlias = Annotated[bytes, Fixed(32)] | None


class CheckMetadataHash(TransactionExtension):
    """Where it is enabled, the signer saw metadata with the digest of RFC-78 that this chain has.

    A chain that computes no digest can verify no such signature.
    """

    explicit: ClassVar[object] = _Chosen
    implicit: ClassVar[object] = _Digest

    def __init__(self, digest: Callable[[], bytes] | None = None) -> None:
        self._digest = digest

    def implied(self, value: _Chosen) -> bytes | None:
        if value.mode is Mode.DISABLED:
            return None
        if self._digest is None:
            raise unknown(validity.CannotLookup())
        return self._digest()
