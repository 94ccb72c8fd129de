"""Weight: what a call costs a block, in picoseconds of reference time and bytes of proof."""

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final, TypeAlias, final

from tilth.primitives.scale import Compact, scale_enum, struct, u64

U64_MAX: Final = 2**64 - 1


@struct(path="sp_weights::weight_v2::Weight")
class Weight:
    ref_time: Compact[u64]
    proof_size: Compact[u64]

    def __add__(self, other: "Weight") -> "Weight":
        """Saturating, as every sum of weights in FRAME is."""
        ref_time = self.ref_time + other.ref_time
        proof_size = self.proof_size + other.proof_size
        if ref_time > U64_MAX or proof_size > U64_MAX:
            return Weight(min(ref_time, U64_MAX), min(proof_size, U64_MAX))
        return Weight(ref_time, proof_size)

    def __sub__(self, other: "Weight") -> "Weight":
        ref_time = self.ref_time - other.ref_time
        proof_size = self.proof_size - other.proof_size
        if ref_time < 0 or proof_size < 0:
            return Weight(max(ref_time, 0), max(proof_size, 0))
        return Weight(ref_time, proof_size)

    def __mul__(self, factor: int) -> "Weight":
        return Weight(min(self.ref_time * factor, U64_MAX), min(self.proof_size * factor, U64_MAX))

    def meet(self, other: "Weight") -> "Weight":
        """The smaller of each dimension."""
        if self.ref_time <= other.ref_time and self.proof_size <= other.proof_size:
            return self
        return Weight(min(self.ref_time, other.ref_time), min(self.proof_size, other.proof_size))

    def join(self, other: "Weight") -> "Weight":
        """The larger of each dimension."""
        return Weight(max(self.ref_time, other.ref_time), max(self.proof_size, other.proof_size))

    def any_gt(self, other: "Weight") -> bool:
        return self.ref_time > other.ref_time or self.proof_size > other.proof_size

    def all_lte(self, other: "Weight") -> bool:
        return not self.any_gt(other)


ZERO_WEIGHT: Final = Weight(0, 0)


@scale_enum(path="frame_support::dispatch::DispatchClass")
class DispatchClass(IntEnum):
    NORMAL = 0
    OPERATIONAL = 1
    MANDATORY = 2


@scale_enum(path="frame_support::dispatch::Pays")
class Pays(IntEnum):
    YES = 0
    NO = 1


# A member found through its enum costs Python 3.11 as much as two calls.
_YES: Final = Pays.YES
_NO: Final = Pays.NO


@struct(path="sp_weights::RuntimeDbWeight")
class DbWeight:
    """What one read and one write of storage cost, in picoseconds."""

    read: u64
    write: u64

    def of(self, reads: int, writes: int) -> Weight:
        return Weight(reads * self.read + writes * self.write, 0)


# frame/support/src/weights/{rocksdb,paritydb}_weights.rs
ROCKS_DB: Final = DbWeight(read=25_000_000, write=100_000_000)
PARITY_DB: Final = DbWeight(read=8_000_000, write=50_000_000)
FREE_DB: Final = DbWeight(read=0, write=0)


@struct
class Measured:
    """A benchmarked weight: execution, proof, and accesses at the runtime's price."""

    ref_time: int
    proof_size: int = 0
    reads: int = 0
    writes: int = 0

    def under(self, db: DbWeight) -> Weight:
        accesses = self.reads * db.read + self.writes * db.write
        return Weight(min(self.ref_time + accesses, U64_MAX), min(self.proof_size, U64_MAX))

    def plus(self, other: "Measured", times: int = 1) -> "Measured":
        return Measured(
            self.ref_time + other.ref_time * times,
            self.proof_size + other.proof_size * times,
            self.reads + other.reads * times,
            self.writes + other.writes * times,
        )


@struct
class Sloped:
    """A benchmarked weight that grows: by so much for each unit of each component.

    A call's component is named after the parameter that it measures: a number, or a length.
    """

    base: Measured
    each: Mapping[str, Measured]

    def at(self, **components: int) -> Measured:
        weight = self.base
        for name, more in self.each.items():
            weight = weight.plus(more, components[name])
        return weight


CallWeight: TypeAlias = Weight | Measured | Callable[..., Any]
"""A constant, a benchmark, or a function of the pallet and the call's arguments to either."""


@final
class _Weightless(Mapping[str, CallWeight]):
    """Names every call, so that none weighs what unmeasured calls do."""

    def __getitem__(self, name: str) -> CallWeight:
        return Measured(0)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


WEIGHTLESS: Final[Mapping[str, CallWeight]] = _Weightless()
"""The weights of a runtime that charges for none."""


@final
class DispatchInfo:
    """What a call declares before it runs."""

    __slots__ = (
        "_extended",
        "call_weight",
        "dispatch_class",
        "extension_weight",
        "pays_fee",
        "total_weight",
    )

    def __init__(
        self,
        call_weight: Weight,
        dispatch_class: DispatchClass = DispatchClass.NORMAL,
        pays_fee: Pays = Pays.YES,
        extension_weight: Weight = ZERO_WEIGHT,
    ) -> None:
        self.call_weight = call_weight
        self.dispatch_class = dispatch_class
        self.pays_fee = pays_fee
        self.extension_weight = extension_weight
        self.total_weight = (
            call_weight if extension_weight is ZERO_WEIGHT else call_weight + extension_weight
        )
        self._extended: DispatchInfo | None = None

    def with_extensions(self, weight: Weight) -> "DispatchInfo":
        """The same each time for the same weight, as it is for most transactions."""
        known = self._extended
        if known is None or known.extension_weight != weight:
            known = DispatchInfo(self.call_weight, self.dispatch_class, self.pays_fee, weight)
            self._extended = known
        return known

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DispatchInfo)
            and self.total_weight == other.total_weight
            and self.call_weight == other.call_weight
            and self.dispatch_class is other.dispatch_class
            and self.pays_fee is other.pays_fee
        )

    def __hash__(self) -> int:
        return hash((self.total_weight, self.dispatch_class, self.pays_fee))

    def __repr__(self) -> str:
        return (
            f"DispatchInfo({self.total_weight}, {self.dispatch_class.name}, {self.pays_fee.name})"
        )


@struct
class PostInfo:
    """What a call reports after it ran: the weight it really took, and whether it pays."""

    actual_weight: Weight | None = None
    pays_fee: Pays = Pays.YES

    def weight(self, info: DispatchInfo) -> Weight:
        """Never more than was declared."""
        actual, total = self.actual_weight, info.total_weight
        return total if actual is None or actual is total else actual.meet(total)

    def pays(self, info: DispatchInfo) -> Pays:
        return _NO if info.pays_fee is _NO or self.pays_fee is _NO else _YES
