"""`raises`: a call must fail for one reason, and nothing else will do."""

from types import TracebackType
from typing import Any, Self, TypeAlias

from tilth.frame import DispatchFailure, InvalidTransactionError, Reason, validity
from tilth.testing.showing import show

Expected: TypeAlias = Reason | validity.InvalidTransaction | validity.UnknownTransaction


class raises:  # noqa: N801  # reads as pytest's own
    """Holds only if its block ends with this error: of a call, or of a transaction refused.

    `with raises(Error.TOO_FAR): chain.dispatch(...)`; TokenError, BAD_ORIGIN or
    `validity.Stale()` do as well.
    """

    error: DispatchFailure | InvalidTransactionError
    """What was raised, once the block is left."""

    def __init__(self, expected: Expected) -> None:
        self._expected = _comparable(expected)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        __tracebackhide__ = True
        wanted = show(self._expected)
        assert error is not None, f"it succeeded; it should have failed with {wanted}"
        if not isinstance(error, DispatchFailure | InvalidTransactionError):
            return False
        reason = _reason(error)
        assert reason == self._expected, f"it failed with {show(reason)} instead of {wanted}"
        self.error = error
        return True


def _reason(error: DispatchFailure | InvalidTransactionError) -> Any:
    return error.reason if isinstance(error, DispatchFailure) else error.error.reason


def _comparable(expected: Any) -> Any:
    """As it is raised: errors of tokens and of sums are raised inside another struct."""
    return DispatchFailure(expected).reason
