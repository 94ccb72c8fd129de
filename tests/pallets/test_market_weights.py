"""The market's shipped weights: whole, and still of the size that its calls are."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tilth.frame import AccountId, Measured, Pallet, Sloped
from tilth.frame.benchmarking import Bench, Benchmark, benchmarks_of
from tilth.primitives.crypto import dev
from tilth.runtime import DevRuntime
from tilth.runtime.presets import dev_spec

RUNTIME = DevRuntime()
MARKET = (RUNTIME.storage, RUNTIME.datasets, RUNTIME.rewards, RUNTIME.compute)


def measured() -> Iterator[tuple[Pallet[Any, Any], Benchmark]]:
    for pallet in MARKET:
        declared = benchmarks_of(pallet)
        assert declared is not None, f"{pallet.name} has no benchmarks"
        for each in declared.declared():
            yield pallet, each


@pytest.fixture(scope="module")
def bench() -> Bench:
    genesis = RUNTIME.build_genesis(dev_spec(RUNTIME).genesis)
    return Bench(RUNTIME, genesis, AccountId(dev.ALICE), time.thread_time_ns)


@pytest.mark.parametrize("pallet", MARKET, ids=lambda pallet: pallet.name)
def test_every_call_was_measured(pallet: Pallet[Any, Any]) -> None:
    calls = {call.name for call in pallet.parsed().calls}

    assert calls <= pallet.weights.keys()


@pytest.mark.parametrize(("pallet", "each"), list(measured()), ids=lambda part: part.name)
def test_no_call_has_outgrown_its_weight(
    bench: Bench, pallet: Pallet[Any, Any], each: Benchmark
) -> None:
    """A block's two seconds would be more. Three times is more than busy machines differ by."""
    declared = benchmarks_of(pallet)
    assert declared is not None
    weight = pallet.weights[each.name]
    assert isinstance(weight, Measured | Sloped)

    for point in bench.points(declared, pallet, each, steps=2, repeat=3):
        at = weight.at(**point.components) if isinstance(weight, Sloped) else weight
        assert min(point.picoseconds) < 3 * at.ref_time
        assert point.reads <= at.reads
        assert point.writes <= at.writes


def test_a_block_holds_as_many_jobs_as_it_can_compute() -> None:
    """Creating one takes milliseconds; FRAME's default weight would let in ten thousand."""
    weight = RUNTIME.compute.weights["create_job"]
    assert isinstance(weight, Measured)
    limit = RUNTIME.system.block_weights.per_class.normal.max_total
    assert limit is not None

    jobs = limit.ref_time // weight.under(RUNTIME.db_weight).ref_time
    assert 50 < jobs < 1_000
