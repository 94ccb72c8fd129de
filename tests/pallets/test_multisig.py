"""Multisig: what several accounts do together, and what each approval costs and does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.frame import (
    BAD_ORIGIN,
    ROOT,
    AccountId,
    BadOrigin,
    DispatchFailure,
    Err,
    Ok,
    Pays,
    Token,
    TokenError,
    Weight,
    codec,
    hashing,
    signed,
)
from tilth.node.signer import KeypairSigner
from tilth.pallets.balances.events import Error as BalancesError
from tilth.pallets.balances.events import Reserved, Transfer, Unreserved
from tilth.pallets.multisig import Multisig
from tilth.pallets.multisig.pallet import account_of
from tilth.pallets.multisig.types import (
    DepositPoked,
    Error,
    MultisigApproval,
    MultisigCancelled,
    MultisigExecuted,
    NewMultisig,
    Timepoint,
)
from tilth.primitives import ss58
from tilth.primitives.crypto import dev
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.types import H256, Digest, Header, Id
from tilth.runtime import DevRuntime

ALICE, BOB, CAROL, DAVE = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3, 4))
BASE, FACTOR = 100, 10
NOW = Timepoint(1, 0)
ENOUGH = Weight(10**12, 10**6)
SHARED = account_of((ALICE, BOB, CAROL), 2)


@pytest.fixture
def multisig(bank: Any) -> Multisig:
    """Beside the bank's pallets; the account of Alice, Bob and Carol owns something."""
    pallet: Multisig = bank.runtime.add(
        30,
        Multisig(
            currency=bank.balances, deposit_base=BASE, deposit_factor=FACTOR, max_signatories=4
        ),
    )
    bank.balances.transfer_keep_alive(ALICE, Id(CAROL), 500)
    bank.balances.transfer_keep_alive(ALICE, Id(SHARED), 1_000)
    bank.happened()
    return pallet


def pay(bank: Any, amount: int = 5) -> Any:
    return bank.balances.transfer_keep_alive.call(Id(DAVE), amount + 100)


def hash_of(call: Any) -> bytes:
    return hashing.blake2_256(call.encode())


def test_the_account_is_the_hash_of_its_sorted_members_and_the_threshold() -> None:
    listed = codec(tuple[AccountId, ...]).encode((ALICE, BOB, CAROL))

    assert hashing.blake2_256(b"modlpy/utilisuba" + listed + b"\x02\x00") == SHARED


def test_the_account_is_the_one_that_wallets_derive() -> None:
    """The figure of polkadot.js' own test of `encodeMultiAddress`."""
    members = sorted(AccountId(member) for member in (dev.ALICE, dev.BOB, dev.CHARLIE))

    shared = ss58.encode(account_of(members, 2), 42)
    assert shared == "5DjYJStmdZ2rcqXbXGX7TW85JsrW6uG4y9MUcLq2BoPMpRA7"


def test_one_member_acts_alone_where_one_is_enough(bank: Any, multisig: Multisig) -> None:
    account = account_of((ALICE, BOB), 1)
    bank.balances.transfer_keep_alive(ALICE, Id(account), 1_000)
    bank.happened()
    call = multisig.as_multi_threshold_1.call((ALICE,), pay(bank))

    assert bank.dispatch(call, BOB) is None
    assert bank.happened()[-1] == Transfer(account, DAVE, 105)


def test_a_lone_call_fails_as_its_inner_call_fails(bank: Any, multisig: Multisig) -> None:
    poor = multisig.as_multi_threshold_1.call((BOB,), pay(bank))

    assert bank.dispatch(poor, ALICE) == Token(TokenError.FUNDS_UNAVAILABLE)


def test_a_proposal_waits_and_reserves_its_deposit(bank: Any, multisig: Multisig) -> None:
    call = pay(bank)
    before = bank.free(ALICE)

    assert bank.dispatch(multisig.as_multi.call(2, (BOB, CAROL), None, call, ENOUGH), ALICE) is None

    deposit = BASE + 2 * FACTOR
    assert bank.free(ALICE) == before - deposit
    assert bank.happened() == [Reserved(ALICE, deposit), NewMultisig(ALICE, SHARED, hash_of(call))]
    operation = multisig.multisigs[SHARED, hash_of(call)]
    assert (operation.when, operation.depositor, operation.approvals) == (NOW, ALICE, (ALICE,))


def propose(bank: Any, multisig: Multisig, call: Any, threshold: int = 2) -> bytes:
    """Alice proposes to Bob and Carol, by hash."""
    others = (BOB, CAROL)
    proposal = multisig.approve_as_multi.call(threshold, others, None, hash_of(call), ENOUGH)
    assert bank.dispatch(proposal, ALICE) is None
    bank.happened()
    return hash_of(call)


def test_the_last_approval_makes_the_call_and_frees_the_deposit(
    bank: Any, multisig: Multisig
) -> None:
    call = pay(bank)
    call_hash = propose(bank, multisig, call)

    assert bank.dispatch(multisig.as_multi.call(2, (ALICE, CAROL), NOW, call, ENOUGH), BOB) is None

    events = bank.happened()
    assert events[0] == Unreserved(ALICE, BASE + 2 * FACTOR)
    assert Transfer(SHARED, DAVE, 105) in events
    assert events[-1] == MultisigExecuted(BOB, NOW, SHARED, call_hash, Ok(None))
    assert list(multisig.multisigs.keys()) == []


def test_a_call_that_fails_is_over_all_the_same(bank: Any, multisig: Multisig) -> None:
    call = bank.system.set_heap_pages.call(1)
    call_hash = propose(bank, multisig, call)

    assert bank.dispatch(multisig.as_multi.call(2, (ALICE, BOB), NOW, call, ENOUGH), CAROL) is None

    failed = MultisigExecuted(CAROL, NOW, SHARED, call_hash, Err(BadOrigin()))
    assert bank.happened()[-1] == failed
    assert list(multisig.multisigs.keys()) == []


def test_approvals_are_kept_in_order_until_there_are_enough(bank: Any, multisig: Multisig) -> None:
    call = pay(bank)
    account = account_of((ALICE, BOB, CAROL), 3)
    call_hash = propose(bank, multisig, call, threshold=3)
    approve = multisig.as_multi.call

    assert bank.dispatch(approve(3, (ALICE, BOB), NOW, call, ENOUGH), CAROL) is None
    assert bank.happened() == [MultisigApproval(CAROL, NOW, account, call_hash)]
    hashed = multisig.approve_as_multi.call(3, (ALICE, CAROL), NOW, call_hash, ENOUGH)
    assert bank.dispatch(hashed, BOB) is None
    assert multisig.multisigs[account, call_hash].approvals == (ALICE, BOB, CAROL)

    again = multisig.approve_as_multi.call(3, (BOB, CAROL), NOW, call_hash, ENOUGH)
    assert bank.dispatch(again, ALICE) is Error.ALREADY_APPROVED
    assert bank.dispatch(approve(3, (BOB, CAROL), NOW, call, ENOUGH), ALICE) is None
    assert isinstance(bank.happened()[-1], MultisigExecuted)


def test_nobody_approves_twice(bank: Any, multisig: Multisig) -> None:
    call = pay(bank)
    propose(bank, multisig, call)
    again = multisig.as_multi.call(2, (BOB, CAROL), NOW, call, ENOUGH)

    assert bank.dispatch(again, ALICE) is Error.ALREADY_APPROVED


def test_the_timepoint_says_which_proposal_is_meant(bank: Any, multisig: Multisig) -> None:
    call = pay(bank)
    others = (ALICE, CAROL)
    early = multisig.as_multi.call(2, others, NOW, call, ENOUGH)
    assert bank.dispatch(early, BOB) is Error.UNEXPECTED_TIMEPOINT
    call_hash = propose(bank, multisig, call)
    missing = multisig.as_multi.call(2, others, None, call, ENOUGH)
    assert bank.dispatch(missing, BOB) is Error.NO_TIMEPOINT
    wrong = multisig.approve_as_multi.call(2, others, Timepoint(1, 1), call_hash, ENOUGH)
    assert bank.dispatch(wrong, BOB) is Error.WRONG_TIMEPOINT


def test_a_call_heavier_than_allowed_is_not_made(bank: Any, multisig: Multisig) -> None:
    call = pay(bank)
    propose(bank, multisig, call)
    light = multisig.as_multi.call(2, (ALICE, CAROL), NOW, call, Weight(1, 10**6))

    assert bank.dispatch(light, BOB) is Error.MAX_WEIGHT_TOO_LOW


def test_only_who_proposed_withdraws(bank: Any, multisig: Multisig) -> None:
    call_hash = propose(bank, multisig, pay(bank))
    cancel = multisig.cancel_as_multi.call

    unknown = cancel(2, (BOB, CAROL), NOW, bytes(32))
    assert bank.dispatch(unknown, ALICE) is Error.NOT_FOUND
    wrong = cancel(2, (BOB, CAROL), Timepoint(2, 0), call_hash)
    assert bank.dispatch(wrong, ALICE) is Error.WRONG_TIMEPOINT
    assert bank.dispatch(cancel(2, (ALICE, CAROL), NOW, call_hash), BOB) is Error.NOT_OWNER
    assert bank.dispatch(cancel(2, (BOB, CAROL), NOW, call_hash), ALICE) is None
    assert bank.happened() == [
        Unreserved(ALICE, BASE + 2 * FACTOR),
        MultisigCancelled(ALICE, NOW, SHARED, call_hash),
    ]


@pytest.mark.parametrize(
    ("threshold", "others", "why"),
    [
        (1, (BOB,), Error.MINIMUM_THRESHOLD),
        (2, (), Error.TOO_FEW_SIGNATORIES),
        (2, (BOB, CAROL, DAVE, AccountId(b"\x05" * 32)), Error.TOO_MANY_SIGNATORIES),
        (2, (CAROL, BOB), Error.SIGNATORIES_OUT_OF_ORDER),
        (2, (BOB, BOB), Error.SIGNATORIES_OUT_OF_ORDER),
        (2, (ALICE, BOB), Error.SENDER_IN_SIGNATORIES),
    ],
)
def test_members_are_named_one_way(
    bank: Any, multisig: Multisig, threshold: int, others: tuple[AccountId, ...], why: Error
) -> None:
    call = pay(bank)
    for attempt in (
        multisig.as_multi.call(threshold, others, None, call, ENOUGH),
        multisig.approve_as_multi.call(threshold, others, None, hash_of(call), ENOUGH),
        multisig.cancel_as_multi.call(threshold, others, NOW, hash_of(call)),
        multisig.poke_deposit.call(threshold, others, hash_of(call)),
    ):
        assert bank.dispatch(attempt, ALICE) is why
    if why is not Error.MINIMUM_THRESHOLD:
        alone = multisig.as_multi_threshold_1.call(others, call)
        assert bank.dispatch(alone, ALICE) is why


def test_who_cannot_pay_the_deposit_proposes_nothing(bank: Any, multisig: Multisig) -> None:
    multisig.deposit_base = 10**6
    proposal = multisig.as_multi.call(2, (BOB, CAROL), None, pay(bank), ENOUGH)

    assert bank.dispatch(proposal, ALICE) is BalancesError.INSUFFICIENT_BALANCE


@pytest.mark.parametrize("base", [BASE + 50, BASE - 50])
def test_a_deposit_follows_its_price_for_free(bank: Any, multisig: Multisig, base: int) -> None:
    call_hash = propose(bank, multisig, pay(bank))
    poke = multisig.poke_deposit.call(2, (BOB, CAROL), call_hash)
    assert poke.dispatch(signed(ALICE)).pays_fee is Pays.YES
    assert bank.happened() == []
    multisig.deposit_base = base
    free = bank.free(ALICE)

    assert poke.dispatch(signed(ALICE)).pays_fee is Pays.NO

    old, new = BASE + 2 * FACTOR, base + 2 * FACTOR
    assert bank.free(ALICE) == free + old - new
    assert multisig.multisigs[SHARED, call_hash].deposit == new
    assert bank.happened()[-1] == DepositPoked(ALICE, call_hash, old, new)
    others = multisig.poke_deposit.call(2, (ALICE, CAROL), call_hash)
    assert bank.dispatch(others, BOB) is Error.NOT_OWNER
    nothing = multisig.poke_deposit.call(2, (BOB, CAROL), bytes(32))
    assert bank.dispatch(nothing, ALICE) is Error.NOT_FOUND


def test_only_accounts_have_members(bank: Any, multisig: Multisig) -> None:
    with pytest.raises(DispatchFailure) as failure:
        multisig.as_multi_threshold_1.call((BOB,), pay(bank)).dispatch(ROOT)

    assert failure.value.reason == BAD_ORIGIN


def test_a_step_weighs_what_it_did(bank: Any, multisig: Multisig) -> None:
    call = pay(bank)
    length = len(call.encode())
    first = multisig.as_multi.call(2, (BOB, CAROL), None, call, ENOUGH)
    last = multisig.as_multi.call(2, (ALICE, CAROL), NOW, call, ENOUGH)

    declared = multisig.own_weight("as_multi_complete", 2, length) + ENOUGH
    assert first.info.call_weight == declared.join(
        multisig.own_weight("as_multi_create", 2, length) + ENOUGH
    )
    create = multisig.own_weight("as_multi_create", 2, length)
    assert first.dispatch(signed(ALICE)).actual_weight == create
    # a transfer does not say what it took, so the whole is charged
    assert last.dispatch(signed(BOB)).actual_weight is None
    assert create == Weight(
        29_976_762 + 2 * 144_320 + length * 1_819, 6_811
    ) + bank.runtime.db_weight.of(1, 1)


def test_a_call_that_reports_its_weight_is_charged_for_it(bank: Any, multisig: Multisig) -> None:
    call = bank.runtime.utility.batch.call((pay(bank),))
    length = len(call.encode())
    propose(bank, multisig, call)
    last = multisig.as_multi.call(2, (ALICE, CAROL), NOW, call, ENOUGH)
    alone = multisig.as_multi_threshold_1.call((BOB,), call)

    own = multisig.own_weight("as_multi_complete", 2, length)
    assert last.dispatch(signed(BOB)).actual_weight == own + call.info.call_weight
    batch = bank.runtime.utility.own_weight("batch", 1) + pay(bank).info.call_weight
    spent = alone.dispatch(signed(ALICE)).actual_weight
    assert spent == multisig.own_weight("as_multi_threshold_1", 0, length) + batch


def test_two_keys_move_money_by_signed_extrinsics() -> None:
    runtime = DevRuntime()
    pairs = {AccountId(pair.account): pair for pair in map(dev_pair, ("Alice", "Bob"))}
    one, two = sorted(pairs)
    account = account_of((one, two), 2)
    wealth = 10**15
    endowed = [(one, wealth), (two, wealth), (account, wealth)]
    call = runtime.balances.transfer_keep_alive.call(Id(CAROL), 10**12)
    zero = H256(bytes(32))

    with runtime.at(runtime.build_genesis({"Balances": {"balances": endowed}})):
        runtime.executive.initialize_block(Header(zero, 1, zero, zero, Digest(())))
        steps = (
            (one, runtime.multisig.as_multi.call(2, (two,), None, call, ENOUGH)),
            (two, runtime.multisig.as_multi.call(2, (one,), Timepoint(1, 0), call, ENOUGH)),
        )
        for who, step in steps:
            data = KeypairSigner(pairs[who]).sign(runtime, step, 0)
            assert runtime.executive.apply_extrinsic(runtime.format.decode(data)) is None

        assert runtime.balances.free_balance(CAROL) == 10**12
        events = [record.event.event for record in runtime.system.events.get()]
    (executed,) = (event for event in events if isinstance(event, MultisigExecuted))
    assert executed == MultisigExecuted(two, Timepoint(1, 0), account, hash_of(call), Ok(None))


def dev_pair(name: str) -> Keypair:
    return Keypair.from_uri(f"//{name}")


accounts = st.lists(st.binary(min_size=32, max_size=32).map(AccountId), min_size=1, unique=True)


@given(members=accounts, threshold=st.integers(1, 2**16 - 1))
def test_other_members_or_another_threshold_are_another_account(
    members: list[AccountId], threshold: int
) -> None:
    members.sort()
    account = account_of(members, threshold)

    assert account != account_of(members, threshold - 1)
    assert account != account_of(members[:-1], threshold)
