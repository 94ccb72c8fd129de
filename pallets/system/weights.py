"""Weights of the system pallet's calls and extensions, as Substrate's benchmarks of stable2503 say."""

from collections.abc import Mapping
from typing import Final

from tilth.frame import CallWeight, Measured

WEIGHTS: Final[Mapping[str, CallWeight]] = {}
EXTENSION_WEIGHTS: Final[Mapping[str, Measured]] = {}
