"""A fresh graph under construction, the batch always first; it knows what each operator costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tilth.engine.values import (
    Array,
    Element,
    Gradient,
    Kind,
    Shape,
    Value,
    mixed,
    row_shape,
    together,
)
from tilth.v1 import onnx_pb2 as pb

Attribute: TypeAlias = int | float | str | tuple[int, ...]

IR_VERSION: Final = 8  # the oldest that opset 18 needs
OPSET: Final = 18


@dataclass(frozen=True, slots=True)
class _Made:
    operator: str
    inputs: tuple[str, ...]
    attributes: dict[str, Attribute]
    outputs: tuple[Value, ...]
    flops: int


@dataclass(frozen=True, slots=True)
class RowCost:
    """Of one row: floating-point operations, and values held if none were ever freed."""

    flops: int
    values: int


class Emitter:
    """Writes operators; shapes are a row's, and whatever would let rows meet has no method here.

    `batch` is the one size the batch axis will ever have, `float_type` float32 (double only where
    gradients are compared with finite differences).
    """

    def __init__(self, batch: int, float_type: int = pb.TensorProto.FLOAT) -> None:
        self.batch = batch
        self._types = {
            Element.FLOAT: float_type,
            Element.INTEGER: pb.TensorProto.INT64,
            Element.TRUTH: pb.TensorProto.BOOL,
        }
        self._made: list[_Made] = []
        self._inputs: dict[str, Value] = {}
        self._constants: dict[tuple[str, Shape, bytes], Value] = {}
        self._known: dict[tuple[object, ...], tuple[Value, ...]] = {}

    @property
    def dtype(self) -> npt.DTypeLike:
        double = self._types[Element.FLOAT] == pb.TensorProto.DOUBLE
        return np.float64 if double else np.float32

    def rows_input(self, name: str, shape: Shape, element: Element = Element.FLOAT) -> Value:
        return self._inputs.setdefault(name, Value(name, shape, Kind.ROWS, element))

    def alone_input(self, name: str, shape: Shape) -> Value:
        """One row by itself, without a batch."""
        return self._inputs.setdefault(name, Value(name, shape, Kind.PARAMETER))

    def parameter(self, name: str, data: Array) -> Value:
        fresh = Value(name, data.shape, Kind.PARAMETER, trained=True, data=data)
        return self._inputs.setdefault(name, fresh)

    def constant(self, data: Array) -> Value:
        element = _element(data)
        stored = data.astype(self.dtype) if element is Element.FLOAT else data
        key = (stored.dtype.str, stored.shape, stored.tobytes())
        name = f"c{len(self._constants)}"
        fresh = Value(name, stored.shape, Kind.CONSTANT, element, data=stored)
        return self._constants.setdefault(key, fresh)

    def number(self, value: float) -> Value:
        return self.constant(np.asarray(value, self.dtype))

    def integers(self, *values: int) -> Value:
        return self.constant(np.asarray(values, np.int64))

    def make(
        self,
        operator: str,
        *inputs: Value,
        shape: Shape,
        element: Element = Element.FLOAT,
        flops: int | None = None,
        **attributes: Attribute,
    ) -> Value:
        """One operator; its result holds rows as soon as one of its inputs does."""
        outputs = ((shape, element),)
        work = prod(shape) if flops is None else flops
        return self._make(operator, inputs, outputs, work, attributes)[0]

    def make_two(
        self, operator: str, x: Value, *, shape: Shape, flops: int, **attributes: Attribute
    ) -> tuple[Value, Value]:
        """An operator whose second result is of integers."""
        outputs = ((shape, Element.FLOAT), (shape, Element.INTEGER))
        first, second = self._make(operator, (x,), outputs, flops, attributes)
        return first, second

    def map(self, operator: str, x: Value, **attributes: float) -> Value:
        outputs = ((x.shape, x.element),)
        return self._make(operator, (x,), outputs, x.size, dict(attributes))[0]

    def combine(self, operator: str, a: Value, b: Value, element: Element = Element.FLOAT) -> Value:
        return self.make(operator, a, b, shape=broadcast(a, b), element=element)

    def add(self, a: Value, b: Value) -> Value:
        return self.combine("Add", a, b, a.element)

    def sub(self, a: Value, b: Value) -> Value:
        return self.combine("Sub", a, b, a.element)

    def mul(self, a: Value, b: Value) -> Value:
        return self.combine("Mul", a, b, a.element)

    def div(self, a: Value, b: Value) -> Value:
        return self.combine("Div", a, b)

    def scaled(self, x: Value, factor: float) -> Value:
        return x if factor == 1 else self.mul(x, self.number(factor))

    def shifted(self, x: Value, term: float) -> Value:
        return self.add(x, self.number(term))

    def compare(self, operator: str, a: Value, b: Value) -> Value:
        return self.combine(operator, a, b, Element.TRUTH)

    def where(self, condition: Value, then: Value, otherwise: Value) -> Value:
        shape = broadcast(then, otherwise, condition)
        return self.make("Where", condition, then, otherwise, shape=shape, element=then.element)

    def where_positive(self, x: Value, then: Value, otherwise: Value) -> Value:
        return self.where(self.compare("Greater", x, self.number(0)), then, otherwise)

    def cast(self, x: Value, element: Element) -> Value:
        if x.element is element:
            return x
        return self.make("Cast", x, shape=x.shape, element=element, to=self._types[element])

    def reduce(self, operator: str, x: Value, axes: Sequence[int]) -> Value:
        """Over axes of a row, which stay with length one."""
        if not axes:
            return x
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
        named = (axis + x.lead for axis in axes)
        return self.make(operator, x, self.integers(*named), shape=shape, flops=x.size, keepdims=1)

    def reshape(self, x: Value, shape: Shape) -> Value:
        if shape == x.shape:
            return x
        target = self.integers(*((self.batch,) if x.rows else ()), *shape)
        return self.make("Reshape", x, target, shape=shape, element=x.element, flops=0)

    def transpose(self, x: Value, order: Sequence[int]) -> Value:
        """A row's axes in this order."""
        if list(order) == sorted(order):
            return x
        perm = (*range(x.lead), *(i + x.lead for i in order))
        shape = tuple(x.shape[i] for i in order)
        return self.make("Transpose", x, shape=shape, element=x.element, perm=perm)

    def swapped(self, x: Value) -> Value:
        """The last two axes exchanged."""
        rest = range(len(x.shape) - 2)
        return self.transpose(x, [*rest, len(x.shape) - 1, len(x.shape) - 2])

    def expand(self, x: Value, shape: Shape, *, to_rows: bool = False) -> Value:
        """Axes of length one repeated; `to_rows` repeats what is no row for every row."""
        if shape == x.shape and not to_rows:
            return x
        rows = x.rows or to_rows
        target = self.integers(*((self.batch,) if rows else ()), *shape)
        repeated = self._make("Expand", (x, target), ((shape, x.element),), prod(shape), {}, rows)
        return repeated[0]

    def cut(self, x: Value, starts: Sequence[int], shape: Shape, steps: Sequence[int]) -> Value:
        """From each axis of a row `shape` many, from a start, in steps above zero."""
        if shape == x.shape:
            return x
        axes = tuple(range(x.lead, x.lead + len(shape)))
        ends = [s + (n - 1) * step + 1 for s, n, step in zip(starts, shape, steps, strict=True)]
        given = [self.integers(*numbers) for numbers in (starts, ends, axes, steps)]
        return self.make("Slice", x, *given, shape=shape, element=x.element)

    def padded(self, x: Value, before: Sequence[int], after: Sequence[int], fill: float) -> Value:
        """Numbers below zero cut off instead."""
        shape = tuple(n + b + a for n, b, a in zip(x.shape, before, after, strict=True))
        if max(*before, *after, 0) == 0:
            return self.cut(x, [-n for n in before], shape, [1] * len(shape))
        lead = (0,) * x.lead
        pads = self.integers(*lead, *before, *lead, *after)
        return self.make("Pad", x, pads, self.number(fill), shape=shape)

    def matmul(self, a: Value, b: Value) -> Value:
        """Over the last axis of a and the last but one of b; the axes before broadcast."""
        stacked = together(a, b, *(shape[:-2] for shape in _beside([a, b])))
        shape = (*stacked, a.shape[-2], b.shape[-1])
        return self.make("MatMul", a, b, shape=shape, flops=2 * prod(shape) * a.shape[-1])

    def sum_to(self, gradient: Value, operand: Value) -> Value:
        """The gradient of an operand that was broadcast to the gradient's shape."""
        shape = row_shape(operand, len(gradient.shape))
        aligned = (1,) * (len(gradient.shape) - len(shape)) + shape
        axes = [i for i, n in enumerate(aligned) if n == 1 and gradient.shape[i] != 1]
        return self.reshape(self.reduce("ReduceSum", gradient, axes), operand.shape)

    def whole(self, gradient: Gradient) -> Value:
        """Factors multiplied out."""
        if isinstance(gradient, Value):
            return gradient
        left, right = gradient.left, gradient.right
        if len(left.shape) == 2:
            return self.matmul(self.swapped(left), right)
        column = self.reshape(left, (*left.shape, 1))
        return self.mul(column, self.reshape(right, (1, *right.shape)))

    def accumulate(self, total: Gradient | None, more: Gradient) -> Gradient:
        return more if total is None else self.add(self.whole(total), self.whole(more))

    def model(self, outputs: Sequence[Value]) -> tuple[bytes, RowCost]:
        """The graph of exactly what these outputs need, as a file, and what one row costs in it."""
        needed = self._needed({value.name for value in outputs})
        graph = pb.GraphProto(name="tilth", output=[self._info(v) for v in outputs])
        used = {name for made in needed for name in made.inputs} | {v.name for v in outputs}
        graph.input.extend(self._info(v) for v in self._inputs.values() if v.name in used)
        constants = (v for v in self._constants.values() if v.name in used)
        graph.initializer.extend(_tensor(v) for v in constants)
        graph.node.extend(_node(made) for made in needed)
        opset = pb.OperatorSetIdProto(domain="", version=OPSET)
        model = pb.ModelProto(ir_version=IR_VERSION, graph=graph, opset_import=[opset])
        return model.SerializeToString(), _cost(needed)

    def _make(
        self,
        operator: str,
        inputs: Sequence[Value],
        outputs: Sequence[tuple[Shape, Element]],
        flops: int,
        attributes: dict[str, Attribute],
        rows: bool = False,
    ) -> tuple[Value, ...]:
        names = tuple(value.name for value in inputs)
        key = (operator, names, *attributes.items())
        if key not in self._known:
            kind = Kind.ROWS if rows else _kind(inputs)
            trained = any(value.trained for value in inputs)
            made = tuple(
                Value(f"v{len(self._made)}{'i' * at}", shape, kind, element, trained)
                for at, (shape, element) in enumerate(outputs)
            )
            self._made.append(_Made(operator, names, attributes, made, flops))
            self._known[key] = made
        return self._known[key]

    def _needed(self, names: set[str]) -> list[_Made]:
        kept = []
        for made in reversed(self._made):
            if any(output.name in names for output in made.outputs):
                kept.append(made)
                names.update(made.inputs)
        return kept[::-1]

    def _info(self, value: Value) -> pb.ValueInfoProto:
        shape = (self.batch, *value.shape) if value.rows else value.shape
        dims = [pb.TensorShapeProto.Dimension(dim_value=n) for n in shape]
        tensor = pb.TypeProto.Tensor(
            elem_type=self._types[value.element], shape=pb.TensorShapeProto(dim=dims)
        )
        return pb.ValueInfoProto(name=value.name, type=pb.TypeProto(tensor_type=tensor))


def broadcast(*values: Value) -> Shape:
    """One row's shape of an elementwise result; refuses what would align a row with the batch."""
    return together(values[0], values[1], *_beside(values))


def _beside(values: Sequence[Value]) -> list[Shape]:
    """Their shapes without the batch: rows all have as many axes, and nothing else has more."""
    ranks = {len(value.shape) for value in values if value.rows}
    shapes = [row_shape(value, rank) for value in values for rank in [max(ranks, default=-2)]]
    if len(ranks) > 1 or (ranks and any(len(shape) > max(ranks) for shape in shapes)):
        raise mixed(values[0], values[1])
    return shapes


def _kind(inputs: Sequence[Value]) -> Kind:
    kinds = {value.kind for value in inputs}
    return next(kind for kind in Kind if kind in kinds or kind is Kind.CONSTANT)


def _element(data: Array) -> Element:
    kinds = {"f": Element.FLOAT, "i": Element.INTEGER, "b": Element.TRUTH}
    return kinds[data.dtype.kind]


def _cost(made: Sequence[_Made]) -> RowCost:
    values = sum(output.size for m in made for output in m.outputs)
    return RowCost(sum(m.flops for m in made), values)


def _node(made: _Made) -> pb.NodeProto:
    attributes = [_attribute(name, value) for name, value in made.attributes.items()]
    outputs = [output.name for output in made.outputs]
    return pb.NodeProto(
        op_type=made.operator, input=made.inputs, output=outputs, attribute=attributes
    )


def _attribute(name: str, value: Attribute) -> pb.AttributeProto:
    kinds = pb.AttributeProto
    if isinstance(value, tuple):
        return kinds(name=name, type=kinds.INTS, ints=value)
    if isinstance(value, str):
        return kinds(name=name, type=kinds.STRING, s=value.encode())
    if isinstance(value, float):
        return kinds(name=name, type=kinds.FLOAT, f=value)
    return kinds(name=name, type=kinds.INT, i=value)


_TYPES: Final = {
    "f4": pb.TensorProto.FLOAT,
    "f8": pb.TensorProto.DOUBLE,
    "i8": pb.TensorProto.INT64,
    "b1": pb.TensorProto.BOOL,
}


def _tensor(value: Value) -> pb.TensorProto:
    assert value.data is not None, "constants are made with their data"
    data = np.ascontiguousarray(value.data)
    data_type = _TYPES[data.dtype.str[1:]]
    return pb.TensorProto(
        name=value.name, dims=value.shape, data_type=data_type, raw_data=data.tobytes()
    )
