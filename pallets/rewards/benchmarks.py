"""What claiming and the turn of an era cost, and counting a fee."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Protocol

from tilth.frame import AccountId
from tilth.frame.benchmarking import Benchmarks, Linear, Work, benchmark
from tilth.pallets.rewards.pallet import Rewards

_FEE = 10**12


class Stage(Protocol):
    """Publishes a dataset; returns its number."""

    def published(self, who: AccountId) -> int: ...


class RewardsBenchmarks(Benchmarks[Rewards]):
    @benchmark
    def claim(self, eras: Annotated[int, Linear(1, 64)]) -> Iterator[Work]:
        dataset, receiver = self._published(), self.account(1)
        for _ in range(eras):
            self.pallet.record_fee(dataset, _FEE)
            self._end_era()
        yield self.dispatch(self.pallet.claim.call(receiver, tuple(range(eras))))
        assert self.pallet.unclaimed(self.caller) == ()

    @benchmark
    def on_initialize(self) -> Iterator[Work]:
        """An era ends, which few blocks see."""
        self.pallet.record_fee(self._published(), _FEE)
        yield partial(self.pallet.on_initialize, self.pallet.era_length)
        assert self.pallet.current_era.get().index == 1

    def _published(self) -> int:
        stage: Stage = self.runtime.benchmark_stage()
        return stage.published(self.caller)

    def _end_era(self) -> None:
        active = self.pallet.current_era.get()
        self.pallet.on_initialize(active.started + self.pallet.era_length)
