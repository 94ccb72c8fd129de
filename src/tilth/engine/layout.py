"""What travels between the trusted side and the worker for one microbatch, and in which order."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Final

from tilth.engine.outcomes import Crashed
from tilth.engine.spec import Limits

SLOTS: Final = 64
"""Rows in a microbatch, always: results must not depend on how many rows there are."""

MOST_TERMS: Final = 512
"""Of a sequence whose gradients are kept in factors; the proof in `core` allows four times that."""

THE_ROWS: Final = -1
"""As part of a gradient: the input rows themselves, of which the trusted side has its own copy."""


@dataclass(frozen=True, slots=True)
class ParameterLayout:
    """A parameter's shape, and which outputs are its gradient: one whole, or two factors. For
    sequences each factor holds so many `terms` one after the other, and their products add up."""

    shape: tuple[int, ...]
    parts: tuple[int, ...]
    terms: int = 1

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Layout:
    """The trusted side's own picture of a job, checked when it arrives from the worker."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    label_size: int
    integer_labels: bool
    parameters: tuple[ParameterLayout, ...]
    outputs: tuple[int, ...]
    row_flops: int
    row_values: int
    released_bytes: int

    @property
    def features(self) -> int:
        return prod(self.input_shape)

    @property
    def weights(self) -> int:
        return sum(parameter.size for parameter in self.parameters)

    def part_size(self, part: int) -> int:
        return self.features if part == THE_ROWS else self.outputs[part]

    def to_json(self) -> bytes:
        fields = {
            "input": self.input_shape,
            "output": self.output_shape,
            "labels": [self.label_size, int(self.integer_labels)],
            "parameters": [[p.shape, p.parts, p.terms] for p in self.parameters],
            "outputs": self.outputs,
            "cost": [self.row_flops, self.row_values, self.released_bytes],
        }
        return json.dumps(fields).encode()


def received(message: bytes, limits: Limits) -> Layout:
    """A worker's layout, believed in nothing: every size and index is checked before use."""
    try:
        layout = _from_json(message)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Crashed("the worker's layout is not one") from None
    sizes = [*layout.input_shape, *layout.output_shape, *layout.outputs, layout.label_size + 1]
    sizes.extend(n for parameter in layout.parameters for n in parameter.shape)
    if any(not 0 < n < 1 << 31 for n in sizes) or not _fits(layout, limits):
        raise Crashed("the worker's layout breaks the limits it was given")
    if not all(_consistent(layout, parameter) for parameter in layout.parameters):
        raise Crashed("the worker's layout contradicts itself")
    return layout


def _fits(layout: Layout, limits: Limits) -> bool:
    sent = layout.features + layout.label_size + sum(layout.outputs)
    return (
        layout.weights <= limits.parameters
        and sent <= limits.row_values + layout.features + layout.label_size
        and 0 <= layout.row_flops <= limits.row_flops
        and 0 <= layout.row_values <= limits.row_values
        and 0 <= layout.released_bytes <= limits.model_bytes + 8 * limits.parameters
    )


def _consistent(layout: Layout, parameter: ParameterLayout) -> bool:
    if any(not THE_ROWS <= part < len(layout.outputs) for part in parameter.parts):
        return False
    sizes = [layout.part_size(part) for part in parameter.parts]
    if not 1 <= parameter.terms <= MOST_TERMS or max(sizes, default=0) >= 1 << 22:
        return sizes == [parameter.size] and parameter.terms == 1
    factors = [parameter.terms * n for n in parameter.shape]
    return (sizes == [parameter.size] and parameter.terms == 1) or (
        len(sizes) == 2 and sizes == factors
    )


def _from_json(message: bytes) -> Layout:
    fields = json.loads(message)
    label_size, integer_labels = _integers(fields["labels"])
    row_flops, row_values, released_bytes = _integers(fields["cost"])
    return Layout(
        input_shape=_integers(fields["input"]),
        output_shape=_integers(fields["output"]),
        label_size=label_size,
        integer_labels=integer_labels == 1,
        parameters=tuple(
            ParameterLayout(_integers(shape), _integers(parts), *_integers(terms))
            for shape, parts, *terms in fields["parameters"]
        ),
        outputs=_integers(fields["outputs"]),
        row_flops=row_flops,
        row_values=row_values,
        released_bytes=released_bytes,
    )


def _integers(values: Iterable[object]) -> tuple[int, ...]:
    numbers = tuple(value for value in values if type(value) is int)
    if len(numbers) != len(list(values)):
        raise ValueError("not integers")
    return numbers
