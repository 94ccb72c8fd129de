"""A runtime's description of itself for clients, in every version they ask for.

`v14`, `v15` and `v16` are the forms, `enums`, `parts` and `extrinsic` describe what a runtime
consists of, `build` puts it into the forms, and `digest` makes the hash that offline wallets sign.
"""

from typing import TYPE_CHECKING, final

from tilth.frame.metadata.build import describe_v14, describe_v15, describe_v16
from tilth.frame.metadata.v14 import MAGIC, MetadataV14
from tilth.frame.metadata.v15 import MetadataV15
from tilth.frame.metadata.v16 import MetadataV16
from tilth.primitives.scale import codec

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime


@final
class Metadata:
    """Made when first asked for, and once: a runtime does not change while it runs."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._encoded: dict[int, bytes] = {}

    def encoded(self, version: int) -> bytes:
        """Magic bytes, version and body; versions 14, 15 and 16 exist."""
        if version not in self._encoded:
            self._encoded[version] = self._encode(version)
        return self._encoded[version]

    def digest(self, *, decimals: int, token_symbol: str) -> bytes:
        """What CheckMetadataHash signs, for a chain whose token is shown so."""
        from tilth.frame.metadata.digest import metadata_digest  # most chains never need it

        runtime = self._runtime
        return metadata_digest(
            describe_v15(runtime),
            spec_version=runtime.spec_version,
            spec_name=runtime.spec_name,
            base58_prefix=runtime.ss58_prefix,
            decimals=decimals,
            token_symbol=token_symbol,
        )

    def _encode(self, version: int) -> bytes:
        runtime = self._runtime
        match version:
            case 14:
                return codec(MetadataV14).encode(MetadataV14(MAGIC, 14, describe_v14(runtime)))
            case 15:
                return codec(MetadataV15).encode(MetadataV15(MAGIC, 15, describe_v15(runtime)))
            case 16:
                return codec(MetadataV16).encode(MetadataV16(MAGIC, 16, describe_v16(runtime)))
            case _:
                raise ValueError(f"no metadata of version {version}: ask for 14, 15 or 16")
