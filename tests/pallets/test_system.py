"""System: what keeps accounts alive, raw storage, and how the runtime's code is replaced."""

from typing import Any

import pytest

from tilth.frame import (
    BAD_ORIGIN,
    CONSUMER_REMAINING,
    NO_PROVIDERS,
    NOBODY,
    TOO_MANY_CONSUMERS,
    AccountId,
    DispatchFailure,
    InvalidTransactionError,
    Overlay,
    Pays,
    TransactionSource,
    hashing,
    signed,
    validity,
)
from tilth.pallets.system import CheckMetadataHash
from tilth.pallets.system.events import (
    CodeUpdated,
    Error,
    KilledAccount,
    NewAccount,
    RejectedInvalidAuthorizedUpgrade,
    Remarked,
    UpgradeAuthorized,
)
from tilth.pallets.system.metadata_hash import Mode
from tilth.primitives.types import H256, RuntimeEnvironmentUpdated

ALICE, BOB, CAROL = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3))


def reason(failure: pytest.ExceptionInfo[DispatchFailure]) -> Any:
    return failure.value.reason


def test_providers_bring_an_account_into_being_and_end_it(bank: Any) -> None:
    accounts = bank.system.accounts
    accounts.inc_providers(CAROL)
    accounts.inc_providers(CAROL)
    accounts.dec_providers(CAROL)
    assert CAROL in bank.system.account

    accounts.dec_providers(CAROL)

    assert CAROL not in bank.system.account
    assert bank.happened() == [NewAccount(CAROL), KilledAccount(CAROL)]
    accounts.dec_providers(CAROL)
    assert bank.happened() == []


def test_a_consumer_keeps_the_last_provider(bank: Any) -> None:
    accounts = bank.system.accounts
    with pytest.raises(DispatchFailure) as failure:
        accounts.inc_consumers(CAROL)
    assert reason(failure) == NO_PROVIDERS

    accounts.inc_providers(CAROL)
    accounts.inc_sufficients(CAROL)
    accounts.inc_consumers(CAROL)
    with pytest.raises(DispatchFailure) as failure:
        accounts.dec_providers(CAROL)
    assert reason(failure) == CONSUMER_REMAINING
    accounts.dec_consumers(CAROL)
    accounts.dec_providers(CAROL)
    assert CAROL in bank.system.account
    accounts.dec_sufficients(CAROL)
    assert CAROL not in bank.system.account


def test_consumers_are_counted_up_to_a_limit(bank: Any) -> None:
    for _ in range(bank.system.max_consumers):
        bank.system.accounts.inc_consumers(BOB)

    with pytest.raises(DispatchFailure) as failure:
        bank.system.accounts.inc_consumers(BOB)

    assert reason(failure) == TOO_MANY_CONSUMERS
    bank.system.accounts.inc_consumers_without_limit(BOB)
    assert not bank.system.accounts.can_dec_provider(BOB)


def test_accounts_without_reason_to_exist_are_found(bank: Any) -> None:
    info = bank.system.account[CAROL]
    bank.system.account[CAROL] = info

    with pytest.raises(AssertionError, match="no reason"):
        bank.system.try_state()
    del bank.system.account[CAROL]


def test_remarks_are_told_if_asked(bank: Any) -> None:
    bank.system.remark.call(b"quietly").dispatch(NOBODY)
    bank.system.remark_with_event.call(b"aloud").dispatch(signed(BOB))

    assert bank.happened() == [Remarked(BOB, H256(hashing.blake2_256(b"aloud")))]


def test_root_kills_what_begins_with_a_prefix_up_to_a_limit(bank: Any) -> None:
    system, runtime = bank.system, bank.runtime
    items = tuple((b"old%d" % number, b"x") for number in range(4))
    assert bank.dispatch(system.set_storage.call(items)) is None
    runtime.slot.overlay = Overlay(runtime.slot.overlay.commit())
    assert bank.dispatch(system.set_storage.call(((b"old9", b"new"),))) is None

    assert bank.dispatch(system.kill_prefix.call(b"old", 2), ALICE) == BAD_ORIGIN
    assert bank.dispatch(system.kill_prefix.call(b"old", 2)) is None

    assert list(runtime.slot.overlay.keys(b"old")) == [b"old2", b"old3"]
    assert bank.dispatch(system.kill_storage.call((b"old2",))) is None
    assert list(runtime.slot.overlay.keys(b"old")) == [b"old3"]


def newer_code(bank: Any) -> bytes:
    class Newer(type(bank.runtime)):  # type: ignore[misc]
        spec_version = 2

    code: bytes = Newer().code
    return code


def test_code_is_replaced_by_a_newer_version_only(bank: Any) -> None:
    system = bank.system
    same, newer = bank.runtime.code, newer_code(bank)

    assert bank.dispatch(system.set_code.call(newer), ALICE) == BAD_ORIGIN
    assert bank.dispatch(system.set_code.call(same)) is Error.SPEC_VERSION_NEEDS_TO_INCREASE
    nothing = bank.dispatch(system.set_code.call(b"no code"))
    assert nothing is Error.FAILED_TO_EXTRACT_RUNTIME_VERSION
    assert bank.dispatch(system.set_code.call(newer)) is None

    assert bank.happened() == [CodeUpdated()]
    assert bank.runtime.slot.overlay.raw(b":code") == newer
    assert system.digest.get().logs == (RuntimeEnvironmentUpdated(),)
    assert bank.dispatch(system.set_code_without_checks.call(same)) is None


def test_anybody_applies_what_root_authorized(bank: Any) -> None:
    system, newer = bank.system, newer_code(bank)
    apply = system.apply_authorized_upgrade.call(newer)
    assert bank.dispatch(apply, BOB) is Error.NOTHING_AUTHORIZED
    code_hash = H256(hashing.blake2_256(newer))
    assert bank.dispatch(system.authorize_upgrade.call(code_hash)) is None

    assert bank.dispatch(system.apply_authorized_upgrade.call(b"x"), BOB) is Error.UNAUTHORIZED
    post = apply.dispatch(NOBODY)

    assert post.pays_fee is Pays.NO
    assert post.actual_weight == system.block_weights.max_block
    assert bank.happened() == [UpgradeAuthorized(code_hash, True), CodeUpdated()]
    assert system.authorized_upgrade.get() is None


def test_an_authorized_upgrade_that_is_none_is_spent(bank: Any) -> None:
    system, same = bank.system, bank.runtime.code
    code_hash = H256(hashing.blake2_256(same))
    bank.dispatch(system.authorize_upgrade.call(code_hash))
    bank.happened()

    assert system.apply_authorized_upgrade.call(same).dispatch(signed(BOB)).pays_fee is Pays.NO

    error = bank.runtime.dispatch_error(Error.SPEC_VERSION_NEEDS_TO_INCREASE)
    assert bank.happened() == [RejectedInvalidAuthorizedUpgrade(code_hash, error)]
    assert system.authorized_upgrade.get() is None
    assert bank.dispatch(system.authorize_upgrade_without_checks.call(code_hash)) is None
    assert bank.dispatch(system.apply_authorized_upgrade.call(same)) is None


def test_an_authorized_upgrade_needs_no_signature(bank: Any) -> None:
    system, newer = bank.system, newer_code(bank)
    extrinsic = bank.runtime.format.unsigned(system.apply_authorized_upgrade.call(newer))
    executive = bank.runtime.executive

    with pytest.raises(InvalidTransactionError) as error:
        executive.validate(TransactionSource.EXTERNAL, extrinsic)
    assert error.value.error == validity.Invalid(validity.Call())
    code_hash = H256(hashing.blake2_256(newer))
    bank.dispatch(system.authorize_upgrade.call(code_hash))
    assert executive.validate(TransactionSource.EXTERNAL, extrinsic).provides == (code_hash,)


def test_a_chain_without_a_digest_takes_no_transaction_bound_to_one() -> None:
    without, with_digest = CheckMetadataHash(), CheckMetadataHash(lambda: b"\x07" * 32)
    disabled, enabled = (CheckMetadataHash.explicit(mode) for mode in Mode)  # type: ignore[operator]

    assert without.implied(disabled) is None
    assert with_digest.implied(disabled) is None
    assert with_digest.implied(enabled) == b"\x07" * 32
    with pytest.raises(InvalidTransactionError) as error:
        without.implied(enabled)
    assert error.value.error == validity.Unknown(validity.CannotLookup())


def test_clients_ask_for_the_next_nonce(bank: Any) -> None:
    assert bank.runtime.call("AccountNonceApi_account_nonce", ALICE) == bytes(4)
