"""Transaction payment: what a transaction costs, and how that price moves from block to block."""

from dataclasses import replace
from typing import Annotated, Final, Never, Protocol

from tilth.frame import (
    AccountId,
    Balance,
    Codecs,
    Const,
    DefaultValue,
    DispatchClass,
    DispatchInfo,
    Pallet,
    Pays,
    PostInfo,
    Release,
    Runtime,
    RuntimeApi,
    StorageValue,
    TypeName,
    Weight,
    event,
    since,
    u8,
)
from tilth.pallets.transaction_payment.api import (
    TransactionPaymentApi,
    TransactionPaymentCallApi,
)
from tilth.pallets.transaction_payment.destinations import Burn
from tilth.pallets.transaction_payment.fees import (
    FeeDestination,
    Immediate,
    LivingCurrency,
    Settlement,
    Stored,
)
from tilth.pallets.transaction_payment.multiplier import (
    ONE,
    ConstantMultiplier,
    FeeMultiplierUpdate,
)
from tilth.pallets.transaction_payment.prices import (
    LengthToFee,
    Polynomial,
    WeightToFee,
    byte_each,
    identity,
)
from tilth.pallets.transaction_payment.types import (
    FeeDetails,
    InclusionFee,
    Multiplier,
    Releases,
)
from tilth.pallets.transaction_payment.weights import WEIGHTS


@event
class TransactionFeePaid:
    """A transaction was paid for, with the tip contained in the fee."""

    who: Annotated[AccountId, TypeName("T::AccountId")]
    actual_fee: Annotated[Balance, TypeName("BalanceOf<T>")]
    tip: Annotated[Balance, TypeName("BalanceOf<T>")]


class BlockLimits(Protocol):
    """What the system pallet knows of a block's limits and how full it is."""

    def base_extrinsic(self, dispatch_class: DispatchClass) -> Weight: ...

    def max_block(self) -> Weight: ...

    def max_length(self, dispatch_class: DispatchClass) -> int: ...

    @property
    def normal(self) -> Weight: ...

    @property
    def normal_limit(self) -> Weight: ...


_FREE: Final = Pays.NO
_OPERATIONAL: Final = DispatchClass.OPERATIONAL


class TransactionPayment(Pallet[TransactionFeePaid, Never]):
    weights = WEIGHTS

    currency: LivingCurrency
    """Who pays in what: balances, or their older currency (`balances.legacy`)."""
    limits: BlockLimits
    destination: FeeDestination | None = None
    """Who gets fees and tips; nobody does, unless said."""
    weight_to_fee: WeightToFee = staticmethod(identity)
    length_to_fee: LengthToFee = staticmethod(byte_each)
    fee_multiplier_update: FeeMultiplierUpdate = ConstantMultiplier()
    operational_fee_multiplier: Const[u8] = 5
    """How much more an operational call's fee counts when transactions are ordered."""
    tells_empty_refunds: bool | None = None
    """Whether a refund of nothing is a Deposit; as in the release, unless said.

    The late builds of stable2409 and stable2412 do not tell it any more.
    """

    next_fee_multiplier = DefaultValue[Multiplier](default=ONE)
    """By how much weight is dearer than its base price."""
    storage_version_ = DefaultValue[Releases](name="StorageVersion")
    """The form of this pallet's storage."""
    tx_payment_credit = since(Release.STABLE2512)(StorageValue[Balance]())
    """What the transaction that runs has paid, without its tip."""

    def bind(self, runtime: Runtime, name: str, index: int, codecs: Codecs) -> None:
        super().bind(runtime, name, index, codecs)
        self.settlement = self._settlement(runtime.release)
        self._most = (1 << 8 * (codecs.of(Balance).fixed_size or 16)) - 1
        if isinstance(self.weight_to_fee, Polynomial):
            most = min(self.weight_to_fee.most, self._most)
            self.weight_to_fee = replace(self.weight_to_fee, most=most)
        self._max_block = self.limits.max_block()
        self._max_lengths = [self.limits.max_length(each) for each in DispatchClass]
        self._base_fees = [
            self.fee_of_weight(self.limits.base_extrinsic(each)) for each in DispatchClass
        ]

    def _settlement(self, release: Release) -> Settlement:
        destination = self.destination or Burn(self.currency)
        if release >= Release.STABLE2512 and self.currency.holds_fees:
            return Stored(self.currency, destination, self.tx_payment_credit)
        told = self.tells_empty_refunds
        told = release < Release.STABLE2503 if told is None else told
        return Immediate(self.currency, destination, tells_empty_refunds=told)

    def genesis(self, *, multiplier: int = ONE) -> None:
        self.storage_version_.put(Releases.V2)
        self.next_fee_multiplier.put(multiplier)

    def on_finalize(self, now: int) -> None:
        multiplier = self.next_fee_multiplier.get()
        self.next_fee_multiplier.put(self.fee_multiplier_update.next(multiplier, self.limits))

    def try_state(self) -> None:
        multiplier, minimum = self.next_fee_multiplier.get(), self.fee_multiplier_update.minimum
        assert multiplier >= minimum, f"the fee multiplier {multiplier} is below {minimum}"

    def fee(self, length: int, info: DispatchInfo, tip: int) -> int:
        """What a call may cost at most, the tip included."""
        if info.pays_fee is _FREE:
            return tip
        parts = self._parts(length, info.total_weight, info.dispatch_class)
        return min(tip + sum(parts), self._most)

    def actual_fee(self, length: int, info: DispatchInfo, post: PostInfo, tip: int) -> int:
        """What a call cost, by what it really weighed and whether it pays."""
        if post.pays(info) is _FREE:
            return tip
        parts = self._parts(length, post.weight(info), info.dispatch_class)
        return min(tip + sum(parts), self._most)

    def fee_details(self, length: int, info: DispatchInfo, tip: int) -> FeeDetails:
        if info.pays_fee is _FREE:
            return FeeDetails(None, tip)
        parts = self._parts(length, info.total_weight, info.dispatch_class)
        return FeeDetails(InclusionFee(*parts), tip)

    def _parts(
        self, length: int, weight: Weight, dispatch_class: DispatchClass
    ) -> tuple[int, int, int]:
        """The fee for any extrinsic at all, for its length, and for its weight at today's price."""
        adjusted = self.next_fee_multiplier.get() * self.fee_of_weight(weight) // ONE
        base, most = self._base_fees[dispatch_class], self._most
        return base, self.fee_of_length(length), adjusted if adjusted < most else most

    def fee_of_weight(self, weight: Weight) -> int:
        """Never more than a whole block's."""
        return min(self.weight_to_fee(weight.meet(self._max_block)), self._most)

    def fee_of_length(self, length: int) -> int:
        return min(self.length_to_fee(length), self._most)

    def priority(self, length: int, info: DispatchInfo, tip: int, fee: int) -> int:
        """What a block full of such transactions would earn in tips."""
        block, weight = self._max_block, info.total_weight
        per_block = min(
            _times_within(self._max_lengths[info.dispatch_class], length),
            _times_within(block.ref_time, weight.ref_time),
            _times_within(block.proof_size, weight.proof_size),
        )
        most = self._most
        priority = min(min(tip + 1, most) * per_block, most)
        if info.dispatch_class is _OPERATIONAL:
            virtual = min(fee * self.operational_fee_multiplier, most)
            priority = min(priority + virtual * per_block, most)
        return min(priority, 2**64 - 1)

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (
            TransactionPaymentApi(self.runtime, self),
            TransactionPaymentCallApi(self.runtime, self),
        )


def _times_within(limit: int, each: int) -> int:
    """How many fit into a limit; at least one is taken to."""
    return limit // (each or 1) if each < limit else 1
