"""Convolutions over one, two or three spatial axes."""

from collections.abc import Mapping
from math import prod
from typing import Final

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.operators import windows
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
    e, given = tape.emit, [x, weights, *([] if bias is None else [bias])]
    shape = (weights.shape[0], *over.out)
    flops = 2 * weights.size * prod(over.out)
    y = e.make("Conv", *given, shape=shape, flops=flops, group=groups, **over.attributes)

    def slope(dy: Value) -> list[Value]:
        by_bias = [e.reshape(e.reduce("ReduceSum", dy, range(1, len(dy.shape))), shape[:1])]
        by_x = _back(e, dy, weights, x.shape[0], over, groups)
        return [by_x, _by_weights(e, x, dy, weights, over, groups), *by_bias[: len(given) - 2]]

    return tape.record(y, given, slope)


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


def _back(
    e: Emitter, dy: Value, weights: Value, channels: int, over: Windows, groups: int
) -> Value:
    """What a gradient of the windows means for the numbers they cover."""
    return e.make(
        "ConvTranspose",
        dy,
        weights,
        shape=(channels, *over.sizes),
        flops=2 * weights.size * prod(over.out),
        group=groups,
        output_padding=over.rest,
        **over.attributes,
    )


def _by_weights(
    e: Emitter, x: Value, dy: Value, weights: Value, over: Windows, groups: int
) -> Value:
    """For each group, filters × places times places × taps."""
    places = prod(over.out)
    slopes = e.reshape(dy, (groups, weights.shape[0] // groups, places))
    product = e.matmul(slopes, e.swapped(_columns(e, x, over, groups)))
    return e.reshape(product, weights.shape)


def _columns(e: Emitter, x: Value, over: Windows, groups: int) -> Value:
    """What each tap sees at each place: [groups, channels of one · taps, places]."""
    channels, places = x.shape[0], prod(over.out)
    wide = e.padded(x, (0, *over.before), (0, *over.after), 0)
    shape, steps = (channels, *over.out), (1, *over.strides)
    seen = [
        e.reshape(e.cut(wide, (0, *offset), shape, steps), (channels, 1, places))
        for offset in over.offsets()
    ]
    if len(seen) == 1:
        return e.reshape(seen[0], (groups, channels // groups, places))
    every = e.make("Concat", *seen, shape=(channels, len(seen), places), axis=2)
    return e.reshape(every, (groups, channels // groups * len(seen), places))


CONVOLUTION: Final[Mapping[str, Operator]] = {
    "Conv": Operator(_conv, 2, 3, windows.ATTRIBUTES | {"group"}),
}
