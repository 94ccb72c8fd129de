"""Transaction payment: what a transaction costs, taken before its call and settled after it."""

from tilth.pallets.transaction_payment.destinations import Burn as Burn
from tilth.pallets.transaction_payment.destinations import PayAccount as PayAccount
from tilth.pallets.transaction_payment.destinations import PayAuthor as PayAuthor
from tilth.pallets.transaction_payment.destinations import Share as Share
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
from tilth.pallets.transaction_payment.prices import Fixed as Fixed
from tilth.pallets.transaction_payment.prices import PerByte as PerByte
from tilth.pallets.transaction_payment.prices import PerPicosecond as PerPicosecond
from tilth.pallets.transaction_payment.prices import Polynomial as Polynomial
from tilth.pallets.transaction_payment.prices import Term as Term
from tilth.pallets.transaction_payment.prices import byte_each as byte_each
from tilth.pallets.transaction_payment.prices import identity as identity
