"""The solochain template runtime of stable2503, composed of our pallets: what recordings show.

ValidatorManager, which is no pallet of FRAME, is left out: its storage stands as genesis wrote it.
Nothing recorded tells when a session ends, so none does.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from tilth.frame import Runtime, TypeName, Weight, struct
from tilth.pallets.aura import Aura, AuthorityId
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.grandpa import AuthorityId as VoterId
from tilth.pallets.grandpa import Grandpa
from tilth.pallets.session import Session
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import (
    BlockLength,
    BlockWeights,
    CheckGenesis,
    CheckMetadataHash,
    CheckMortality,
    CheckNonce,
    CheckNonZeroSender,
    CheckSpecVersion,
    CheckTxVersion,
    CheckWeight,
    System,
    WeightReclaim,
)
from tilth.pallets.template import Template
from tilth.pallets.timestamp import Timestamp
from tilth.pallets.transaction_payment import ChargeTransactionPayment, TransactionPayment

_BLOCK = Weight(2 * 10**12, 2**64 - 1)
_LENGTH = 5 * 1024 * 1024
_SLOT_MS = 6_000


@struct(path="solochain_template_runtime::SessionKeys")
class SessionKeys:
    aura: Annotated[AuthorityId, TypeName("<Aura as $crate::BoundToRuntimeAppPublic>::Public")]
    grandpa: Annotated[VoterId, TypeName("<Grandpa as $crate::BoundToRuntimeAppPublic>::Public")]


class Solo2503(Runtime):
    spec_name: ClassVar[str] = "solochain-template-runtime"
    impl_name: ClassVar[str] = "solochain-template-runtime"
    spec_version: ClassVar[int] = 100
    types: ClassVar[Mapping[object, object]] = {
        "AccountData": AccountData,
        "SessionKeys": SessionKeys,
    }

    def __init__(self) -> None:
        super().__init__()
        self.system = self.add(
            0,
            System(
                block_weights=BlockWeights.with_sensible_defaults(_BLOCK),
                block_length=BlockLength.max_with_normal_ratio(_LENGTH),
            ),
        )
        aura = Aura(system=self.system, slot_duration=_SLOT_MS)
        self.timestamp = self.add(1, Timestamp(minimum_period=_SLOT_MS // 2, on_timestamp_set=aura))
        self.aura = self.add(2, aura)
        self.grandpa = self.add(3, Grandpa(system=self.system))
        self.balances = self.add(
            4, Balances(accounts=self.system.accounts, existential_deposit=10**9)
        )
        self.payment = self.add(5, TransactionPayment(currency=self.balances, limits=self.system))
        self.sudo = self.add(6, Sudo())
        self.template = self.add(7, Template())
        self.session = self.add(
            8,
            Session(
                accounts=self.system.accounts,
                holders={"aura": self.aura, "grandpa": self.grandpa},
            ),
        )
        self.extensions = (
            CheckNonZeroSender(self.system),
            CheckSpecVersion(self.system),
            CheckTxVersion(self.system),
            CheckGenesis(self.system),
            CheckMortality(self.system),
            CheckNonce(self.system),
            CheckWeight(self.system),
            ChargeTransactionPayment(self.payment),
            CheckMetadataHash(),
            WeightReclaim(self.system),
        )
