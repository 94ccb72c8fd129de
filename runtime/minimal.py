"""The minimal template of stable2503, composed of our pallets by configuration alone.

It takes FRAME's defaults for tests wherever it can: balances of 64 bits, an existential deposit of
one unit, storage that costs nothing, 256 hashes of past blocks, fees that ask only that the
transaction has a length, and a multiplier that nothing keeps from falling to zero.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Never, TypeVar

from tilth.frame import (
    FREE_DB,
    ROCKS_DB,
    CallWeight,
    DbWeight,
    Pallet,
    Release,
    Runtime,
    Sloped,
    StorageValue,
    TransactionExtension,
    u32,
    u64,
)
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import (
    AuthorizeCall,
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
from tilth.pallets.system.limits import SECOND
from tilth.pallets.timestamp import Timestamp
from tilth.pallets.transaction_payment import (
    ChargeTransactionPayment,
    ConstantMultiplier,
    Fixed,
    TransactionPayment,
)
from tilth.runtime import weights2409

P = TypeVar("P", bound=Pallet[Any, Any])


class Template(Pallet[Never, Never]):
    crate: ClassVar[str] = "pallet_minimal_template"
    storage_version = 0

    value = StorageValue[u32]()
    """A number that nothing writes."""


class Minimal(Runtime):
    spec_name: ClassVar[str] = "minimal-template-runtime"
    impl_name: ClassVar[str] = "minimal-template-runtime"
    spec_version: ClassVar[int] = 0
    ss58_prefix: ClassVar[int] = 0
    db_weight: ClassVar[DbWeight] = FREE_DB
    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData, "Balance": u64}
    block_weights: ClassVar[BlockWeights] = BlockWeights.with_sensible_defaults(SECOND)
    weights: ClassVar[Mapping[type, Mapping[str, CallWeight | Sloped]]] = {}
    """What calls weigh in place of what our pallets name, by pallet."""

    def __init__(self) -> None:
        super().__init__()
        self.system = self._add(
            0, System(block_weights=self.block_weights, block_hash_count=256, max_consumers=128)
        )
        self.timestamp = self._add(1, Timestamp(minimum_period=1))
        self.balances = self._add(
            2,
            Balances(
                accounts=self.system.accounts,
                existential_deposit=1,
                max_locks=100,
                max_reserves=100,
            ),
        )
        self.sudo = self._add(3, Sudo())
        self.payment = self._add(
            4,
            TransactionPayment(
                currency=self.balances,
                limits=self.system,
                weight_to_fee=Fixed(0),
                length_to_fee=Fixed(1),
                fee_multiplier_update=ConstantMultiplier(0),
                operational_fee_multiplier=0,
            ),
        )
        self.template = self.add(5, Template())
        self.extensions = self.transaction_extensions()

    def _add(self, index: int, pallet: P) -> P:
        """`type WeightInfo = ()` prices accesses as RocksDB, whatever the runtime's cost."""
        weights = self.weights.get(type(pallet), pallet.weights)
        return self.add(index, pallet.weighing(weights, db=ROCKS_DB))

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
        )


class Minimal2409(Minimal):
    release: ClassVar[Release] = Release.STABLE2409
    block_weights: ClassVar[BlockWeights] = BlockWeights.with_sensible_defaults(
        SECOND, base_block=weights2409.BASE_BLOCK, base_extrinsic=weights2409.BASE_EXTRINSIC
    )
    weights: ClassVar[Mapping[type, Mapping[str, CallWeight | Sloped]]] = weights2409.BY_PALLET

    def transaction_extensions(self) -> tuple[TransactionExtension, ...]:
        return self._checks()


class Minimal2603(Minimal):
    release: ClassVar[Release] = Release.STABLE2603

    def transaction_extensions(self) -> tuple[TransactionExtension, ...]:
        return (AuthorizeCall(), *super().transaction_extensions())
