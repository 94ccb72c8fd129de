"""Transaction payment: what a transaction costs, taken before its call and settled after it."""

from tilth.pallets.transaction_payment.extension import (
    ChargeTransactionPayment as ChargeTransactionPayment,
)
from tilth.pallets.transaction_payment.feeless import SkipFeelessPayment as SkipFeelessPayment
from tilth.pallets.transaction_payment.multiplier import (
    ConstantMultiplier as ConstantMultiplier,
)
from tilth.pallets.transaction_payment.multiplier import (
    TargetedFeeAdjustment as TargetedFeeAdjustment,
)
from tilth.pallets.transaction_payment.pallet import TransactionPayment as TransactionPayment
