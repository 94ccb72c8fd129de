"""Arithmetic of the author's constants, done once at compile time.

Exporters compute shapes and masks from the shape of the data. A constant that depends on the batch
size is computed for two sizes, so that it is plain which of its numbers follow the batch.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.outcomes import Reason, Refused
from tilth.engine.values import SIZES, Array, Kind, Several, Value

Fold: TypeAlias = Callable[..., Any]

MOST_NUMBERS: Final = 1 << 23


def folded(emit: Emitter, node: Node, inputs: Sequence[Value | Several | None]) -> Value | None:
    """The node's value where it follows from constants alone."""
    if node.operator == "Constant":
        return emit.constant(stored(_given(node)))
    if node.operator in ("Shape", "Size") and isinstance(inputs[0], Value):
        return _measured(emit, node, inputs[0])
    given = [i for i in inputs if i is None or (isinstance(i, Value) and i.fixed)]
    if node.operator not in FOLDS or len(given) < len(inputs):
        return None
    if node.operator in ("ConstantOfShape", "Expand"):
        given[-1] = _broadcastable(emit, given[-1])
    one = _computed(node, [None if i is None else i.data for i in given])
    if all(i is None or i.twin is None for i in given):
        return emit.constant(one)
    other = _computed(node, [None if i is None else _second(i) for i in given])
    return _twins(emit, node, one, other)


def _broadcastable(emit: Emitter, shape: Value | None) -> Value | None:
    """A shape with length one along the batch: what is the same for every row is stored once."""
    if shape is None or shape.twin is None or shape.data is None:
        return shape
    return emit.constant(np.where(shape.data == shape.twin, shape.data, 1))


def twins(emit: Emitter, one: Array, other: Array) -> Value:
    """A constant that is one thing at the first of the two batch sizes, another at the second."""
    plain = emit.constant(one)
    if np.array_equal(one, other):
        return plain
    name = f"{plain.name}t"
    return Value(name, one.shape, Kind.CONSTANT, plain.element, data=one, twin=other)


def _twins(emit: Emitter, node: Node, one: Array, other: Array) -> Value:
    if one.shape != other.shape:
        node.refuse("it makes a constant that is as long as the batch", Reason.BATCH_MIXED)
    return twins(emit, one, other)


def _second(value: Value) -> Array | None:
    return value.data if value.twin is None else value.twin


def _measured(emit: Emitter, node: Node, x: Value) -> Value:
    one, other = (np.array(x.full(size), np.int64) for size in SIZES)
    if node.operator == "Size":
        return twins(emit, np.array(one.prod()), np.array(other.prod()))
    part = slice(node.integer("start", 0), node.integer("end", x.rank))
    return twins(emit, one[part], other[part])


def _computed(node: Node, arrays: Sequence[Array | None]) -> Array:
    try:
        with np.errstate(all="ignore"):
            return stored(np.asarray(FOLDS[node.operator](node, *arrays)))
    except (ValueError, TypeError, IndexError, ZeroDivisionError, OverflowError):
        node.refuse("its constants do not fit together", Reason.MALFORMED)


def stored(array: Array) -> Array:
    """In one of the three types that constants have here."""
    kinds = {"f": np.float64, "i": np.int64, "u": np.int64, "b": np.bool_}
    if array.dtype.kind not in kinds or array.size > MOST_NUMBERS or array.ndim > 8:
        text = f"it makes a constant of shape {list(array.shape)}, type {array.dtype}"
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)
    return array.astype(kinds[array.dtype.kind])


def _given(node: Node) -> Array:
    forms = {"value": None, "value_float": np.float32, "value_floats": np.float32,
             "value_int": np.int64, "value_ints": np.int64}  # fmt: skip
    if len(node.attributes) != 1 or not node.attributes.keys() <= forms.keys():
        node.refuse("it holds one number, one list of numbers or one tensor")
    ((name, given),) = node.attributes.items()
    return np.asarray(given, forms[name])


def _bounded(shape: Sequence[int] | Array) -> tuple[int, ...]:
    dims = tuple(int(n) for n in shape)
    if len(dims) > 8 or any(n < 0 for n in dims) or prod(dims) > MOST_NUMBERS:
        raise ValueError("too large")
    return dims


def _divided(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    quotient = np.abs(a) // np.abs(b)  # ONNX rounds towards zero
    return np.asarray(quotient * np.sign(a) * np.sign(b))


def _axes(node: Node, axes: Array | None) -> tuple[int, ...]:
    return node.integers("axes", ()) if axes is None else tuple(int(a) for a in axes.ravel())


def _squeezed(node: Node, x: Array, axes: Array | None = None) -> Array:
    return np.squeeze(x, _axes(node, axes) or None)


def _unsqueezed(node: Node, x: Array, axes: Array | None = None) -> Array:
    return np.expand_dims(x, _axes(node, axes))


def _reshaped(node: Node, x: Array, shape: Array) -> Array:
    keep = node.integer("allowzero", 0) == 0
    return x.reshape([x.shape[i] if n == 0 and keep else int(n) for i, n in enumerate(shape)])


def _sliced(
    node: Node,
    x: Array,
    starts: Array,
    ends: Array,
    axes: Array | None = None,
    steps: Array | None = None,
) -> Array:
    along = range(len(starts)) if axes is None else axes.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    parts = [slice(None)] * x.ndim
    for axis, start, end, step in zip(along, starts.tolist(), ends.tolist(), strides, strict=True):
        parts[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(parts)]


def _ranged(node: Node, start: Array, limit: Array, step: Array) -> Array:
    count = np.ceil((limit - start) / step).item()
    _bounded([max(0, int(count))])
    return np.arange(start.item(), limit.item(), step.item())


def _filled(node: Node, shape: Array) -> Any:
    value = node.attributes.get("value", np.zeros(1, np.float32))
    return np.full(_bounded(shape), np.asarray(value).ravel()[0])


def _spread(node: Node, x: Array, shape: Array) -> Array:
    return np.broadcast_to(x, _bounded(np.broadcast_shapes(x.shape, _bounded(shape))))


def _tiled(node: Node, x: Array, repeats: Array) -> Array:
    _bounded([n * int(r) for n, r in zip(x.shape, repeats, strict=True)])
    return np.tile(x, repeats)


def _triangle(node: Node, x: Array, k: Array | None = None) -> Array:
    diagonal = 0 if k is None else int(k.item())
    return np.triu(x, diagonal) if node.integer("upper", 1) else np.tril(x, diagonal)


def _gathered(node: Node, x: Array, indices: Array) -> Array:
    return x.take(indices, node.integer("axis", 0))


def _cast(node: Node, x: Array, *like: Array) -> Array:
    types = {1: np.float32, 10: np.float32, 11: np.float32, 6: np.int64, 7: np.int64, 9: np.bool_}
    if like:
        return x.astype(like[0].dtype)
    return x.astype(types[node.integer("to", 0)])


def _reduced(of: Callable[..., Any]) -> Fold:
    def fold(node: Node, x: Array, axes: Array | None = None) -> Any:
        return of(x, axis=_axes(node, axes) or None, keepdims=bool(node.integer("keepdims", 1)))

    return fold


def _plain(function: Callable[..., Any]) -> Fold:
    return lambda node, *arrays: function(*arrays)


FOLDS: Final[Mapping[str, Fold]] = {
    "Abs": _plain(np.abs),
    "Add": _plain(np.add),
    "And": _plain(np.logical_and),
    "Cast": _cast,
    "CastLike": _cast,
    "Ceil": _plain(np.ceil),
    "Concat": lambda node, *parts: np.concatenate(parts, node.integer("axis", 0)),
    "ConstantOfShape": _filled,
    "Cos": _plain(np.cos),
    "CumSum": lambda node, x, axis: np.cumsum(x, int(axis.item())),
    "Div": _plain(_divided),
    "Equal": _plain(np.equal),
    "Exp": _plain(np.exp),
    "Expand": _spread,
    "Floor": _plain(np.floor),
    "Gather": _gathered,
    "Greater": _plain(np.greater),
    "GreaterOrEqual": _plain(np.greater_equal),
    "Less": _plain(np.less),
    "LessOrEqual": _plain(np.less_equal),
    "Log": _plain(np.log),
    "Max": lambda node, *parts: np.max(np.broadcast_arrays(*parts), 0),
    "Min": lambda node, *parts: np.min(np.broadcast_arrays(*parts), 0),
    "Mod": _plain(np.mod),
    "Mul": _plain(np.multiply),
    "Neg": _plain(np.negative),
    "Not": _plain(np.logical_not),
    "Or": _plain(np.logical_or),
    "Pow": _plain(np.power),
    "Range": _ranged,
    "Reciprocal": _plain(np.reciprocal),
    "ReduceMax": _reduced(np.max),
    "ReduceMean": _reduced(np.mean),
    "ReduceMin": _reduced(np.min),
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "Reshape": _reshaped,
    "Sin": _plain(np.sin),
    "Slice": _sliced,
    "Sqrt": _plain(np.sqrt),
    "Squeeze": _squeezed,
    "Sub": _plain(np.subtract),
    "Tile": _tiled,
    "Transpose": lambda node, x: x.transpose(node.integers("perm", range(x.ndim)[::-1])),
    "Trilu": _triangle,
    "Unsqueeze": _unsqueezed,
    "Where": _plain(np.where),
}
