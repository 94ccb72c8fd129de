"""The weight of charging a transaction: stable2503, read from the executed solochain template."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

# What a signed transaction's extensions weigh together, less the parts that system's weights name.
WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {"charge_transaction_payment": Measured(39_871_000, 3_593, reads=3, writes=1)}
)
