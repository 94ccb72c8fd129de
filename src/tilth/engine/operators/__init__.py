"""The allow-list: every operator an author may use, each with the rule that re-emits it.

A new operator is one small object with the methods of `Operator`, and one line in a table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.engine.operators.elementwise import ELEMENTWISE
from tilth.engine.operators.linear import LINEAR
from tilth.engine.operators.normalise import NORMALISE
from tilth.engine.operators.rule import Operator as Operator
from tilth.engine.operators.shape import SHAPE

OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    {**ELEMENTWISE, **LINEAR, **NORMALISE, **SHAPE}
)
