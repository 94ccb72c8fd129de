"""Invariants: what the pallets promise of their storage, looked at after every block."""

from collections.abc import Callable

from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.notices import Imported, Notice, Phase


class InvariantBroken(Exception):
    """A block left storage as a pallet says that it never is."""

    def __init__(self, block: Block, promise: Exception) -> None:
        what = str(promise) if isinstance(promise, AssertionError) else repr(promise)
        super().__init__(
            f"{block} breaks an invariant: {what}; the state before it is that of "
            f"0x{block.parent_hash.hex()}"
        )


def check_each_block(chain: Chain, fail: Callable[[InvariantBroken], None]) -> None:
    """Run every pallet's `try_state` after each block, the best one included that is there."""

    def check(block: Block) -> None:
        # The runtime that made it: a new one has not migrated the storage yet.
        parent = chain.expect(block.parent_hash) if block.number else block
        runtime = chain.runtimes.at(parent.state)
        with runtime.at(block.state):
            try:
                runtime.try_state()
            except Exception as promise:  # noqa: BLE001 - storage may not even be readable
                fail(InvariantBroken(block, promise))

    def on_notice(notice: Notice) -> None:
        if isinstance(notice, Imported) and notice.is_new:
            check(notice.block)

    check(chain.best)
    chain.notices.listen(Phase.STATE, on_notice)
