"""The solochain template of several releases, composed of our pallets by configuration alone.

`Solochain` is the template of stable2503; another release of it is a subclass that says what is
different. See docs/guide/profiles.md.
"""

from collections.abc import Mapping
from typing import ClassVar

from tilth.frame import CallWeight, Release, Runtime, Sloped, TransactionExtension, Weight
from tilth.pallets.aura import Aura
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.grandpa import Grandpa
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import (
    AuthorizeCall,
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
from tilth.runtime import weights2409

_BLOCK = Weight(2 * 10**12, 2**64 - 1)
_LENGTH = 5 * 1024 * 1024
_SLOT_MS = 6_000
_MILLI_UNIT = 10**9


class Solochain(Runtime):
    spec_name: ClassVar[str] = "solochain-template-runtime"
    impl_name: ClassVar[str] = "solochain-template-runtime"
    spec_version: ClassVar[int] = 100
    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData}
    block_weights: ClassVar[BlockWeights] = BlockWeights.with_sensible_defaults(_BLOCK)
    weights: ClassVar[Mapping[type, Mapping[str, CallWeight | Sloped]]] = {}
    """What calls weigh in place of what our pallets name, by pallet."""
    template_name: ClassVar[str] = "Template"

    def __init__(self) -> None:
        super().__init__()
        self.system = self.add(
            0,
            System(
                block_weights=self.block_weights,
                block_length=BlockLength.max_with_normal_ratio(_LENGTH),
            ).weighing(self.weights.get(System, System.weights)),
        )
        aura = Aura(system=self.system, slot_duration=_SLOT_MS)
        self.timestamp = self.add(
            1,
            Timestamp(minimum_period=_SLOT_MS // 2, on_timestamp_set=aura).weighing(
                self.weights.get(Timestamp, Timestamp.weights)
            ),
        )
        self.aura = self.add(2, aura)
        self.grandpa = self.add(3, Grandpa(system=self.system))
        self.balances = self.add(
            4,
            Balances(
                accounts=self.system.accounts,
                existential_deposit=_MILLI_UNIT,
            ).weighing(self.weights.get(Balances, Balances.weights)),
        )
        self.payment = self.add(5, TransactionPayment(currency=self.balances, limits=self.system))
        self.sudo = self.add(6, Sudo().weighing(self.weights.get(Sudo, Sudo.weights)))
        self.template = self.add(7, Template(), self.template_name)
        self.extensions = self.transaction_extensions()

    def transaction_extensions(self) -> tuple[TransactionExtension, ...]:
        return (*self._checks(), WeightReclaim(self.system))

    def _checks(self) -> tuple[TransactionExtension, ...]:
        return (
            CheckNonZeroSender(self.system),
            CheckSpecVersion(self.system),
            CheckTxVersion(self.system),
            CheckGenesis(self.system),
            CheckMortality(self.system),
            CheckNonce(self.system),
            CheckWeight(self.system),
            ChargeTransactionPayment(self.payment),
            CheckMetadataHash(),
        )


class Solo2409(Solochain):
    """Its extensions are signed extensions, which weigh nothing, and it knows no version 5."""

    release: ClassVar[Release] = Release.STABLE2409
    block_weights: ClassVar[BlockWeights] = BlockWeights.with_sensible_defaults(
        _BLOCK,
        base_block=weights2409.BASE_BLOCK,
        base_extrinsic=weights2409.BASE_EXTRINSIC,
    )
    weights: ClassVar[Mapping[type, Mapping[str, CallWeight | Sloped]]] = weights2409.BY_PALLET
    template_name: ClassVar[str] = "TemplateModule"

    def transaction_extensions(self) -> tuple[TransactionExtension, ...]:
        return self._checks()


class Solo2407(Solo2409):
    """What calls itself stable2409 but was built with frame-support 37."""

    release: ClassVar[Release] = Release.STABLE2407


class Solo2603(Solochain):
    """Weighs what stable2512 publishes, which are the figures of stable2503."""

    release: ClassVar[Release] = Release.STABLE2603

    def transaction_extensions(self) -> tuple[TransactionExtension, ...]:
        return (AuthorizeCall(), *super().transaction_extensions())
