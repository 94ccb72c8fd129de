"""What clients ask about fees before they sign."""

from typing import ClassVar, Protocol

from tilth.frame import (
    Balance,
    DispatchInfo,
    Extrinsic,
    Runtime,
    RuntimeApi,
    RuntimeCall,
    Weight,
    api_method,
    u32,
)
from tilth.pallets.transaction_payment.types import FeeDetails, RuntimeDispatchInfo


class Fees(Protocol):
    """Who computes fees."""

    def fee(self, length: int, info: DispatchInfo, tip: int) -> int: ...

    def fee_of_weight(self, weight: Weight) -> int: ...

    def fee_of_length(self, length: int) -> int: ...

    def fee_details(self, length: int, info: DispatchInfo, tip: int) -> FeeDetails: ...


class _FeeApi(RuntimeApi):
    def __init__(self, runtime: Runtime, fees: Fees) -> None:
        super().__init__(runtime)
        self._fees = fees

    def _info(self, info: DispatchInfo, fee: int) -> RuntimeDispatchInfo:
        return RuntimeDispatchInfo(info.total_weight, info.dispatch_class, fee)


class TransactionPaymentApi(_FeeApi):
    """What an extrinsic will cost."""

    version: ClassVar[int] = 4

    @api_method
    def query_info(self, uxt: Extrinsic, len: u32) -> RuntimeDispatchInfo:
        """Weight, class and fee, without the tip."""
        return self._info(uxt.info, 0 if uxt.is_bare else self._fees.fee(len, uxt.info, 0))

    @api_method
    def query_fee_details(self, uxt: Extrinsic, len: u32) -> FeeDetails:
        """What the fee is made of."""
        if uxt.is_bare:
            return FeeDetails(None)
        return self._fees.fee_details(len, uxt.info, 0)

    @api_method
    def query_weight_to_fee(self, weight: Weight) -> Balance:
        """What so much weight costs, before adjustment."""
        return self._fees.fee_of_weight(weight)

    @api_method
    def query_length_to_fee(self, length: u32) -> Balance:
        """What so many bytes cost."""
        return self._fees.fee_of_length(length)


class TransactionPaymentCallApi(_FeeApi):
    """What a call will cost."""

    version: ClassVar[int] = 3

    @api_method
    def query_call_info(self, call: RuntimeCall, len: u32) -> RuntimeDispatchInfo:
        """Weight, class and fee of a call by itself."""
        return self._info(call.info, self._fees.fee(len, call.info, 0))

    @api_method
    def query_call_fee_details(self, call: RuntimeCall, len: u32) -> FeeDetails:
        """What the fee of a call is made of."""
        return self._fees.fee_details(len, call.info, 0)

    @api_method
    def query_weight_to_fee(self, weight: Weight) -> Balance:
        """What so much weight costs, before adjustment."""
        return self._fees.fee_of_weight(weight)

    @api_method
    def query_length_to_fee(self, length: u32) -> Balance:
        """What so many bytes cost."""
        return self._fees.fee_of_length(length)
