"""Pools: the greatest number of each window, or the mean."""

from collections.abc import Mapping
from math import prod
from typing import Any, Final

import numpy as np

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.operators import windows
from tilth.engine.operators.rule import Operator
from tilth.engine.operators.windows import Windows
from tilth.engine.tape import Tape
from tilth.engine.values import Array, Element, Value


def _max_pool(tape: Tape, node: Node, x: Value) -> Value:
    over = windows.over(node, x, node.integers("kernel_shape", ()))
    if node.integer("storage_order", 0):
        node.refuse("its storage order is by column")
    risen = tape.risen(x)
    if risen is not None:  # the greatest first: then there are fewer numbers to bend
        return risen.again(_max_pool(tape, node, risen.x))
    if over.tiles:
        return _tiled_max(tape, x, over)
    e, shape = tape.emit, (x.shape[0], *over.out)
    flops = over.taps * prod(shape)
    y, winners = e.make_two("MaxPool", x, shape=shape, flops=flops, **over.attributes)

    def slope(dy: Value) -> list[Value]:
        # ONNX counts winners through the whole batch; the remainder is a place within their row,
        # whatever the runtime says of windows without a greatest number
        size = e.constant(np.asarray(x.size))
        places = e.combine("Mod", e.reshape(winners, (y.size,)), size, Element.INTEGER)
        empty = e.expand(e.constant(np.zeros((1, 1))), (x.size,), to_rows=True)
        flat = e.reshape(dy, (y.size,))
        many: dict[str, Any] = {} if over.apart else {"reduction": "add"}
        routed = e.make("ScatterElements", empty, places, flat, shape=(x.size,), axis=1, **many)
        return [e.reshape(routed, x.shape)]

    return tape.record(y, [x], slope)


def _tiled_max(tape: Tape, x: Value, over: Windows) -> Value:
    """Without the places of the winners, which cost ten times the pool: whatever equals its
    window's greatest shares the gradient, as at other extremes."""
    e, shape = tape.emit, (x.shape[0], *over.out)
    plain: dict[str, Any] = {"kernel_shape": over.kernel, "strides": over.strides}
    y = e.make("MaxPool", x, shape=shape, flops=over.taps * prod(shape), **plain)
    reached = tuple(o * k for o, k in zip(over.out, over.kernel, strict=True))

    def slope(dy: Value) -> list[Value]:
        seen = e.cut(x, [0] * len(x.shape), (x.shape[0], *reached), [1] * len(x.shape))
        wins = e.cast(e.compare("Equal", seen, _spread(e, y, over)), Element.FLOAT)
        share = e.div(dy, _totals(e, wins, over))
        return [_to_the_edge(e, e.mul(wins, _spread(e, share, over)), over)]

    return tape.record(y, [x], slope)


def _spread(e: Emitter, windows_: Value, over: Windows) -> Value:
    """Each window's number for all of its taps. Along the last axes by a product with zeros and
    ones, along the others by repeating whole planes, since the runtime's own ways are slow."""
    channels, out, kernel = windows_.shape[0], over.out, over.kernel
    flat = e.reshape(windows_, (windows_.size // out[-1], out[-1]))
    spread = e.matmul(flat, e.constant(_taps(over)))
    size = spread.shape[-1]
    for axis in reversed(range(len(out) - 2)):
        size *= out[axis + 1]
        planes = e.reshape(spread, (channels * prod(out[: axis + 1]), 1, size))
        shape = (planes.shape[0], kernel[axis], size)
        spread = e.make("Concat", *[planes] * kernel[axis], shape=shape, axis=2)
        size *= kernel[axis]
    return e.reshape(spread, (channels, *(o * k for o, k in zip(out, kernel, strict=True))))


def _totals(e: Emitter, taps: Value, over: Windows) -> Value:
    """The sum over each window's taps: `_spread` the other way."""
    shape = (taps.shape[0], *over.out)
    if len(over.out) > 2:
        plain: dict[str, Any] = {"kernel_shape": over.kernel, "strides": over.strides}
        mean = e.make("AveragePool", taps, shape=shape, flops=taps.size, **plain)
        return e.scaled(mean, over.taps)
    sums = _taps(over).T
    return e.reshape(
        e.matmul(e.reshape(taps, (prod(shape[:-1]), len(sums))), e.constant(sums)), shape
    )


def _taps(over: Windows) -> Array:
    """For each window of a line its taps, in the lines that it covers one after the other."""
    return np.tile(
        np.repeat(np.eye(over.out[-1]), over.kernel[-1], axis=1), prod(over.kernel[-2:-1])
    )


def _to_the_edge(e: Emitter, reached: Value, over: Windows) -> Value:
    """With zeros for what no window reaches."""
    return e.padded(reached, (0,) * len(reached.shape), (0, *over.rest), 0)


def _average_pool(tape: Tape, node: Node, x: Value) -> Value:
    over = windows.over(node, x, node.integers("kernel_shape", ()))
    e, shape = tape.emit, (x.shape[0], *over.out)
    counted = _counted(over, everywhere=node.integer("count_include_pad", 0) == 1)
    kernel = e.constant(np.ones((x.shape[0], 1, *over.kernel)))
    flops = over.taps * prod(shape)
    attributes = {"group": x.shape[0], **over.attributes}
    if over.padded or max(over.dilations) > 1:
        total = e.make("Conv", x, kernel, shape=shape, flops=flops, **attributes)
        y = e.mul(total, e.constant(1 / counted))
    else:
        plain: dict[str, Any] = {"kernel_shape": over.kernel, "strides": over.strides}
        y = e.make("AveragePool", x, shape=shape, flops=flops, **plain)

    def slope(dy: Value) -> list[Value]:
        share = e.mul(dy, e.constant(1 / counted))
        if over.tiles:
            return [_to_the_edge(e, _spread(e, share, over), over)]
        rest = over.rest
        return [
            e.make(
                "ConvTranspose",
                share,
                kernel,
                shape=x.shape,
                flops=flops,
                output_padding=rest,
                **attributes,
            )
        ]

    return tape.record(y, [x], slope)


def _counted(over: Windows, *, everywhere: bool) -> Array:
    """By how many numbers each window's sum is divided: those of the row, or all of its own."""
    counts = np.ones((), np.float64)
    for axis, size in enumerate(over.sizes):
        starts = np.arange(over.out[axis]) * over.strides[axis] - over.before[axis]
        taps = np.arange(over.kernel[axis]) * over.dilations[axis]
        places = starts[:, None] + taps
        inside = ((places >= 0) & (places < size)) | everywhere
        counts = counts[..., None] * inside.sum(1)
    return np.maximum(counts, 1)[None]


_POOL: Final = windows.ATTRIBUTES | {"ceil_mode"}

POOLING: Final[Mapping[str, Operator]] = {
    "AveragePool": Operator(_average_pool, attributes=_POOL | {"count_include_pad"}),
    "MaxPool": Operator(_max_pool, attributes=_POOL | {"storage_order"}, ignored_outputs=1),
}
