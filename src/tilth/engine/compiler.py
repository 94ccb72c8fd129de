"""The recompiler: an inference model in, our own graph of per-row gradients out.

Of the author's file only the weights survive. Every operator is written anew by its rule, with the
batch axis tracked, so row i of the result depends on the parameters and on row i alone.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

import numpy as np

from tilth.engine import gate
from tilth.engine.constants import folded, stored
from tilth.engine.graph import Emitter, RowCost
from tilth.engine.layout import MOST_TERMS, SLOTS
from tilth.engine.losses import Labels, loss_called
from tilth.engine.node import Node
from tilth.engine.operators import OPERATORS
from tilth.engine.outcomes import Reason, Refused, printable
from tilth.engine.spec import Limits
from tilth.engine.tape import Tape
from tilth.engine.values import (
    FIRST,
    Array,
    Element,
    Gradient,
    Kind,
    Outer,
    Several,
    Shape,
    Value,
    shown,
)
from tilth.v1 import onnx_pb2 as pb

INPUT: Final = "x"

_ENORMOUS: Final = 1e30  # masks hold minus infinity, or the least number of their type
_IN_CACHE: Final = 5_000_000  # of numbers that a run makes, most of them soon forgotten
_FEWEST_ROWS: Final = 16  # divides the rows of a microbatch
_DYNAMIC: Final = "; the file fixes the batch size: export with a dynamic batch axis"
_MADE_UP: Final = re.compile(r"val_\d+$|.*::|/")  # names that exporters give, no author

Values: TypeAlias = dict[str, Value | Several]
Made: TypeAlias = Value | Several | tuple[Value, ...]


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
    batch: int


@dataclass(frozen=True, slots=True)
class _Forward:
    tape: Tape
    input: Value
    output: Value
    parameters: tuple[Parameter, ...]

    @property
    def emit(self) -> Emitter:
        return self.tape.emit


def inference(model: bytes, limits: Limits) -> Program:
    """The model itself, re-emitted with its weights."""
    forward = _forward(model, limits, pb.TensorProto.FLOAT, ("*",))
    result = forward.emit.map("Identity", forward.output)  # an output is never also an input
    graph, cost = forward.emit.model([result])
    return _bounded(_program(forward, graph, cost, (result,), (), None), limits)


def training(
    model: bytes,
    loss: str,
    limits: Limits,
    *,
    frozen: Sequence[str] = (),
    element: int = pb.TensorProto.FLOAT,
) -> Program:
    """For each row, the gradient of its loss by every parameter that is not frozen."""
    program = _training(model, loss, limits, frozen, element, SLOTS)
    batch = SLOTS
    while batch > _FEWEST_ROWS and batch * program.cost.values > _IN_CACHE:
        batch //= 2
    return program if batch == SLOTS else _training(model, loss, limits, frozen, element, batch)


def _training(
    model: bytes, loss: str, limits: Limits, frozen: Sequence[str], element: int, batch: int
) -> Program:
    forward = _forward(model, limits, element, frozen, batch)
    _require_trainable(forward)
    judged = loss_called(loss).judge(forward.emit, forward.output)
    found = forward.tape.gradients(forward.output, judged.gradient)
    kept = tuple(_parts(forward.emit, found[p.name]) for p in forward.parameters)
    outputs = tuple(value for value in _unique(kept) if value.name != INPUT)
    graph, cost = forward.emit.model(outputs)
    names = tuple(tuple(value.name for value in parts) for parts in kept)
    return _bounded(_program(forward, graph, cost, outputs, names, judged.labels), limits)


def evaluation(model: bytes, loss: str, bound: float, limits: Limits) -> Program:
    """For each row whether its output is right, where that can be told, and its loss, each as a
    share: the loss of its bound."""
    forward = _forward(model, limits, pb.TensorProto.FLOAT, ("*",))
    emit, judged = forward.emit, loss_called(loss).judge(forward.emit, forward.output)
    bounded = emit.combine("Min", judged.loss, emit.number(bound))
    shares = [emit.scaled(bounded, 1 / bound)]
    shares[:0] = [] if judged.right is None else [judged.right]
    listed = [emit.reshape(share, (1,)) for share in shares]
    result = emit.make("Concat", *listed, shape=(len(listed),), axis=1)
    graph, cost = emit.model([result])
    return _bounded(_program(forward, graph, cost, (result,), (), judged.labels), limits)


def mapping(model: bytes, limits: Limits) -> Program:
    """An author's graph from one row to a vector, to be run for one row at a time: its tensors
    hold no batch, so every operator may treat the axes as it likes."""
    proto = gate.read(model, limits)
    arrays = gate.initializers(proto.graph, limits)
    tape = Tape(Emitter(1))
    data = gate.data_input(proto.graph)
    alone = tape.emit.alone_input(INPUT, (1, *data.shape))
    values: Values = {data.name: tape.emit.cast(alone, data.element)}
    tuple(_declared(tape.emit, values, arrays, frozenset()))
    for node in gate.nodes(proto, 1):
        _run(tape, values, node)
    output = values.get(proto.graph.output[0].name)
    if not isinstance(output, Value) or output.element is not Element.FLOAT or output.fixed:
        raise Refused(Reason.MALFORMED, "no node computes floats from the row")
    flat = tape.emit.map("Identity", tape.emit.reshape(output, (1, output.size)))
    graph, cost = tape.emit.model([flat])
    row = Value(INPUT, data.shape, Kind.ROWS)
    forward = _Forward(tape, row, flat, ())
    return _bounded(_program(forward, graph, cost, (flat,), (), None), limits)


def trained_parameters(
    model: bytes, limits: Limits, frozen: Sequence[str] = ()
) -> tuple[Parameter, ...]:
    """Those that training gives weights for, in the order of the weights."""
    return _forward(model, limits, pb.TensorProto.FLOAT, frozen).parameters


def losses(model: bytes, loss: str, limits: Limits, *, element: int) -> Program:
    """Each row's loss alone: what gradients are compared with. Never run on private rows."""
    forward = _forward(model, limits, element, ())
    judged = loss_called(loss).judge(forward.emit, forward.output)
    graph, cost = forward.emit.model([judged.loss])
    return _program(forward, graph, cost, (judged.loss,), (), judged.labels)


def _forward(
    model: bytes, limits: Limits, element: int, frozen: Sequence[str], batch: int = SLOTS
) -> _Forward:
    proto = gate.read(model, limits)
    arrays = gate.initializers(proto.graph, limits)
    trained = {name for name, array in arrays.items() if _is_trained(name, array, frozen)}
    forward, reached = _followed(proto, arrays, trained, element, batch)
    if reached < trained:  # what no gradient reaches is a constant: a mask, a table, a statistic
        forward, _ = _followed(proto, arrays, reached, element, batch)
    return forward


def _followed(
    proto: pb.ModelProto,
    arrays: Mapping[str, Array],
    trained: AbstractSet[str],
    element: int,
    batch: int,
) -> tuple[_Forward, AbstractSet[str]]:
    """The author's graph written anew, and which weights its output takes a gradient to."""
    tape = Tape(Emitter(batch, element))
    data = gate.data_input(proto.graph)
    given = tape.emit.rows_input(INPUT, data.shape)
    values: Values = {data.name: tape.emit.cast(given, data.element)}
    declared = tuple(_declared(tape.emit, values, arrays, trained))
    for node in gate.nodes(proto, data.static_batch):
        _run(tape, values, node)
    output = values.get(proto.graph.output[0].name)
    if not isinstance(output, Value) or not output.rows:
        raise Refused(Reason.MALFORMED, "no node computes the output from the rows")
    if output.place != FIRST:
        text = f"the output {shown(output)} does not have the batch, alone, as its first axis"
        raise Refused(Reason.BATCH_MIXED, text)
    if output.element is not Element.FLOAT:
        text = f"the output holds {output.element.value}, not floats: cut what follows the logits"
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)
    names = tape.reached(output)
    parameters = tuple(p for p in declared if p.name in names)
    return _Forward(tape, given, output, parameters), {p.author for p in parameters}


def _declared(
    emit: Emitter,
    values: Values,
    arrays: Mapping[str, Array],
    trained: AbstractSet[str],
) -> Iterator[Parameter]:
    for position, (name, array) in enumerate(arrays.items()):
        if name in values:
            raise Refused(Reason.MALFORMED, f"'{printable(name)}' is both input and weight")
        if name in trained:
            values[name] = emit.parameter(f"p{position}", array)
            yield Parameter(name, f"p{position}", array)
        else:
            values[name] = emit.constant(stored(array))


def _is_trained(name: str, array: Array, frozen: Sequence[str]) -> bool:
    """Single numbers and ones are what exporters make of constants; the enormous are a mask's."""
    if array.dtype != np.float32 or not array.shape or not (np.abs(array) < _ENORMOUS).all():
        return False
    if _MADE_UP.match(name) and (array.size == 1 or (array == 1).all()):
        return False  # of a norm that has no weights of its own
    return not any(fnmatchcase(name, pattern) for pattern in frozen)


def _run(tape: Tape, values: Values, node: Node) -> None:
    inputs = [_resolved(node, values, name) for name in node.inputs]
    try:
        made = folded(tape.emit, node, inputs) or _by_rule(tape, node, inputs)
    except Refused as refusal:
        hint = _DYNAMIC if refusal.reason is Reason.BATCH_MIXED and node.static_batch else ""
        raise Refused(refusal.reason, f"{node}: {refusal.text}{hint}") from None
    outputs = made if isinstance(made, tuple) else (made,)
    for name, output in zip(node.outputs, outputs, strict=True):
        if name in values:
            raise Refused(Reason.MALFORMED, f"{node}: '{printable(name)}' is made twice")
        values[name] = output


def _by_rule(tape: Tape, node: Node, inputs: Sequence[Value | Several | None]) -> Made:
    if any(isinstance(i, Several) for i in inputs) and node.operator != "SequenceAt":
        node.refuse("it is applied to a sequence", Reason.MALFORMED)
    depends = any(i is not None and i.twin is not None for i in inputs)
    if depends and node.operator not in ("Expand", "Reshape"):
        node.refuse("it computes with the size of the batch", Reason.BATCH_MIXED)
    return OPERATORS[node.operator].rule(tape, node, *inputs)


def _resolved(node: Node, values: Values, name: str) -> Value | Several | None:
    if not name:
        return None
    if name not in values:
        text = f"{node}: its input '{printable(name)}' is made by no node before it"
        raise Refused(Reason.MALFORMED, text)
    return values[name]


def _require_trainable(forward: _Forward) -> None:
    if not forward.parameters:
        same = forward.output.name == INPUT
        what = "the model returns its input" if same else "nothing in the model can be trained"
        raise Refused(Reason.NOT_TRAINABLE, f"no parameter: {what}")


def _parts(emit: Emitter, gradient: Gradient) -> tuple[Value, ...]:
    """A parameter's gradient whole, or as two factors."""
    if isinstance(gradient, Outer) and _worth_keeping(gradient):
        return gradient.left, gradient.right
    return (emit.whole(gradient),)


def _worth_keeping(gradient: Outer) -> bool:
    """Factors of a sequence are measured by products of its terms with each other, in doubles:
    that pays where they are few beside the weights."""
    if len(gradient.left.shape) == 1:
        return True
    terms, (left, right) = gradient.left.shape[0], (gradient.left.size, gradient.right.size)
    return terms <= MOST_TERMS and 4 * (left + right) < left * right // terms**2


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
        batch=forward.emit.batch,
    )


def _bounded(program: Program, limits: Limits) -> Program:
    if program.cost.flops > limits.row_flops:
        text = f"one row takes {program.cost.flops} operations; the limit is {limits.row_flops}"
        raise Refused(Reason.TOO_COSTLY, text)
    if program.cost.values > limits.row_values:
        text = f"one row holds {program.cost.values} numbers; the limit is {limits.row_values}"
        raise Refused(Reason.TOO_COSTLY, text)
    return program
