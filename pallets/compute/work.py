"""What a job may do with the rows: train a model, measure one, tell of columns, or say it all."""

from enum import IntEnum
from typing import Annotated, Final, TypeAlias

from tilth.frame import H256, Bounded, Fixed, Path, i64, struct, u16, u32

X25519Key: TypeAlias = Annotated[bytes, Fixed(32)]
Weight: TypeAlias = Annotated[str, Bounded(64)]
Frozen: TypeAlias = Annotated[tuple[Weight, ...], Bounded(16)]
MAX_EDGES: Final = 257
MICRO: Final = 10**6
Edges: TypeAlias = Annotated[tuple[i64, ...], Bounded(MAX_EDGES)]


class Loss(IntEnum):
    SOFTMAX_CROSS_ENTROPY = 0
    BINARY_CROSS_ENTROPY = 1
    MEAN_SQUARED_ERROR = 2
    HUBER = 3
    POISSON = 4


class Optimizer(IntEnum):
    SGD = 0
    MOMENTUM = 1
    ADAM = 2


class Schedule(IntEnum):
    """How the learning rate goes on after the warm-up, through which it rises evenly."""

    CONSTANT = 0
    LINEAR = 1
    COSINE = 2


@struct(name="Train")
class TrainSpec:
    """How to train; `sampling_ppb` is the share of rows drawn for a step, 10⁹ for every row.

    Noise zero means none, which only a spec that the owner has listed may ask for. `frozen` names
    weights that stay as they are, a star standing for anything. Momentum is also Adam's β₁; from
    its delta on the Huber loss is a straight line. Both are in millionths.
    """

    loss: Loss
    optimizer: Optimizer
    steps: u32
    learning_rate_micro: u32
    clip_micro: u32
    noise_multiplier_milli: u32
    sampling_ppb: u32
    frozen: Frozen = ()
    momentum_micro: u32 = 900_000
    schedule: Schedule = Schedule.CONSTANT
    warmup_steps: u32 = 0
    huber_delta_micro: u32 = MICRO


@struct(name="Evaluate")
class EvaluateSpec:
    """How to measure a model once; a row's loss counts up to the bound."""

    loss: Loss
    noise_multiplier_milli: u32
    bound_micro: u32
    huber_delta_micro: u32 = MICRO


@struct
class Mean:
    """Of a column between bounds, in millionths; no column is the label."""

    column: u16 | None
    low_micro: i64
    high_micro: i64


@struct
class Histogram:
    """Shares of the rows between neighbouring edges, in millionths."""

    column: u16 | None
    edges_micro: Edges


@struct
class Quantiles:
    """Found on a declared grid, in millionths; shares of the rows in 1000ths."""

    column: u16 | None
    edges_micro: Edges
    shares_milli: Annotated[tuple[u16, ...], Bounded(16)]


Question: TypeAlias = Annotated[
    Mean | Histogram | Quantiles, Path("pallet_compute::pallet::Question")
]


@struct(name="Statistics")
class StatisticsSpec:
    """Questions that one noisy sum answers together."""

    questions: Annotated[tuple[Question, ...], Bounded(16)]
    noise_multiplier_milli: u32


@struct(name="Infer")
class InferSpec:
    """The model's outputs for every private row, as they are: the owner has listed this spec."""


Work: TypeAlias = Annotated[
    TrainSpec | EvaluateSpec | StatisticsSpec | InferSpec, Path("pallet_compute::pallet::Work")
]
KINDS: Final = (TrainSpec, EvaluateSpec, StatisticsSpec, InferSpec)
"""In the order in which owners' policies number them."""


@struct
class Acceptance:
    """The least share of right answers, in millionths, on public rows stored as a .npz file.

    Another worker of the dataset can measure it again, so that a requester may dispute a model.
    """

    evaluation: H256
    threshold_ppm: u32


@struct
class JobSpec:
    """Everything that will run. The model is named by the sha2-256 of its file, which is stored as
    content; a secret one is sealed to the worker once it has claimed. Statistics have none.
    `max_output_bytes` bounds the result before it is sealed to the one-time result key.
    """

    dataset: u32
    model: H256
    model_bytes: u32
    params: u32
    work: Work
    max_output_bytes: u32
    result_key: X25519Key
    secret_model: bool = False
    acceptance: Acceptance | None = None
