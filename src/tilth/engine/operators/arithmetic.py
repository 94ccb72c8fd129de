"""Arithmetic and comparison between tensors; the batch axes of rows must meet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from tilth.engine.graph import Emitter
from tilth.engine.node import Node
from tilth.engine.operators.rule import Operator
from tilth.engine.outcomes import Reason
from tilth.engine.tape import Tape
from tilth.engine.values import FIRST, Element, Place, Shape, Value, mixed

Partials: TypeAlias = Callable[[Emitter, Value, Value, Value, Value], tuple[Value, Value]]


def reshaped(tape: Tape, x: Value, shape: Shape, place: Place = FIRST) -> Value:
    """The same numbers in another shape, for the author's eyes with the batch at `place`."""
    e = tape.emit
    if x.data is not None and x.fixed:
        return e.constant(x.data.reshape(shape))
    y = e.reshape(x, shape)
    if y is not x:
        tape.record(y, [x], lambda dy: [e.reshape(dy, x.shape)])
    return y.at(place)


def aligned(tape: Tape, *values: Value) -> tuple[list[Value], Place]:
    """Operands in shapes whose broadcasting lets no batch axis meet another; and the result's."""
    rank = max(value.rank for value in values)
    places = {
        replace(value.place, axis=value.place.axis + rank - value.rank)
        for value in values
        if value.rows
    }
    if len(places) > 1:
        raise mixed(values[0], values[1])
    place = next(iter(places), None)
    if place is None:
        return list(values), FIRST
    return [_fitted(tape, value, rank, place, values) for value in values], place


def _fitted(
    tape: Tape, value: Value, rank: int, place: Place, all_values: tuple[Value, ...]
) -> Value:
    missing = rank - value.rank
    if value.rows:
        return reshaped(tape, value, (*(1,) * missing, *value.shape), value.place)
    if missing > place.axis:
        return value
    if value.shape[place.axis - missing] != 1:
        raise mixed(next(v for v in all_values if v.rows), value)
    if place == FIRST or place.merged:
        return value
    without = list(value.shape)
    del without[place.axis - missing]
    return reshaped(tape, value, tuple(without))


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`partials` gives both gradients in the result's shape; broadcasting is undone after it."""

    partials: Partials
    of_integers: bool = True

    def __call__(self, tape: Tape, node: Node, a: Value, b: Value) -> Value:
        _require_alike(node, a, b)
        if not self.of_integers or a.element is Element.TRUTH:
            node.require_floats(a, b)
        e = tape.emit
        (a, b), place = aligned(tape, a, b)
        y = e.combine(node.operator, a, b, a.element)

        def slope(dy: Value) -> list[Value]:
            by_a, by_b = self.partials(e, a, b, y, dy)
            return [e.sum_to(by_a, a), e.sum_to(by_b, b)]

        return tape.record(y, [a, b], slope).at(place)


def _sum(e: Emitter, a: Value, b: Value, y: Value, dy: Value) -> tuple[Value, Value]:
    return dy, dy


def _difference(e: Emitter, a: Value, b: Value, y: Value, dy: Value) -> tuple[Value, Value]:
    return dy, e.map("Neg", dy)


def _product(e: Emitter, a: Value, b: Value, y: Value, dy: Value) -> tuple[Value, Value]:
    return e.mul(dy, b), e.mul(dy, a)


def _quotient(e: Emitter, a: Value, b: Value, y: Value, dy: Value) -> tuple[Value, Value]:
    by_a = e.div(dy, b)
    return by_a, e.map("Neg", e.mul(by_a, y))


@dataclass(frozen=True, slots=True)
class Extreme:
    """The greater or the lesser of any number of tensors, taken two by two."""

    wins: str

    def __call__(self, tape: Tape, node: Node, first: Value, *more: Value) -> Value:
        for other in more:
            first = self._two(tape, node, first, other)
        return first

    def _two(self, tape: Tape, node: Node, a: Value, b: Value) -> Value:
        _require_alike(node, a, b)
        node.require_floats(a, b)
        e, zero = tape.emit, tape.emit.number(0)
        (a, b), place = aligned(tape, a, b)
        b_wins = e.compare(f"{self.wins}OrEqual" if not a.trained else self.wins, b, a)

        def slope(dy: Value) -> list[Value]:
            by_a, by_b = e.where(b_wins, zero, dy), e.where(b_wins, dy, zero)
            return [e.sum_to(by_a, a), e.sum_to(by_b, b)]

        return tape.record(e.where(b_wins, b, a), [a, b], slope).at(place)


@dataclass(frozen=True, slots=True)
class Comparison:
    def __call__(self, tape: Tape, node: Node, a: Value, b: Value) -> Value:
        _require_alike(node, a, b)
        (a, b), place = aligned(tape, a, b)
        return tape.emit.compare(node.operator, a, b).at(place)


def _logic(tape: Tape, node: Node, a: Value, b: Value) -> Value:
    if {a.element, b.element} != {Element.TRUTH}:
        node.refuse("it takes truth values", Reason.MALFORMED)
    (a, b), place = aligned(tape, a, b)
    return tape.emit.compare(node.operator, a, b).at(place)


def _not(tape: Tape, node: Node, x: Value) -> Value:
    if x.element is not Element.TRUTH:
        node.refuse("it takes truth values", Reason.MALFORMED)
    return tape.emit.map("Not", x).at(x.place)


def _where(tape: Tape, node: Node, condition: Value, then: Value, otherwise: Value) -> Value:
    if condition.element is not Element.TRUTH:
        node.refuse("its condition does not hold truth values", Reason.MALFORMED)
    _require_alike(node, then, otherwise)
    node.require_floats(then, otherwise)
    e, zero = tape.emit, tape.emit.number(0)
    (condition, then, otherwise), place = aligned(tape, condition, then, otherwise)

    def slope(dy: Value) -> list[Value]:
        by_then, by_other = e.where(condition, dy, zero), e.where(condition, zero, dy)
        return [e.sum_to(by_then, then), e.sum_to(by_other, otherwise)]

    y = e.where(condition, then, otherwise)
    return tape.record(y, [then, otherwise], slope).at(place)


def _power(tape: Tape, node: Node, x: Value, exponent: Value) -> Value:
    node.require_floats(x)
    numbers = node.constant(exponent, "exponent")
    if numbers.size != 1 or abs(float(numbers.flat[0])) > 1e3 or len(exponent.shape) > x.rank:
        node.refuse("its exponent is not one moderate number")
    e, p = tape.emit, float(numbers.flat[0])

    def slope(dy: Value) -> list[Value]:
        return [e.mul(dy, e.scaled(_raised(e, x, p - 1), p))]

    return tape.record(_raised(e, x, p), [x], slope).at(x.place) if p != 1 else x


def _raised(e: Emitter, x: Value, p: float) -> Value:
    if p == 1:
        return x
    if p in (2, 3):
        square = e.mul(x, x)
        return square if p == 2 else e.mul(square, x)
    return e.make("Pow", x, e.number(p), shape=x.shape, flops=20 * x.size)


def _clip(
    tape: Tape, node: Node, x: Value, low: Value | None = None, high: Value | None = None
) -> Value:
    node.require_floats(x)
    for operator, bound, kept in (("Max", low, "GreaterOrEqual"), ("Min", high, "LessOrEqual")):
        if bound is not None:
            numbers = node.constant(bound, "bound")
            if numbers.size != 1:
                node.refuse("its bounds are not single numbers", Reason.MALFORMED)
            x = _bounded(tape, x, operator, float(numbers.flat[0]), kept)
    return x


def _bounded(tape: Tape, x: Value, operator: str, bound: float, kept: str) -> Value:
    e, limit = tape.emit, tape.emit.number(bound)

    def slope(dy: Value) -> list[Value]:
        return [e.where(e.compare(kept, x, limit), dy, e.number(0))]

    return tape.record(e.combine(operator, x, limit), [x], slope).at(x.place)


def _prelu(tape: Tape, node: Node, x: Value, steepness: Value) -> Value:
    node.require_floats(x, steepness)
    e, zero = tape.emit, tape.emit.number(0)
    (x, steepness), place = aligned(tape, x, steepness)
    bent = e.mul(x, steepness)
    if bent.shape != x.shape:
        node.refuse("its slope widens the result", Reason.MALFORMED)

    def slope(dy: Value) -> list[Value]:
        by_slope = e.where_positive(x, zero, e.mul(dy, x))
        return [e.where_positive(x, dy, e.mul(dy, steepness)), e.sum_to(by_slope, steepness)]

    return tape.record(e.where_positive(x, x, bent), [x, steepness], slope).at(place)


def _require_alike(node: Node, a: Value, b: Value) -> None:
    if a.element is not b.element:
        text = f"it takes {a.element.value} and {b.element.value} together"
        node.refuse(text, Reason.MALFORMED)


ARITHMETIC: Final[Mapping[str, Operator]] = {
    "Add": Operator(Arithmetic(_sum), 2, 2),
    "And": Operator(_logic, 2, 2),
    "Clip": Operator(_clip, 1, 3, gaps=frozenset({1})),
    "Div": Operator(Arithmetic(_quotient, of_integers=False), 2, 2),
    "Equal": Operator(Comparison(), 2, 2),
    "Greater": Operator(Comparison(), 2, 2),
    "GreaterOrEqual": Operator(Comparison(), 2, 2),
    "Less": Operator(Comparison(), 2, 2),
    "LessOrEqual": Operator(Comparison(), 2, 2),
    "Max": Operator(Extreme("Greater"), 1, 8, open_ended=True),
    "Min": Operator(Extreme("Less"), 1, 8, open_ended=True),
    "Mul": Operator(Arithmetic(_product), 2, 2),
    "Not": Operator(_not),
    "Or": Operator(_logic, 2, 2),
    "Pow": Operator(_power, 2, 2),
    "PRelu": Operator(_prelu, 2, 2),
    "Sub": Operator(Arithmetic(_difference), 2, 2),
    "Where": Operator(_where, 3, 3),
}
