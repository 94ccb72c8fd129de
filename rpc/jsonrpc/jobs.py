"""jobs_*: jobs on private tables, what one would cost, and who does them; nothing is ordered here.

Amounts are decimal texts in planck, ε is in millionths.
"""

from typing import Final

from tilth.frame import DecodeError, Err, codec
from tilth.node.service import Node
from tilth.pallets.compute import (
    Completed,
    Compute,
    Delivered,
    Disputed,
    Escrow,
    Failed,
    Job,
    JobSpec,
    Refunded,
    Running,
    Worker,
    kind_of,
)
from tilth.pallets.compute.types import deadline_of
from tilth.pallets.datasets import EpsilonReport, Ledger, Only, Policy, PrivateInfo
from tilth.primitives import ss58
from tilth.primitives.types import AccountId
from tilth.rpc.explorer.jobs import Order, Orders
from tilth.rpc.explorer.market import NotHere, pallet, reading
from tilth.rpc.jsonrpc.datasets import Address
from tilth.rpc.jsonrpc.dispatch import fails
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.job_shapes import (
    KINDS,
    STAGES,
    STATES,
    EscrowJson,
    FullJobJson,
    JobJson,
    JobsJson,
    ProgressJson,
    QuoteJson,
    RefundJson,
    ResultJson,
    State,
    StateText,
    TermsJson,
    WorkerJson,
)
from tilth.rpc.jsonrpc.params import U32, U64, Hex
from tilth.rpc.jsonrpc.shapes import hex_of

NONE_HERE: Final = Fault(7101, "This chain's runtime has no jobs")
UNKNOWN: Final = Fault(7102, "There is no such job")
NO_TABLE: Final = Fault(7103, "There is no such private table")
BAD_SPEC: Final = Fault(7104, "The spec is not encoded as this chain's runtime does")
NOT_AGREED: Final = Fault(7105, "The job could not be ordered")

_PAGE: Final = 50
_LARGEST_PAGE: Final = 200


@fails(NONE_HERE)
def jobs_list(
    node: Node,
    account: Address | None = None,
    dataset: U32 | None = None,
    state: StateText | None = None,
    cursor: U64 | None = None,
    limit: U32 = _PAGE,
) -> JobsJson:
    """Jobs that fit all that is given, the newest first: an account's, on a dataset, in a state."""
    _here(node)
    found = node.beside(Orders).select(
        lambda order: (
            (cursor is None or order.number < cursor)
            and (account is None or account in (order.requester, order.owner, order.worker))
            and (dataset is None or order.dataset == dataset)
            and (state is None or _state(order.state) == state)
        )
    )
    page = found[: max(1, min(limit, _LARGEST_PAGE))]
    more = len(found) > len(page)
    return {
        "jobs": [_listed(node, order) for order in page],
        "cursor": page[-1].number if more else None,
    }


@fails(NONE_HERE, UNKNOWN)
def jobs_get(node: Node, job: U64) -> FullJobJson:
    """A job: what was ordered, how far it is, and what came of it."""
    compute, order = _here(node), node.beside(Orders).get(job)
    if order is None:
        raise UNKNOWN(f"there is no job {job}")
    with reading(node):
        return _full(_listed(node, order), compute.jobs[job])


@fails(NONE_HERE, BAD_SPEC, NOT_AGREED)
def jobs_quote(node: Node, requester: Address, spec: Hex) -> QuoteJson:
    """What a job would cost this account, or why it could not order it; `spec` is encoded."""
    _here(node)
    try:
        codec(JobSpec).decode(spec)
    except DecodeError as error:
        raise BAD_SPEC(str(error)) from None
    method = "ComputeApi_quote"
    answer = node.chain.call(node.chain.best, method, requester + spec)
    quoted = node.runtime.returns(method).decode(answer)
    if isinstance(quoted, Err):
        raise NOT_AGREED(node.runtime.explain(quoted.error))
    escrow = quoted.value.escrow
    return {
        "escrow": _escrow(escrow),
        "total": str(escrow.total),
        "epsilonMicro": str(quoted.value.epsilon_micro),
    }


@fails(NONE_HERE, NO_TABLE)
def jobs_terms(node: Node, dataset: U32) -> TermsJson:
    """On which terms an owner lets jobs come to a private table, and what is left of its budget."""
    compute = _here(node)
    known, info = node.catalogue.info(dataset), _table(node, dataset)
    if known is None or info is None:
        raise NO_TABLE(f"dataset {dataset} is no private table")
    policy, budget, left = info.policy, info.budget, _epsilon(node, dataset)
    books: Ledger = node.catalogue.read("Ledgers", dataset) or Ledger()
    taken = books.bytes_spent + books.bytes_reserved
    return {
        "owner": _address(node, known.publisher),
        "pricePerJob": str(policy.price_per_job),
        "pricePerEpsilon": str(policy.price_per_epsilon),
        "computeFee": str(compute.compute_fee),
        "requesters": _requesters(node, policy),
        "kinds": [KINDS[kind] for kind in policy.kinds],
        "models": None if policy.models is None else [hex_of(model) for model in policy.models],
        "exactSpecs": [hex_of(spec) for spec in policy.exact_specs],
        "maxEpsilonMicro": str(policy.max_epsilon_micro),
        "maxParams": policy.max_params,
        "maxOutputBytes": policy.max_output_bytes,
        "jobsPerRequester": policy.jobs_per_requester,
        "approvalWindow": policy.approval_window,
        "rows": info.rows,
        "deltaPico": str(budget.delta_pico),
        "epsilonLeftMicro": str(max(0, left.cap - left.spent - left.reserved)),
        "outputBytesLeft": str(max(0, budget.output_bytes - taken)),
        "workers": [_address(node, worker) for worker in info.workers],
    }


@fails(NONE_HERE)
def jobs_workers(node: Node, dataset: U32 | None = None) -> list[WorkerJson]:
    """Bonded workers, those with the largest bond first; of a table, where one is named."""
    compute = _here(node)
    info = None if dataset is None else _table(node, dataset)
    with reading(node):
        found = sorted(compute.workers.items(), key=lambda each: -each[1].bond)
        return [
            _worker(node, compute, account, worker)
            for account, worker in found
            if dataset is None or (info is not None and account in info.workers)
        ]


def _here(node: Node) -> Compute:
    try:
        return pallet(node, Compute)
    except NotHere:
        raise NONE_HERE() from None


def _table(node: Node, dataset: int) -> PrivateInfo | None:
    found: PrivateInfo | None = node.catalogue.read("PrivateInfos", dataset)
    return found


def _listed(node: Node, order: Order) -> JobJson:
    worker = order.worker
    return {
        "job": order.number,
        "dataset": order.dataset,
        "requester": _address(node, order.requester),
        "owner": _address(node, order.owner),
        "worker": None if worker is None else _address(node, worker),
        "state": _state(order.state),
        "epsilonMicro": str(order.epsilon_micro),
        "price": str(order.price),
        "createdAt": order.created_at,
        "attempts": order.attempts,
    }


def _full(listed: JobJson, job: Job) -> FullJobJson:
    spec = job.spec
    return {
        **listed,
        "kind": KINDS[kind_of(spec.work)],
        "spec": hex_of(codec(JobSpec).encode(spec)),
        "specHash": hex_of(job.spec_hash),
        "model": hex_of(spec.model),
        "resultKey": hex_of(spec.result_key),
        "secretModel": spec.secret_model,
        "escrow": _escrow(job.escrow),
        "deadline": deadline_of(job.state),
        "progress": _progress(job),
        "result": _result(job),
        "refund": _refund(job),
    }


def _escrow(escrow: Escrow) -> EscrowJson:
    return {"data": str(escrow.data), "compute": str(escrow.compute), "tip": str(escrow.tip)}


def _progress(job: Job) -> ProgressJson | None:
    state = job.state
    if not isinstance(state, Running):
        return None
    stage = STAGES[state.stage]
    return {"stage": stage, "permille": state.permille, "finish": state.finish}


def _result(job: Job) -> ResultJson | None:
    state = job.state
    if not isinstance(state, Delivered | Disputed | Completed):
        return None
    return {"content": hex_of(state.result), "bytes": state.size}


def _refund(job: Job) -> RefundJson | None:
    state = job.state
    if not isinstance(state, Refunded):
        return None
    reason = state.reason
    failure = reason.code.name.lower() if isinstance(reason, Failed) else None
    return {"reason": _camel(type(reason).__name__), "failure": failure}


def _requesters(node: Node, policy: Policy) -> list[str] | None:
    asking = policy.requesters
    if not isinstance(asking, Only):
        return None
    return [_address(node, account) for account in asking.accounts]


def _worker(node: Node, compute: Compute, account: AccountId, worker: Worker) -> WorkerJson:
    key, known = compute.sealing_key(account), compute.reputation(account)
    return {
        "account": _address(node, account),
        "bond": str(worker.bond),
        "active": worker.active,
        "leaving": worker.leaving,
        "sealingKey": None if key is None else hex_of(key),
        "done": known.done,
        "failed": known.failed,
        "late": known.late,
        "slashed": known.slashed,
    }


def _epsilon(node: Node, dataset: int) -> EpsilonReport:
    method = "DatasetsApi_epsilon_spent"
    answer = node.chain.call(node.chain.best, method, dataset.to_bytes(4, "little"))
    report: EpsilonReport = node.runtime.returns(method).decode(answer)
    return report


def _address(node: Node, account: bytes) -> str:
    return ss58.encode(account, node.runtime.ss58_prefix)


def _state(name: str) -> State:
    return STATES[name]


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]
