"""The recompiler: an inference model in, our own graph of per-row gradients out.

Of the author's file only the weights survive. Every operator is written anew by its rule, with the
batch axis tracked, so row i of the result depends on the parameters and on row i alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np

from tilth.engine import gate
from tilth.engine.graph import Array, Emitter, Gradient, Kind, Outer, RowCost, Shape, Value
from tilth.engine.layout import SLOTS
from tilth.engine.losses import LOSSES, Labels
from tilth.engine.node import Node
from tilth.engine.operators import OPERATORS
from tilth.engine.outcomes import Reason, Refused, printable
from tilth.engine.spec import Limits
from tilth.v1 import onnx_pb2 as pb

INPUT: Final = "x"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A trained initializer: the author's name for it and its name in our graph."""

    author: str
    name: str
    initial: Array


@dataclass(frozen=True, slots=True)
class Program:
    """A graph of ours with fixed batch size, ready for the runtime.

    `gradients` holds, for each parameter, the names of one output (the whole gradient of each row)
    or of two (its factors); a factor may be the input itself.
    """

    model: bytes
    input_shape: Shape
    output_shape: Shape
    parameters: tuple[Parameter, ...]
    outputs: tuple[tuple[str, int], ...]
    gradients: tuple[tuple[str, ...], ...]
    labels: Labels | None
    cost: RowCost


@dataclass(frozen=True, slots=True)
class _Step:
    node: Node
    inputs: tuple[Value, ...]
    output: Value


@dataclass(frozen=True, slots=True)
class _Forward:
    emit: Emitter
    input: Value
    output: Value
    steps: tuple[_Step, ...]
    parameters: tuple[Parameter, ...]


def inference(model: bytes, limits: Limits) -> Program:
    """The model itself, re-emitted."""
    forward = _forward(model, limits, pb.TensorProto.FLOAT)
    result = forward.emit.map("Identity", forward.output)  # an output is never also an input
    graph, cost = forward.emit.model([result])
    return _bounded(_program(forward, graph, cost, (result,), (), None), limits)


def training(
    model: bytes, loss: str, limits: Limits, *, element: int = pb.TensorProto.FLOAT
) -> Program:
    """For each row, the gradient of its loss by every parameter."""
    forward = _forward(model, limits, element)
    _require_trainable(forward)
    judged = LOSSES[loss].judge(forward.emit, forward.output)
    gradients = _backward(forward, judged.gradient)
    kept = _kept(forward, gradients)
    outputs = tuple(value for value in _unique(kept) if value.name != INPUT)
    graph, cost = forward.emit.model(outputs)
    names = tuple(tuple(value.name for value in pair) for pair in kept)
    return _bounded(_program(forward, graph, cost, outputs, names, judged.labels), limits)


def trained_parameters(model: bytes, limits: Limits) -> tuple[Parameter, ...]:
    """Those that training gives weights for, in the order of the weights."""
    return _forward(model, limits, pb.TensorProto.FLOAT).parameters


def losses(model: bytes, loss: str, limits: Limits, *, element: int) -> Program:
    """Each row's loss alone: what gradients are compared with. Never run on private rows."""
    forward = _forward(model, limits, element)
    judged = LOSSES[loss].judge(forward.emit, forward.output)
    graph, cost = forward.emit.model([judged.loss])
    return _program(forward, graph, cost, (judged.loss,), (), judged.labels)


def _forward(model: bytes, limits: Limits, element: int) -> _Forward:
    graph = gate.read(model, limits).graph
    emit = Emitter(SLOTS, element)
    input_name, input_shape = gate.data_input(graph)
    values = {input_name: emit.rows_input(INPUT, input_shape)}
    parameters = dict(_declared(emit, values, gate.initializers(graph, limits)))
    made = tuple(_run(emit, values, graph))
    output = values.get(graph.output[0].name)
    if output is None or output.kind is not Kind.ROWS:
        raise Refused(Reason.MALFORMED, "no node computes the output from the rows")
    steps = _live(made, output)
    used = {value.name for step in steps for value in step.inputs}
    reached = tuple(p for p in parameters.values() if p.name in used)
    return _Forward(emit, values[input_name], output, steps, reached)


def _declared(
    emit: Emitter, values: dict[str, Value], arrays: Mapping[str, Array]
) -> Iterator[tuple[str, Parameter]]:
    for position, (name, array) in enumerate(arrays.items()):
        if name in values:
            raise Refused(Reason.MALFORMED, f"'{printable(name)}' is both input and weight")
        if array.dtype.kind == "f":
            values[name] = emit.parameter(f"p{position}", array)
            yield name, Parameter(name, f"p{position}", array)
        else:
            values[name] = emit.constant(array)


def _run(emit: Emitter, values: dict[str, Value], graph: pb.GraphProto) -> Iterator[_Step]:
    for node in gate.nodes(graph):
        if node.output in values:
            raise Refused(Reason.MALFORMED, f"{node}: '{printable(node.output)}' is made twice")
        inputs = tuple(_resolved(node, values, name) for name in node.inputs)
        try:
            output = _constant(emit, node) or OPERATORS[node.operator].forward(emit, node, inputs)
        except Refused as refusal:
            raise Refused(refusal.reason, f"{node}: {refusal.text}") from None
        values[node.output] = output
        if output not in inputs:
            yield _Step(node, inputs, output)


def _live(steps: Sequence[_Step], output: Value) -> tuple[_Step, ...]:
    """The steps that the output needs, in order."""
    needed, kept = {output.name}, []
    for step in reversed(steps):
        if step.output.name in needed:
            kept.append(step)
            needed.update(value.name for value in step.inputs)
    return tuple(reversed(kept))


def _resolved(node: Node, values: Mapping[str, Value], name: str) -> Value:
    if name not in values:
        text = f"{node}: its input '{printable(name)}' is made by no node before it"
        raise Refused(Reason.MALFORMED, text)
    return values[name]


def _constant(emit: Emitter, node: Node) -> Value | None:
    if node.operator != "Constant":
        return None
    if len(node.attributes) != 1 or not node.attributes.keys() <= _CONSTANT_FORMS.keys():
        node.refuse("it holds one number, one list of numbers or one tensor")
    ((name, given),) = node.attributes.items()
    array = np.asarray(given, _CONSTANT_FORMS[name])
    if array.dtype.kind == "f":
        return emit.constant(array.astype(emit.dtype))
    return emit.constant(array.astype(np.int64))


_CONSTANT_FORMS: Final[Mapping[str, type | None]] = {
    "value": None,
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


def _require_trainable(forward: _Forward) -> None:
    if not forward.parameters:
        same = forward.output.name == INPUT
        what = "the model returns its input" if same else "nothing in the model can be trained"
        raise Refused(Reason.NOT_TRAINABLE, f"no parameter: {what}")
    if not forward.output.trained:
        raise Refused(Reason.NOT_TRAINABLE, "the output does not depend on any parameter")


def _backward(forward: _Forward, output_gradient: Value) -> dict[str, list[Gradient]]:
    """Reverse accumulation; parameters collect every contribution, rows their sum."""
    emit = forward.emit
    by_row = {forward.output.name: output_gradient}
    by_parameter: dict[str, list[Gradient]] = {p.name: [] for p in forward.parameters}
    for step in reversed(forward.steps):
        gradient = by_row.get(step.output.name)
        if gradient is None or not step.output.trained:
            continue
        rule = OPERATORS[step.node.operator]
        contributions = rule.backward(emit, step.node, step.inputs, step.output, gradient)
        for value, more in zip(step.inputs, contributions, strict=True):
            if more is None or not value.trained:
                continue
            if value.kind is Kind.ROWS:
                assert isinstance(more, Value), "only parameters have factored gradients"
                by_row[value.name] = emit.accumulate(by_row.get(value.name), more)
            else:
                by_parameter[value.name].append(more)
    return by_parameter


def _kept(
    forward: _Forward, gradients: Mapping[str, Sequence[Gradient]]
) -> tuple[tuple[Value, ...], ...]:
    """One or two values for each parameter; factors survive only where there is one pair."""
    kept: list[tuple[Value, ...]] = []
    for parameter in forward.parameters:
        parts = gradients[parameter.name]
        assert parts, "a live step passes its gradient to each of its parameters"
        if len(parts) == 1 and isinstance(parts[0], Outer):
            kept.append((parts[0].left, parts[0].right))
        else:
            whole = [_materialised(forward.emit, part) for part in parts]
            kept.append((reduce(forward.emit.add, whole),))
    return tuple(kept)


def _materialised(emit: Emitter, gradient: Gradient) -> Value:
    if isinstance(gradient, Value):
        return gradient
    left = emit.reshape(gradient.left, (*gradient.left.shape, 1))
    right = emit.reshape(gradient.right, (1, *gradient.right.shape))
    return emit.mul(left, right)


def _unique(kept: Sequence[Sequence[Value]]) -> list[Value]:
    return list({value.name: value for values in kept for value in values}.values())


def _program(
    forward: _Forward,
    graph: bytes,
    cost: RowCost,
    outputs: Sequence[Value],
    gradients: tuple[tuple[str, ...], ...],
    labels: Labels | None,
) -> Program:
    return Program(
        model=graph,
        input_shape=forward.input.shape,
        output_shape=forward.output.shape,
        parameters=forward.parameters,
        outputs=tuple((value.name, value.size) for value in outputs),
        gradients=gradients,
        labels=labels,
        cost=cost,
    )


def _bounded(program: Program, limits: Limits) -> Program:
    if program.cost.flops > limits.row_flops:
        text = f"one row takes {program.cost.flops} operations; the limit is {limits.row_flops}"
        raise Refused(Reason.TOO_COSTLY, text)
    if program.cost.values > limits.row_values:
        text = f"one row holds {program.cost.values} numbers; the limit is {limits.row_values}"
        raise Refused(Reason.TOO_COSTLY, text)
    return program
