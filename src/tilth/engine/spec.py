"""What is asked of the engine, what it may cost, and what comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from tilth.engine.losses import LOSSES, huber_until
from tilth.engine.outcomes import Reason, Refused
from tilth.primitives.privacy import FULL_BATCH as FULL_BATCH
from tilth.primitives.privacy import MAX_NOISE_MILLI, MAX_STEPS

Indices: TypeAlias = npt.NDArray[np.int64]
Progress: TypeAlias = Callable[[int, int], None]

LOSS_NAMES: Final = tuple(LOSSES)
OPTIMIZERS: Final = ("sgd", "momentum", "adam")
CPU: Final = "cpu"
CUDA: Final = "cuda"
PROVIDERS: Final[Mapping[str, str]] = MappingProxyType(
    {CPU: "CPUExecutionProvider", CUDA: "CUDAExecutionProvider"}
)
SCHEDULES: Final = ("constant", "linear", "cosine")
MICRO: Final = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSpec:
    """How to train. Integers throughout, so that a spec has one hash on every machine.

    `rate_per_billion` is the share of rows drawn for each step (`FULL_BATCH`: every row), clip the
    most one row's gradient may weigh, the noise multiplier relates to it. The learning rate rises
    over the warm-up and then follows the schedule. `frozen` names initializers that stay as they
    are; a star stands for anything. The Huber loss is a straight line from `huber_delta_micro` on.
    """

    loss: str
    steps: int
    learning_rate_micro: int
    clip_micro: int
    noise_multiplier_milli: int
    optimizer: str = "sgd"
    momentum_micro: int = 900_000
    rate_per_billion: int = FULL_BATCH
    max_output_bytes: int = 1 << 24
    schedule: str = "constant"
    warmup_steps: int = 0
    frozen: tuple[str, ...] = ()
    huber_delta_micro: int = MICRO

    def __post_init__(self) -> None:
        _require_one_of("loss", self.loss, LOSS_NAMES)
        _require_one_of("optimizer", self.optimizer, OPTIMIZERS)
        _require_between("steps", self.steps, 1, MAX_STEPS)
        _require_between("learning_rate_micro", self.learning_rate_micro, 1, 10**9)
        _require_between("clip_micro", self.clip_micro, 1, 10**12)
        _require_between("noise_multiplier_milli", self.noise_multiplier_milli, 0, MAX_NOISE_MILLI)
        _require_between("momentum_micro", self.momentum_micro, 0, 999_999)
        _require_between("rate_per_billion", self.rate_per_billion, 1, FULL_BATCH)
        _require_between("max_output_bytes", self.max_output_bytes, 1, 1 << 30)
        _require_one_of("schedule", self.schedule, SCHEDULES)
        _require_between("warmup_steps", self.warmup_steps, 0, self.steps - 1)
        if len(self.frozen) > 256 or any(len(name) > 256 for name in self.frozen):
            raise Refused(Reason.BAD_SPEC, "frozen lists at most 256 names of 256 characters")
        _require_between("huber_delta_micro", self.huber_delta_micro, 1, 10**12)

    @property
    def judged_by(self) -> str:
        """The loss, by the name that says everything about it."""
        return _full_name(self.loss, self.huber_delta_micro)


def suitable_rate(optimizer: str, clip: float) -> float:
    """A learning rate to begin with, for small nets on scaled columns. It knows the optimizer and
    the clip, never the data: where most gradients are clipped a step is as long as their product,
    ten times that with momentum; Adam's steps do not depend on the clip."""
    if optimizer == "adam":
        return 0.05
    return (0.6 if optimizer == "momentum" else 6.0) / max(clip, 0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSpec:
    """How to measure a model on private rows, once. A row's loss counts up to `bound_micro`."""

    loss: str
    noise_multiplier_milli: int
    bound_micro: int = 4_000_000
    huber_delta_micro: int = MICRO

    def __post_init__(self) -> None:
        _require_one_of("loss", self.loss, LOSS_NAMES)
        _require_between("noise_multiplier_milli", self.noise_multiplier_milli, 0, MAX_NOISE_MILLI)
        _require_between("bound_micro", self.bound_micro, 1, 10**12)
        _require_between("huber_delta_micro", self.huber_delta_micro, 1, 10**12)

    @property
    def judged_by(self) -> str:
        """The loss, by the name that says everything about it."""
        return _full_name(self.loss, self.huber_delta_micro)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpec:
    """An author's own graph from one row to a vector, clipped and summed over all rows, once."""

    clip_micro: int
    noise_multiplier_milli: int

    def __post_init__(self) -> None:
        _require_between("clip_micro", self.clip_micro, 1, 10**12)
        _require_between("noise_multiplier_milli", self.noise_multiplier_milli, 0, MAX_NOISE_MILLI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What this owner's machine accepts. `min_noise_milli` zero gives privacy up: tests only."""

    model_bytes: int = 1 << 24
    nodes: int = 2000
    parameters: int = 5_000_000
    row_flops: int = 2 * 10**9
    row_values: int = 1_000_000
    job_flops: int = 10**14
    memory_bytes: int = 1 << 30
    check_seconds: int = 10
    train_seconds: int = 600
    min_noise_milli: int = 100


class Rows(Protocol):
    """A private table as the engine knows it: rows by number, in float32, with their labels."""

    @property
    def count(self) -> int:
        """Public, and the number every step is divided by."""
        ...

    @property
    def features(self) -> int: ...

    def batch(self, indices: Indices) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
        """The rows [n, features] and their labels [n], in the order of the indices."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An accepted model: what it holds, what one row costs, how many bytes would be released."""

    parameters: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    row_flops: int
    row_values: int
    released_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The author's own file with trained weights, and what may be said about how it came to be.

    `privacy_cost` is `tilth.primitives.privacy`'s vector; None if the limits let noise be left out.
    """

    model: bytes
    parameters: int
    steps: int
    rows: int
    noise_multiplier_milli: int
    privacy_cost: tuple[int, ...] | None
    provider: str = CPU


@dataclass(frozen=True, slots=True)
class Measured:
    """A noisy number; the noise's standard deviation is public."""

    value: float
    noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What a model is worth on private rows: `accuracy` where it classifies, and `loss`."""

    metrics: Mapping[str, Measured]
    rows: int
    privacy_cost: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """The noisy mean over all rows of what an author's graph made of each."""

    mean: npt.NDArray[np.float64]
    noise: float
    rows: int
    privacy_cost: tuple[int, ...] | None


def _full_name(loss: str, huber_delta_micro: int) -> str:
    usual = loss != "huber" or huber_delta_micro == MICRO
    return loss if usual else huber_until(huber_delta_micro)


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise Refused(Reason.BAD_SPEC, f"{name} is {value!r}; it is one of {', '.join(allowed)}")


def _require_between(name: str, value: int, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        text = f"{name} is {value!r}; it is an integer from {low} to {high}"
        raise Refused(Reason.BAD_SPEC, text)
