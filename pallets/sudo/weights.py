"""Weights of root's key: stable2503, read from the executed solochain template."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

_KEY: Final = 1_517  # the proof of the key

WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "sudo": Measured(7_939_000, _KEY, reads=1),
        "sudo_as": Measured(7_870_000, _KEY, reads=1),
        "set_key": Measured(7_237_000, _KEY, reads=1, writes=1),
        "remove_key": Measured(6_417_000, _KEY, reads=1, writes=1),
    }
)
