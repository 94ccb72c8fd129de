"""The extension that makes signers pay: before the call what it may cost, after it what it did."""

from typing import Annotated, TypeAlias

from tilth.frame import (
    VALID,
    ZERO_WEIGHT,
    AccountId,
    Balance,
    Compact,
    Measured,
    PostInfo,
    Reason,
    Transaction,
    TransactionExtension,
    TypeName,
    ValidTransaction,
    Weight,
    invalid,
    struct,
    validity,
)
from tilth.pallets.transaction_payment.pallet import TransactionFeePaid, TransactionPayment

Charge: TypeAlias = tuple[AccountId, int] | None
"""Who paid how much before the call."""


@struct(
    path="pallet_transaction_payment::ChargeTransactionPayment", params={"T": ...}, unnamed=True
)
class _Tip:
    tip: Annotated[Compact[Balance], TypeName("BalanceOf<T>")]


class ChargeTransactionPayment(TransactionExtension):
    """Signers pay for weight and length; the tip buys a place further ahead."""

    explicit = _Tip

    def __init__(self, payment: TransactionPayment) -> None:
        self._payment = payment

    def fixed_weight(self) -> Weight:
        measured = self._payment.weights.get("charge_transaction_payment", Measured(0))
        assert isinstance(measured, Measured), "an extension's weight is a constant"
        return measured.under(self._payment.db)

    def validate(self, value: _Tip, transaction: Transaction) -> ValidTransaction:
        who = transaction.origin.signer
        if who is None:
            return VALID
        fee = self._payment.fee(transaction.length, transaction.info, value.tip)
        if fee and not self._payment.currency.can_withdraw(who, fee):
            raise invalid(validity.Payment())
        transaction.found[ChargeTransactionPayment] = fee
        if transaction.included:
            return VALID
        priority = self._payment.priority(transaction.length, transaction.info, value.tip, fee)
        return ValidTransaction(priority=priority)

    def prepare(self, value: _Tip, transaction: Transaction) -> tuple[int, Charge]:
        who = transaction.origin.signer
        if who is None:
            return value.tip, None
        fee: int = transaction.found[ChargeTransactionPayment]
        if not self._payment.settlement.charge(who, fee, value.tip):
            raise invalid(validity.Payment())
        return value.tip, (who, fee)

    def post_dispatch(
        self,
        prepared: tuple[int, Charge],
        transaction: Transaction,
        post: PostInfo,
        failure: Reason | None,
    ) -> Weight:
        tip, charge = prepared
        if charge is None:
            return self.weight(_Tip(tip), transaction.call)
        who, paid = charge
        info, length = transaction.info, transaction.length
        fee = self._payment.actual_fee(length, info, post, tip)
        self._payment.settlement.settle(who, paid, fee, tip)
        self._payment.emit(TransactionFeePaid(who, fee, tip))
        return ZERO_WEIGHT
