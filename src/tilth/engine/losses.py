"""The losses an author can name: each gives a row's loss and its gradient by the model's output."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

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
    labels: Labels
    loss: Value
    gradient: Value


class Loss(Protocol):
    def judge(self, emit: Emitter, output: Value) -> Judged: ...


class SoftmaxCrossEntropy:
    """Logits [N, K] against class numbers; a number outside 0…K-1 counts as no class at all."""

    def judge(self, emit: Emitter, output: Value) -> Judged:
        if len(output.shape) != 1 or output.size < 2:
            text = f"softmax_cross_entropy takes logits [N, K], K at least 2, not {shown(output)}"
            raise Refused(Reason.NOT_TRAINABLE, text)
        label = emit.rows_input(LABEL, (1,), Element.INTEGER)
        classes = emit.constant(np.arange(output.size, dtype=np.int64))
        chosen = emit.cast(emit.compare("Equal", label, classes), Element.FLOAT)
        logs = emit.make("LogSoftmax", output, shape=output.shape, flops=4 * output.size, axis=1)
        loss = emit.map("Neg", emit.reduce("ReduceSum", emit.mul(chosen, logs), [0]))
        gradient = emit.sub(emit.map("Exp", logs), chosen)
        return Judged(Labels((1,), integer=True), emit.reshape(loss, ()), gradient)


class BinaryCrossEntropy:
    """One logit per output, each against a float label between 0 and 1."""

    def judge(self, emit: Emitter, output: Value) -> Judged:
        label = emit.rows_input(LABEL, output.shape)
        loss = emit.sub(emit.map("Softplus", output), emit.mul(output, label))
        gradient = emit.sub(emit.map("Sigmoid", output), label)
        return Judged(Labels(output.shape, integer=False), _total(emit, loss), gradient)


class MeanSquaredError:
    """The mean over the outputs of a row."""

    def judge(self, emit: Emitter, output: Value) -> Judged:
        label = emit.rows_input(LABEL, output.shape)
        error = emit.sub(output, label)
        loss = emit.mul(emit.mul(error, error), emit.number(1 / output.size))
        gradient = emit.mul(error, emit.number(2 / output.size))
        return Judged(Labels(output.shape, integer=False), _total(emit, loss), gradient)


def _total(emit: Emitter, loss: Value) -> Value:
    return emit.reshape(emit.reduce("ReduceSum", loss, range(len(loss.shape))), ())


LOSSES: Final[Mapping[str, Loss]] = MappingProxyType(
    {
        "softmax_cross_entropy": SoftmaxCrossEntropy(),
        "binary_cross_entropy": BinaryCrossEntropy(),
        "mean_squared_error": MeanSquaredError(),
    }
)
