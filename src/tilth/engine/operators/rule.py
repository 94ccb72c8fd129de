"""What an operator's rule is made of."""

from collections.abc import Sequence
from typing import Protocol

from tilth.engine.graph import Emitter, Gradient, Value
from tilth.engine.node import Node


class Operator(Protocol):
    """One entry of the allow-list. `forward` checks the form, works out the shape and emits."""

    @property
    def arity(self) -> tuple[int, int]:
        """The least and the greatest number of inputs."""
        ...

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes it knows; any other refuses the node."""
        ...

    def forward(self, emit: Emitter, node: Node, inputs: Sequence[Value]) -> Value: ...

    def backward(
        self, emit: Emitter, node: Node, inputs: Sequence[Value], output: Value, gradient: Value
    ) -> Sequence[Gradient | None]:
        """The loss's gradient by each input, row by row; None where an input takes none."""
        ...
