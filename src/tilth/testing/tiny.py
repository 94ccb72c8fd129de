"""The smallest runtime that blocks can be built of, for tests of a single pallet."""

from collections.abc import Mapping
from typing import ClassVar

from tilth.frame import Runtime, Weight
from tilth.pallets.aura import Aura
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.system import (
    BlockLength,
    BlockWeights,
    CheckGenesis,
    CheckMortality,
    CheckNonce,
    CheckNonZeroSender,
    CheckSpecVersion,
    CheckTxVersion,
    CheckWeight,
    System,
)
from tilth.pallets.timestamp import Timestamp


class TinyRuntime(Runtime):
    """System, timestamp, aura and balances; transactions cost nothing, so that sums stay round.

    Subclass it and add the pallet under test at an index above 9.
    """

    system: System
    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData}

    def __init__(self) -> None:
        super().__init__()
        self.system = self.add(
            0,
            System(
                block_weights=BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1)),
                block_length=BlockLength.max_with_normal_ratio(5 * 1024 * 1024),
            ),
        )
        self.aura = self.add(
            2, Aura(system=self.system, slot_duration=6_000, allow_multiple_blocks_per_slot=True)
        )
        self.timestamp = self.add(1, Timestamp(minimum_period=1, on_timestamp_set=self.aura))
        self.balances = self.add(5, Balances(accounts=self.system.accounts, existential_deposit=1))
        self.extensions = (
            CheckNonZeroSender(self.system),
            CheckSpecVersion(self.system),
            CheckTxVersion(self.system),
            CheckGenesis(self.system),
            CheckMortality(self.system),
            CheckNonce(self.system),
            CheckWeight(self.system),
        )
