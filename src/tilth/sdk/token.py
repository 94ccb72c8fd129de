"""Money as people write it: in whole tokens of a chain, with their symbol."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Token:
    """How amounts of a chain are written for people."""

    symbol: str
    decimals: int

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> "Token":
        """As the chain's `system_properties` say."""
        return cls(properties.get("tokenSymbol", "units"), properties.get("tokenDecimals", 0))

    def words(self, planck: int) -> str:
        whole, rest = divmod(planck, 10**self.decimals)
        fraction = f"{rest:0{self.decimals}d}"[:4].rstrip("0") if self.decimals else ""
        if not whole and not fraction and rest:
            return f"less than 0.0001 {self.symbol}"
        return f"{whole:,}{'.' if fraction else ''}{fraction} {self.symbol}"

    def planck(self, whole: float) -> int:
        """The same amount in the chain's smallest unit."""
        unit: int = 10**self.decimals
        return round(whole * unit)
