"""The executive: how a block is begun, filled, ended, and how another's block is executed again."""

from typing import TYPE_CHECKING, Final, final

from tilth.frame import validity
from tilth.frame.call import RuntimeCall
from tilth.frame.errors import DispatchFailure, Reason
from tilth.frame.extension import Transaction
from tilth.frame.extrinsic import Extrinsic
from tilth.frame.origin import NOBODY, signed
from tilth.frame.release import Release
from tilth.frame.traits import System
from tilth.frame.validity import (
    InvalidTransactionError,
    TransactionSource,
    ValidTransaction,
    invalid,
    unknown,
)
from tilth.frame.weight import (
    ZERO_WEIGHT,
    DispatchClass,
    DispatchInfo,
    Measured,
    PostInfo,
    Weight,
)
from tilth.primitives.types import H256, Digest, Header, PreRuntime

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime


class InvalidBlock(ValueError):
    """A block that breaks a rule of the chain; the text says which."""


@final
class Executive:
    """Runs blocks on the state that is current in the runtime's slot."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime: Final = runtime
        self._slot: Final = runtime.slot
        self._system: Final[System] = runtime.system
        self._pipeline: Final = runtime.pipeline
        self._format: Final = runtime.format
        self._initializing = runtime.overriding("on_initialize")
        self._polling = runtime.overriding("on_poll")
        self._idling = runtime.overriding("on_idle")
        self._finalizing = runtime.overriding("on_finalize")
        self._upgrading = runtime.overriding("on_runtime_upgrade")
        self._asks_pallets_first = runtime.release >= Release.STABLE2412
        """Whether a bare extrinsic's pallet is asked before the extensions are."""

    def initialize_block(self, header: Header) -> None:
        system = self._system
        system.reset_events()
        weight = ZERO_WEIGHT
        if system.runtime_upgraded():
            for pallet in self._upgrading:
                weight += pallet.on_runtime_upgrade()
        system.begin(header.number, header.parent_hash, _pre_digest(header))
        for pallet in self._initializing:
            used = pallet.on_initialize(header.number)
            if used is not None:
                weight += self._priced(used)
        weight += system.base_block_weight()
        system.register_extra_weight(weight, DispatchClass.MANDATORY)
        system.note_finished_initialize()

    def _priced(self, weight: Weight | Measured) -> Weight:
        return weight.under(self._runtime.db_weight) if isinstance(weight, Measured) else weight

    def apply_extrinsic(self, extrinsic: Extrinsic, *, verified: bool = False) -> Reason | None:
        """Include an extrinsic; returns why its call failed, if it did.

        `verified` extrinsics had their signature checked against a state with the same implicit
        values. Raises InvalidTransactionError, and leaves no trace, where the extrinsic may not be
        included.
        """
        overlay = self._slot.overlay
        mark = overlay.mark()
        try:
            return self._apply(extrinsic, verified)
        except InvalidTransactionError:
            overlay.rollback(mark)
            raise

    def _apply(self, extrinsic: Extrinsic, verified: bool) -> Reason | None:
        if not verified:
            self._format.check(extrinsic)
        system, info = self._system, extrinsic.info
        if not system.are_inherents_applied() and not self._runtime.is_inherent(extrinsic):
            self._end_inherents()
        system.note_extrinsic(extrinsic.data)
        post, failure = self._dispatch(extrinsic)
        if failure is not None and info.dispatch_class is DispatchClass.MANDATORY:
            raise invalid(validity.BadMandatory())
        system.note_applied_extrinsic(failure, post, info)
        return failure

    def _end_inherents(self) -> None:
        self._system.note_inherents_applied()
        for pallet in self._polling:
            used = pallet.on_poll(self._system.block_number(), self._system.remaining_weight())
            self._system.register_extra_weight(used, DispatchClass.MANDATORY)

    def _dispatch(self, extrinsic: Extrinsic) -> tuple[PostInfo, Reason | None]:
        if extrinsic.values is None:
            return self._dispatch_bare(extrinsic)
        transaction = _transaction(extrinsic, included=True)
        self._pipeline.check(extrinsic.values, transaction)
        _ensure_origin(transaction)
        prepared = self._pipeline.prepare(extrinsic.values, transaction)
        post, failure = _run(transaction)
        post = _with_extensions(post, transaction.info)
        return self._pipeline.post_dispatch(prepared, transaction, post, failure), failure

    def _dispatch_bare(self, extrinsic: Extrinsic) -> tuple[PostInfo, Reason | None]:
        transaction, ask = _transaction(extrinsic, included=True), self._runtime
        if self._asks_pallets_first:
            ask.pre_dispatch_unsigned(extrinsic.call)
        self._pipeline.validate_bare(transaction)
        self._pipeline.prepare_bare(transaction)
        if not self._asks_pallets_first:
            ask.pre_dispatch_unsigned(extrinsic.call)
        post, failure = _run(transaction)
        self._pipeline.post_dispatch_bare(transaction, post)
        return post, failure

    def finalize_block(self) -> Header:
        """End the block; folds the state into the trie and returns the header with all roots."""
        self._finish_extrinsics()
        return self._system.finish()

    def _finish_extrinsics(self) -> None:
        system = self._system
        if not system.are_inherents_applied():
            self._end_inherents()
        system.note_finished_extrinsics()
        number = system.block_number()
        self._idle(number)
        for pallet in self._finalizing:
            pallet.on_finalize(number)

    def _idle(self, number: int) -> None:
        remaining = self._system.remaining_weight()
        if not (remaining.ref_time and remaining.proof_size):
            return
        used = ZERO_WEIGHT
        for pallet in self._idling:
            used += pallet.on_idle(number, remaining - used)
        self._system.register_extra_weight(used, DispatchClass.MANDATORY)

    def execute_block(self, header: Header, extrinsics: list[Extrinsic]) -> None:
        """Execute another author's block; raises InvalidBlock where anything differs."""
        try:
            self._execute(header, extrinsics)
        except AssertionError as broken:  # what is a panic in FRAME
            raise InvalidBlock(f"block {header.number}: {broken}") from broken

    def _execute(self, header: Header, extrinsics: list[Extrinsic]) -> None:
        self.initialize_block(header)
        self._check_start(header, extrinsics)
        for position, extrinsic in enumerate(extrinsics):
            try:
                self.apply_extrinsic(extrinsic)
            except InvalidTransactionError as error:
                raise InvalidBlock(
                    f"block {header.number}: extrinsic {position} is invalid: {error.error}"
                ) from error
        _compare(header, self.finalize_block())

    def _check_start(self, header: Header, extrinsics: list[Extrinsic]) -> None:
        if header.number < 1:
            raise InvalidBlock("block 0 is the genesis block and cannot be executed")
        if self._system.hash_of_block(header.number - 1) != header.parent_hash:
            raise InvalidBlock(f"block {header.number}: the parent is not the state's block")
        inherents = [self._runtime.is_inherent(extrinsic) for extrinsic in extrinsics]
        if sorted(inherents, reverse=True) != inherents:
            raise InvalidBlock(f"block {header.number}: inherents come before transactions")

    def validate_transaction(
        self, source: TransactionSource, extrinsic: Extrinsic, block_hash: H256
    ) -> ValidTransaction:
        """Whether the transaction could be in the block after the current state.

        Raises InvalidTransactionError. Writes to the overlay, which the caller throws away.
        """
        self.begin_validation(block_hash)
        return self.validate(source, extrinsic)

    def begin_validation(self, block_hash: H256) -> None:
        """Stand where the next block begins, so that transactions can be validated for it."""
        self._system.begin(self._system.block_number() + 1, block_hash, Digest(()))

    def validate(self, source: TransactionSource, extrinsic: Extrinsic) -> ValidTransaction:
        self._format.check(extrinsic)
        if extrinsic.info.dispatch_class is DispatchClass.MANDATORY:
            raise invalid(validity.MandatoryValidation())
        transaction = _transaction(extrinsic, source)
        if extrinsic.values is not None:
            valid = self._pipeline.validate(extrinsic.values, transaction)
            _ensure_origin(transaction)
            return valid
        if self._asks_pallets_first:
            unsigned = self._validate_unsigned(source, extrinsic.call)
            return self._pipeline.validate_bare(transaction).combine(unsigned)
        valid = self._pipeline.validate_bare(transaction)
        return valid.combine(self._validate_unsigned(source, extrinsic.call))

    def _validate_unsigned(self, source: TransactionSource, call: RuntimeCall) -> ValidTransaction:
        valid = self._runtime.validate_unsigned(source, call)
        if valid is None:
            raise unknown(validity.NoUnsignedValidator())
        return valid


def _pre_digest(header: Header) -> Digest:
    return Digest(tuple(item for item in header.digest.logs if isinstance(item, PreRuntime)))


def _transaction(
    extrinsic: Extrinsic,
    source: TransactionSource = TransactionSource.IN_BLOCK,
    *,
    included: bool = False,
) -> Transaction:
    origin = NOBODY if extrinsic.signer is None else signed(extrinsic.signer)
    return Transaction(
        origin, extrinsic.call, extrinsic.info, len(extrinsic.data), source, included
    )


def _ensure_origin(transaction: Transaction) -> None:
    if transaction.origin is NOBODY:
        raise invalid(validity.UnknownOrigin())


def _run(transaction: Transaction) -> tuple[PostInfo, Reason | None]:
    try:
        return transaction.call.dispatch(transaction.origin), None
    except DispatchFailure as failure:
        return failure.post_info, failure.reason


def _with_extensions(post: PostInfo, info: DispatchInfo) -> PostInfo:
    # primitives/runtime: set_extension_weight
    actual = post.actual_weight
    spent = info.total_weight if actual is None else actual + info.extension_weight
    return PostInfo(spent, post.pays_fee)


def _compare(given: Header, computed: Header) -> None:
    for what, theirs, ours in (
        ("digest", given.digest, computed.digest),
        ("state root", given.state_root, computed.state_root),
        ("extrinsics root", given.extrinsics_root, computed.extrinsics_root),
    ):
        if theirs != ours:
            raise InvalidBlock(
                f"block {given.number}: the {what} is {_show(ours)}, not {_show(theirs)} as said"
            )


def _show(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
