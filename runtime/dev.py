"""The runtime that a dev chain runs: FRAME's everyday pallets and the product's."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from tilth.frame import Runtime, Weight, struct
from tilth.pallets.aura import Aura, AuthorityId
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.compute import Compute
from tilth.pallets.datasets import Datasets
from tilth.pallets.multisig import Multisig
from tilth.pallets.proxy import Proxy
from tilth.pallets.rewards import Rewards
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
from tilth.pallets.timestamp import Timestamp
from tilth.pallets.transaction_payment import (
    ChargeTransactionPayment,
    SkipFeelessPayment,
    TransactionPayment,
)
from tilth.pallets.transaction_storage import TransactionStorage
from tilth.pallets.utility import Utility
from tilth.runtime.powers import DevPowers, ProxyType
from tilth.runtime.presets import dev_genesis
from tilth.runtime.staging import MarketStage
from tilth.runtime.units import DECIMALS, EXISTENTIAL_DEPOSIT, MILLI, SYMBOL, UNIT

_BLOCK: Weight = Weight(2 * 10**12, 2**64 - 1)
_SLOT_MS = 6_000
_ERA = 20  # blocks: a developer sees an era end


@struct(path="tilth_runtime::SessionKeys")
class SessionKeys:
    aura: AuthorityId


class DevRuntime(Runtime):
    """What the node runs unless told otherwise."""

    system: System
    types: ClassVar[Mapping[object, object]] = {
        "AccountData": AccountData,
        "ProxyType": ProxyType,
        "SessionKeys": SessionKeys,
    }

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
            Aura(system=self.system, slot_duration=_SLOT_MS, allow_multiple_blocks_per_slot=True),
        )
        self.timestamp = self.add(1, Timestamp(minimum_period=1, on_timestamp_set=self.aura))
        self.session = self.add(
            3, Session(accounts=self.system.accounts, holders={"aura": self.aura})
        )
        self.balances = self.add(
            5, Balances(accounts=self.system.accounts, existential_deposit=EXISTENTIAL_DEPOSIT)
        )
        self.payment = self.add(6, TransactionPayment(currency=self.balances, limits=self.system))
        self.utility = self.add(7, Utility())
        self.sudo = self.add(8, Sudo())
        self.storage = self.add(
            19, TransactionStorage(currency=self.balances, accounts=self.system.accounts)
        )
        self.datasets = self.add(20, Datasets(currency=self.balances, content=self.storage))
        self.rewards = self.add(
            21, Rewards(currency=self.balances, publishers=self.datasets, era_length=_ERA)
        )
        self.compute = self.add(
            22,
            Compute(
                currency=self.balances,
                market=self.datasets.tables,
                content=self.storage,
                rewards=self.rewards,
                together=self.utility.batch_all.call,
            ),
        )
        self.multisig = self.add(
            30,
            Multisig(currency=self.balances, deposit_base=UNIT, deposit_factor=100 * MILLI),
        )
        self.proxy = self.add(
            31,
            Proxy(
                currency=self.balances,
                powers=DevPowers(
                    spending=(self.balances, self.sudo, self.rewards, self.compute),
                    datasets=(self.datasets, self.storage, self.utility),
                    compute=(self.compute, self.storage, self.utility),
                ),
                proxy_deposit_base=UNIT,
                proxy_deposit_factor=100 * MILLI,
                announcement_deposit_base=UNIT,
                announcement_deposit_factor=200 * MILLI,
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
            SkipFeelessPayment(ChargeTransactionPayment(self.payment)),
            CheckMetadataHash(partial(self.metadata_digest, DECIMALS, SYMBOL)),
            WeightReclaim(self.system),
        )

    def genesis_presets(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        return {"development": dev_genesis()}

    def benchmark_stage(self) -> MarketStage:
        return MarketStage(self.storage, self.datasets, self.balances)
