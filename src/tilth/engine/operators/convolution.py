"""Convolutions over one, two or three spatial axes.

For each row's gradient by the weights it takes what every tap sees. Where the weights are trained
that serves the values too: as a product of matrices they cost less than the runtime's convolution.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Final, Protocol

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.operators import lines, windows
from tilth.engine.operators.rule import Operator
from tilth.engine.operators.windows import Windows
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import Value, shown


def _conv(tape: Tape, node: Node, x: Value, weights: Value, bias: Value | None = None) -> Value:
    groups = _groups(node, x, weights, bias)
    kernel = weights.shape[2:]
    if node.integers("kernel_shape", kernel) != kernel:
        node.refuse("its kernel_shape is not that of its weights", Reason.MALFORMED)
    over = windows.over(node, x, kernel)
    e = tape.emit
    by_lines = weights.trained and groups == 1 and lines.pays(x, weights, over)
    way: Way = (
        lines.Lines(e, x, weights, over) if by_lines else _Columns(e, x, weights, over, groups)
    )
    y = e.reshape(way.values(), (weights.shape[0], *over.out))
    tape.record(y, [x, weights], lambda dy: [way.by_x(dy), way.by_weights(dy)])
    if bias is None:
        return y
    return _with_bias(tape, y, bias)


def _with_bias(tape: Tape, y: Value, bias: Value) -> Value:
    e = tape.emit
    total = e.add(y, e.reshape(bias, (*bias.shape, *(1,) * (len(y.shape) - 1))))
    tape.rise(total, y, lambda other: _with_bias(tape, other, bias))
    return tape.record(total, [y, bias], lambda dy: [dy, _by_bias(e, dy)])


def _by_bias(e: Emitter, dy: Value) -> Value:
    return e.reshape(e.reduce("ReduceSum", dy, range(1, len(dy.shape))), dy.shape[:1])


class Way(Protocol):
    """How a convolution is computed, and how its gradients come back."""

    def values(self) -> Value: ...
    def by_x(self, dy: Value) -> Value: ...
    def by_weights(self, dy: Value) -> Value: ...


@dataclass(frozen=True, slots=True)
class _Columns:
    """What every tap sees, copied side by side."""

    emit: Emitter
    x: Value
    weights: Value
    over: Windows
    groups: int

    def values(self) -> Value:
        e, over, weights = self.emit, self.over, self.weights
        if weights.trained and self.groups == 1:
            kernel = e.reshape(weights, (weights.shape[0], weights.size // weights.shape[0]))
            seen = self._seen()
            return e.matmul(kernel, e.reshape(seen, seen.shape[1:]))
        flops, shape = 2 * weights.size * prod(over.out), (weights.shape[0], *over.out)
        attributes = {"group": self.groups, **over.attributes}
        return e.make("Conv", self.x, weights, shape=shape, flops=flops, **attributes)

    def by_x(self, dy: Value) -> Value:
        """What a gradient of the windows means for the numbers they cover."""
        return self.emit.make(
            "ConvTranspose",
            dy,
            self.weights,
            shape=self.x.shape,
            flops=2 * self.weights.size * prod(self.over.out),
            group=self.groups,
            output_padding=self.over.rest,
            **self.over.attributes,
        )

    def by_weights(self, dy: Value) -> Value:
        """For each group, filters × places times places × taps."""
        e, places = self.emit, prod(self.over.out)
        slopes = e.reshape(dy, (self.groups, self.weights.shape[0] // self.groups, places))
        product = e.matmul(slopes, e.swapped(self._seen()))
        return e.reshape(product, self.weights.shape)

    def _seen(self) -> Value:
        """[groups, channels of one · taps, places]"""
        e, over, channels, groups = self.emit, self.over, self.x.shape[0], self.groups
        places = prod(over.out)
        wide = e.padded(self.x, (0, *over.before), (0, *over.after), 0)
        shape, steps = (channels, *over.out), (1, *over.strides)
        seen = [
            e.reshape(e.cut(wide, (0, *offset), shape, steps), (channels, 1, places))
            for offset in over.offsets()
        ]
        if len(seen) == 1:
            return e.reshape(seen[0], (groups, channels // groups, places))
        every = e.make("Concat", *seen, shape=(channels, len(seen), places), axis=2)
        return e.reshape(every, (groups, channels // groups * len(seen), places))


def _groups(node: Node, x: Value, weights: Value, bias: Value | None) -> int:
    node.require_batch_first(x)
    node.require_floats(x, weights, *([] if bias is None else [bias]))
    groups = node.integer("group", 1)
    if weights.rows or (bias is not None and bias.rows):
        node.refuse("its kernel holds rows: rows would be multiplied", Reason.BATCH_MIXED)
    if len(weights.shape) != len(x.shape) + 1 or len(x.shape) < 2 or groups < 1:
        node.refuse(f"{shown(x)} does not fit a kernel {shown(weights)}", Reason.MALFORMED)
    channels, filters = x.shape[0], weights.shape[0]
    if weights.shape[1] * groups != channels or filters % groups:
        node.refuse(f"{shown(x)} does not fit a kernel {shown(weights)}", Reason.MALFORMED)
    if bias is not None and bias.shape != (filters,):
        node.refuse(f"it takes one bias for each of {filters} filters", Reason.MALFORMED)
    return groups


CONVOLUTION: Final[Mapping[str, Operator]] = {
    "Conv": Operator(_conv, 2, 3, windows.ATTRIBUTES | {"group"}),
}
