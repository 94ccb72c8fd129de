"""The JSON shapes of jobs on private tables: amounts in planck, ε in millionths, as texts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypedDict, get_args

from tilth.rpc.jsonrpc.params import Misfit, read_text
from tilth.rpc.jsonrpc.schema import DecimalText, HashText, HexText, Shape

State = Literal[
    "queued",
    "claimed",
    "running",
    "delivered",
    "completed",
    "refunded",
    "awaitingApproval",
    "awaitingModel",
    "disputed",
]
Kind = Literal["train", "evaluate", "statistics", "infer"]
Stage = Literal["preparing", "computing", "sealing"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
STATES: Final[Mapping[str, State]] = MappingProxyType(
    {name[0].upper() + name[1:]: name for name in get_args(State)}
)


def _read_state(value: object) -> str:
    if (text := read_text(value)) not in STATES.values():
        states = ", ".join(STATES.values())
        raise Misfit(f"invalid value: string `{text}`, expected one of {states}")
    return text


StateText = Annotated[
    str, _read_state, Shape({"title": "state", "type": "string", "enum": list(get_args(State))})
]


class JobJson(TypedDict):
    """A job as lists show it; `price` is all that is held or was paid."""

    job: int
    dataset: int
    requester: str
    owner: str
    worker: str | None
    state: State
    epsilonMicro: DecimalText
    price: DecimalText
    createdAt: int
    attempts: int


class JobsJson(TypedDict):
    """A page, the newest first; `cursor` asks for the next one, if there is more."""

    jobs: list[JobJson]
    cursor: int | None


class EscrowJson(TypedDict):
    """The owner's price, the worker's fee, and what the requester adds to it."""

    data: DecimalText
    compute: DecimalText
    tip: DecimalText


class ProgressJson(TypedDict):
    """How far the worker says it is in its stage, and by which block all is to be delivered."""

    stage: Stage
    permille: int
    finish: int


class ResultJson(TypedDict):
    """The sealed result, which is content on the chain."""

    content: HashText
    bytes: int


class RefundJson(TypedDict):
    """Why there is no result; `failure` is the worker's word where it gave the job up."""

    reason: str
    failure: str | None


class FullJobJson(JobJson):
    """A job with its spec; `deadline` is the block at which the state ends by itself."""

    kind: Kind
    spec: HexText
    specHash: HashText
    model: HashText
    resultKey: HashText
    secretModel: bool
    escrow: EscrowJson
    deadline: int | None
    progress: ProgressJson | None
    result: ResultJson | None
    refund: RefundJson | None


class QuoteJson(TypedDict):
    """What a job would cost now, without tip."""

    escrow: EscrowJson
    total: DecimalText
    epsilonMicro: DecimalText


class TermsJson(TypedDict):
    """What jobs on a private table may ask, for how much, and what is left for them.

    `computeFee` is the worker's. Null stands for anyone, any model, any number, and no approval.
    """

    owner: str
    pricePerJob: DecimalText
    pricePerEpsilon: DecimalText
    computeFee: DecimalText
    requesters: list[str] | None
    kinds: list[Kind]
    models: list[HashText] | None
    exactSpecs: list[HashText]
    maxEpsilonMicro: DecimalText
    maxParams: int
    maxOutputBytes: int
    jobsPerRequester: int | None
    approvalWindow: int | None
    rows: int
    deltaPico: DecimalText
    epsilonLeftMicro: DecimalText
    outputBytesLeft: DecimalText
    workers: list[str]


class WorkerJson(TypedDict):
    """A bonded worker; secret models are sealed to its key. Its jobs are counted by their ends."""

    account: str
    bond: DecimalText
    active: int
    leaving: int | None
    sealingKey: HashText | None
    done: int
    failed: int
    late: int
    slashed: int
