"""Measuring: a benchmark run again and again on real storage, its time and its accesses counted.

Time is told in Substrate's picoseconds of a reference machine: the one on which verifying an
sr25519 signature takes 45 µs. Here a verification is timed beside every run, and the ratio is kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, cast, final

from tilth.frame.benchmarking.declaration import Benchmark, Benchmarks, Linear, Work
from tilth.frame.benchmarking.fitting import Components, Fit
from tilth.frame.overlay import Overlay
from tilth.frame.runtime import Runtime
from tilth.frame.weight import Measured, Sloped
from tilth.primitives.crypto.hashing import blake2_128_concat, twox_128
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256, AccountId, Digest, Header

VERIFICATION_PS: Final = 45_000_000
"""What one verification of an sr25519 signature takes on the reference machine."""
_MESSAGE: Final = bytes(110)  # about what a transfer signs

# utils/frame/benchmarking-cli: proofs are estimated for maps of a million entries, 5 layers deep,
# and each block's proof has two layers more; a layer is 15 hashes with their prefixes.
_LAYER: Final = 15 * 33
_PROOF_BASE: Final = 2 * _LAYER
_PROOF_OF_KEY: Final = 5 * _LAYER

# What every extrinsic touches anyway and has paid for; in FRAME: #[pallet::whitelist_storage].
_FREE: Final = (
    ("System", "Number"),
    ("System", "ExecutionPhase"),
    ("System", "EventCount"),
    ("System", "Events"),
    ("System", "BlockWeight"),
    ("Balances", "TotalIssuance"),
)
_FREE_RAW: Final = (b":extrinsic_index", b":transaction_level:")

Clock = Callable[[], int]
"""Nanoseconds of this thread's CPU time."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured with one choice of components."""

    components: Components
    picoseconds: Sequence[int]
    reads: int
    writes: int
    proof_size: int


@final
class Bench:
    """Runs benchmarks of one runtime, each time in the first block above its genesis."""

    def __init__(self, runtime: Runtime, genesis: Trie, caller: AccountId, clock: Clock) -> None:
        self._runtime = runtime
        self._genesis = genesis
        self._caller = caller
        self._clock = clock
        self._free = frozenset((*_free_keys(caller), *_FREE_RAW))
        self._pair = Keypair.from_uri("//Alice")
        self._signature = self._pair.sign(_MESSAGE)
        self._verifications: list[int] = []

    @property
    def verification_ns(self) -> float:
        """What verifying a signature took here, while all that was measured was."""
        return median(self._verifications)

    def points(
        self, declared: type[Benchmarks[Any]], of: Any, each: Benchmark, steps: int, repeat: int
    ) -> list[Point]:
        """Measure everywhere: each component over its range, while the others are at their most."""
        benchmarks = declared(of, self._caller)
        return [
            self._point(benchmarks, each, at, repeat) for at in _choices(each.components, steps)
        ]

    def _point(
        self, benchmarks: Benchmarks[Any], each: Benchmark, at: Components, repeat: int
    ) -> Point:
        reads, writes, proof = self._accesses(benchmarks, each, at)
        times, yardstick = [], []
        for benchmarks.round in range(1, repeat + 1):
            times.append(self._timed(benchmarks, each, at))
            yardstick.append(self._verification())
        self._verifications += yardstick
        unit = median(yardstick)
        picoseconds = tuple(int(time * VERIFICATION_PS / unit) for time in times)
        return Point(at, picoseconds, reads, writes, proof)

    def _accesses(
        self, benchmarks: Benchmarks[Any], each: Benchmark, at: Components
    ) -> tuple[int, int, int]:
        steps, work, state = self._prepared(benchmarks, each, at)
        watched = _Watched(state)
        overlay = self._runtime.slot.overlay = Overlay(cast(Trie, watched))
        work()
        written = overlay.changes().keys() - self._free
        read = {key: size for key, size in watched.read.items() if key not in self._free}
        _check(steps, each)
        proof = sum(_PROOF_OF_KEY + len(key) - 32 + size for key, size in read.items())
        return len(read), len(written), _PROOF_BASE + proof if read else 0

    def _timed(self, benchmarks: Benchmarks[Any], each: Benchmark, at: Components) -> int:
        """Running, and encoding what was written; folding it into the trie is a write's price."""
        steps, work, state = self._prepared(benchmarks, each, at)
        overlay = self._runtime.slot.overlay = Overlay(state)
        started = self._clock()
        work()
        overlay.changes()
        took = self._clock() - started
        _check(steps, each)
        return took

    def _prepared(
        self, benchmarks: Benchmarks[Any], each: Benchmark, at: Components
    ) -> tuple[Iterator[Work], Work, Trie]:
        """The state is committed before the work, so that reads come from the trie."""
        runtime = self._runtime
        overlay = runtime.slot.overlay = Overlay(self._genesis)
        runtime.executive.initialize_block(_first_header())
        steps = each.function(benchmarks, **at)
        work = next(steps)
        runtime.system.reset_events()
        return steps, work, overlay.commit()

    def _verification(self) -> int:
        """The fastest of three: the first finds the caches full of what ran before."""
        return min(self._verified() for _ in range(3))

    def _verified(self) -> int:
        started = self._clock()
        valid = self._pair.verify(self._signature, _MESSAGE)
        took = self._clock() - started
        assert valid, "the yardstick is a valid signature"
        return took


@final
class _Watched:
    """A trie that keeps book of which keys were read from it, with the sizes of their values."""

    def __init__(self, trie: Trie) -> None:
        self._trie = trie
        self.read: dict[bytes, int] = {}

    def get(self, key: bytes) -> bytes | None:
        value = self._trie.get(key)
        self.read[key] = len(value or b"")
        return value

    def keys(self, prefix: bytes = b"", start: bytes | None = None) -> Iterator[bytes]:
        for key in self._trie.keys(prefix, start):
            self.read.setdefault(key, 0)
            yield key


def weight_of(points: Sequence[Point]) -> Measured | Sloped:
    """The weight that the medians of the points ask for."""
    fits = {
        "ref_time": Fit.through([(p.components, median(p.picoseconds)) for p in points]),
        "proof_size": Fit.above([(p.components, p.proof_size) for p in points]),
        "reads": Fit.above([(p.components, p.reads) for p in points]),
        "writes": Fit.above([(p.components, p.writes) for p in points]),
    }
    base = Measured(**{part: fit.base for part, fit in fits.items()})
    each = {
        name: Measured(**{part: fit.each[name] for part, fit in fits.items()})
        for name in points[0].components
    }
    growing = {name: slope for name, slope in each.items() if slope != Measured(0)}
    return Sloped(base, growing) if growing else base


def _choices(components: Mapping[str, Linear], steps: int) -> list[dict[str, int]]:
    """All lowest first; then each from low to high with the others highest."""
    lowest = {name: span.low for name, span in components.items()}
    highest = {name: span.high for name, span in components.items()}
    choices = [lowest]
    for name, span in components.items():
        varied = [{**highest, name: value} for value in span.values(steps)]
        choices += [choice for choice in varied if choice not in choices]
    return choices


def _check(steps: Iterator[Work], each: Benchmark) -> None:
    if next(steps, None) is not None:
        raise AssertionError(f"the benchmark {each.name} yields its work more than once")


def _first_header() -> Header:
    zero = H256(bytes(32))
    return Header(zero, 1, zero, zero, Digest(()))


def _free_keys(caller: AccountId) -> Iterator[bytes]:
    for pallet, item in _FREE:
        yield twox_128(pallet.encode()) + twox_128(item.encode())
    yield twox_128(b"System") + twox_128(b"Account") + blake2_128_concat(caller)
