"""CheckMetadataHash (RFC-78): a transaction can say by which metadata its signer read it."""

from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, final

from tilth.frame.extension import TransactionExtension
from tilth.primitives.scale import Fixed, scale_enum, struct

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime


@scale_enum(path="frame_metadata_hash_extension::Mode")
class Mode(IntEnum):
    DISABLED = 0
    ENABLED = 1


@struct(path="frame_metadata_hash_extension::CheckMetadataHash", params={"T": ...})
class MetadataHashMode:
    mode: Mode


@final
class CheckMetadataHash(TransactionExtension):
    """An offline wallet signs the digest of what it was shown; another digest is a bad proof.

    `decimals` and `token_symbol` are part of the digest: how the wallet shows amounts.
    """

    explicit = MetadataHashMode
    implicit = Annotated[bytes, Fixed(32)] | None

    def __init__(self, runtime: "Runtime", *, decimals: int, token_symbol: str) -> None:
        self._runtime = runtime
        self._decimals = decimals
        self._token_symbol = token_symbol

    def implied(self, value: MetadataHashMode) -> bytes | None:
        return self.digest if value.mode is Mode.ENABLED else None

    @cached_property
    def digest(self) -> bytes:
        from tilth.frame.metadata import Metadata  # only an offline wallet's signature needs it

        metadata = Metadata(self._runtime)
        return metadata.digest(decimals=self._decimals, token_symbol=self._token_symbol)
