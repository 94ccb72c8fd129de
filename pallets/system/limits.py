"""How much a block may hold: weight and length, by class of call."""

from typing import Annotated, Final

from tilth.frame import (
    DispatchClass,
    TypeName,
    Weight,
    struct,
    u32,
)

# frame/support/src/weights/{block,extrinsic}_weights.rs of stable2503
BASE_BLOCK: Final = Weight(431_614_000, 0)
BASE_EXTRINSIC: Final = Weight(108_157_000, 0)
_T: Final = TypeName("T")
U64_MAX: Final = 2**64 - 1
MEBIBYTE: Final = 1024 * 1024
SECOND: Final = Weight(10**12, U64_MAX)
"""What a block may take of a second, its proof being of any size."""
_NORMAL: Final = DispatchClass.NORMAL
_OPERATIONAL: Final = DispatchClass.OPERATIONAL


@struct(path="frame_support::dispatch::PerDispatchClass", params={"T": Weight})
class WeightPerClass:
    normal: Annotated[Weight, _T]
    operational: Annotated[Weight, _T]
    mandatory: Annotated[Weight, _T]

    def of(self, dispatch_class: DispatchClass) -> Weight:
        return (self.normal, self.operational, self.mandatory)[dispatch_class]

    def with_class(self, dispatch_class: DispatchClass, weight: Weight) -> "WeightPerClass":
        if dispatch_class is _NORMAL:
            return WeightPerClass(weight, self.operational, self.mandatory)
        if dispatch_class is _OPERATIONAL:
            return WeightPerClass(self.normal, weight, self.mandatory)
        return WeightPerClass(self.normal, self.operational, weight)

    @property
    def total(self) -> Weight:
        normal, operational, mandatory = self.normal, self.operational, self.mandatory
        return Weight(
            min(normal.ref_time + operational.ref_time + mandatory.ref_time, U64_MAX),
            min(normal.proof_size + operational.proof_size + mandatory.proof_size, U64_MAX),
        )


@struct(path="frame_system::limits::WeightsPerClass")
class WeightsOfClass:
    base_extrinsic: Weight
    max_extrinsic: Weight | None
    max_total: Weight | None
    reserved: Weight | None


@struct(path="frame_support::dispatch::PerDispatchClass", params={"T": WeightsOfClass})
class LimitsPerClass:
    normal: Annotated[WeightsOfClass, _T]
    operational: Annotated[WeightsOfClass, _T]
    mandatory: Annotated[WeightsOfClass, _T]

    def of(self, dispatch_class: DispatchClass) -> WeightsOfClass:
        return (self.normal, self.operational, self.mandatory)[dispatch_class]


@struct(path="frame_system::limits::BlockWeights")
class BlockWeights:
    base_block: Weight
    max_block: Weight
    per_class: Annotated[LimitsPerClass, TypeName("PerDispatchClass<WeightsPerClass>")]

    @classmethod
    def with_sensible_defaults(
        cls,
        max_block: Weight,
        normal_percent: int = 75,
        *,
        base_block: Weight = BASE_BLOCK,
        base_extrinsic: Weight = BASE_EXTRINSIC,
        initialization_percent: int = 10,
    ) -> "BlockWeights":
        """As frame_system: normal calls get a share, operational the rest too, mandatory anything.

        What a block's initialization is taken to use is left out of what one call may weigh.
        """
        normal = _share(max_block, normal_percent)
        initialization = _share(max_block, initialization_percent)
        return cls(
            base_block,
            max_block,
            LimitsPerClass(
                WeightsOfClass(
                    base_extrinsic, normal - initialization - base_extrinsic, normal, Weight(0, 0)
                ),
                WeightsOfClass(
                    base_extrinsic,
                    max_block - initialization - base_extrinsic,
                    max_block,
                    max_block - normal,
                ),
                WeightsOfClass(base_extrinsic, None, None, None),
            ),
        )


def _share(weight: Weight, percent: int) -> Weight:
    # Perbill multiplication of u64 rounds to the nearest
    return Weight(
        _percent(weight.ref_time, percent),
        _percent(weight.proof_size, percent),
    )


def _percent(value: int, percent: int) -> int:
    billion, parts = 1_000_000_000, percent * 10_000_000
    whole, rest = divmod(value, billion)
    scaled = rest * parts
    rounded = scaled // billion + (scaled % billion > billion // 2)
    return whole * parts + rounded


@struct(path="frame_support::dispatch::PerDispatchClass", params={"T": u32})
class LengthPerClass:
    normal: Annotated[u32, _T]
    operational: Annotated[u32, _T]
    mandatory: Annotated[u32, _T]

    def of(self, dispatch_class: DispatchClass) -> int:
        return (self.normal, self.operational, self.mandatory)[dispatch_class]


@struct(path="frame_system::limits::BlockLength")
class BlockLength:
    max: Annotated[LengthPerClass, TypeName("PerDispatchClass<u32>")]

    @classmethod
    def max_with_normal_ratio(cls, maximum: int, normal_percent: int = 75) -> "BlockLength":
        return cls(LengthPerClass(_percent(maximum, normal_percent), maximum, maximum))
