"""No row, however hostile, moves the sum beyond the sensitivity; and honest sums are right."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tilth.engine import core
from tilth.engine.layout import THE_ROWS, Layout, ParameterLayout

Singles = npt.NDArray[np.float32]
CHUNK = 128
UNIT = 2.0**core.LATTICE_BITS


def _layout(
    parameters: list[tuple[tuple[int, ...], tuple[int, ...]]], outputs: list[int]
) -> Layout:
    return Layout(
        input_shape=(5,),
        output_shape=(2,),
        label_size=1,
        integer_labels=True,
        parameters=tuple(ParameterLayout(shape, parts) for shape, parts in parameters),
        outputs=tuple(outputs),
        row_flops=1,
        row_values=1,
        released_bytes=0,
    )


WHOLE = _layout([((3000,), (0,)), ((), (1,))], [3000, 1])
FACTORED = _layout([((7, 5), (0, THE_ROWS)), ((7,), (0,)), ((4, 6), (1, 2))], [7, 4, 6])
LAYOUTS = [WHOLE, FACTORED]

HOSTILE: list[Callable[[np.random.Generator, Singles], None]] = [
    lambda r, row: row.fill(np.nan),
    lambda r, row: row.fill(np.inf),
    lambda r, row: row.fill(3e38),
    lambda r, row: row.fill(1e-45),
    lambda r, row: row.fill(2.6e-23),
    lambda r, row: row.fill(1.8e19),
    lambda r, row: row.__setitem__(0, -np.inf),
    lambda r, row: row.__setitem__(slice(None), r.normal(size=row.shape) * 1e6),
    lambda r, row: row.__setitem__(
        slice(None), r.normal(size=row.shape) * 10.0 ** r.integers(-40, 38)
    ),
    lambda r, row: row.__setitem__(slice(None), r.normal(size=row.shape)),
]


def _parts(layout: Layout, random: np.random.Generator) -> list[Singles]:
    sizes = [*layout.outputs, layout.features]
    return [random.normal(size=(CHUNK, size)).astype(np.float32) for size in sizes]


def _sum(
    layout: Layout, parts: list[Singles], occupied: npt.NDArray[np.bool_], clip: float
) -> npt.NDArray[np.int64]:
    return core.clipped_sum(layout, [part.copy() for part in parts], occupied, clip)


@pytest.mark.parametrize("layout", LAYOUTS, ids=["whole", "factored"])
@pytest.mark.parametrize("clip", [1e-6, 0.01, 1.0, 1000.0])
def test_adding_a_hostile_row_moves_the_sum_by_no_more_than_the_sensitivity(
    layout: Layout, clip: float
) -> None:
    random = np.random.default_rng(7)
    worst = 0.0
    for _ in range(150):
        parts = _parts(layout, random)
        seat = int(random.integers(CHUNK))
        with np.errstate(all="ignore"):
            for part in (part for part in parts if random.random() < 0.6):
                HOSTILE[random.integers(len(HOSTILE))](random, part[seat])
        occupied = random.random(CHUNK) < 0.7
        occupied[seat] = True
        without = occupied.copy()
        without[seat] = False

        moved = _sum(layout, parts, occupied, clip) - _sum(layout, parts, without, clip)

        worst = max(worst, float(np.linalg.norm(moved.astype(np.float64))))
    assert 0.9 * UNIT < worst <= core.sensitivity(layout.weights)


@pytest.mark.parametrize(("length", "counts"), [(2.0**29, True), (2.0**31, False)])
def test_a_row_with_a_huge_factor_counts_zero_even_if_the_other_makes_up_for_it(
    length: float, counts: bool
) -> None:
    layout = _layout([((1, 1), (0, 1))], [1, 1])
    left = np.full((CHUNK, 1), length, np.float32)
    right = np.full((CHUNK, 1), 1 / length, np.float32)
    parts = [left, right, np.zeros((CHUNK, 5), np.float32)]

    assert bool(_sum(layout, parts, np.arange(CHUNK) == 3, 1.0).any()) == counts


@pytest.mark.parametrize("layout", LAYOUTS, ids=["whole", "factored"])
def test_the_sum_is_that_of_each_rows_clipped_gradient(layout: Layout) -> None:
    random = np.random.default_rng(3)
    parts = _parts(layout, random)
    occupied = random.random(CHUNK) < 0.5

    total = np.zeros(layout.weights)
    for i in np.flatnonzero(occupied):
        gradient = np.concatenate(
            [
                np.multiply.outer(*(parts[part][i].astype(float) for part in p.parts)).ravel()
                if len(p.parts) == 2
                else parts[p.parts[0]][i].astype(float)
                for p in layout.parameters
            ]
        )
        total += gradient * min(1, 2.5 / math.sqrt(gradient @ gradient))

    ours = _sum(layout, parts, occupied, 2.5) * 2.5 / UNIT
    np.testing.assert_allclose(ours, total, atol=1e-4)


def test_factors_and_the_product_they_stand_for_give_the_same_sum() -> None:
    random = np.random.default_rng(4)
    factored = _layout([((7, 5), (0, 1))], [7, 5])
    whole = _layout([((7, 5), (0,))], [35])
    left, right, rows = (random.normal(size=(CHUNK, n)).astype(np.float32) for n in (7, 5, 5))
    product = (left[:, :, None] * right[:, None, :]).reshape(CHUNK, 35)
    everywhere = np.ones(CHUNK, bool)

    one = _sum(factored, [left, right, rows], everywhere, 1.0)
    other = _sum(whole, [product, rows], everywhere, 1.0)

    assert np.abs(one - other).max() < UNIT * 1e-4


def test_rows_that_are_not_there_count_nothing_whatever_the_worker_says() -> None:
    random = np.random.default_rng(5)
    parts = _parts(WHOLE, random)
    parts[0][::2] = np.nan

    assert not _sum(WHOLE, parts, np.zeros(CHUNK, bool), 1.0).any()


def test_a_row_that_is_not_finite_counts_zero_and_spoils_no_other() -> None:
    random = np.random.default_rng(6)
    parts = _parts(FACTORED, random)
    occupied = np.ones(CHUNK, bool)
    spoiled = [part.copy() for part in parts]
    spoiled[0][9, 2] = np.nan
    spoiled[2][17] = np.inf

    without = occupied.copy()
    without[[9, 17]] = False
    np.testing.assert_array_equal(
        _sum(FACTORED, spoiled, occupied, 1.0), _sum(FACTORED, parts, without, 1.0)
    )
