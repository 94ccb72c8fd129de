"""A pallet whose weight was measured, and its benchmark.

Measure it:       tilth benchmark --runtime examples.notebook:NotebookRuntime --pallet Notebook
Write it down:    the same with --write, which makes notebook_weights.py
"""

from collections.abc import Iterator
from typing import Annotated, Never

from examples.notebook_weights import WEIGHTS
from tilth.frame import AccountId, Bounded, DefaultMap, Pallet, Signed, call
from tilth.frame.benchmarking import Benchmarks, Linear, Work, benchmark
from tilth.runtime import DevRuntime

Lines = Annotated[tuple[bytes, ...], Bounded(100)]


class Notebook(Pallet[Never, Never]):
    weights = WEIGHTS

    pages = DefaultMap[AccountId, Lines]()
    """What each account has written last."""

    @call(0)
    def write(self, who: Signed, lines: Lines) -> None:
        """Begin a new page."""
        self.pages[who] = tuple(line.strip() for line in lines)


class NotebookBenchmarks(Benchmarks[Notebook]):
    @benchmark
    def write(self, lines: Annotated[int, Linear(0, 100)]) -> Iterator[Work]:
        page = tuple(b"  to remember  " for _ in range(lines))
        yield self.dispatch(self.pallet.write.call(page))
        assert len(self.pallet.pages[self.caller]) == lines


class NotebookRuntime(DevRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.notebook = self.add(41, Notebook())
