"""Weights of utility's calls: Substrate's published benchmark, pallet_utility of 2024-11-08.

The release of the recordings had no utility pallet to measure. A batch weighs a fixed part and as
much again for each call as `<name>_each` says, beside the calls themselves. `dispatch_as_fallible`
was published without a figure that we know: it weighs as `dispatch_as`, whose work it does.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

_DISPATCH_AS: Final = 6_985_000
_PAUSED: Final = 3_997  # the proof that nothing is paused

WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "batch": Measured(19_388_813, _PAUSED, reads=2),
        "batch_each": Measured(4_591_113),
        "as_derivative": Measured(10_896_000, _PAUSED, reads=2),
        "batch_all": Measured(22_628_420, _PAUSED, reads=2),
        "batch_all_each": Measured(4_797_007),
        "dispatch_as": Measured(_DISPATCH_AS),
        "force_batch": Measured(23_270_604, _PAUSED, reads=2),
        "force_batch_each": Measured(4_570_923),
        "if_else": Measured(7_000_000),
        "dispatch_as_fallible": Measured(_DISPATCH_AS),
    }
)
