"""Benchmarks: what an author declares, how it is measured, and what weight follows."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Never

import pytest

from tilth.frame import (
    ROOT,
    AccountId,
    DeclarationError,
    DefaultMap,
    DefaultValue,
    DispatchFailure,
    ErrorEnum,
    Measured,
    Pallet,
    Root,
    Runtime,
    Signed,
    Sloped,
    StorageMap,
    Weight,
    call,
    ensure,
    u32,
)
from tilth.frame.benchmarking import (
    Bench,
    Benchmarks,
    Fit,
    Linear,
    Point,
    Work,
    benchmark,
    benchmarks_of,
    weight_of,
)
from tilth.pallets.system import BlockLength, BlockWeights, System

CALLER = AccountId(b"c" * 32)


class Error(ErrorEnum):
    TOO_MUCH = "That is too much."


class Shelf(Pallet[Never, Error]):
    weights = {"put": Sloped(Measured(100, reads=1), {"words": Measured(7, writes=1)})}  # noqa: RUF012

    count = DefaultValue[u32]()
    words = StorageMap[u32, bytes]()
    by_account = DefaultMap[AccountId, u32]()

    @call(0)
    def put(self, who: Signed, words: tuple[bytes, ...]) -> None:
        """Store words."""
        for number, word in enumerate(words):
            self.words[number] = word
        self.by_account[who] += len(words)

    @call(1)
    def touch(self, who: Signed, number: u32) -> None:
        """Read a word."""
        ensure(number in self.words, Error.TOO_MUCH)

    @call(2)
    def clear(self, who: Root) -> None:
        """Forget everything."""
        self.words.clear()


class ShelfBenchmarks(Benchmarks[Shelf]):
    @benchmark
    def put(
        self, words: Annotated[int, Linear(0, 8)], length: Annotated[int, Linear(1, 4)]
    ) -> Iterator[Work]:
        content = tuple(b"w" * length for _ in range(words))
        yield self.dispatch(self.pallet.put.call(content))
        assert len(list(self.pallet.words.keys())) == words

    @benchmark
    def touch(self) -> Iterator[Work]:
        self.pallet.words[7] = b"seven"
        yield self.dispatch(self.pallet.touch.call(7))

    @benchmark
    def clear(self, words: Annotated[int, Linear(1, 5)]) -> Iterator[Work]:
        for number in range(words):
            self.pallet.words[number] = b""
        yield self.dispatch(self.pallet.clear.call(), ROOT)


class ShelfRuntime(Runtime):
    system: System

    def __init__(self, **weights: Any) -> None:
        super().__init__()
        limits = BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1))
        length = BlockLength.max_with_normal_ratio(1024)
        self.system = self.add(0, System(block_weights=limits, block_length=length))
        self.shelf = self.add(1, Shelf(**weights))
        self.extensions = ()


class Ticks:
    """A clock that says what it is told, one nanosecond after the other."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture
def runtime() -> ShelfRuntime:
    return ShelfRuntime()


@pytest.fixture
def measure(runtime: ShelfRuntime) -> Callable[..., list[Point]]:
    bench = Bench(runtime, runtime.build_genesis({}), CALLER, Ticks())

    def points(name: str, steps: int = 3, repeat: int = 2) -> list[Point]:
        (each,) = (each for each in ShelfBenchmarks.declared() if each.name == name)
        return bench.points(ShelfBenchmarks, runtime.shelf, each, steps, repeat)

    return points


# What an author declares.


def test_benchmarks_are_found_beside_their_pallet(runtime: ShelfRuntime) -> None:
    assert benchmarks_of(runtime.shelf) is ShelfBenchmarks
    assert benchmarks_of(runtime.system) is None


def test_a_component_needs_a_range() -> None:
    def add(self: object, words: int) -> Iterator[Work]:
        yield lambda: None

    with pytest.raises(DeclarationError, match="needs a range for words"):
        benchmark(add)


def test_a_range_does_not_run_backwards() -> None:
    def add(self: object, words: Annotated[int, Linear(3, 1)]) -> Iterator[Work]:
        yield lambda: None

    with pytest.raises(DeclarationError, match="needs a range for words"):
        benchmark(add)


def test_a_range_is_walked_from_end_to_end() -> None:
    assert Linear(0, 10).values(3) == [0, 5, 10]
    assert Linear(2, 3).values(9) == [2, 3]
    assert Linear(4, 4).values(5) == [4]


def test_a_benchmark_that_yields_twice_is_refused(runtime: ShelfRuntime) -> None:
    class Twice(Benchmarks[Shelf]):
        @benchmark
        def touch(self) -> Iterator[Work]:
            yield lambda: None
            yield lambda: None

    bench = Bench(runtime, runtime.build_genesis({}), CALLER, Ticks())
    with pytest.raises(AssertionError, match="more than once"):
        bench.points(Twice, runtime.shelf, Twice.declared()[0], 2, 1)


def test_what_follows_the_work_is_checked(runtime: ShelfRuntime) -> None:
    class Wrong(Benchmarks[Shelf]):
        @benchmark
        def touch(self) -> Iterator[Work]:
            yield lambda: None
            assert self.pallet.count.get() == 1, "nothing was counted"

    bench = Bench(runtime, runtime.build_genesis({}), CALLER, Ticks())
    with pytest.raises(AssertionError, match="nothing was counted"):
        bench.points(Wrong, runtime.shelf, Wrong.declared()[0], 2, 1)


def test_a_call_that_fails_is_no_measurement(runtime: ShelfRuntime) -> None:
    class Fails(Benchmarks[Shelf]):
        @benchmark
        def touch(self) -> Iterator[Work]:
            yield self.dispatch(self.pallet.touch.call(7))

    bench = Bench(runtime, runtime.build_genesis({}), CALLER, Ticks())
    with pytest.raises(DispatchFailure):
        bench.points(Fails, runtime.shelf, Fails.declared()[0], 2, 1)


# How it is measured.


def test_each_component_varies_while_the_others_are_at_their_most(
    measure: Callable[..., list[Point]],
) -> None:
    chosen = [(p.components["words"], p.components["length"]) for p in measure("put")]

    assert chosen == [(0, 1), (0, 4), (4, 4), (8, 4), (8, 1), (8, 2)]


def test_a_call_is_run_as_often_as_asked(measure: Callable[..., list[Point]]) -> None:
    assert {len(point.picoseconds) for point in measure("put", repeat=4)} == {4}


def test_time_is_told_in_verifications_of_45_microseconds(
    measure: Callable[..., list[Point]],
) -> None:
    """Every interval of this clock is one tick, a verification's as well."""
    (point,) = measure("touch")

    assert set(point.picoseconds) == {45_000_000}


def test_what_is_read_and_written_is_counted_once(measure: Callable[..., list[Point]]) -> None:
    (touch,) = measure("touch")
    assert (touch.reads, touch.writes) == (1, 0)

    counts = {p.components["words"]: (p.reads, p.writes) for p in measure("put")}
    assert counts == {0: (1, 1), 4: (1, 5), 8: (1, 9)}

    counts = {p.components["words"]: (p.reads, p.writes) for p in measure("clear")}
    assert counts == {1: (1, 1), 3: (3, 3), 5: (5, 5)}


def test_a_proof_holds_what_was_read(measure: Callable[..., list[Point]]) -> None:
    (touch,) = measure("touch")

    # two layers for the block, five for the key; blake2_128 and the number, a length and "seven"
    assert touch.proof_size == 990 + 2475 + (16 + 4) + (1 + 5)


# What weight follows.


def test_a_line_is_found_again() -> None:
    points = [
        ({"n": n, "m": m}, 100.0 + 7 * n + 3 * m) for n, m in ((0, 1), (0, 9), (5, 9), (5, 1))
    ]

    assert Fit.through(points) == Fit.above(points) == Fit(100, {"n": 7, "m": 3})


def test_one_slow_point_does_not_make_the_rest_dear() -> None:
    points = [({"n": n}, 100.0 + 10 * n) for n in range(20)]
    points[10] = ({"n": 10}, 300.0)

    fit = Fit.through(points)
    assert 100 <= fit.base < 120
    assert fit.each["n"] in (10, 11)


def test_counts_are_never_too_low() -> None:
    points = [({"n": n}, float((n + 1) // 2)) for n in range(9)]

    fit = Fit.above(points)
    assert all(fit.base + fit.each["n"] * at["n"] >= value for at, value in points)


def test_nothing_gets_cheaper_by_being_more() -> None:
    points = [({"n": n}, 100.0 - n) for n in range(5)]

    assert Fit.through(points).each == {"n": 0}


def test_what_grows_with_nothing_is_a_constant(measure: Callable[..., list[Point]]) -> None:
    weight = weight_of(measure("touch"))

    assert weight == Measured(45_000_000, 3_491, reads=1)


def test_a_component_that_costs_nothing_is_left_out(measure: Callable[..., list[Point]]) -> None:
    weight = weight_of(measure("put"))

    assert isinstance(weight, Sloped)
    assert weight.each == {"words": Measured(0, writes=1)}
    assert weight.at(words=5).writes == 6


# What a call then weighs.


def test_a_call_weighs_by_the_length_of_what_it_is_given(runtime: ShelfRuntime) -> None:
    put = runtime.shelf.put.call

    light, heavy = put(()).info.call_weight, put((b"", b"", b"")).info.call_weight
    assert light == Weight(100, 0) + runtime.db_weight.of(reads=1, writes=0)
    assert heavy == light + Weight(21, 0) + runtime.db_weight.of(reads=0, writes=3)


def test_a_number_weighs_by_what_it_is() -> None:
    runtime = ShelfRuntime(weights={"touch": Sloped(Measured(5), {"number": Measured(2)})})

    assert runtime.shelf.touch.call(10).info.call_weight == Weight(25, 0)


def test_a_weight_that_grows_with_nothing_the_call_has_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Shelf\.touch grows with n, but .* number"):
        ShelfRuntime(weights={"touch": Sloped(Measured(5), {"n": Measured(2)})})


def test_a_call_without_arguments_can_be_encoded(runtime: ShelfRuntime) -> None:
    data = runtime.shelf.clear.call().encode()

    assert data == bytes((1, 2))
    assert runtime.calls_codec.decode_at(data, 0)[0] == runtime.shelf.clear.call()
