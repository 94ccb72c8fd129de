"""The allow-list: every operator an author may use, each with the rule that re-emits it.

A new operator is one function and one line in a table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.engine.operators.absent import INSTEAD as INSTEAD
from tilth.engine.operators.arithmetic import ARITHMETIC
from tilth.engine.operators.attention import ATTENTION
from tilth.engine.operators.constant_only import CONSTANT_ONLY
from tilth.engine.operators.convolution import CONVOLUTION
from tilth.engine.operators.elementwise import ELEMENTWISE
from tilth.engine.operators.linear import LINEAR
from tilth.engine.operators.normalise import NORMALISE
from tilth.engine.operators.parts import PARTS
from tilth.engine.operators.pooling import POOLING
from tilth.engine.operators.reduce import REDUCE
from tilth.engine.operators.rule import Operator as Operator
from tilth.engine.operators.shape import SHAPE

OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    {
        **ARITHMETIC,
        **ATTENTION,
        **CONSTANT_ONLY,
        **CONVOLUTION,
        **ELEMENTWISE,
        **LINEAR,
        **NORMALISE,
        **PARTS,
        **POOLING,
        **REDUCE,
        **SHAPE,
    }
)
