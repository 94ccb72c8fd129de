"""How a buyer wants a model trained, and trying it out where nothing costs anything."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar

from tilth.pallets.compute.work import Loss, Optimizer, Schedule, TrainSpec
from tilth.primitives import privacy
from tilth.primitives.types import H256
from tilth.sdk.terms import micro, pico
from tilth.sdk.wire import BILLION, MICRO, JobSpec

if TYPE_CHECKING:
    from tilth.engine import Checked
    from tilth.engine import TrainSpec as EngineSpec
    from tilth.vault import Schema, Table

E = TypeVar("E", bound=IntEnum)

_ROOM: Final = 4096
"""How many bytes a trained model may be larger than the one that was sent."""


@dataclass(frozen=True, slots=True)
class Mock:
    """A synthetic twin of a private table, as its owner published it."""

    schema: "Schema"
    csv: bytes

    @property
    def table(self) -> "Table":
        """Its rows; raises TableError where they do not fit the schema."""
        from tilth.vault import table_from_csv

        return table_from_csv(self.csv, self.schema)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a job will be like: nobody's rows were used."""

    model: bytes
    params: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What to spend, and how: the noise is the least that keeps the run within `epsilon`.

    `clip` bounds the norm of one row's gradient; `sampling` is the share of rows drawn for each
    step, 1 for all of them. `freeze` names weights that stay as they are, a star standing for
    anything. The learning rate rises over the warm-up and then follows the schedule; `momentum`
    is also Adam's β₁; the Huber loss is a straight line from `huber_delta` on.
    """

    epsilon: float
    steps: int = 40
    learning_rate: float = 0.3
    clip: float = 0.5
    loss: str = "softmax_cross_entropy"
    optimizer: str = "momentum"
    sampling: float = 1.0
    freeze: Sequence[str] = ()
    momentum: float = 0.9
    schedule: str = "constant"
    warmup: int = 0
    huber_delta: float = 1.0

    def __post_init__(self) -> None:
        _member(Loss, self.loss, "loss")
        _member(Optimizer, self.optimizer, "optimizer")
        _member(Schedule, self.schedule, "schedule")

    def noise_multiplier(self, delta: float = 1e-5) -> float:
        """The noise's standard deviation in units of `clip`, at δ."""
        return self._noise_milli(pico(delta)) / 1000

    def train_spec(self, delta_pico: int) -> TrainSpec:
        """In integers; raises ValueError where no noise keeps the run within ε."""
        return TrainSpec(
            loss=_member(Loss, self.loss, "loss"),
            optimizer=_member(Optimizer, self.optimizer, "optimizer"),
            steps=self.steps,
            learning_rate_micro=round(self.learning_rate * MICRO),
            clip_micro=round(self.clip * MICRO),
            noise_multiplier_milli=self._noise_milli(delta_pico),
            sampling_ppb=round(self.sampling * BILLION),
            frozen=tuple(self.freeze),
            momentum_micro=round(self.momentum * MICRO),
            schedule=_member(Schedule, self.schedule, "schedule"),
            warmup_steps=self.warmup,
            huber_delta_micro=round(self.huber_delta * MICRO),
        )

    def job_spec(
        self,
        dataset: int,
        model: bytes,
        *,
        key: bytes,
        params: int,
        delta_pico: int,
        max_output_bytes: int | None = None,
    ) -> JobSpec:
        """The job that trains the model by this plan and seals it to the X25519 key."""
        return JobSpec(
            dataset=dataset,
            model=H256(sha256(model).digest()),
            model_bytes=len(model),
            params=params,
            work=self.train_spec(delta_pico),
            max_output_bytes=max_output_bytes or len(model) + _ROOM,
            result_key=key,
        )

    def rehearse(self, model: bytes, mock: Mock, *, delta: float = 1e-5) -> Rehearsal:
        """Train on the mock on this machine; raises what would end the job there.

        What it learns means nothing: the mock's labels are drawn without regard to its features.
        """
        from tilth.engine import Engine
        from tilth.vault import PrivateTable

        spec, begun = self.engine_spec(pico(delta), len(model) + _ROOM), time.perf_counter()
        with Engine(unconfined_ok=True) as engine:  # the caller's own model
            trained = engine.train(model, spec, PrivateTable(mock.table))
        return Rehearsal(trained.model, trained.parameters, time.perf_counter() - begun)

    def count_params(self, model: bytes) -> int:
        """How many numbers of the model training changes; raises what makes it no such model."""
        return self.check(model).parameters

    def check(self, model: bytes) -> "Checked":
        """What the engine thinks of the model; raises what would end the job there."""
        from tilth.engine import Engine

        with Engine(unconfined_ok=True) as engine:  # the caller's own model
            return engine.check(model, self.engine_spec(pico(1e-5), len(model) + _ROOM))

    def engine_spec(self, delta_pico: int, max_output_bytes: int) -> "EngineSpec":
        """The same plan for an engine of one's own."""
        from tilth.engine import TrainSpec as EngineSpec

        spec = self.train_spec(delta_pico)
        return EngineSpec(
            loss=self.loss,
            optimizer=self.optimizer,
            steps=spec.steps,
            learning_rate_micro=spec.learning_rate_micro,
            clip_micro=spec.clip_micro,
            noise_multiplier_milli=spec.noise_multiplier_milli,
            rate_per_billion=spec.sampling_ppb,
            max_output_bytes=max_output_bytes,
            schedule=self.schedule,
            frozen=spec.frozen,
            momentum_micro=spec.momentum_micro,
            warmup_steps=spec.warmup_steps,
            huber_delta_micro=spec.huber_delta_micro,
        )

    def _noise_milli(self, delta_pico: int) -> int:
        sampling = round(self.sampling * BILLION)
        return privacy.noise_for(micro(self.epsilon), delta_pico, sampling, self.steps)


def _member(kind: type[E], name: str, what: str) -> E:
    try:
        return kind[name.upper()]
    except KeyError:
        names = ", ".join(member.name.lower() for member in kind)
        raise ValueError(f"{name!r} is no {what}; choose one of {names}") from None
