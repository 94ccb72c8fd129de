"""Operators that take parts of a row, or put rows together from parts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, Final

import numpy as np

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.operators.arithmetic import reshaped
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import Array, Element, Several, Shape, Value, mixed, shown

_FAR: Final = 1 << 40
_MODES: Final = ("constant", "edge", "reflect", "wrap")  # numpy has the same words for them


def _slice(
    tape: Tape,
    node: Node,
    x: Value,
    starts: Value,
    ends: Value,
    axes: Value | None = None,
    steps: Value | None = None,
) -> Value:
    first = node.constant_integers(starts, "list of starts")
    last = node.constant_integers(ends, "list of ends")
    along = node.constant_integers(axes, "list of axes") if axes else tuple(range(len(first)))
    step = node.constant_integers(steps, "list of steps") if steps else (1,) * len(first)
    if not len(first) == len(last) == len(along) == len(step) or 0 in step:
        node.refuse("its lists do not fit together", Reason.MALFORMED)
    for axis, *bounds in zip(along, first, last, step, strict=True):
        x = _sliced(tape, node, x, axis, slice(*bounds))
    return x


def _sliced(tape: Tape, node: Node, x: Value, axis: int, taken: slice) -> Value:
    counted = node.counted(axis, x.rank)
    if x.holds_batch(counted):
        if (taken.start, taken.step) == (0, 1) and taken.stop > _FAR:
            return x
        node.refuse("it takes some rows of the batch", Reason.BATCH_MIXED)
    inner = x.inner(counted)
    chosen = range(x.shape[inner])[taken]
    if not chosen:
        node.refuse(f"it takes nothing of {shown(x)}", Reason.MALFORMED)
    return _chosen(tape, x, inner, chosen)


def _chosen(tape: Tape, x: Value, axis: int, chosen: range) -> Value:
    """Numbers along one axis of a row, at equal distances."""
    if x.fixed and x.data is not None:
        return tape.emit.constant(np.ascontiguousarray(x.data.take(chosen, axis)))
    if chosen.step < 0:
        return _taken(tape, x, axis, np.array(chosen))
    e, start = tape.emit, [0] * len(x.shape)
    steps, shape = [1] * len(x.shape), list(x.shape)
    start[axis], steps[axis], shape[axis] = chosen.start, chosen.step, len(chosen)
    y = e.cut(x, start, tuple(shape), steps)
    if y is x:
        return x

    def slope(dy: Value) -> list[Value]:
        if chosen.step > 1:
            return [_scattered(e, dy, x.shape, axis, np.array(chosen))]
        rest = list(start)
        rest[axis] = x.shape[axis] - chosen.stop
        return [e.padded(dy, start, rest, 0)]

    return tape.record(y, [x], slope).at(x.place)


def _taken(tape: Tape, x: Value, axis: int, indices: Array) -> Value:
    """Numbers along one axis of a row, in any order; `indices` is a list."""
    e = tape.emit
    shape = (*x.shape[:axis], len(indices), *x.shape[axis + 1 :])
    y = e.make(
        "Gather", x, e.integers(*indices), shape=shape, element=x.element, axis=axis + x.lead
    )
    return tape.record(y, [x], lambda dy: [_scattered(e, dy, x.shape, axis, indices)]).at(x.place)


def _scattered(e: Emitter, dy: Value, shape: Shape, axis: int, indices: Array) -> Value:
    """Each slice of dy added to where it was taken from."""
    index = indices.reshape(*(1,) * axis, -1, *(1,) * (len(shape) - axis - 1))
    places = e.constant(index.astype(np.int64)[None])
    everywhere = e.expand(places, dy.shape, to_rows=True)
    empty = e.expand(e.constant(np.zeros((1,) * (len(shape) + 1))), shape, to_rows=True)
    return e.make(
        "ScatterElements", empty, everywhere, dy, shape=shape, axis=axis + 1, reduction="add"
    )


def _gather(tape: Tape, node: Node, x: Value, indices: Value) -> Value:
    if indices.rows:
        return _embedded(tape, node, x, indices)
    axis = node.counted(node.integer("axis", 0), x.rank)
    inner = node.inner(x, axis)
    listed = np.array(node.constant(indices, "list of indices"))
    if listed.dtype.kind != "i" or listed.size > 1 << 16:
        node.refuse("its indices are not integers", Reason.MALFORMED)
    length = x.shape[inner]
    if listed.size and not (-length <= listed.min() and listed.max() < length):
        node.refuse(f"its indices reach beyond {shown(x)}", Reason.MALFORMED)
    y = _picked(tape, x, inner, listed.ravel() % length)
    shape = (*x.shape[:inner], *listed.shape, *x.shape[inner + 1 :])
    if len(shape) > 8:
        node.refuse("its result has more than eight axes", Reason.MALFORMED)
    shift = listed.ndim - 1 if x.rows and axis < x.place.axis else 0
    return reshaped(tape, y, shape, replace(x.place, axis=x.place.axis + shift))


def _picked(tape: Tape, x: Value, axis: int, indices: Array) -> Value:
    if x.fixed and x.data is not None:
        return tape.emit.constant(np.ascontiguousarray(x.data.take(indices, axis)))
    if len(indices) == 1 or (np.diff(indices) == 1).all():
        chosen = range(int(indices[0]), int(indices[-1]) + 1)
        return _chosen(tape, x, axis, chosen)
    return _taken(tape, x, axis, indices)


def _embedded(tape: Tape, node: Node, table: Value, indices: Value) -> Value:
    """A table's rows by numbers of the data. Numbers beyond the table become its nearest row:
    an index that fails would tell of the data."""
    if table.rows:
        node.refuse("it looks rows up in rows", Reason.BATCH_MIXED)
    if node.counted(node.integer("axis", 0), len(table.shape)) or not table.shape:
        node.refuse("it looks rows up along the first axis of a table only")
    if indices.element is not Element.INTEGER:
        node.refuse("its indices are not integers", Reason.MALFORMED)
    e, count = tape.emit, table.shape[0]
    bounded = e.combine("Max", indices, e.constant(np.asarray(0)), Element.INTEGER)
    bounded = e.combine("Min", bounded, e.constant(np.asarray(count - 1)), Element.INTEGER)
    shape = (*indices.shape, *table.shape[1:])
    if indices.place.axis + indices.place.merged > len(indices.shape):
        raise mixed(table, indices)
    y = e.make("Gather", table, bounded, shape=shape, element=table.element, axis=0)

    def slope(dy: Value) -> list[Value]:
        width = table.size // count
        flat = e.reshape(dy, (indices.size, width))
        where = e.expand(e.reshape(bounded, (indices.size, 1)), flat.shape)
        empty = e.expand(e.constant(np.zeros((1, 1, 1))), (count, width), to_rows=True)
        added = e.make(
            "ScatterElements", empty, where, flat, shape=(count, width), axis=1, reduction="add"
        )
        return [e.reshape(added, table.shape)]

    return tape.record(y, [table], slope).at(indices.place)


def _split(tape: Tape, node: Node, x: Value, sizes: Value | None = None) -> tuple[Value, ...]:
    axis = node.axis(x, 0)
    length, count = x.shape[axis], len(node.outputs)
    if sizes is not None:
        widths = node.constant_integers(sizes, "list of sizes")
    elif "split" in node.attributes:
        widths = node.integers("split", ())
    else:
        width = -(-length // node.integer("num_outputs", count))
        widths = (*(width,) * (count - 1), length - width * (count - 1))
    if len(widths) != count:
        node.refuse(f"it has {count} results and {len(widths)} sizes", Reason.MALFORMED)
    return _cut_up(tape, node, x, axis, widths)


def _cut_up(
    tape: Tape, node: Node, x: Value, axis: int, widths: Sequence[int]
) -> tuple[Value, ...]:
    if sum(widths) != x.shape[axis] or min(widths) < 1:
        node.refuse(f"parts of {list(widths)} do not make {x.shape[axis]}", Reason.MALFORMED)
    ends = np.cumsum(widths)
    return tuple(
        _chosen(tape, x, axis, range(int(end) - width, int(end)))
        for end, width in zip(ends, widths, strict=True)
    )


def _split_to_sequence(tape: Tape, node: Node, x: Value, sizes: Value | None = None) -> Several:
    axis = node.axis(x, 0)
    if node.integer("keepdims", 1) != 1:
        node.refuse("it drops the axis that it splits: export with optimize=True")
    length = x.shape[axis]
    given = (1,) if sizes is None else node.constant_integers(sizes, "list of sizes")
    if sizes is not None and sizes.shape:
        widths = given
    else:
        whole, rest = divmod(length, max(1, given[0]))
        widths = (*given * whole, *([rest] if rest else []))
    return Several(_cut_up(tape, node, x, axis, widths))


def _sequence_at(tape: Tape, node: Node, several: Several | Value, position: Value) -> Value:
    if isinstance(several, Value):
        node.refuse("it takes a sequence", Reason.MALFORMED)
    (at,) = node.constant_integers(position, "position") or (0,)
    return several.values[node.counted(at, len(several.values))]


def _concat(tape: Tape, node: Node, *values: Value) -> Value:
    rows = next((value for value in values if value.rows), values[0])
    axis = node.axis(rows, 0)
    if any(value.element is not rows.element for value in values):
        node.refuse("its parts are not of one type", Reason.MALFORMED)
    parts = [_as_rows(tape, node, value, rows) for value in values]
    others = {(*p.shape[:axis], *p.shape[axis + 1 :]) for p in parts}
    if len(others) > 1:
        node.refuse(f"{shown(parts[0])} and {shown(parts[-1])} do not fit", Reason.MALFORMED)
    return _joined(tape, parts, axis).at(rows.place)


def _joined(tape: Tape, parts: Sequence[Value], axis: int) -> Value:
    e = tape.emit
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    y = e.make(
        "Concat",
        *parts,
        shape=tuple(shape),
        element=parts[0].element,
        axis=axis + parts[0].lead,
    )

    def slope(dy: Value) -> list[Value]:
        start, steps, cuts = [0] * len(shape), [1] * len(shape), []
        for part in parts:
            cuts.append(e.cut(dy, list(start), part.shape, steps))
            start[axis] += part.shape[axis]
        return cuts

    return tape.record(y, parts, slope)


def _as_rows(tape: Tape, node: Node, value: Value, rows: Value) -> Value:
    """What holds no rows, repeated for each; the batch axis of what does must be the same."""
    if value.rows == rows.rows:
        if value.rank != rows.rank or (rows.rows and value.place != rows.place):
            raise mixed(rows, value)
        return value
    at = rows.place.axis
    if value.rank != rows.rank or rows.place.merged or value.shape[at] != 1:
        raise mixed(rows, value)
    shape = (*value.shape[:at], *value.shape[at + 1 :])
    e, flat = tape.emit, reshaped(tape, value, shape)
    y = e.expand(flat, shape, to_rows=True)
    return tape.record(y, [flat], lambda dy: [dy]).at(rows.place)


def _pad(
    tape: Tape,
    node: Node,
    x: Value,
    pads: Value,
    fill: Value | None = None,
    axes: Value | None = None,
) -> Value:
    node.require_floats(x)
    mode = node.text("mode", "constant")
    if mode not in _MODES:
        node.refuse("its mode is none that ONNX knows", Reason.MALFORMED)
    given = node.constant_integers(pads, "list of pads")
    along = node.constant_integers(axes, "list of axes") if axes else tuple(range(x.rank))
    if len(given) != 2 * len(along) or any(abs(n) > 1 << 20 for n in given):
        node.refuse(f"its pads do not fit {shown(x)}", Reason.MALFORMED)
    number = float(node.constant(fill, "filling").ravel()[0]) if fill else 0.0
    before, after = [0] * len(x.shape), [0] * len(x.shape)
    for axis, first, last in zip(along, given, given[len(along) :], strict=False):
        if first or last:
            inner = node.inner(x, axis)
            before[inner], after[inner] = first, last
    if mode != "constant":
        return _continued(tape, node, x, before, after, mode)
    return padded(tape, node, x, before, after, number)


def _continued(
    tape: Tape, node: Node, x: Value, before: Sequence[int], after: Sequence[int], mode: Any
) -> Value:
    """Its own numbers repeated beyond the edges."""
    for axis, (first, last) in enumerate(zip(before, after, strict=True)):
        length = x.shape[axis]
        if min(first, last) < 0 or max(first, last) > length - (mode == "reflect"):
            node.refuse(f"its pads are wider than {shown(x)} itself, or below zero")
        if first or last:
            places = np.pad(np.arange(length), (first, last), mode)
            x = _taken(tape, x, axis, places)
    return x


def padded(
    tape: Tape, node: Node, x: Value, before: Sequence[int], after: Sequence[int], fill: float
) -> Value:
    shape = [n + b + a for n, b, a in zip(x.shape, before, after, strict=True)]
    if min(shape, default=1) < 1 or prod(shape) > 1 << 24:
        node.refuse(f"it pads {shown(x)} to {shape}", Reason.MALFORMED)
    e = tape.emit
    y = e.padded(x, before, after, fill)
    if y is x:
        return x

    def slope(dy: Value) -> list[Value]:
        return [e.padded(dy, [-n for n in before], [-n for n in after], 0)]

    return tape.record(y, [x], slope).at(x.place)


PARTS: Final[Mapping[str, Operator]] = {
    "Concat": Operator(_concat, 1, 64, frozenset({"axis"}), open_ended=True),
    "Gather": Operator(_gather, 2, 2, frozenset({"axis"})),
    "Pad": Operator(_pad, 2, 4, frozenset({"mode"}), gaps=frozenset({2})),
    "SequenceAt": Operator(_sequence_at, 2, 2),
    "Slice": Operator(_slice, 3, 5, gaps=frozenset({3})),
    "Split": Operator(_split, 1, 2, frozenset({"axis", "num_outputs", "split"}), many_outputs=True),
    "SplitToSequence": Operator(_split_to_sequence, 1, 2, frozenset({"axis", "keepdims"})),
}
