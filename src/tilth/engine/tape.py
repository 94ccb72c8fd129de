"""What was computed from the parameters, so that gradients can be carried back through it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tilth.engine.graph import Emitter
from tilth.engine.values import Gradient, Outer, Value

Slope: TypeAlias = Callable[[Value], Sequence[Gradient | None]]


@dataclass(frozen=True, slots=True)
class _Step:
    output: str
    inputs: tuple[Value, ...]
    slope: Slope
    of_factors: Callable[[Outer], Outer] | None


@dataclass(frozen=True, slots=True)
class Risen:
    """`again` applies the function that made an output of `x` to something else."""

    x: Value
    again: Callable[[Value], Value]


class Tape:
    """Records differentiable steps in order."""

    def __init__(self, emit: Emitter) -> None:
        self.emit = emit
        self._steps: dict[str, _Step] = {}
        self._risen: dict[str, Risen] = {}

    def record(
        self,
        output: Value,
        inputs: Sequence[Value],
        slope: Slope,
        *,
        of_factors: Callable[[Outer], Outer] | None = None,
    ) -> Value:
        """The output again. `slope` makes of the output's gradient one for each input, row by row;
        a step with one input may say how factors pass through it as they are.

        Two nodes that compute the same share one value, and so one step.
        """
        if any(value.trained for value in inputs):
            step = _Step(output.name, tuple(inputs), slope, of_factors)
            self._steps.setdefault(output.name, step)
        return output

    def rise(self, output: Value, x: Value, again: Callable[[Value], Value]) -> None:
        """The output is x through a function that never falls."""
        self._risen[output.name] = Risen(x, again)

    def risen(self, output: Value) -> Risen | None:
        """How the output was made, if what picks the greatest may as well come before."""
        return self._risen.get(output.name)

    def reached(self, output: Value) -> set[str]:
        """Names of all values that the output takes a gradient to."""
        needed = {output.name}
        for step in reversed(self._steps.values()):
            if step.output in needed:
                needed.update(value.name for value in step.inputs if value.trained)
        return needed

    def gradients(self, output: Value, gradient: Value) -> Mapping[str, Gradient]:
        """By name of value: the gradient of each row's loss, given that of the output."""
        found: dict[str, Gradient] = {output.name: gradient}
        for step in reversed(self._steps.values()):
            if step.output in found:
                for value, more in self._carried(step, found[step.output]):
                    found[value.name] = self.emit.accumulate(found.get(value.name), more)
        return found

    def _carried(self, step: _Step, gradient: Gradient) -> list[tuple[Value, Gradient]]:
        parts: Sequence[Gradient | None]
        if isinstance(gradient, Outer) and step.of_factors is not None:
            parts = [step.of_factors(gradient)]
        else:
            parts = step.slope(self.emit.whole(gradient))
        pairs = zip(step.inputs, parts, strict=True)
        return [(value, more) for value, more in pairs if value.trained and more is not None]
