"""Weights of telling the time: stable2503, read from the executed solochain template."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "set": Measured(3_816_000, 1_493, reads=2, writes=1),
        "on_finalize": Measured(3_246_000),
    }
)
