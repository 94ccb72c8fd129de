"""The options of `tilth job` that several commands share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from tilth.cli.clients import GRPC, URL, Grpc, Key, Url, Yes
from tilth.sdk.plans import TrainingPlan

Loss = Literal[
    "softmax_cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber", "poisson"
]
Optimizer = Literal["sgd", "momentum", "adam"]
Schedule = Literal["constant", "linear", "cosine"]
Names = Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)]
Numbers = Annotated[list[float] | None, Parameter(negative="", consume_multiple=True)]
Flag = Annotated[bool, Parameter(negative="")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How to train."""

    steps: int = 40
    """How many; each adds noise."""

    learning_rate: float = 0.3
    """Of the optimizer."""

    clip: float = 0.5
    """The most that one row's gradient may weigh."""

    loss: Loss | None = None
    """As the model's answer says, if not named."""

    sampling: float = 1.0
    """The share of rows drawn for each step."""

    optimizer: Optimizer = "momentum"
    """Adam wants a learning rate of about 0.01."""

    schedule: Schedule = "constant"
    """How the learning rate falls."""

    warmup: int = 0
    """Over how many steps it rises first."""

    freeze: Annotated[list[str], Parameter(negative="", consume_multiple=True)] = field(
        default_factory=list[str]
    )
    """Weights that stay as they are; a star stands for anything."""

    def plan(self, epsilon: float) -> TrainingPlan:
        return TrainingPlan(
            epsilon=epsilon,
            steps=self.steps,
            learning_rate=self.learning_rate,
            clip=self.clip,
            sampling=self.sampling,
            optimizer=self.optimizer,
            schedule=self.schedule,
            warmup=self.warmup,
            freeze=tuple(self.freeze),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Buying:
    """Who orders, and on which terms."""

    key: Key = None
    max_price: float | None = None
    """Order nothing above so many whole tokens."""

    tip: float = 0
    """Whole tokens for the worker, on top of its fee."""

    out: Path | None = None
    """Where the result goes; without it a model is written beside the one that was sent."""

    detach: Flag = False
    """Do not wait: `tilth job result` opens it later."""

    yes: Yes = False
    url: Url = URL
    grpc: Grpc = GRPC
