"""A fresh graph under construction: values that know which axis is the batch, and who made them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tilth.engine.outcomes import Reason, Refused
from tilth.v1 import onnx_pb2 as pb

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Attribute: TypeAlias = int | float | tuple[int, ...]

IR_VERSION: Final = 8  # the oldest that opset 18 needs
OPSET: Final = 18
_TAKE_INTEGERS: Final = ("Equal", "ReduceMean", "ReduceSum", "Reshape")


class Kind(Enum):
    ROWS = "rows"
    PARAMETER = "parameter"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor. The shape of `ROWS` is one row's: the batch axis before it is never written."""

    name: str
    shape: Shape
    kind: Kind
    trained: bool = False
    data: Array | None = None

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def integer(self) -> bool:
        return self.data is not None and self.data.dtype.kind == "i"


@dataclass(frozen=True, slots=True)
class Outer:
    """A gradient kept as two factors: for each row, left ⊗ right."""

    left: Value
    right: Value


Gradient: TypeAlias = Value | Outer


@dataclass(frozen=True, slots=True)
class _Made:
    operator: str
    inputs: tuple[str, ...]
    attributes: dict[str, Attribute]
    output: Value
    flops: int


class Emitter:
    """Writes operators and works out shapes; refuses whatever would let rows meet.

    `batch` is the one size the batch axis will ever have, `element` the float type (double only
    where gradients are compared with finite differences).
    """

    def __init__(self, batch: int, element: int = pb.TensorProto.FLOAT) -> None:
        self.batch = batch
        self.element = element
        self._made: list[_Made] = []
        self._inputs: dict[str, pb.ValueInfoProto] = {}
        self._constants: dict[tuple[str, Shape, bytes], Value] = {}
        self._known: dict[tuple[object, ...], Value] = {}

    def rows_input(self, name: str, shape: Shape, element: int | None = None) -> Value:
        value = Value(name, shape, Kind.ROWS)
        self._declare(value, self.element if element is None else element)
        return value

    def parameter(self, name: str, data: Array) -> Value:
        value = Value(name, data.shape, Kind.PARAMETER, trained=True, data=data)
        self._declare(value, self.element)
        return value

    def constant(self, data: Array) -> Value:
        key = (data.dtype.str, data.shape, data.tobytes())
        fresh = Value(f"c{len(self._constants)}", data.shape, Kind.CONSTANT, data=data)
        return self._constants.setdefault(key, fresh)

    def number(self, value: float) -> Value:
        return self.constant(np.asarray(value, self.dtype))

    def integers(self, *values: int) -> Value:
        return self.constant(np.asarray(values, np.int64))

    def rows(
        self,
        operator: str,
        *inputs: Value,
        shape: Shape,
        flops: int | None = None,
        **attributes: Attribute,
    ) -> Value:
        """Write one operator whose result has the batch axis first."""
        work = prod(shape) if flops is None else flops
        return self._make(operator, inputs, shape, Kind.ROWS, work, attributes)

    def transposed(self, matrix: Value) -> Value:
        """A parameter or constant matrix, transposed."""
        shape = matrix.shape[::-1]
        return self._make("Transpose", (matrix,), shape, matrix.kind, matrix.size, {"perm": (1, 0)})

    def map(self, operator: str, x: Value, **attributes: Attribute) -> Value:
        return self._make(operator, (x,), x.shape, Kind.ROWS, x.size, attributes)

    def combine(self, operator: str, a: Value, b: Value) -> Value:
        return self.rows(operator, a, b, shape=broadcast(a, b))

    def add(self, a: Value, b: Value) -> Value:
        return self.combine("Add", a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self.combine("Sub", a, b)

    def mul(self, a: Value, b: Value) -> Value:
        return self.combine("Mul", a, b)

    def div(self, a: Value, b: Value) -> Value:
        return self.combine("Div", a, b)

    def where_positive(self, x: Value, then: Value, otherwise: Value) -> Value:
        condition = self.combine("Greater", x, self.number(0))
        return self.rows("Where", condition, then, otherwise, shape=x.shape)

    def cast(self, x: Value) -> Value:
        return self.map("Cast", x, to=self.element)

    def reduce(self, operator: str, x: Value, axes: Sequence[int]) -> Value:
        """Sum or mean over axes of a row, which stay with length one."""
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
        axes_input = self.integers(*(axis + 1 for axis in axes))
        return self.rows(operator, x, axes_input, shape=shape, flops=x.size, keepdims=1)

    def reshape(self, x: Value, shape: Shape) -> Value:
        if shape == x.shape:
            return x
        return self.rows("Reshape", x, self.integers(self.batch, *shape), shape=shape)

    def sum_to(self, gradient: Value, operand: Value) -> Value:
        """The gradient of an operand that was broadcast to the gradient's shape."""
        shape = row_shape(operand, len(gradient.shape))
        aligned = (1,) * (len(gradient.shape) - len(shape)) + shape
        axes = [i for i, n in enumerate(aligned) if n == 1 and gradient.shape[i] != 1]
        summed = self.reduce("ReduceSum", gradient, axes) if axes else gradient
        return self.reshape(summed, shape)

    def accumulate(self, total: Value | None, more: Value) -> Value:
        return more if total is None else self.add(total, more)

    def model(self, outputs: Sequence[Value]) -> tuple[bytes, "RowCost"]:
        """The graph of exactly what these outputs need, as a file, and what one row costs in it."""
        needed = self._needed({value.name for value in outputs})
        graph = pb.GraphProto(name="tilth", output=[self._info(v) for v in outputs])
        used = {name for made in needed for name in made.inputs} | {v.name for v in outputs}
        graph.input.extend(info for name, info in self._inputs.items() if name in used)
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
        shape: Shape,
        kind: Kind,
        flops: int,
        attributes: dict[str, Attribute],
    ) -> Value:
        if operator not in _TAKE_INTEGERS and any(value.integer for value in inputs):
            raise Refused(Reason.FORM_NOT_SUPPORTED, "it is applied to integers")
        names = tuple(value.name for value in inputs)
        key = (operator, names, *attributes.items())
        if key not in self._known:
            trained = any(value.trained for value in inputs)
            output = Value(f"v{len(self._made)}", shape, kind, trained)
            self._made.append(_Made(operator, names, attributes, output, flops))
            self._known[key] = output
        return self._known[key]

    def _needed(self, names: set[str]) -> list[_Made]:
        kept = []
        for made in reversed(self._made):
            if made.output.name in names:
                kept.append(made)
                names.update(made.inputs)
        return kept[::-1]

    def _declare(self, value: Value, element: int) -> None:
        self._inputs[value.name] = self._info(value, element)

    def _info(self, value: Value, element: int | None = None) -> pb.ValueInfoProto:
        shape = (self.batch, *value.shape) if value.kind is Kind.ROWS else value.shape
        dims = [pb.TensorShapeProto.Dimension(dim_value=n) for n in shape]
        tensor = pb.TypeProto.Tensor(
            elem_type=self.element if element is None else element,
            shape=pb.TensorShapeProto(dim=dims),
        )
        return pb.ValueInfoProto(name=value.name, type=pb.TypeProto(tensor_type=tensor))

    @property
    def dtype(self) -> npt.DTypeLike:
        return np.float64 if self.element == pb.TensorProto.DOUBLE else np.float32


@dataclass(frozen=True, slots=True)
class RowCost:
    """Of one row: floating-point operations, and values held if none were ever freed."""

    flops: int
    values: int


def row_shape(operand: Value, rank: int) -> Shape:
    """The operand's shape beside the axes of one row; a leading 1 on the batch axis falls away."""
    if operand.kind is not Kind.ROWS and len(operand.shape) == rank + 1:
        return operand.shape[1:]
    return operand.shape


def broadcast(a: Value, b: Value) -> Shape:
    """One row's shape of an elementwise result; refuses what would align a row with the batch."""
    if a.kind is not Kind.ROWS and b.kind is not Kind.ROWS:
        raise Refused(
            Reason.FORM_NOT_SUPPORTED, "it combines parameters or constants only, not rows"
        )
    if a.kind is Kind.ROWS and b.kind is Kind.ROWS:
        if len(a.shape) != len(b.shape):
            raise _mixed(a, b)
        return _together(a, b, a.shape, b.shape)
    rows, other = (a, b) if a.kind is Kind.ROWS else (b, a)
    rank = len(rows.shape)
    if len(other.shape) > rank and (len(other.shape) > rank + 1 or other.shape[0] != 1):
        raise _mixed(rows, other)
    return _together(rows, other, rows.shape, row_shape(other, rank))


def shown(value: Value) -> str:
    dims = [*(["N"] if value.kind is Kind.ROWS else []), *map(str, value.shape)]
    return f"[{', '.join(dims)}]"


def _together(a: Value, b: Value, one: Shape, other: Shape) -> Shape:
    try:
        return tuple(np.broadcast_shapes(one, other))
    except ValueError:
        text = f"the shapes {shown(a)} and {shown(b)} do not broadcast"
        raise Refused(Reason.MALFORMED, text) from None


def _mixed(a: Value, b: Value) -> Refused:
    text = f"broadcasting {shown(b)} with {shown(a)} aligns a row's values with the batch axis"
    return Refused(Reason.BATCH_MIXED, text)


def _cost(made: Sequence[_Made]) -> RowCost:
    return RowCost(sum(m.flops for m in made), sum(m.output.size for m in made))


def _node(made: _Made) -> pb.NodeProto:
    attributes = [_attribute(name, value) for name, value in made.attributes.items()]
    return pb.NodeProto(
        op_type=made.operator, input=made.inputs, output=[made.output.name], attribute=attributes
    )


def _attribute(name: str, value: Attribute) -> pb.AttributeProto:
    if isinstance(value, tuple):
        return pb.AttributeProto(name=name, type=pb.AttributeProto.INTS, ints=value)
    if isinstance(value, float):
        return pb.AttributeProto(name=name, type=pb.AttributeProto.FLOAT, f=value)
    return pb.AttributeProto(name=name, type=pb.AttributeProto.INT, i=value)


_ELEMENTS: Final = {
    "f4": pb.TensorProto.FLOAT,
    "f8": pb.TensorProto.DOUBLE,
    "i8": pb.TensorProto.INT64,
}


def _tensor(value: Value) -> pb.TensorProto:
    assert value.data is not None, "constants are made with their data"
    data = np.ascontiguousarray(value.data)
    element = _ELEMENTS[data.dtype.str[1:]]
    return pb.TensorProto(
        name=value.name, dims=data.shape, data_type=element, raw_data=data.tobytes()
    )
