"""What clients ask about rewards."""

from typing import Protocol

from tilth.frame import AccountId, Runtime, RuntimeApi, api_method
from tilth.pallets.rewards.types import Unclaimed


class Earnings(Protocol):
    """What the API reads."""

    def unclaimed(self, publisher: AccountId) -> tuple[Unclaimed, ...]: ...


class RewardsApi(RuntimeApi):
    """What publishers have earned."""

    def __init__(self, runtime: Runtime, earnings: Earnings) -> None:
        super().__init__(runtime)
        self._earnings = earnings

    @api_method
    def unclaimed(self, publisher: AccountId) -> tuple[Unclaimed, ...]:
        """What the publisher can claim, by era, oldest first."""
        return self._earnings.unclaimed(publisher)
