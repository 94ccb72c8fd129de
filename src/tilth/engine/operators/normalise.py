"""Operators that put a row's values in proportion to each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tilth.engine.node import Node
from tilth.engine.operators.arithmetic import aligned, reshaped
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import Shape, Value, shown


@dataclass(frozen=True, slots=True)
class Shares:
    """Softmax, or its logarithm."""

    logarithmic: bool

    def __call__(self, tape: Tape, node: Node, x: Value) -> Value:
        node.require_floats(x)
        if x.rank == 1 and x.rows:
            node.refuse("[N] has no axis but the batch", Reason.BATCH_MIXED)
        e, axis = tape.emit, node.axis(x, -1)
        y = e.make(node.operator, x, shape=x.shape, flops=4 * x.size, axis=axis + x.lead)

        def slope(dy: Value) -> list[Value]:
            if self.logarithmic:
                return [e.sub(dy, e.mul(e.map("Exp", y), e.reduce("ReduceSum", dy, [axis])))]
            weighted = e.mul(y, dy)
            return [e.sub(weighted, e.mul(y, e.reduce("ReduceSum", weighted, [axis])))]

        return tape.record(y, [x], slope).at(x.place)


def normalised(tape: Tape, x: Value, axes: Sequence[int], epsilon: float) -> Value:
    """(x - mean) / √(variance + ε) over these axes of a row."""
    e = tape.emit
    centred = e.sub(x, e.reduce("ReduceMean", x, axes))
    variance = e.reduce("ReduceMean", e.mul(centred, centred), axes)
    rate = e.map("Reciprocal", e.map("Sqrt", e.shifted(variance, epsilon)))
    y = e.mul(centred, rate)

    def slope(dy: Value) -> list[Value]:
        mean = e.reduce("ReduceMean", dy, axes)
        tilt = e.mul(y, e.reduce("ReduceMean", e.mul(dy, y), axes))
        return [e.mul(e.sub(e.sub(dy, mean), tilt), rate)]

    return tape.record(y, [x], slope).at(x.place)


def proportioned(tape: Tape, x: Value, axes: Sequence[int], epsilon: float) -> Value:
    """x / √(mean of squares + ε) over these axes of a row."""
    e = tape.emit
    square = e.reduce("ReduceMean", e.mul(x, x), axes)
    rate = e.map("Reciprocal", e.map("Sqrt", e.shifted(square, epsilon)))
    y = e.mul(x, rate)

    def slope(dy: Value) -> list[Value]:
        tilt = e.mul(y, e.reduce("ReduceMean", e.mul(dy, y), axes))
        return [e.mul(e.sub(dy, tilt), rate)]

    return tape.record(y, [x], slope).at(x.place)


def scaled_and_shifted(tape: Tape, x: Value, scale: Value, bias: Value | None) -> Value:
    """x·scale + bias, in one step."""
    e = tape.emit
    (x, scale), place = aligned(tape, x, scale)
    scaled = e.mul(x, scale)

    def slope(dy: Value) -> list[Value]:
        return [e.mul(dy, scale), e.sum_to(e.mul(dy, x), scale)]

    tape.record(scaled, [x, scale], slope)
    if bias is None:
        return scaled.at(place)
    (y, bias), place = aligned(tape, scaled.at(place), bias)
    return _plus(tape, y, bias).at(place)


def _plus(tape: Tape, y: Value, bias: Value) -> Value:
    e = tape.emit
    return tape.record(e.add(y, bias), [y, bias], lambda dy: [dy, e.sum_to(dy, bias)])


def _layer_normalization(
    tape: Tape, node: Node, x: Value, scale: Value, bias: Value | None = None
) -> Value:
    axes = _last_axes(node, x, scale, bias)
    normal = normalised(tape, x, axes, node.number("epsilon", 1e-5))
    return scaled_and_shifted(tape, normal, scale, bias)


def _rms_normalization(tape: Tape, node: Node, x: Value, scale: Value) -> Value:
    axes = _last_axes(node, x, scale)
    normal = proportioned(tape, x, axes, node.number("epsilon", 1e-5))
    return scaled_and_shifted(tape, normal, scale, None)


def _last_axes(node: Node, x: Value, scale: Value, bias: Value | None = None) -> range:
    node.require_rows(x)
    node.require_floats(x, scale)
    first = node.axis(x, -1)
    if x.place.axis >= node.counted(node.integer("axis", -1), x.rank):
        node.refuse("it normalises over the batch", Reason.BATCH_MIXED)
    for weights in (scale, bias):
        if weights is not None and (weights.rows or not _fits(weights.shape, x.shape[first:])):
            text = f"scale and bias have the shape {list(x.shape[first:])}, not {shown(weights)}"
            node.refuse(text)
    return range(first, len(x.shape))


def _fits(shape: Shape, normal: Shape) -> bool:
    return len(shape) <= len(normal) and all(
        n in (1, m) for n, m in zip(shape[::-1], normal[::-1], strict=False)
    )


def _instance_normalization(tape: Tape, node: Node, x: Value, scale: Value, bias: Value) -> Value:
    _require_channels(node, x, scale, bias)
    spatial = range(1, len(x.shape))
    normal = normalised(tape, x, spatial, node.number("epsilon", 1e-5))
    return _by_channel(tape, normal, scale, bias)


def _group_normalization(tape: Tape, node: Node, x: Value, scale: Value, bias: Value) -> Value:
    node.require_batch_first(x)
    node.require_floats(x, scale, bias)
    groups = node.integer("num_groups", 0)
    if len(x.shape) < 1 or not 1 <= groups <= x.shape[0] or x.shape[0] % groups:
        node.refuse(f"{groups} groups do not divide the channels of {shown(x)}", Reason.MALFORMED)
    grouped = reshaped(tape, x, (groups, x.size // groups))
    normal = normalised(tape, grouped, [1], node.number("epsilon", 1e-5))
    by_group = node.opset < 21  # until then scale and bias had one number for each group
    if by_group and scale.shape == bias.shape == (groups,):
        columns = [reshaped(tape, value, (groups, 1)) for value in (scale, bias)]
        return reshaped(tape, scaled_and_shifted(tape, normal, *columns), x.shape)
    _require_channels(node, x, scale, bias)
    return _by_channel(tape, reshaped(tape, normal, x.shape), scale, bias)


def _batch_normalization(
    tape: Tape, node: Node, x: Value, scale: Value, bias: Value, mean: Value, variance: Value
) -> Value:
    """With the statistics it was given, which stay as they are: those of the batch mix rows."""
    if node.integer("training_mode", 0):
        text = "it would take statistics over rows: use GroupNorm, or export with model.eval()"
        node.refuse(text, Reason.BATCH_MIXED)
    _require_channels(node, x, scale, bias, mean, variance)
    e, epsilon = tape.emit, node.number("epsilon", 1e-5)
    given = [value.data for value in (mean, variance) if value.data is not None]
    if len(given) != 2:
        node.refuse("its mean and variance are not stored in the file")
    rate = (1 / np.sqrt(given[1].astype(np.float64).clip(0) + epsilon)).astype(np.float32)
    kept = (e.constant(given[0]), e.constant(rate))
    centre, rates = (_column(tape, value, len(x.shape)) for value in kept)
    normal = e.mul(e.sub(x, centre), rates)
    tape.record(normal, [x], lambda dy: [e.mul(dy, rates)])
    return _by_channel(tape, normal, scale, bias)


def _require_channels(node: Node, x: Value, *weights: Value) -> None:
    node.require_batch_first(x)
    node.require_floats(x, *weights)
    if not x.shape:
        node.refuse(f"{shown(x)} has no channels", Reason.MALFORMED)
    for value in weights:
        if value.rows or value.shape != x.shape[:1]:
            node.refuse(f"it takes one number for each channel of {shown(x)}, not {shown(value)}")


def _by_channel(tape: Tape, x: Value, scale: Value, bias: Value) -> Value:
    columns = [_column(tape, value, len(x.shape)) for value in (scale, bias)]
    return scaled_and_shifted(tape, x, *columns)


def _column(tape: Tape, value: Value, rank: int) -> Value:
    return reshaped(tape, value, (*value.shape, *(1,) * (rank - 1)))


NORMALISE: Final[Mapping[str, Operator]] = {
    "BatchNormalization": Operator(
        _batch_normalization,
        5,
        5,
        frozenset({"epsilon", "momentum", "training_mode"}),
        ignored_outputs=4,
    ),
    "GroupNormalization": Operator(
        _group_normalization, 3, 3, frozenset({"epsilon", "num_groups", "stash_type"})
    ),
    "InstanceNormalization": Operator(_instance_normalization, 3, 3, frozenset({"epsilon"})),
    "LayerNormalization": Operator(
        _layer_normalization,
        2,
        3,
        frozenset({"axis", "epsilon", "stash_type"}),
        ignored_outputs=2,
    ),
    "LogSoftmax": Operator(Shares(logarithmic=True), attributes=frozenset({"axis"})),
    "RMSNormalization": Operator(
        _rms_normalization, 2, 2, frozenset({"axis", "epsilon", "stash_type"})
    ),
    "Softmax": Operator(Shares(logarithmic=False), attributes=frozenset({"axis"})),
}
