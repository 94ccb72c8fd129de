"""A small chain with money on it, one block begun, for tests of FRAME's everyday pallets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Never

import pytest

from tilth.frame import (
    ROOT,
    AccountId,
    DispatchFailure,
    FreezeReason,
    HoldReason,
    Pallet,
    Runtime,
    RuntimeCall,
    Weight,
    signed,
)
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import BlockLength, BlockWeights, System
from tilth.pallets.utility import Utility
from tilth.primitives.types import H256, Digest, Header

ALICE, BOB, CAROL = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3))
DEPOSIT = 100


class Claims(Pallet[Never, Never]):
    """Only has reasons."""

    class Hold(HoldReason):
        RENT = "Rent."
        BOND = "A bond."

    class Freeze(FreezeReason):
        VOTE = "A vote."
        STAKE = "A stake."


class BankRuntime(Runtime):
    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData}

    def __init__(self) -> None:
        super().__init__()
        weights = BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1))
        length = BlockLength.max_with_normal_ratio(5 * 1024 * 1024)
        self.frame_system = self.add(0, System(block_weights=weights, block_length=length))
        self.system = self.frame_system
        self.balances = self.add(
            1,
            Balances(
                accounts=self.frame_system.accounts, existential_deposit=DEPOSIT, max_freezes=2
            ),
        )
        self.sudo = self.add(2, Sudo())
        self.utility = self.add(3, Utility())
        self.claims = self.add(4, Claims())
        self.extensions = ()


@dataclass
class Bank:
    runtime: BankRuntime

    @property
    def system(self) -> System:
        return self.runtime.frame_system

    @property
    def balances(self) -> Balances:
        return self.runtime.balances

    def happened(self) -> list[Any]:
        """The events since the last time they were asked for."""
        events = [record.event.event for record in self.system.events.get()]
        self.system.events.kill()
        return events

    def dispatch(self, call: RuntimeCall, who: AccountId | None = None) -> Any:
        """Make a call as an account, or as root; returns why it failed, if it did."""
        overlay = self.runtime.slot.overlay
        before = overlay.changes()
        try:
            call.dispatch(ROOT if who is None else signed(who))
        except DispatchFailure as failure:
            left = overlay.changes()
            left.pop(b":transaction_level:", None)
            before.pop(b":transaction_level:", None)
            assert left == before, "a failed call left a trace"
            return failure.reason
        return None

    def free(self, who: AccountId) -> int:
        return self.balances.free_balance(who)


def begin(runtime: Runtime) -> None:
    zero = H256(bytes(32))
    runtime.executive.initialize_block(Header(zero, 1, zero, zero, Digest(())))


@pytest.fixture
def bank() -> Iterator[Bank]:
    runtime = BankRuntime()
    endowed = [(ALICE, 10_000), (BOB, 1_000)]
    genesis = runtime.build_genesis({"Balances": {"balances": endowed}, "Sudo": {"key": ALICE}})
    with runtime.at(genesis):
        begin(runtime)
        yield Bank(runtime)
        runtime.try_state()
