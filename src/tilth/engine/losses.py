"""The losses an author can name: each gives a row's loss and its gradient by the model's output."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

import numpy as np

from tilth.engine.graph import Emitter
from tilth.engine.outcomes import Reason, Refused
from tilth.engine.values import Element, Shape, Value, shown

LABEL: Final = "y"


@dataclass(frozen=True, slots=True)
class Labels:
    """What stands beside each row: a class number, or floats in the shape of the output."""

    shape: Shape
    integer: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """Of each row; `right` is one where the output says what the label says, if it can."""

    labels: Labels
    loss: Value
    gradient: Value
    right: Value | None


class Loss(Protocol):
    """How far a row's output is from its label."""

    @property
    def classifies(self) -> bool:
        """Whether an output is right or wrong, so that accuracy can be told."""
        ...

    def judge(self, emit: Emitter, output: Value) -> Judged: ...


@dataclass(frozen=True, slots=True)
class SoftmaxCrossEntropy:
    """Logits [N, K] against class numbers; a number outside 0…K-1 counts as no class at all."""

    classifies: bool = True

    def judge(self, emit: Emitter, output: Value) -> Judged:
        if len(output.shape) != 1 or output.size < 2:
            text = f"softmax_cross_entropy takes logits [N, K], K at least 2, not {shown(output)}"
            raise Refused(Reason.NOT_TRAINABLE, text)
        label = emit.rows_input(LABEL, (1,), Element.INTEGER)
        classes = emit.constant(np.arange(output.size, dtype=np.int64))
        named = emit.compare("Equal", label, classes)
        chosen = emit.cast(named, Element.FLOAT)
        logs = emit.make("LogSoftmax", output, shape=output.shape, flops=4 * output.size, axis=1)
        loss = emit.map("Neg", emit.reduce("ReduceSum", emit.mul(chosen, logs), [0]))
        gradient = emit.sub(emit.map("Exp", logs), chosen)
        own = emit.reduce("ReduceMax", emit.where(named, output, emit.number(-np.inf)), [0])
        right = emit.compare("GreaterOrEqual", own, emit.reduce("ReduceMax", output, [0]))
        return Judged(
            Labels((1,), integer=True),
            emit.reshape(loss, ()),
            gradient,
            emit.reshape(emit.cast(right, Element.FLOAT), ()),
        )


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy:
    """One logit per output, each against a float label between 0 and 1."""

    classifies: bool = True

    def judge(self, emit: Emitter, output: Value) -> Judged:
        label = emit.rows_input(LABEL, output.shape)
        loss = emit.sub(emit.map("Softplus", output), emit.mul(output, label))
        gradient = emit.sub(emit.map("Sigmoid", output), label)
        said = emit.compare("Greater", output, emit.number(0))
        meant = emit.compare("Greater", label, emit.number(0.5))
        right = emit.cast(emit.compare("Equal", said, meant), Element.FLOAT)
        share = emit.scaled(_total(emit, right), 1 / output.size)
        return Judged(Labels(output.shape, integer=False), _total(emit, loss), gradient, share)


Distance: TypeAlias = Callable[[Emitter, Value, Value], tuple[Value, Value]]


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over a row's outputs of a distance, given with its slope by the output."""

    distance: Distance
    classifies: bool = False

    def judge(self, emit: Emitter, output: Value) -> Judged:
        label = emit.rows_input(LABEL, output.shape)
        loss, slope = self.distance(emit, output, label)
        share = 1 / output.size
        total = emit.scaled(_total(emit, loss), share)
        return Judged(Labels(output.shape, integer=False), total, emit.scaled(slope, share), None)


def _square(emit: Emitter, output: Value, label: Value) -> tuple[Value, Value]:
    error = emit.sub(output, label)
    return emit.mul(error, error), emit.scaled(error, 2)


def _huber(delta: float, emit: Emitter, output: Value, label: Value) -> tuple[Value, Value]:
    """Half the square up to delta, from there on a straight line of slope delta."""
    error = emit.sub(output, label)
    size = emit.map("Abs", error)
    near = emit.compare("Less", size, emit.number(delta))
    far = emit.scaled(emit.shifted(size, -delta / 2), delta)
    loss = emit.where(near, emit.scaled(emit.mul(error, error), 0.5), far)
    return loss, emit.where(near, error, emit.scaled(emit.map("Sign", error), delta))


def _poisson(emit: Emitter, output: Value, label: Value) -> tuple[Value, Value]:
    """The output is the logarithm of the rate; what does not depend on it is left out."""
    rate = emit.map("Exp", output)
    return emit.sub(rate, emit.mul(label, output)), emit.sub(rate, label)


def _total(emit: Emitter, loss: Value) -> Value:
    return emit.reshape(emit.reduce("ReduceSum", loss, range(len(loss.shape))), ())


LOSSES: Final[Mapping[str, Loss]] = MappingProxyType(
    {
        "softmax_cross_entropy": SoftmaxCrossEntropy(),
        "binary_cross_entropy": BinaryCrossEntropy(),
        "mean_squared_error": Mean(_square),
        "huber": Mean(partial(_huber, 1.0)),
        "poisson": Mean(_poisson),
    }
)


def huber_until(delta_micro: int) -> str:
    """The name by which the Huber loss with another delta is known."""
    return f"huber:{delta_micro}"


def loss_called(name: str) -> Loss:
    """The loss of a name: one of the list, or one that `huber_until` made."""
    kind, _, delta_micro = name.partition(":")
    return Mean(partial(_huber, int(delta_micro) / 1e6)) if delta_micro else LOSSES[kind]
