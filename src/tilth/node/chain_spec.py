"""Chain specifications: a chain's name and kind, what clients show of it, and its first state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

ChainType = Literal["Development", "Local", "Live"]


@dataclass(frozen=True)
class ChainSpec:
    """`genesis` holds each pallet's genesis arguments under the pallet's name.

    Where the first state is known key by key it is `raw`, and they are not asked for.
    """

    name: str
    id: str
    chain_type: ChainType
    genesis: Mapping[str, Mapping[str, Any]]
    properties: Mapping[str, Any] = field(
        default_factory=lambda: MappingProxyType(
            {"ss58Format": 42, "tokenDecimals": 12, "tokenSymbol": "TLTH"}
        )
    )
    raw: Mapping[bytes, bytes] | None = None
