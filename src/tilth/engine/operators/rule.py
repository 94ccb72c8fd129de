"""What an operator of the allow-list is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from tilth.engine.values import Several, Value


@dataclass(frozen=True, slots=True)
class Operator:
    """One entry of the allow-list.

    The rule takes the tape, the node and its inputs. It checks the form, works out the shape,
    emits, and records how gradients come back. An attribute that is not listed refuses the node.
    `gaps` are inputs that may be left out between others: the rule gets None for them. Results
    beyond the first are never made, except where an operator has `many_outputs`. An operator with
    an open end takes any number of inputs: none of those is optional.
    """

    rule: Callable[..., Value | Several | tuple[Value, ...]]
    least: int = 1
    most: int = 1
    attributes: frozenset[str] = frozenset()
    gaps: frozenset[int] = frozenset()
    ignored_outputs: int = 0
    many_outputs: bool = False
    open_ended: bool = False
