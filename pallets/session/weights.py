"""Weights of session's calls: those that pallet_session of stable2503 publishes.

They were taken with six keys and a staking pallet, which costs more than two keys without one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "set_keys": Measured(51_496_000, 16_896, reads=8, writes=7),
        "purge_keys": Measured(40_486_000, 4_798, reads=2, writes=7),
    }
)
