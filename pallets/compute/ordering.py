"""Ordering a job: whether its spec means something, what the owner asks, what it will cost."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tilth.frame import H256, AccountId, checked, ensure
from tilth.pallets.compute.docket import enter
from tilth.pallets.compute.errors import Error
from tilth.pallets.compute.events import JobCreated
from tilth.pallets.compute.spec import cost_of, ensure_meaningful, kind_of, noise_of, spec_hash
from tilth.pallets.compute.traits import Terms
from tilth.pallets.compute.types import AwaitingApproval, Escrow, Job, JobState, Queued, Quote
from tilth.pallets.compute.work import JobSpec, StatisticsSpec
from tilth.primitives.privacy import Cost

if TYPE_CHECKING:
    from tilth.pallets.compute.pallet import Compute


@dataclass(frozen=True, slots=True)
class Agreed:
    """A spec on which the owner's policy and the chain's rules agree."""

    hash: H256
    cost: Cost
    terms: Terms
    escrow: Escrow


def quote(compute: "Compute", who: AccountId, spec: JobSpec) -> Quote:
    agreed = _agree(compute, who, spec, tip=0)
    return Quote(agreed.escrow, agreed.terms.epsilon_micro)


def order(
    compute: "Compute", who: AccountId, spec: JobSpec, tip: int, max_price: int | None
) -> None:
    agreed = _agree(compute, who, spec, tip)
    escrow, epsilon = agreed.escrow, agreed.terms.epsilon_micro
    ensure(max_price is None or escrow.total <= max_price, Error.TOO_EXPENSIVE)
    compute.market.reserve(spec.dataset, agreed.cost, spec.max_output_bytes)
    compute.currency.hold(compute.Hold.ESCROW, who, escrow.total)
    _count_order(compute, who, spec.dataset, agreed.terms)
    number = compute.next_job.get()
    compute.next_job.put(number + 1)
    owner = compute.table(spec.dataset).owner
    state = _first_state(compute, agreed.terms)
    job = Job(spec, agreed.hash, who, owner, escrow, agreed.cost, epsilon, 0, compute.now, state)
    enter(compute, number, job)
    compute.emit(JobCreated(number, who, spec.dataset, agreed.hash, escrow, epsilon))


def _agree(compute: "Compute", who: AccountId, spec: JobSpec, tip: int) -> Agreed:
    ensure_meaningful(spec)
    hash, cost = spec_hash(spec), cost_of(spec.work)
    _ensure_stored(compute, spec)
    terms = compute.market.agree(
        spec.dataset,
        requester=who,
        kind=kind_of(spec.work),
        model=spec.model,
        spec_hash=hash,
        cost=cost if noise_of(spec.work) else None,
        params=spec.params,
        output_bytes=spec.max_output_bytes,
    )
    _ensure_jurors(compute, who, spec)
    most = terms.jobs_per_requester
    ordered = compute.orders.get((spec.dataset, who)) or 0
    ensure(most is None or ordered < most, Error.TOO_MANY_JOBS)
    escrow = Escrow(terms.price, compute.compute_fee, tip)
    checked(escrow.total)
    return Agreed(hash, cost, terms, escrow)


def _ensure_stored(compute: "Compute", spec: JobSpec) -> None:
    size = compute.content.content_size
    if not isinstance(spec.work, StatisticsSpec) and not spec.secret_model:
        ensure(size(spec.model) == spec.model_bytes, Error.MODEL_NOT_STORED)
    if spec.acceptance is not None:
        ensure(size(spec.acceptance.evaluation) is not None, Error.EVALUATION_NOT_STORED)


def _ensure_jurors(compute: "Compute", who: AccountId, spec: JobSpec) -> None:
    """Whichever worker takes the job, another one can measure its result again."""
    if spec.acceptance is not None:
        others = [worker for worker in compute.table(spec.dataset).workers if worker != who]
        ensure(len(others) > 1, Error.NO_JURORS)


def _count_order(compute: "Compute", who: AccountId, dataset: int, terms: Terms) -> None:
    if terms.jobs_per_requester is not None:
        compute.orders[dataset, who] = (compute.orders.get((dataset, who)) or 0) + 1


def _first_state(compute: "Compute", terms: Terms) -> JobState:
    if terms.approval_window is not None:
        return AwaitingApproval(compute.now + terms.approval_window)
    return Queued(compute.now + compute.queue_window)
