"""A pallet's weights as the source file that `tilth benchmark --write` leaves beside it."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from tilth.frame import Measured, Pallet, Sloped

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file's figures come from, as its reader must know to trust or repeat them."""

    command: str
    date: str
    machine: str
    verification_us: float


@dataclass(frozen=True, slots=True)
class Weighed:
    """A call or hook with what was measured of it, in the reference machine's µs."""

    name: str
    weight: Measured | Sloped
    median_us: float
    """Where it is dearest."""
    worst_us: float


def path_of(pallet: Pallet[Any, Any]) -> Path:
    """`weights.py` beside a `pallet.py`; a pallet in another module gives the file its name."""
    module = Path(inspect.getfile(type(pallet)))
    return module.with_name(
        "weights.py" if module.stem == "pallet" else f"{module.stem}_weights.py"
    )


def source(pallet: str, weighed: list[Weighed], origin: Origin) -> str:
    sloped = any(isinstance(each.weight, Sloped) for each in weighed)
    types = "Measured | Sloped" if sloped else "Measured"
    lines = [
        f'"""Weights of {pallet}, written by `tilth benchmark`: measure again instead of editing.',
        "",
        *_origin(origin),
        '"""',
        "",
        "from collections.abc import Mapping",
        "from types import MappingProxyType",
        "from typing import Final",
        "",
        f"from tilth.frame import {types.replace(' | ', ', ')}",
        "",
        f"WEIGHTS: Final[Mapping[str, {types}]] = MappingProxyType(",
        "    {",
        *(line for each in weighed for line in _entry(each)),
        "    }",
        ")",
    ]
    return "\n".join(lines) + "\n"


def _origin(origin: Origin) -> Iterator[str]:
    yield from wrap(
        f"Measured on {origin.date} on {origin.machine}. There an sr25519 verification took "
        f"{origin.verification_us:.1f} µs; here it counts as 45 µs, and everything in proportion.",
        _WIDTH,
    )
    yield from wrap(
        f"Command: {origin.command}", _WIDTH, break_long_words=False, break_on_hyphens=False
    )


def _entry(each: Weighed) -> Iterator[str]:
    median, worst = _shown(each.median_us), _shown(each.worst_us)
    yield f"        # {median} where it is dearest, at worst {worst}"
    if isinstance(each.weight, Measured):
        yield f'        "{each.name}": {_measured(each.weight)},'
        return
    yield f'        "{each.name}": Sloped('
    yield f"            {_measured(each.weight.base)},"
    yield from _slopes(each.weight.each)
    yield "        ),"


def _slopes(each: Mapping[str, Measured]) -> Iterator[str]:
    yield "            {"
    for name, more in each.items():
        yield f'                "{name}": {_measured(more)},'
    yield "            },"


def _measured(weight: Measured) -> str:
    given = [f"{weight.ref_time:_}"]
    if weight.proof_size:
        given.append(f"{weight.proof_size:_}")
    given += [
        f"{name}={count}"
        for name, count in (("reads", weight.reads), ("writes", weight.writes))
        if count
    ]
    return f"Measured({', '.join(given)})"


def _shown(microseconds: float) -> str:
    if microseconds >= 10_000:
        return f"{microseconds / 1_000:.1f} ms"
    return f"{microseconds:.1f} µs" if microseconds < 1_000 else f"{microseconds / 1_000:.2f} ms"
