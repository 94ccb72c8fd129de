"""The off-chain host: what a node owes is done once at a time, answered, and tried again."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Never

import pytest

from tilth.frame import (
    DefaultValue,
    ErrorEnum,
    Pallet,
    RuntimeCall,
    Signed,
    StorageMap,
    call,
    ensure,
    u32,
)
from tilth.node.author import InstantSeal
from tilth.node.signer import KeypairSigner
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec


@dataclass
class Square:
    number: int
    then: Callable[[Any], RuntimeCall | None]

    @property
    def identity(self) -> bytes:
        return b"square %d" % self.number


class Error(ErrorEnum):
    WRONG = "That is not the square."


class Squares(Pallet[Never, Error]):
    asked = StorageMap[u32, u32]()
    answers = StorageMap[u32, u32]()
    count = DefaultValue[u32]()

    @call(0)
    def ask(self, who: Signed, number: u32) -> None:
        """Ask for a square."""
        self.asked[number] = 0
        self.count.put(self.count.get() + 1)

    @call(1)
    def answer(self, who: Signed, number: u32, square: u32) -> None:
        """Tell a square."""
        ensure(square == number * number, Error.WRONG)
        del self.asked[number]
        self.answers[number] = square

    def offchain_worker(self, node: Any) -> Iterator[Square]:
        for number, _ in self.asked.items():
            yield Square(number, partial(self._answer, number))

    def _answer(self, number: int, answer: int | None) -> RuntimeCall | None:
        return None if answer is None else self.answer.call(number, answer)


class SquaringRuntime(DevRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.squares = self.add(60, Squares())


@dataclass
class Worker:
    """Answers in another thread, when and how the test says."""

    begun: list[int] = field(default_factory=list)
    outcome: Callable[[int], int | None] = lambda number: number * number
    may_end: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_end.set()

    def run(self, task: Square) -> int | None:
        self.begun.append(task.number)
        self.may_end.wait(10)
        return self.outcome(task.number)


WORKER = KeypairSigner(Keypair.from_uri("//Bob"))


@pytest.fixture(scope="module")
def squaring() -> SquaringRuntime:
    return SquaringRuntime()


@pytest.fixture
def worker() -> Iterator[Worker]:
    working = Worker()
    yield working
    working.may_end.set()


@pytest.fixture
async def lab(start: Any, squaring: SquaringRuntime, worker: Worker) -> Any:
    return await start(
        runtime=squaring,
        spec=dev_spec(squaring),
        signer=WORKER,
        runners={Square: worker.run},
    )


def ask(lab: Any, number: int, uri: str = "//Alice") -> None:
    lab.pool.submit(lab.signed(lab.runtime.squares.ask.call(number), uri=uri))


def answers(lab: Any) -> dict[int, int]:
    with lab.runtime.at(lab.chain.best.state):
        return dict(lab.runtime.squares.answers.items())


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.002)


async def idle(lab: Any) -> None:
    await until(lambda: not lab.node.offchain._running)


async def test_what_is_owed_is_done_and_the_answer_included(lab: Any, worker: Worker) -> None:
    ask(lab, 7)
    lab.build()
    await until(lambda: lab.pool.pending_count() == 1)

    block = lab.build()

    assert answers(lab) == {7: 49}
    signer = lab.runtime.format.decode(block.extrinsics[1]).address.account
    assert signer == WORKER.account
    assert worker.begun == [7]


async def test_a_task_runs_once_at_a_time_whatever_is_built_meanwhile(
    lab: Any, worker: Worker
) -> None:
    worker.may_end.clear()
    ask(lab, 3)

    for _ in range(4):
        lab.build()
        await asyncio.sleep(0.01)
    assert worker.begun == [3]

    worker.may_end.set()
    await until(lambda: lab.pool.pending_count() == 1)
    lab.build()
    await idle(lab)
    assert (worker.begun, answers(lab)) == ([3], {3: 9})


async def test_an_answer_that_waits_in_the_pool_is_not_sought_again(
    start: Any, squaring: SquaringRuntime, worker: Worker
) -> None:
    lab = await start(
        runtime=squaring,
        spec=dev_spec(squaring),
        signer=WORKER,
        runners={Square: worker.run},
        finality_lag=9,
    )
    ask(lab, 3)
    low = lab.build()
    await until(lambda: lab.pool.pending_count() == 1)
    lab.clock.now += 1

    lab.build(lab.build(low))  # a fork leaves the answer in the pool
    await idle(lab)

    assert lab.chain.best.number == 3
    assert worker.begun == [3]


async def test_tasks_run_side_by_side(lab: Any, worker: Worker) -> None:
    worker.may_end.clear()
    ask(lab, 2)
    ask(lab, 5, uri="//Charlie")
    lab.build()

    await until(lambda: sorted(worker.begun) == [2, 5])
    worker.may_end.set()
    await until(lambda: lab.pool.pending_count() == 2)
    lab.build()

    assert answers(lab) == {2: 4, 5: 25}


async def test_a_failure_is_tried_again_after_a_later_block(
    lab: Any, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(_: int) -> int:
        raise RuntimeError("out of chalk")

    worker.outcome = breaks
    ask(lab, 4)
    lab.build()
    await until(lambda: "out of chalk" in caplog.text)
    await idle(lab)
    assert lab.pool.pending_count() == 0

    worker.outcome = lambda number: number * number
    lab.build()
    await until(lambda: lab.pool.pending_count() == 1)
    lab.build()

    assert worker.begun == [4, 4]
    assert answers(lab) == {4: 16}


async def test_failures_are_tried_at_ever_longer_distances(lab: Any, worker: Worker) -> None:
    def breaks(_: int) -> int:
        raise RuntimeError("out of chalk")

    worker.outcome = breaks
    ask(lab, 4)
    tried = []
    for number in range(1, 20):
        before = len(worker.begun)
        lab.build()
        await idle(lab)
        if len(worker.begun) > before:
            tried.append(number)

    assert tried == [1, 2, 4, 8, 16]


async def test_no_answer_is_no_failure_and_is_asked_for_again(lab: Any, worker: Worker) -> None:
    worker.outcome = lambda number: None
    ask(lab, 4)

    for _ in range(5):
        lab.build()
        await idle(lab)

    assert worker.begun == [4] * 5
    assert lab.pool.pending_count() == 0


async def test_an_answer_that_fails_in_its_block_does_not_feed_on_itself(
    start: Any, squaring: SquaringRuntime, worker: Worker
) -> None:
    lab = await start(
        runtime=squaring,
        spec=dev_spec(squaring),
        signer=WORKER,
        runners={Square: worker.run},
        sealing=InstantSeal,
    )
    worker.outcome = lambda number: number + 1

    ask(lab, 4)
    await asyncio.sleep(0.2)
    await idle(lab)

    assert worker.begun == [4]
    assert lab.chain.best.number == 2
    for _ in range(2):
        lab.pool.submit(lab.remark())
        await asyncio.sleep(0.05)
    await until(lambda: worker.begun == [4, 4])


async def test_a_refused_answer_is_not_lost(
    lab: Any, worker: Worker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = WORKER.sign
    monkeypatch.setattr(
        WORKER, "sign", lambda *args: (signed := sign(*args))[:-1] + bytes((signed[-1] ^ 1,))
    )
    ask(lab, 6)
    lab.build()
    await until(lambda: "was refused" in caplog.text)

    monkeypatch.undo()
    await idle(lab)
    lab.build()
    await until(lambda: lab.pool.pending_count() == 1)
    lab.build()

    assert answers(lab) == {6: 36}


async def test_what_is_owed_at_the_start_is_begun_at_the_start(
    start: Any, squaring: SquaringRuntime, worker: Worker
) -> None:
    from tilth.node.store import BlockStore, MemoryStore

    table = MemoryStore()
    config = {"runtime": squaring, "spec": dev_spec(squaring)}
    first = await start(**config, store=BlockStore(table))
    ask(first, 9)
    first.build()

    again = await start(
        **config, store=BlockStore(table), signer=WORKER, runners={Square: worker.run}
    )
    await until(lambda: again.pool.pending_count() == 1)

    assert worker.begun == [9]


async def test_stopping_abandons_what_runs(lab: Any, worker: Worker) -> None:
    worker.may_end.clear()
    ask(lab, 3)
    lab.build()
    await until(lambda: worker.begun)

    await asyncio.wait_for(lab.node.offchain.stop(), 1)
    lab.build()
    worker.may_end.set()
    await asyncio.sleep(0.05)

    assert lab.node.offchain._running == {}
    assert lab.pool.pending_count() == 0
    assert worker.begun == [3]


async def test_a_task_that_nobody_here_can_do_is_left_to_others(
    start: Any, squaring: SquaringRuntime
) -> None:
    lab = await start(runtime=squaring, spec=dev_spec(squaring), signer=WORKER, runners={})
    ask(lab, 3)

    lab.build()

    assert lab.node.offchain._running == {}


async def test_a_pallet_that_cannot_say_what_is_owed_stops_nothing(
    lab: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(node: Any) -> Iterator[Square]:
        raise KeyError("a pallet's fault")

    monkeypatch.setattr(lab.runtime.squares, "offchain_worker", broken)

    assert lab.build().number == 1
    assert "a pallet's fault" in caplog.text
