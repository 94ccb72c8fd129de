"""A pallet of your own, a runtime that has it, and a test of both.

Run the chain:  tilth dev --runtime examples.counter:CountingRuntime
Run the test:   python -m pytest examples/counter.py
"""

import pytest

from tilth.frame import (
    AccountId,
    Const,
    DefaultMap,
    DefaultValue,
    DispatchFailure,
    ErrorEnum,
    Pallet,
    Signed,
    call,
    ensure,
    event,
    u32,
)
from tilth.runtime import DevRuntime


@event
class Counted:
    """Somebody counted on."""

    who: AccountId
    amount: u32


class Error(ErrorEnum):
    TOO_FAR = "Nobody counts beyond the limit."


class Counter(Pallet[Counted, Error]):
    limit: Const[u32]
    """How far one may count."""

    count = DefaultValue[u32]()
    """Where counting has come to."""
    by_account = DefaultMap[AccountId, u32]()
    """How much of it each account has done."""

    @call(0)
    def add(self, who: Signed, amount: u32) -> None:
        """Count on."""
        ensure(self.count.get() + amount <= self.limit, Error.TOO_FAR)
        self.count.put(self.count.get() + amount)
        self.by_account[who] = self.by_account[who] + amount
        self.emit(Counted(who, amount))

    def try_state(self) -> None:
        assert self.count.get() == sum(self.by_account.values()), "the parts are not the whole"


class CountingRuntime(DevRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.counter = self.add(40, Counter(limit=100))


def test_counting_ends_at_the_limit(alice: AccountId) -> None:
    runtime = CountingRuntime()
    runtime.counter.add(alice, 60)

    with pytest.raises(DispatchFailure) as failure:
        runtime.counter.add(alice, amount=41)

    assert failure.value.reason is Error.TOO_FAR
    assert runtime.counter.count.get() == 60
    runtime.counter.try_state()
