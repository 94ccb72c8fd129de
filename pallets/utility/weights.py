"""Weights of utility's calls: Substrate's published benchmark, pallet_utility of 2024-05-06.

The release of the recordings had no utility pallet to measure. A batch weighs a fixed part and as
much again for each call as `<name>_each` says, beside the calls themselves.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

_PAUSED: Final = 3_997  # the proof that nothing is paused

WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "batch": Measured(19_388_813, _PAUSED, reads=2),
        "batch_each": Measured(4_591_113),
        "as_derivative": Measured(10_896_000, _PAUSED, reads=2),
        "batch_all": Measured(22_628_420, _PAUSED, reads=2),
        "batch_all_each": Measured(4_797_007),
        "dispatch_as": Measured(6_985_000),
        "force_batch": Measured(23_270_604, _PAUSED, reads=2),
        "force_batch_each": Measured(4_570_923),
    }
)
