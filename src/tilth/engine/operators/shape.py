"""Operators that arrange a row's values anew and keep every row whole."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Final

import numpy as np

from tilth.engine.node import Node
from tilth.engine.operators.arithmetic import reshaped
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import (
    FIRST,
    SIZES,
    Shape,
    Value,
    mixed,
    regrouped,
    regrouped_statically,
    shown,
)

MOST_AXES: Final = 8


def _reshape(tape: Tape, node: Node, x: Value, target: Value) -> Value:
    wanted = [_listed(node, numbers) for numbers in _both(node, target)]
    batch = node.static_batch
    if x.rows and batch is not None and target.twin is None:
        once = _resolved(node, wanted[0], x.full(batch))
        if once is not None:
            return reshaped(tape, x, *regrouped_statically(x, once, batch))
    pairs = zip(wanted, SIZES, strict=True)
    one, other = (_resolved(node, dims, x.full(size)) for dims, size in pairs)
    if one is None or other is None:
        text = f"{shown(x)} as {list(wanted[0])} does not keep every row whole"
        node.refuse(text, Reason.BATCH_MIXED if x.rows else Reason.MALFORMED)
    return _arranged(tape, node, x, one, other)


def _arranged(tape: Tape, node: Node, x: Value, one: Shape, other: Shape) -> Value:
    """The author's shape becomes these at the two batch sizes."""
    if not x.rows and one != other:
        node.refuse(f"{shown(x)} takes a shape that follows the batch", Reason.BATCH_MIXED)
    if len(one) > MOST_AXES:
        node.refuse(f"a tensor has at most {MOST_AXES} axes", Reason.MALFORMED)
    if not x.rows:
        return reshaped(tape, x, one)
    return reshaped(tape, x, *regrouped(x, one, other))


def _both(node: Node, value: Value) -> tuple[np.ndarray, np.ndarray]:
    if not value.fixed or value.data is None or value.data.dtype.kind != "i":
        node.refuse("its shape is not a constant of integers")
    return value.data, value.data if value.twin is None else value.twin


def _listed(node: Node, numbers: np.ndarray) -> tuple[int, ...]:
    if numbers.ndim != 1 or numbers.size > MOST_AXES:
        node.refuse("its shape is a list of at most eight integers", Reason.MALFORMED)
    return tuple(int(n) for n in numbers)


def _resolved(node: Node, target: Sequence[int], full: Shape) -> Shape | None:
    """The target with its zeros copied and its -1 worked out; None if it does not hold as many."""
    zeros_are_copies = node.integer("allowzero", 0) == 0
    dims = [
        full[i] if n == 0 and zeros_are_copies and i < len(full) else n
        for i, n in enumerate(target)
    ]
    if any(n < -1 or n == 0 for n in dims) or dims.count(-1) > 1:
        node.refuse(f"nothing has the shape {list(target)}", Reason.MALFORMED)
    rest = prod(n for n in dims if n != -1)
    if -1 in dims and prod(full) % rest == 0:
        dims[dims.index(-1)] = prod(full) // rest
    return tuple(dims) if prod(dims) == prod(full) else None


def _flatten(tape: Tape, node: Node, x: Value) -> Value:
    axis = node.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        node.refuse(f"axis {axis} is outside a tensor of rank {x.rank}", Reason.MALFORMED)
    at = axis + x.rank if axis < 0 else axis
    fulls = [x.full(size) for size in SIZES]
    one, other = ((prod(full[:at]), prod(full[at:])) for full in fulls)
    return _arranged(tape, node, x, one, other)


def _squeeze(tape: Tape, node: Node, x: Value, axes: Value | None = None) -> Value:
    given = _axes(node, axes)
    full = x.full(SIZES[0])
    gone = {
        node.counted(axis, x.rank) for axis in given or [i for i, n in enumerate(full) if n == 1]
    }
    if any(full[axis] != 1 for axis in gone):
        node.refuse(f"axes {list(given)} of {shown(x)} have not length one", Reason.BATCH_MIXED)
    fulls = [x.full(size) for size in SIZES]
    one, other = (tuple(n for i, n in enumerate(dims) if i not in gone) for dims in fulls)
    return _arranged(tape, node, x, one, other)


def _unsqueeze(tape: Tape, node: Node, x: Value, axes: Value | None = None) -> Value:
    given = _axes(node, axes)
    rank = x.rank + len(given)
    fresh = {node.counted(axis, rank) for axis in given}
    if len(fresh) != len(given) or not given:
        node.refuse("its axes are not different ones", Reason.MALFORMED)
    fulls = [iter(x.full(size)) for size in SIZES]
    one, other = (tuple(1 if i in fresh else next(dims) for i in range(rank)) for dims in fulls)
    return _arranged(tape, node, x, one, other)


def _axes(node: Node, axes: Value | None) -> tuple[int, ...]:
    if axes is None:
        return node.integers("axes", ())
    return node.constant_integers(axes, "list of axes")


def _transpose(tape: Tape, node: Node, x: Value) -> Value:
    order = node.integers("perm", tuple(range(x.rank))[::-1])
    if sorted(order) != list(range(x.rank)):
        node.refuse(f"{list(order)} is no order of the axes of {shown(x)}", Reason.MALFORMED)
    place = replace(x.place, axis=order.index(x.place.axis)) if x.rows else FIRST
    moved = [x.inner(a) for a in order if x.place.merged or not x.holds_batch(a)]
    return transposed(tape, x, moved).at(place)


def transposed(tape: Tape, x: Value, order: Sequence[int]) -> Value:
    """A row's axes in another order; a matrix of weights passes factors on, turned."""
    e, back = tape.emit, [order.index(i) for i in range(len(order))]
    if x.fixed and x.data is not None:
        return e.constant(np.ascontiguousarray(x.data.transpose(order)))
    y = e.transpose(x, order)
    if y is x:
        return x
    turned = (lambda outer: outer.turned) if _is_matrix(x) else None
    return tape.record(y, [x], lambda dy: [e.transpose(dy, back)], of_factors=turned)


def _is_matrix(x: Value) -> bool:
    return len(x.shape) == 2 and not x.rows


def _expand(tape: Tape, node: Node, x: Value, target: Value) -> Value:
    wanted = [_listed(node, numbers) for numbers in _both(node, target)]
    if not x.rows:
        return _spread(tape, node, x, *wanted)
    try:
        fulls = [
            np.broadcast_shapes(x.full(size), dims)
            for size, dims in zip(SIZES, wanted, strict=True)
        ]
    except ValueError:
        fulls = [_statically(node, x, wanted[0], size) for size in SIZES]
    place = replace(x.place, axis=x.place.axis + len(fulls[0]) - x.rank)
    inner = list(fulls[0])
    if fulls[0][place.axis] != x.full(SIZES[0])[x.place.axis]:
        raise mixed(x, target)
    if place.merged:
        inner[place.axis] //= SIZES[0]
    else:
        del inner[place.axis]
    return repeated(tape, x, tuple(inner)).at(place)


def _statically(node: Node, x: Value, target: Sequence[int], size: int) -> Shape:
    """For a file that fixes its batch: there the target says that number, here it says any."""
    at = x.place.axis + len(target) - x.rank
    if at < 0 or target[at] != node.static_batch or x.place.merged:
        node.refuse(f"{shown(x)} does not broadcast to {list(target)}", Reason.BATCH_MIXED)
    dims = (*target[:at], 1, *target[at + 1 :])
    try:
        return np.broadcast_shapes(x.full(size), dims)
    except ValueError:
        node.refuse(f"{shown(x)} does not broadcast to {list(target)}", Reason.MALFORMED)


def repeated(tape: Tape, x: Value, shape: Shape) -> Value:
    """Axes of length one of a row made longer."""
    e = tape.emit
    lengthened = reshaped(tape, x, (*(1,) * (len(shape) - len(x.shape)), *x.shape), x.place)
    y = e.expand(lengthened, shape)
    if y is not lengthened:
        tape.record(y, [lengthened], lambda dy: [e.sum_to(dy, lengthened)])
    return y


def _spread(tape: Tape, node: Node, x: Value, one: Sequence[int], other: Sequence[int]) -> Value:
    """What holds no rows; along the batch it keeps length one, as broadcasting repeats it there."""
    target = tuple(n if n == m else 1 for n, m in zip(one, other, strict=True))
    try:
        shape = np.broadcast_shapes(x.shape, target)
    except ValueError:
        node.refuse(f"{shown(x)} does not broadcast to {list(one)}", Reason.MALFORMED)
    if prod(shape) > 1 << 24:
        node.refuse(f"it makes {prod(shape)} numbers", Reason.TOO_LARGE)
    if x.fixed and x.data is not None:
        return tape.emit.constant(np.ascontiguousarray(np.broadcast_to(x.data, shape)))
    return repeated(tape, x, shape)


SHAPE: Final[Mapping[str, Operator]] = {
    "Expand": Operator(_expand, 2, 2),
    "Flatten": Operator(_flatten, attributes=frozenset({"axis"})),
    "Reshape": Operator(_reshape, 2, 2, frozenset({"allowzero"})),
    "Squeeze": Operator(_squeeze, 1, 2, frozenset({"axes"})),
    "Transpose": Operator(_transpose, attributes=frozenset({"perm"})),
    "Unsqueeze": Operator(_unsqueeze, 1, 2, frozenset({"axes"})),
}
