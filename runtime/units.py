"""The token's units, and what weight and length cost in them."""

from typing import Final

DECIMALS: Final = 12
SYMBOL: Final = "TLTH"
UNIT: Final = 10**DECIMALS
MILLI: Final = UNIT // 1_000
MICRO: Final = UNIT // 1_000_000
EXISTENTIAL_DEPOSIT: Final = MILLI
