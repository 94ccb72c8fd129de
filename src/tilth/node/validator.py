"""Whether transactions are valid at the best block; its state is prepared once per block."""

from tilth.frame import (
    Extrinsic,
    InvalidTransactionError,
    Overlay,
    TransactionSource,
    ValidTransaction,
)
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.refusals import Rejected


class Validator:
    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._at: Block | None = None
        self._overlay: Overlay

    def validate(self, source: TransactionSource, extrinsic: Extrinsic) -> ValidTransaction:
        """Raises Rejected."""
        runtime = self._chain.runtime
        current = runtime.slot.overlay
        runtime.slot.overlay = overlay = self._prepared()
        mark = overlay.mark()
        try:
            return runtime.executive.validate(source, extrinsic)
        except InvalidTransactionError as error:
            raise Rejected(error.error) from error
        finally:
            overlay.rollback(mark)
            runtime.slot.overlay = current

    def _prepared(self) -> Overlay:
        best = self._chain.best
        if self._at is not best:
            with self._chain.runtime.at(best.state) as overlay:
                self._chain.runtime.executive.begin_validation(best.hash)
            self._at, self._overlay = best, overlay
        return self._overlay

    def tags_given(self, block: Block, extrinsic: Extrinsic) -> tuple[bytes, ...]:
        """The tags that a transaction of the block gave when it was included."""
        parent = self._chain.expect(block.parent_hash)
        runtime = self._chain.runtimes.at(parent.state)
        with runtime.at(parent.state):
            try:
                valid = runtime.executive.validate_transaction(
                    TransactionSource.IN_BLOCK, extrinsic, parent.hash
                )
            except InvalidTransactionError:
                return ()
        return valid.provides
