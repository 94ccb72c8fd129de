"""Timestamp: what time it is on the chain, told by each block's author."""

from collections.abc import Mapping
from typing import Annotated, Final, Never, Protocol

from tilth.frame import (
    AssociatedType,
    Compact,
    Const,
    DefaultValue,
    DispatchClass,
    Measured,
    Moment,
    Pallet,
    RuntimeCall,
    TypeName,
    Unsigned,
    Weight,
    call,
    codec,
    u64,
)
from tilth.pallets.timestamp.weights import WEIGHTS

INHERENT: Final = b"timstap0"
_u64: Final = codec(u64)
# primitives/timestamp: how far into the future an author's clock may be
MAX_DRIFT_MS: Final = 30_000


class OnTimestampSet(Protocol):
    """Whoever must agree with the time, such as the pallet that counts slots."""

    def on_timestamp_set(self, now: int) -> None: ...


class Timestamp(Pallet[Never, Never]):
    associated = (AssociatedType("Moment", Moment, "How time is expressed."),)
    weights = WEIGHTS

    minimum_period: Const[Moment]
    """The least time between two blocks, in milliseconds."""
    on_timestamp_set: OnTimestampSet | None = None

    now = DefaultValue[Moment]()
    """The time of this block, in milliseconds since 1970."""
    did_update = DefaultValue[bool]()
    """Whether this block's time is told already."""

    @call(0, dispatch_class=DispatchClass.MANDATORY)
    def set(self, who: Unsigned, now: Annotated[Compact[Moment], TypeName("T::Moment")]) -> None:
        """Tell the time; once in every block, by its author."""
        assert not self.did_update.get(), "Timestamp must be updated only once in the block"
        last = self.now.get()
        assert last == 0 or now >= last + self.minimum_period, (
            "Timestamp must increment by at least <MinimumPeriod> between sequential blocks"
        )
        self.now.put(now)
        self.did_update.put(True)
        if self.on_timestamp_set is not None:
            self.on_timestamp_set.on_timestamp_set(now)

    def on_initialize(self, now: int) -> Weight | Measured | None:
        weight = self.weights.get("on_finalize")
        return weight if isinstance(weight, Weight | Measured) else None

    def on_finalize(self, now: int) -> None:
        assert self.did_update.take(), "Timestamp must be updated once in the block"

    def create_inherent(self, data: Mapping[bytes, bytes]) -> RuntimeCall:
        moment = _u64.decode(data[INHERENT])
        return self.set.call(max(moment, self.now.get() + self.minimum_period))

    def check_inherent(self, call: RuntimeCall, data: Mapping[bytes, bytes]) -> str | None:
        (moment,) = call.args
        if moment > _u64.decode(data[INHERENT]) + MAX_DRIFT_MS:
            return "the block is too far in the future"
        if moment < self.now.get() + self.minimum_period:
            return "the block comes too soon after its parent"
        return None

    def is_inherent(self, call: RuntimeCall) -> bool:
        return call.method.name == "set"
