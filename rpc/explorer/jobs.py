"""Jobs, the states they went through, and the workers that did them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict, final

from tilth.node.catalogue import Catalogue
from tilth.node.chain import Chain
from tilth.node.mirror import Mirror
from tilth.node.service import Node
from tilth.pallets.compute import Compute, Job
from tilth.pallets.compute.types import deadline_of
from tilth.rpc.explorer.market import pallet, reading
from tilth.rpc.explorer.words import Words

_SHOWN_STEPS: Final = 40


@dataclass(frozen=True, slots=True)
class Order:
    """A job as lists show it."""

    number: int
    dataset: int
    requester: bytes
    owner: bytes
    worker: bytes | None
    state: str
    epsilon_micro: int
    price: int
    created_at: int
    attempts: int


class JobRow(TypedDict):
    number: int
    dataset: int
    datasetName: str
    requester: str
    owner: str
    worker: str | None
    state: str
    epsilonMicro: int
    price: str
    createdAt: int
    attempts: int


class JobPage(TypedDict):
    """Some of the jobs that were asked for, the newest first, and how many are in each state."""

    total: int
    items: list[JobRow]
    states: dict[str, int]


class StepJson(TypedDict):
    """A state that a job came to, and by which block; `deadline` is where it ends by itself."""

    block: int
    state: str
    worker: str | None
    attempts: int
    deadline: int | None


class JobCard(TypedDict):
    """A job with all that the chain keeps of it, and the states it went through, oldest first."""

    row: JobRow
    job: Any
    steps: list[StepJson]


class WorkerRow(TypedDict):
    account: str
    bond: str
    active: int
    leaving: int | None
    completed: int
    refunded: int


@dataclass(frozen=True, slots=True)
class _Stage:
    """How far a job is: beats move the deadline of one that runs, and nothing else here."""

    state: str
    worker: bytes | None
    attempts: int
    deadline: int | None = field(compare=False)


@final
class Orders:
    """Every job of the best block, by number."""

    def __init__(self, chain: Chain) -> None:
        self._mirror: Mirror[int, Order] = Mirror(chain, "Compute", "jobs", _order)

    def __len__(self) -> int:
        return len(self._mirror.current())

    def get(self, number: int) -> Order | None:
        return self._mirror.current().get(number)

    def select(self, wanted: Callable[[Order], bool]) -> list[Order]:
        """The newest first."""
        orders = self._mirror.current()
        return [orders[number] for number in sorted(orders, reverse=True) if wanted(orders[number])]


def page(
    node: Node,
    *,
    account: bytes | None = None,
    dataset: int | None = None,
    state: str | None = None,
    offset: int = 0,
    limit: int,
) -> JobPage:
    """Jobs that an account ordered, sold or worked on; of a dataset; in a state."""
    pallet(node, Compute)
    orders = node.beside(Orders)
    among = orders.select(
        lambda order: (
            (account is None or account in (order.requester, order.owner, order.worker))
            and (dataset is None or order.dataset == dataset)
        )
    )
    found = [order for order in among if state is None or order.state == state]
    return {
        "total": len(found),
        "items": rows(node, found[offset : offset + limit]),
        "states": dict(Counter(order.state for order in among)),
    }


def rows(node: Node, orders: Iterable[Order]) -> list[JobRow]:
    words = Words(node.runtime)
    return [_row(words, node.catalogue, order) for order in orders]


def card(node: Node, number: int) -> JobCard | None:
    order, compute = node.beside(Orders).get(number), pallet(node, Compute)
    if order is None:
        return None
    words = Words(node.runtime)
    with reading(node):
        job = compute.jobs[number]
    return {
        "row": _row(words, node.catalogue, order),
        "job": words.shown(compute.jobs.value.shape, job),
        "steps": _steps(node, compute, words, number, job.created_at),
    }


def workers(node: Node) -> list[WorkerRow]:
    """Those with the largest bond first."""
    compute, words = pallet(node, Compute), Words(node.runtime)
    done = Counter((o.worker, o.state) for o in node.beside(Orders).select(lambda _: True))
    with reading(node):
        found = sorted(compute.workers.items(), key=lambda each: -each[1].bond)
    return [
        {
            "account": words.account(account),
            "bond": str(worker.bond),
            "active": worker.active,
            "leaving": worker.leaving,
            "completed": done[account, "Completed"],
            "refunded": done[account, "Refunded"],
        }
        for account, worker in found
    ]


def _order(number: int, job: Job) -> Order:
    return Order(
        number,
        job.spec.dataset,
        job.requester,
        job.owner,
        getattr(job.state, "worker", None),
        type(job.state).__name__,
        job.epsilon_micro,
        job.escrow.total,
        job.created_at,
        job.attempts,
    )


def _row(words: Words, catalogue: Catalogue, order: Order) -> JobRow:
    dataset = catalogue.info(order.dataset)
    return {
        "number": order.number,
        "dataset": order.dataset,
        "datasetName": "" if dataset is None else dataset.name,
        "requester": words.account(order.requester),
        "owner": words.account(order.owner),
        "worker": None if order.worker is None else words.account(order.worker),
        "state": order.state,
        "epsilonMicro": order.epsilon_micro,
        "price": str(order.price),
        "createdAt": order.created_at,
        "attempts": order.attempts,
    }


def _steps(
    node: Node, compute: Compute, words: Words, number: int, created_at: int
) -> list[StepJson]:
    key = compute.jobs.key_of(number)

    def stage(block: int) -> _Stage | None:
        found = node.chain.at(block)
        data = None if found is None else found.state.get(key)
        return None if data is None else _stage(compute.jobs.value.decode(data))

    changes = _changes(stage, created_at, node.chain.best.number)
    known = [(block, found) for block, found in changes if found is not None]
    return [_step(words, block, found) for block, found in known[:_SHOWN_STEPS]]


def _stage(job: Job) -> _Stage:
    worker = getattr(job.state, "worker", None)
    return _Stage(type(job.state).__name__, worker, job.attempts, deadline_of(job.state))


def _changes(
    stage: Callable[[int], _Stage | None], first: int, last: int
) -> Sequence[tuple[int, _Stage | None]]:
    """The blocks at which a job came to another stage, in as many reads as 2^n are blocks.

    It never comes back to one: states only go on, and a job that waits again was tried once more.
    So where both ends are the same, so is all between.
    """
    found = [(first, stage(first))]
    ahead = [(first, found[0][1], last, stage(last))]
    while ahead:
        low, at_low, high, at_high = ahead.pop()
        if at_low == at_high:
            continue
        if high - low == 1:
            found.append((high, at_high))
            continue
        middle = (low + high) // 2
        between = stage(middle)
        ahead += [(low, at_low, middle, between), (middle, between, high, at_high)]
    return sorted(found, key=lambda change: change[0])


def _step(words: Words, block: int, stage: _Stage) -> StepJson:
    return {
        "block": block,
        "state": stage.state,
        "worker": None if stage.worker is None else words.account(stage.worker),
        "attempts": stage.attempts,
        "deadline": stage.deadline,
    }
