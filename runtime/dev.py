"""The runtime that a dev chain runs: FRAME's everyday pallets and the product's."""

from typing import Any, ClassVar

from tilth.frame import Runtime, Weight
from tilth.pallets.aura import Aura
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.session import Session
from tilth.pallets.sudo import Sudo
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
    WeightReclaim,
)
from tilth.pallets.timestamp import Timestamp
from tilth.pallets.transaction_payment import ChargeTransactionPayment, TransactionPayment
from tilth.runtime.units import EXISTENTIAL_DEPOSIT

_BLOCK: Weight = Weight(2 * 10**12, 2**64 - 1)
_SLOT_MS = 6_000


class DevRuntime(Runtime):
    """What the node runs unless told otherwise."""

    types: ClassVar[dict[object, object]] = {"AccountData": AccountData}

    def __init__(self) -> None:
        super().__init__()
        self.system = self.add(
            0,
            System(
                block_weights=BlockWeights.with_sensible_defaults(_BLOCK),
                block_length=BlockLength.max_with_normal_ratio(5 * 1024 * 1024),
                protected=("TransactionStorage", "Datasets"),
            ),
        )
        self.aura = self.add(
            2,
            Aura(
                system=self.system, slot_duration=_SLOT_MS, allow_multiple_blocks_per_slot=True
            ),
        )
        self.timestamp = self.add(1, Timestamp(minimum_period=1, on_timestamp_set=self.aura))
        self.session = self.add(3, Session())
        self.balances = self.add(
            5, Balances(accounts=self.system, existential_deposit=EXISTENTIAL_DEPOSIT)
        )
        self.payment = self.add(
            6, TransactionPayment(currency=self.balances, limits=self.system)
        )
        self.sudo = self.add(8, Sudo())
        self.extensions = extensions(self.system, self.payment)


def extensions(system: System, payment: TransactionPayment) -> tuple[Any, ...]:
    """What every extrinsic carries, in the order that all clients sign."""
    return (
        CheckNonZeroSender(system),
        CheckSpecVersion(system),
        CheckTxVersion(system),
        CheckGenesis(system),
        CheckMortality(system),
        CheckNonce(system),
        CheckWeight(system),
        ChargeTransactionPayment(payment),
        WeightReclaim(system),
    )
