"""Operators that act on each number alone."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import Element, Value

Slope: TypeAlias = Callable[[Value], Value]
Shaped: TypeAlias = Callable[[Emitter, Node, Value], tuple[Value, Slope]]


@dataclass(frozen=True, slots=True)
class Curve:
    """A smooth function: its value, and how a gradient comes back through it; and whether it never
    falls, whatever its attributes."""

    shaped: Shaped
    rises: bool = False

    def __call__(self, tape: Tape, node: Node, x: Value) -> Value:
        node.require_floats(x)
        y, slope = self.shaped(tape.emit, node, x)
        if self.rises:
            tape.rise(y, x, lambda other: self(tape, node, other))
        return tape.record(y.at(x.place), [x], lambda dy: [slope(dy)])


def _abs(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    return e.map("Abs", x), lambda dy: e.mul(dy, e.map("Sign", x))


def _celu(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    alpha = node.number("alpha", 1.0)
    if alpha == 0:
        node.refuse("its alpha is zero", Reason.MALFORMED)
    y = e.map("Celu", x, alpha=alpha)
    return y, lambda dy: e.where_positive(x, dy, e.mul(dy, e.shifted(e.scaled(y, 1 / alpha), 1)))


def _cos(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    return e.map("Cos", x), lambda dy: e.map("Neg", e.mul(dy, e.map("Sin", x)))


def _elu(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    alpha = node.number("alpha", 1.0)
    y = e.map("Elu", x, alpha=alpha)
    return y, lambda dy: e.where_positive(x, dy, e.mul(dy, e.shifted(y, alpha)))


def _erf(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    def slope(dy: Value) -> Value:
        bell = e.map("Exp", e.map("Neg", e.mul(x, x)))
        return e.mul(dy, e.scaled(bell, 2 / math.sqrt(math.pi)))

    return e.map("Erf", x), slope


def _exp(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    y = e.map("Exp", x)
    return y, lambda dy: e.mul(dy, y)


def _gelu(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    approximation = node.text("approximate", "none")
    if approximation not in ("none", "tanh"):
        node.refuse("its approximation is 'none' or 'tanh'", Reason.MALFORMED)
    return (_exact_gelu if approximation == "none" else _tanh_gelu)(e, x)


def _exact_gelu(e: Emitter, x: Value) -> tuple[Value, Slope]:
    share = e.scaled(e.shifted(e.map("Erf", e.scaled(x, 1 / math.sqrt(2))), 1), 0.5)

    def slope(dy: Value) -> Value:
        bell = e.map("Exp", e.scaled(e.mul(x, x), -0.5))
        return e.mul(dy, e.add(share, e.mul(x, e.scaled(bell, 1 / math.sqrt(2 * math.pi)))))

    return e.mul(x, share), slope


def _tanh_gelu(e: Emitter, x: Value) -> tuple[Value, Slope]:
    root, cubic = math.sqrt(2 / math.pi), 0.044715
    square = e.mul(x, x)
    t = e.map("Tanh", e.scaled(e.mul(x, e.shifted(e.scaled(square, cubic), 1)), root))
    share = e.scaled(e.shifted(t, 1), 0.5)

    def slope(dy: Value) -> Value:
        inner = e.scaled(e.shifted(e.scaled(square, 3 * cubic), 1), root)
        bend = e.mul(e.sub(e.number(1), e.mul(t, t)), inner)
        return e.mul(dy, e.add(share, e.scaled(e.mul(x, bend), 0.5)))

    return e.mul(x, share), slope


def _between(e: Emitter, y: Value, dy: Value) -> Value:
    """The gradient where y lies strictly between zero and one."""
    zero = e.number(0)
    return e.where_positive(y, e.where(e.compare("Less", y, e.number(1)), dy, zero), zero)


def _hard_sigmoid(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    alpha, beta = node.number("alpha", 0.2), node.number("beta", 0.5)
    y = e.map("HardSigmoid", x, alpha=alpha, beta=beta)
    return y, lambda dy: _between(e, y, e.scaled(dy, alpha))


def _hard_swish(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    gate = e.map("HardSigmoid", x, alpha=1 / 6, beta=0.5)

    def slope(dy: Value) -> Value:
        return e.add(e.mul(dy, gate), _between(e, gate, e.mul(dy, e.scaled(x, 1 / 6))))

    return e.mul(x, gate), slope


def _leaky_relu(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    alpha = node.number("alpha", 0.01)
    y = e.map("LeakyRelu", x, alpha=alpha)
    return y, lambda dy: e.where_positive(x, dy, e.scaled(dy, alpha))


def _log(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    return e.map("Log", x), lambda dy: e.div(dy, x)


def _mish(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    t = e.map("Tanh", e.map("Softplus", x))

    def slope(dy: Value) -> Value:
        bend = e.mul(e.map("Sigmoid", x), e.sub(e.number(1), e.mul(t, t)))
        return e.mul(dy, e.add(t, e.mul(x, bend)))

    return e.mul(x, t), slope


def _neg(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    return e.map("Neg", x), lambda dy: e.map("Neg", dy)


def _reciprocal(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    y = e.map("Reciprocal", x)
    return y, lambda dy: e.map("Neg", e.mul(dy, e.mul(y, y)))


def _relu(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    def slope(dy: Value) -> Value:
        above = e.compare("Greater", x, e.number(0))
        return e.mul(dy, e.cast(above, Element.FLOAT))  # a quarter of what Where takes

    return e.map("Relu", x), slope


def _selu(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    alpha = node.number("alpha", 1.67326319217681884765625)
    gamma = node.number("gamma", 1.05070102214813232421875)
    y = e.map("Selu", x, alpha=alpha, gamma=gamma)

    def slope(dy: Value) -> Value:
        return e.where_positive(x, e.scaled(dy, gamma), e.mul(dy, e.shifted(y, gamma * alpha)))

    return y, slope


def _sigmoid(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    y = e.map("Sigmoid", x)
    return y, lambda dy: e.mul(dy, e.mul(y, e.sub(e.number(1), y)))


def _sin(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    return e.map("Sin", x), lambda dy: e.mul(dy, e.map("Cos", x))


def _softplus(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    return e.map("Softplus", x), lambda dy: e.mul(dy, e.map("Sigmoid", x))


def _softsign(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    width = e.shifted(e.map("Abs", x), 1)
    return e.div(x, width), lambda dy: e.div(dy, e.mul(width, width))


def _sqrt(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    y = e.map("Sqrt", x)
    return y, lambda dy: e.div(dy, e.scaled(y, 2))


def _tanh(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    y = e.map("Tanh", x)
    return y, lambda dy: e.mul(dy, e.sub(e.number(1), e.mul(y, y)))


def _thresholded(e: Emitter, node: Node, x: Value) -> tuple[Value, Slope]:
    above = e.compare("Greater", x, e.number(node.number("alpha", 1.0)))
    return e.where(above, x, e.number(0)), lambda dy: e.where(above, dy, e.number(0))


def _stepped(tape: Tape, node: Node, x: Value) -> Value:
    """Flat almost everywhere: gradients end here."""
    node.require_floats(x)
    return tape.emit.map(node.operator, x).at(x.place)


def _is_nan(tape: Tape, node: Node, x: Value) -> Value:
    node.require_floats(x)
    return tape.emit.make("IsNaN", x, shape=x.shape, element=Element.TRUTH).at(x.place)


def _identity(tape: Tape, node: Node, x: Value) -> Value:
    return x


def _dropout(tape: Tape, node: Node, x: Value, *more: Value | None) -> Value:
    """As at inference: training adds the noise that privacy needs, and no other."""
    if len(more) == 2 and more[1] is not None and bool(node.constant(more[1], "mode").any()):
        node.refuse("it drops at random: export in evaluation mode, model.eval()")
    return x


def _cast(tape: Tape, node: Node, x: Value) -> Value:
    to = node.integer("to", 0)
    if to not in CASTS:
        node.refuse(f"it casts to element type {to}: use float32, int64 or bool")
    return tape.emit.cast(x, CASTS[to]).at(x.place)


def _cast_like(tape: Tape, node: Node, x: Value, like: Value) -> Value:
    return tape.emit.cast(x, like.element).at(x.place)


# float16 and double are computed in float32; int32 in int64, bool as itself
CASTS: Final[Mapping[int, Element]] = {
    1: Element.FLOAT,
    10: Element.FLOAT,
    11: Element.FLOAT,
    6: Element.INTEGER,
    7: Element.INTEGER,
    9: Element.TRUTH,
}

ALPHA: Final = frozenset({"alpha"})

ELEMENTWISE: Final[Mapping[str, Operator]] = {
    "Abs": Operator(Curve(_abs)),
    "Cast": Operator(_cast, attributes=frozenset({"to", "saturate", "round_mode"})),
    "CastLike": Operator(_cast_like, 2, 2, frozenset({"saturate", "round_mode"})),
    "Ceil": Operator(_stepped),
    "Celu": Operator(Curve(_celu), attributes=ALPHA),
    "Cos": Operator(Curve(_cos)),
    "Dropout": Operator(
        _dropout, 1, 3, frozenset({"seed"}), gaps=frozenset({1}), ignored_outputs=1
    ),
    "Elu": Operator(Curve(_elu), attributes=ALPHA),
    "Erf": Operator(Curve(_erf)),
    "Exp": Operator(Curve(_exp)),
    "Floor": Operator(_stepped),
    "Gelu": Operator(Curve(_gelu), attributes=frozenset({"approximate"})),
    "HardSigmoid": Operator(Curve(_hard_sigmoid), attributes=frozenset({"alpha", "beta"})),
    "HardSwish": Operator(Curve(_hard_swish)),
    "Identity": Operator(_identity),
    "IsNaN": Operator(_is_nan),
    "LeakyRelu": Operator(Curve(_leaky_relu), attributes=ALPHA),
    "Log": Operator(Curve(_log)),
    "Mish": Operator(Curve(_mish)),
    "Neg": Operator(Curve(_neg)),
    "Reciprocal": Operator(Curve(_reciprocal)),
    "Relu": Operator(Curve(_relu, rises=True)),
    "Round": Operator(_stepped),
    "Selu": Operator(Curve(_selu), attributes=frozenset({"alpha", "gamma"})),
    "Sigmoid": Operator(Curve(_sigmoid, rises=True)),
    "Sign": Operator(_stepped),
    "Sin": Operator(Curve(_sin)),
    "Softplus": Operator(Curve(_softplus, rises=True)),
    "Softsign": Operator(Curve(_softsign, rises=True)),
    "Sqrt": Operator(Curve(_sqrt)),
    "Tanh": Operator(Curve(_tanh, rises=True)),
    "ThresholdedRelu": Operator(Curve(_thresholded), attributes=ALPHA),
}
