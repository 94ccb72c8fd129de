"""Whatever happens to money, in whatever order: none appears, none vanishes, references agree."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Never

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tilth.frame import (
    ROOT,
    AccountId,
    DispatchFailure,
    FreezeReason,
    HoldReason,
    Overlay,
    Pallet,
    Runtime,
    RuntimeCall,
    Weight,
    signed,
)
from tilth.pallets.balances import AccountData, Balances, BalanceStatus
from tilth.pallets.system import BlockLength, BlockWeights, System
from tilth.primitives.types import H256, Digest, Header, Id

ACCOUNTS = tuple(AccountId(bytes((number,)) * 32) for number in range(1, 5))
DEPOSIT = 10
accounts = st.sampled_from(ACCOUNTS)
amounts = st.integers(0, 130)


class Claims(Pallet[Never, Never]):
    class Hold(HoldReason):
        RENT = "Rent."
        BOND = "A bond."

    class Freeze(FreezeReason):
        VOTE = "A vote."


holds = st.sampled_from(tuple(Claims.Hold))


class Vault(Runtime):
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
                accounts=self.frame_system.accounts, existential_deposit=DEPOSIT, max_freezes=1
            ),
        )
        self.add(2, Claims())
        self.extensions = ()


RUNTIME = Vault()


class Money(RuleBasedStateMachine):
    @initialize(endowed=st.lists(st.integers(DEPOSIT, 200), min_size=2, max_size=3))
    def begin(self, endowed: list[int]) -> None:
        money = list(zip(ACCOUNTS, endowed, strict=False))
        genesis = RUNTIME.build_genesis({"Balances": {"balances": money}})
        RUNTIME.slot.overlay = Overlay(genesis)
        zero = H256(bytes(32))
        RUNTIME.executive.initialize_block(Header(zero, 1, zero, zero, Digest(())))

    @rule(source=accounts, dest=accounts, amount=amounts, careful=st.booleans())
    def transfer(self, source: AccountId, dest: AccountId, amount: int, careful: bool) -> None:
        balances = RUNTIME.balances
        method = balances.transfer_keep_alive if careful else balances.transfer_allow_death
        self._dispatch(method.call(Id(dest), amount), source)

    @rule(source=accounts, dest=accounts, careful=st.booleans())
    def transfer_all(self, source: AccountId, dest: AccountId, careful: bool) -> None:
        self._dispatch(RUNTIME.balances.transfer_all.call(Id(dest), careful), source)

    @rule(who=accounts, amount=amounts, careful=st.booleans())
    def burn(self, who: AccountId, amount: int, careful: bool) -> None:
        self._dispatch(RUNTIME.balances.burn.call(amount, careful), who)

    @rule(who=accounts, amount=amounts)
    def set_by_root(self, who: AccountId, amount: int) -> None:
        self._dispatch(RUNTIME.balances.force_set_balance.call(Id(who), amount), None)

    @rule(who=accounts, amount=amounts)
    def mint(self, who: AccountId, amount: int) -> None:
        self._attempt(lambda: RUNTIME.balances.mint_into(who, amount))

    @rule(who=accounts, amount=amounts, reason=holds)
    def hold(self, who: AccountId, amount: int, reason: HoldReason) -> None:
        self._attempt(lambda: RUNTIME.balances.hold(reason, who, amount))

    @rule(who=accounts, amount=amounts, reason=holds)
    def release(self, who: AccountId, amount: int, reason: HoldReason) -> None:
        self._attempt(lambda: RUNTIME.balances.release(reason, who, amount))

    @rule(source=accounts, dest=accounts, amount=amounts, reason=holds)
    def transfer_held(
        self, source: AccountId, dest: AccountId, amount: int, reason: HoldReason
    ) -> None:
        self._attempt(lambda: RUNTIME.balances.transfer_held(reason, source, dest, amount))

    @rule(who=accounts, amount=amounts, reason=holds)
    def burn_held(self, who: AccountId, amount: int, reason: HoldReason) -> None:
        self._attempt(lambda: RUNTIME.balances.burn_held(reason, who, amount))

    @rule(who=accounts, amount=amounts)
    def freeze(self, who: AccountId, amount: int) -> None:
        self._attempt(lambda: RUNTIME.balances.set_freeze(Claims.Freeze.VOTE, who, amount))

    @rule(who=accounts, amount=amounts)
    def reserve(self, who: AccountId, amount: int) -> None:
        self._attempt(lambda: RUNTIME.balances.reserve(who, amount))

    @rule(who=accounts, amount=amounts)
    def take_and_give_back_a_fee(self, who: AccountId, amount: int) -> None:
        balances = RUNTIME.balances
        if balances.withdraw_fee(who, amount):
            balances.destroy(amount - balances.give_back(who, amount // 2))

    @invariant()
    def nothing_is_lost(self) -> None:
        RUNTIME.try_state()

    @invariant()
    def references_agree(self) -> None:
        for who, info in RUNTIME.frame_system.account.items():
            provides = info.data.free >= DEPOSIT
            assert (info.providers, info.consumers) == (provides, info.data.consumes), who.hex()

    def _dispatch(self, call: RuntimeCall, who: AccountId | None) -> None:
        self._attempt(lambda: call.dispatch(ROOT if who is None else signed(who)))

    def _attempt(self, action: Callable[[], Any]) -> None:
        overlay = RUNTIME.slot.overlay
        mark = overlay.mark()
        try:
            action()
        except DispatchFailure:
            overlay.rollback(mark)


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=60, stateful_step_count=30)


def test_repatriated_money_is_neither_doubled_nor_lost() -> None:
    money = [(ACCOUNTS[0], 100), (ACCOUNTS[1], 100)]
    genesis = RUNTIME.build_genesis({"Balances": {"balances": money}})
    for status in BalanceStatus:
        with RUNTIME.at(genesis):
            RUNTIME.balances.reserve(ACCOUNTS[0], 90)
            RUNTIME.balances.repatriate_reserved(ACCOUNTS[0], ACCOUNTS[1], 70, status)
            issued = RUNTIME.balances.total_issuance.get()
            owned = sum(data.total for _, data in RUNTIME.frame_system.accounts.all_data())
            assert owned == issued == 200
