"""Weights of utility's calls: those that pallet_utility of stable2503 publishes.

A batch weighs a fixed part and as much again for each call as `<name>_each` says, beside the calls
themselves.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

_PAUSED: Final = 3_997  # the proof that nothing is paused

WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "batch": Measured(4_034_000, _PAUSED, reads=2),
        "batch_each": Measured(4_914_560),
        "as_derivative": Measured(6_097_000, _PAUSED, reads=2),
        "batch_all": Measured(4_075_000, _PAUSED, reads=2),
        "batch_all_each": Measured(5_127_263),
        "dispatch_as": Measured(5_720_000),
        "force_batch": Measured(4_035_000, _PAUSED, reads=2),
        "force_batch_each": Measured(4_902_729),
        "if_else": Measured(11_571_000, 7_004, reads=3),
        "dispatch_as_fallible": Measured(5_705_000),
    }
)
