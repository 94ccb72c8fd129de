"""Calls that cost their signer nothing, because the pallet they call says so."""

from typing import Any, Final

from tilth.frame import (
    VALID,
    ZERO_WEIGHT,
    PostInfo,
    Reason,
    Transaction,
    TransactionExtension,
    ValidTransaction,
    Weight,
)
from tilth.pallets.transaction_payment.extension import ChargeTransactionPayment

_FREE: Final = object()


class SkipFeelessPayment(TransactionExtension):
    """Lets another extension charge, unless the call is feeless for its origin.

    On the wire and in the metadata it is the other one (frame/transaction-payment/
    skip-feeless-payment).
    """

    identifier = "ChargeTransactionPayment"
    explicit = ChargeTransactionPayment.explicit

    def __init__(self, charge: ChargeTransactionPayment) -> None:
        self._charge = charge

    def fixed_weight(self) -> Weight:
        return self._charge.fixed_weight()

    def validate(self, value: Any, transaction: Transaction) -> ValidTransaction:
        feeless_if, args = transaction.call.method.feeless_if, transaction.call.args
        if feeless_if is not None and feeless_if(transaction.origin, *args):
            transaction.found[SkipFeelessPayment] = _FREE
            return VALID
        return self._charge.validate(value, transaction)

    def prepare(self, value: Any, transaction: Transaction) -> Any:
        if SkipFeelessPayment in transaction.found:
            return _FREE
        return self._charge.prepare(value, transaction)

    def post_dispatch(
        self, prepared: Any, transaction: Transaction, post: PostInfo, failure: Reason | None
    ) -> Weight:
        if prepared is _FREE:
            return ZERO_WEIGHT
        return self._charge.post_dispatch(prepared, transaction, post, failure)
