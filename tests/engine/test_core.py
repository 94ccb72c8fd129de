"""No row, however hostile, moves the sum beyond the sensitivity; and honest sums are right."""

import math
from collections.abc import Callable
from dataclasses import replace

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
SEQUENCE = replace(
    _layout([((6,), (2,))], [4 * 6, 4 * 7, 6]),
    parameters=(ParameterLayout((6, 7), (0, 1), terms=4), ParameterLayout((6,), (2,))),
)
LAYOUTS = [WHOLE, FACTORED, SEQUENCE]
NAMES = ["whole", "factored", "sequence"]

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


@pytest.mark.parametrize("layout", LAYOUTS, ids=NAMES)
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


def _gradient(p: ParameterLayout, parts: list[Singles], i: int) -> npt.NDArray[np.float64]:
    """Of one row by one parameter, in doubles."""
    factors = [parts[part][i].astype(float) for part in p.parts]
    if len(factors) == 1:
        return factors[0]
    left, right = (factor.reshape(p.terms, -1) for factor in factors)
    return np.asarray(left.T @ right).ravel()


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6, 2.0**28])
def test_terms_that_cancel_do_not_let_a_row_weigh_more(size: float) -> None:
    """The difference of two huge products: rounded away in its length, it would not be clipped."""
    random = np.random.default_rng(8)
    without = np.zeros(CHUNK, bool)
    for shift in (0.0, 1e-7, 1e-4, 1e-2, 1.0):
        parts = _parts(SEQUENCE, random)
        for part, factor in ((0, 6), (1, 7)):
            terms = parts[part].reshape(CHUNK, 4, factor)
            terms[5] = 0
            terms[5, :2] = random.normal(size=factor) * size
            terms[5, 1] *= (-1 if part else 1) * (1 + shift)
        alone = without.copy()
        alone[5] = True

        moved = _sum(SEQUENCE, parts, alone, 1.0).astype(np.float64)

        assert np.linalg.norm(moved) <= core.sensitivity(SEQUENCE.weights)
        with_others = np.ones(CHUNK, bool)
        others = ~alone
        difference = _sum(SEQUENCE, parts, with_others, 1.0) - _sum(SEQUENCE, parts, others, 1.0)
        assert np.linalg.norm(difference.astype(np.float64)) <= core.sensitivity(SEQUENCE.weights)


@pytest.mark.parametrize("layout", LAYOUTS, ids=NAMES)
def test_the_sum_is_that_of_each_rows_clipped_gradient(layout: Layout) -> None:
    random = np.random.default_rng(3)
    parts = _parts(layout, random)
    occupied = random.random(CHUNK) < 0.5

    total = np.zeros(layout.weights)
    for i in np.flatnonzero(occupied):
        gradient = np.concatenate([_gradient(p, parts, int(i)) for p in layout.parameters])
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
