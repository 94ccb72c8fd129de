"""What a block keeps of itself while it is built, by the rules of one release of FRAME."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, final

from tilth.frame import (
    H256,
    ZERO_WEIGHT,
    Digest,
    DispatchClass,
    Header,
    Release,
    Weight,
    codec,
)

if TYPE_CHECKING:
    from tilth.pallets.system.pallet import System

_header: Final = codec(Header)
_digest: Final = codec(Digest)


@final
class BlockRules:
    """Resolved once: which items a release writes where."""

    def __init__(self, system: "System", release: Release) -> None:
        self._system = system
        counts_header = release >= Release.STABLE2603
        self.bytes_so_far = system.block_size if counts_header else system.all_extrinsics_len
        """How long the block is by now."""
        opening: list[Callable[[], None]] = []
        if release < Release.STABLE2509:
            opening.append(system.inherents_applied.kill)
        if counts_header:
            opening.append(self._count_header)
        self._opening = tuple(opening)
        self.reports_rejected_upgrades = release >= Release.STABLE2503
        """An authorized upgrade that may not be applied is an event, not an error."""
        self.upgrade_priority = 2**64 - 1 if self.reports_rejected_upgrades else 100
        """How urgent an authorized upgrade is that nobody signs."""
        once = release >= Release.STABLE2503
        self.give_back = self._give_back_once if once else self._take_off
        """Take unspent weight off the block's."""
        self._closing = (system.extrinsic_weight_reclaimed.kill,) if once else ()

    def open_block(self) -> None:
        for step in self._opening:
            step()

    def close_extrinsic(self) -> None:
        for step in self._closing:
            step()

    def _count_header(self) -> None:
        zero, system = H256(bytes(32)), self._system
        empty = Header(zero, system.number.get(), zero, zero, Digest(()))
        # the digest counts beside the empty one of the header
        size = len(_header.encode(empty)) + len(_digest.encode(system.digest.get()))
        system.block_size.put(size)

    def _give_back_once(self, dispatch_class: DispatchClass, unspent: Weight) -> None:
        """Several extensions may report what is unspent; the largest report counts."""
        reclaimed = self._system.extrinsic_weight_reclaimed
        already = reclaimed.get()
        unspent = unspent.join(already)
        more = unspent - already
        if more != ZERO_WEIGHT:
            self._take_off(dispatch_class, more)
            reclaimed.put(unspent)

    def _take_off(self, dispatch_class: DispatchClass, weight: Weight) -> None:
        block_weight = self._system.block_weight
        now = block_weight.get()
        block_weight.put(now.with_class(dispatch_class, now.of(dispatch_class) - weight))
