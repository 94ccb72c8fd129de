"""Operators for the arithmetic of shapes and masks: computed on constants, refused on rows."""

from collections.abc import Mapping
from typing import Final, NoReturn

from tilth.engine.node import Node
from tilth.engine.operators.rule import Operator
from tilth.engine.tape import Tape
from tilth.engine.values import Value


def _refused(tape: Tape, node: Node, *inputs: Value) -> NoReturn:
    node.refuse("the engine has a rule for it on constants only")


CONSTANT_ONLY: Final[Mapping[str, Operator]] = {
    "Constant": Operator(
        _refused,
        0,
        0,
        frozenset({"value", "value_float", "value_floats", "value_int", "value_ints"}),
    ),
    "ConstantOfShape": Operator(_refused, attributes=frozenset({"value"})),
    "CumSum": Operator(_refused, 2, 2),
    "Mod": Operator(_refused, 2, 2, frozenset({"fmod"})),
    "Range": Operator(_refused, 3, 3),
    "ReduceProd": Operator(_refused, 1, 2, frozenset({"axes", "keepdims", "noop_with_empty_axes"})),
    "Shape": Operator(_refused, attributes=frozenset({"end", "start"})),
    "Size": Operator(_refused),
    "Tile": Operator(_refused, 2, 2),
    "Trilu": Operator(_refused, 1, 2, frozenset({"upper"})),
}
