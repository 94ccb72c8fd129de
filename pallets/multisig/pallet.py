"""Multisig: an account that acts when enough of its members agree."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Annotated, Any, Final, Protocol, TypeAlias

from tilth.frame import (
    AccountId,
    AssociatedType,
    Balance,
    Compact,
    Const,
    DispatchFailure,
    DispatchInfo,
    Err,
    Ok,
    Pallet,
    Pays,
    PostInfo,
    Release,
    RuntimeCall,
    Signed,
    StorageDoubleMap,
    Twox64,
    TypeName,
    Weight,
    call,
    codec,
    ensure,
    hashing,
    replace,
    signed,
    since,
    some,
    u16,
    u32,
)
from tilth.pallets.multisig.types import (
    DepositPoked,
    Error,
    Event,
    Hash32,
    MultisigApproval,
    MultisigCancelled,
    MultisigExecuted,
    NewMultisig,
    Operation,
    Timepoint,
    When,
)
from tilth.pallets.multisig.weights import WEIGHTS, Growing

Call: TypeAlias = Annotated[RuntimeCall, TypeName("Box<<T as Config>::RuntimeCall>")]
Others: TypeAlias = Annotated[tuple[AccountId, ...], TypeName("Vec<T::AccountId>")]
MaybeWhen: TypeAlias = Annotated[Timepoint | None, TypeName("Option<Timepoint<BlockNumberFor<T>>>")]

_SEED: Final = b"modlpy/utilisuba"


class Reserve(Protocol):
    """Where deposits are put aside."""

    def reserve(self, who: AccountId, amount: int) -> None: ...

    def unreserve(self, who: AccountId, amount: int) -> int: ...


def _alone_info(pallet: "Multisig", others: Others, call: RuntimeCall) -> DispatchInfo:
    own = pallet.own_weight("as_multi_threshold_1", 0, len(call.encode()))
    # the call reads and writes the common account, which nobody measured
    weight = own + pallet.runtime.db_weight.of(reads=1, writes=1) + call.info.call_weight
    return DispatchInfo(weight, call.info.dispatch_class)


def _as_multi_weight(
    pallet: "Multisig",
    threshold: int,
    others: Others,
    when: Timepoint | None,
    call: RuntimeCall,
    max_weight: Weight,
) -> Weight:
    size = len(others), len(call.encode())
    dearest = pallet.own_weight("as_multi_create", *size)
    dearest = dearest.join(pallet.own_weight("as_multi_approve", *size))
    return dearest.join(pallet.own_weight("as_multi_complete", *size)) + max_weight


def _approve_weight(
    pallet: "Multisig",
    threshold: int,
    others: Others,
    when: Timepoint | None,
    call_hash: bytes,
    max_weight: Weight,
) -> Weight:
    dearest = pallet.own_weight("approve_as_multi_create", len(others))
    return dearest.join(pallet.own_weight("approve_as_multi_approve", len(others))) + max_weight


def _cancel_weight(pallet: "Multisig", threshold: int, others: Others, *_: object) -> Weight:
    return pallet.own_weight("cancel_as_multi", len(others))


def _poke_weight(pallet: "Multisig", threshold: int, others: Others, _: bytes) -> Weight:
    return pallet.own_weight("poke_deposit", len(others))


class Multisig(Pallet[Event, Error]):
    associated = (AssociatedType("RuntimeCall", RuntimeCall, "The calls of all pallets."),)
    weights = WEIGHTS
    storage_version = 1

    currency: Reserve
    deposit_base: Const[Balance]
    """What is reserved for a call that waits for approvals."""
    deposit_factor: Const[Balance]
    """What is reserved besides for each approval that it needs."""
    max_signatories: Const[u32] = 100
    """Most members of an account."""

    multisigs = StorageDoubleMap[Twox64[AccountId], Hash32, Operation]()
    """Calls that wait for approvals, by account and hash."""

    @call(0, info=_alone_info)
    def as_multi_threshold_1(self, who: Signed, other_signatories: Others, call: Call) -> PostInfo:
        """Make a call as an account of which any single member may act."""
        account = self._account_of(who, other_signatories, 1)
        data = call.encode()
        try:
            spent = call.dispatch(signed(account)).actual_weight
        except DispatchFailure as failure:
            if failure.post_info.actual_weight is None:
                raise
            post = self._alone(len(data), failure.post_info.actual_weight)
            raise DispatchFailure(failure.reason, post) from None
        if self.runtime.release >= Release.STABLE2509:  # of a failure no event would be left
            call_hash = hashing.blake2_256(data)
            self.emit(MultisigExecuted(who, self._now(), account, call_hash, Ok(None)))
        return PostInfo() if spent is None else self._alone(len(data), spent)

    @call(1, weight=_as_multi_weight)
    def as_multi(
        self,
        who: Signed,
        threshold: u16,
        other_signatories: Others,
        maybe_timepoint: MaybeWhen,
        call: Call,
        max_weight: Weight,
    ) -> PostInfo:
        """Approve a call, and make it if enough others have approved."""
        account = self._shared_account(who, other_signatories, threshold)
        data = call.encode()
        call_hash, others, length = hashing.blake2_256(data), len(other_signatories), len(data)
        operation = self.multisigs.get((account, call_hash))
        if operation is None:
            self._open(who, account, call_hash, threshold, maybe_timepoint)
            return PostInfo(self.own_weight("as_multi_create", others, length))
        _ensure_same(operation, maybe_timepoint)
        if _approvals_with(operation, who, threshold) < threshold:
            self._approve(who, account, call_hash, operation, threshold)
            return PostInfo(self.own_weight("as_multi_approve", others, length))
        ensure(call.info.call_weight.all_lte(max_weight), Error.MAX_WEIGHT_TOO_LOW)
        spent = self._execute(who, account, call_hash, operation, call)
        if spent is None:
            return PostInfo()
        return PostInfo(self.own_weight("as_multi_complete", others, length) + spent)

    @call(2, weight=_approve_weight)
    def approve_as_multi(
        self,
        who: Signed,
        threshold: u16,
        other_signatories: Others,
        maybe_timepoint: MaybeWhen,
        call_hash: Hash32,
        max_weight: Weight,
    ) -> PostInfo:
        """Approve a call of which only the hash is shown."""
        account = self._shared_account(who, other_signatories, threshold)
        operation = self.multisigs.get((account, call_hash))
        # multisig/src/lib.rs reports the weight of the calls that show theirs
        if operation is None:
            self._open(who, account, call_hash, threshold, maybe_timepoint)
            return PostInfo(self.own_weight("as_multi_create", len(other_signatories)))
        _ensure_same(operation, maybe_timepoint)
        self._approve(who, account, call_hash, operation, threshold)
        return PostInfo(self.own_weight("as_multi_approve", len(other_signatories)))

    @call(3, weight=_cancel_weight)
    def cancel_as_multi(
        self,
        who: Signed,
        threshold: u16,
        other_signatories: Others,
        timepoint: When,
        call_hash: Hash32,
    ) -> None:
        """Withdraw a call that one has proposed; the deposit comes back."""
        account = self._shared_account(who, other_signatories, threshold)
        operation = self.multisigs.expect((account, call_hash), Error.NOT_FOUND)
        ensure(operation.when == timepoint, Error.WRONG_TIMEPOINT)
        ensure(operation.depositor == who, Error.NOT_OWNER)
        self._close(account, call_hash, operation)
        self.emit(MultisigCancelled(who, timepoint, account, call_hash))

    @since(Release.STABLE2503)
    @call(4, weight=_poke_weight)
    def poke_deposit(
        self, who: Signed, threshold: u16, other_signatories: Others, call_hash: Hash32
    ) -> PostInfo:
        """Bring one's deposit for an open call to what it costs today; free if that changes it."""
        account = self._shared_account(who, other_signatories, threshold)
        operation = self.multisigs.expect((account, call_hash), Error.NOT_FOUND)
        ensure(operation.depositor == who, Error.NOT_OWNER)
        old, new = operation.deposit, self._deposit(threshold)
        if new == old:
            return PostInfo(pays_fee=Pays.YES)
        if new > old:
            self.currency.reserve(who, new - old)
        else:
            self.currency.unreserve(who, old - new)
        self.multisigs[account, call_hash] = replace(operation, deposit=new)
        self.emit(DepositPoked(who, call_hash, old, new))
        return PostInfo(pays_fee=Pays.NO)

    def own_weight(self, name: str, others: int = 0, length: int = 0) -> Weight:
        """What a call weighs beside the call in it."""
        measured = self.weights.get(name)
        if isinstance(measured, Growing):
            measured = measured(others, length)
        return self.priced(measured)

    def try_state(self) -> None:
        for (account, _), operation in self.multisigs.items():
            given = operation.approvals
            assert given, f"{account.hex()} has a call that nobody approves"
            assert list(given) == sorted(set(given)), f"{account.hex()} has approvals out of order"

    def _account_of(self, who: AccountId, others: Sequence[AccountId], threshold: int) -> AccountId:
        """The common account, if the caller names its members as they must be named."""
        ensure(others, Error.TOO_FEW_SIGNATORIES)
        ensure(len(others) < self.max_signatories, Error.TOO_MANY_SIGNATORIES)
        return account_of(_with_caller(who, others), threshold)

    def _shared_account(
        self, who: AccountId, others: Sequence[AccountId], threshold: int
    ) -> AccountId:
        """As `_account_of`, where one member alone is not enough."""
        ensure(threshold >= 2, Error.MINIMUM_THRESHOLD)
        return self._account_of(who, others, threshold)

    def _deposit(self, threshold: int) -> int:
        return self.deposit_base + self.deposit_factor * threshold

    def _alone(self, length: int, spent: Weight) -> PostInfo:
        return PostInfo(self.own_weight("as_multi_threshold_1", 0, length) + spent)

    def _open(
        self,
        who: AccountId,
        account: AccountId,
        call_hash: bytes,
        threshold: int,
        when: Timepoint | None,
    ) -> None:
        ensure(when is None, Error.UNEXPECTED_TIMEPOINT)
        deposit = self._deposit(threshold)
        self.currency.reserve(who, deposit)
        self.multisigs[account, call_hash] = Operation(self._now(), deposit, who, (who,))
        self.emit(NewMultisig(who, account, call_hash))

    def _approve(
        self,
        who: AccountId,
        account: AccountId,
        call_hash: bytes,
        operation: Operation,
        threshold: int,
    ) -> None:
        counts = _approvals_with(operation, who, threshold) > len(operation.approvals)
        ensure(counts, Error.ALREADY_APPROVED)
        approvals = list(operation.approvals)
        insort(approvals, who)
        ensure(len(approvals) <= self.max_signatories, Error.TOO_MANY_SIGNATORIES)
        self.multisigs[account, call_hash] = replace(operation, approvals=tuple(approvals))
        self.emit(MultisigApproval(who, operation.when, account, call_hash))

    def _execute(
        self,
        who: AccountId,
        account: AccountId,
        call_hash: bytes,
        operation: Operation,
        call: RuntimeCall,
    ) -> Weight | None:
        """Make the call; returns the weight it says it took."""
        # first, so that the call cannot come back to it
        self._close(account, call_hash, operation)
        result: Any = Ok(None)
        try:
            post = call.dispatch(signed(account))
        except DispatchFailure as failure:
            post, result = failure.post_info, Err(self.runtime.dispatch_error(failure.reason))
        self.emit(MultisigExecuted(who, operation.when, account, call_hash, result))
        return post.actual_weight

    def _close(self, account: AccountId, call_hash: bytes, operation: Operation) -> None:
        del self.multisigs[account, call_hash]
        self.currency.unreserve(operation.depositor, operation.deposit)

    def _now(self) -> Timepoint:
        runtime = self.runtime
        return Timepoint(runtime.system.block_number(), runtime.extrinsic_index or 0)


def account_of(members: Sequence[AccountId], threshold: int) -> AccountId:
    """The account of members in ascending order, of whom so many must agree."""
    count = codec(Compact[u32]).encode(len(members))
    listed = count + b"".join(members)
    return AccountId(hashing.blake2_256(_SEED + listed + threshold.to_bytes(2, "little")))


def _with_caller(who: AccountId, others: Sequence[AccountId]) -> list[AccountId]:
    members: list[AccountId] = []
    for other in others:
        ensure(not members or members[-1] < other, Error.SIGNATORIES_OUT_OF_ORDER)
        ensure(other != who, Error.SENDER_IN_SIGNATORIES)
        members.append(other)
    members.insert(bisect_left(members, who), who)
    return members


def _ensure_same(operation: Operation, when: Timepoint | None) -> None:
    ensure(some(when, Error.NO_TIMEPOINT) == operation.when, Error.WRONG_TIMEPOINT)


def _approvals_with(operation: Operation, who: AccountId, threshold: int) -> int:
    """How many approve when the caller does; one who is not needed does not count."""
    given = operation.approvals
    return len(given) + (len(given) < threshold and who not in given)
