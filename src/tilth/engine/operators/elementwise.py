"""Operators that act on each number alone, and arithmetic between two tensors."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tilth.engine.graph import Emitter, Gradient, Value
from tilth.engine.node import Node
from tilth.engine.operators.rule import Operator

Slope: TypeAlias = Callable[[Emitter, Node, Value, Value, Value], Value]


@dataclass(frozen=True, slots=True)
class Unary:
    """`slope` gives the gradient by the input from node, input, output and output's gradient.

    `alpha` is the default of the one attribute some of them have.
    """

    slope: Slope
    alpha: float | None = None
    arity: tuple[int, int] = (1, 1)

    @property
    def attributes(self) -> frozenset[str]:
        return frozenset() if self.alpha is None else frozenset({"alpha"})

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        node.require_rows(inputs[0])
        if self.alpha is None:
            return emit.map(node.operator, inputs[0])
        return emit.map(node.operator, inputs[0], alpha=node.number("alpha", self.alpha))

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        return [self.slope(emit, node, inputs[0], output, gradient)]


@dataclass(frozen=True, slots=True)
class Same:
    """Passes its input on: as an alias, so nothing is emitted."""

    arity: tuple[int, int] = (1, 1)
    attributes: frozenset[str] = frozenset()

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        return inputs[0]

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        raise AssertionError("an alias is its input: gradients never pass through it")


Partials: TypeAlias = Callable[[Emitter, Value, Value, Value, Value], tuple[Value, Value]]


@dataclass(frozen=True, slots=True)
class Binary:
    """`partials` gives both gradients in the result's shape; broadcasting is undone after it."""

    partials: Partials
    arity: tuple[int, int] = (2, 2)
    attributes: frozenset[str] = frozenset()

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value:
        return emit.combine(node.operator, inputs[0], inputs[1])

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        a, b = inputs
        by_a, by_b = self.partials(emit, a, b, output, gradient)
        return [emit.sum_to(by_a, a), emit.sum_to(by_b, b)]


def _relu(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.where_positive(x, dy, e.number(0))


def _leaky_relu(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.where_positive(x, dy, e.mul(dy, e.number(node.number("alpha", 0.01))))


def _elu(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.where_positive(x, dy, e.mul(dy, e.add(y, e.number(node.number("alpha", 1.0)))))


def _sigmoid(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.mul(dy, e.mul(y, e.sub(e.number(1), y)))


def _tanh(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.mul(dy, e.sub(e.number(1), e.mul(y, y)))


def _softplus(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.mul(dy, e.map("Sigmoid", x))


def _erf(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    bell = e.map("Exp", e.map("Neg", e.mul(x, x)))
    return e.mul(dy, e.mul(bell, e.number(2 / math.sqrt(math.pi))))


def _sqrt(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.div(e.mul(dy, e.number(0.5)), y)


def _negated(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.map("Neg", dy)


def _exp(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.mul(dy, y)


def _log(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.div(dy, x)


def _abs(e: Emitter, node: Node, x: Value, y: Value, dy: Value) -> Value:
    return e.mul(dy, e.map("Sign", x))


def _sum(e: Emitter, a: Value, b: Value, y: Value, dy: Value) -> tuple[Value, Value]:
    return dy, dy


def _difference(e: Emitter, a: Value, b: Value, y: Value, dy: Value) -> tuple[Value, Value]:
    return dy, e.map("Neg", dy)


def _product(e: Emitter, a: Value, b: Value, y: Value, dy: Value) -> tuple[Value, Value]:
    return e.mul(dy, b), e.mul(dy, a)


def _quotient(e: Emitter, a: Value, b: Value, y: Value, dy: Value) -> tuple[Value, Value]:
    by_a = e.div(dy, b)
    return by_a, e.map("Neg", e.mul(by_a, y))


ELEMENTWISE: Final[Mapping[str, Operator]] = {
    "Abs": Unary(_abs),
    "Add": Binary(_sum),
    "Div": Binary(_quotient),
    "Elu": Unary(_elu, alpha=1.0),
    "Erf": Unary(_erf),
    "Exp": Unary(_exp),
    "Identity": Same(),
    "LeakyRelu": Unary(_leaky_relu, alpha=0.01),
    "Log": Unary(_log),
    "Mul": Binary(_product),
    "Neg": Unary(_negated),
    "Relu": Unary(_relu),
    "Sigmoid": Unary(_sigmoid),
    "Softplus": Unary(_softplus),
    "Sqrt": Unary(_sqrt),
    "Sub": Binary(_difference),
    "Tanh": Unary(_tanh),
}
