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
            return [_untiled(e, share, x, over)]
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


def _untiled(e: Emitter, share: Value, x: Value, over: Windows) -> Value:
    """Each window's share for all of its numbers, zero for those that no window reaches."""
    channels, out = share.shape[0], over.out
    column = [n for size in out for n in (size, 1)]
    spread = [n for size, k in zip(out, over.kernel, strict=True) for n in (size, k)]
    wide = e.expand(e.reshape(share, (channels, *column)), (channels, *spread))
    reached = tuple(size * k for size, k in zip(out, over.kernel, strict=True))
    none = (0,) * (len(out) + 1)
    return e.padded(e.reshape(wide, (channels, *reached)), none, (0, *over.rest), 0)


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
