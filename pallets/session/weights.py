"""Weights of session's calls: Substrate's published benchmark, pallet_session of 2024-10-02.

It was taken with six keys and a staking pallet, which costs more than two keys without one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "set_keys": Measured(72_716_000, 17_792, reads=8, writes=7),
        "purge_keys": Measured(53_172_000, 5_315, reads=2, writes=7),
    }
)
