"""The weight of charging a transaction: what pallet_transaction_payment of stable2503 publishes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured

WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {"charge_transaction_payment": Measured(35_979_000, 3_593, reads=1, writes=1)}
)
