"""What the SDK encodes and decodes itself: specs of jobs, quotes, shares of rewards."""

import json
from collections.abc import Iterable
from dataclasses import fields
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, Final

from tilth.pallets.compute.work import (
    Acceptance,
    EvaluateSpec,
    Histogram,
    Mean,
    Quantiles,
    Question,
    StatisticsSpec,
    TrainSpec,
    Work,
)
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import Codec, Fixed, codec, struct, u32, u64, u128
from tilth.primitives.types import H256, AccountId
from tilth.v1 import jobs_pb2 as pb

MICRO: Final = 10**6
BILLION: Final = 10**9
PICO: Final = 10**12


@struct
class JobSpec:
    """Everything that will run on a private table; its hash is what the chain agrees on."""

    dataset: u32
    model: H256
    model_bytes: u32
    params: u32
    work: Work
    max_output_bytes: u32
    result_key: Annotated[bytes, Fixed(32)]
    secret_model: bool = False
    acceptance: Acceptance | None = None

    @property
    def encoded(self) -> bytes:
        return _spec_codec().encode(self)

    @property
    def hash(self) -> bytes:
        return blake2_256(self.encoded)


@struct
class Escrow:
    """In planck: the owner's price, the worker's fee, and what the requester adds to it."""

    data: u128
    compute: u128
    tip: u128

    @property
    def total(self) -> int:
        return self.data + self.compute + self.tip


@struct
class Quote:
    """What a job would cost: money that is held, and ε in millionths at the table's δ."""

    escrow: Escrow
    epsilon_micro: u64

    @property
    def epsilon(self) -> float:
        return self.epsilon_micro / MICRO


@struct
class Unclaimed:
    """What a publisher has earned in an era, in planck."""

    era: u32
    amount: u128


@cache
def _spec_codec() -> Codec[JobSpec]:
    return codec(JobSpec)


def quote_request(account: bytes, spec: JobSpec) -> bytes:
    return codec(tuple[AccountId, JobSpec]).encode((AccountId(account), spec))


def quote_in(data: bytes) -> Quote:
    quote: Quote = codec(Quote).decode(data)
    return quote


def unclaimed_in(data: bytes) -> tuple[Unclaimed, ...]:
    shares: tuple[Unclaimed, ...] = codec(tuple[Unclaimed, ...]).decode(data)
    return shares


def spec_params(spec: JobSpec) -> dict[str, Any]:
    """As substrate-interface takes a struct."""
    test = spec.acceptance
    return {
        "dataset": spec.dataset,
        "model": "0x" + spec.model.hex(),
        "model_bytes": spec.model_bytes,
        "params": spec.params,
        "work": _work_params(spec.work),
        "max_output_bytes": spec.max_output_bytes,
        "result_key": "0x" + spec.result_key.hex(),
        "secret_model": spec.secret_model,
        "acceptance": None
        if test is None
        else {"evaluation": "0x" + test.evaluation.hex(), "threshold_ppm": test.threshold_ppm},
    }


def _work_params(work: Work) -> Any:
    match work:
        case TrainSpec():
            return {"Train": {**_numbers(work), "frozen": bounded(work.frozen)}}
        case EvaluateSpec():
            return {"Evaluate": _numbers(work)}
        case StatisticsSpec():
            questions = bounded(_question_params(question) for question in work.questions)
            noise = work.noise_multiplier_milli
            return {"Statistics": {"questions": questions, "noise_multiplier_milli": noise}}
        case _:
            return "Infer"


def _numbers(work: TrainSpec | EvaluateSpec) -> dict[str, Any]:
    """Its numbers, and the names of what is chosen from a list."""
    names = [each.name for each in fields(work) if each.name != "frozen"]
    values = {name: getattr(work, name) for name in names}
    return {
        name: _variant(value) if isinstance(value, IntEnum) else value
        for name, value in values.items()
    }


def _question_params(question: Question) -> dict[str, Any]:
    match question:
        case Mean(column=column, low_micro=low, high_micro=high):
            return {"Mean": {"column": column, "low_micro": low, "high_micro": high}}
        case Histogram(column=column, edges_micro=edges):
            return {"Histogram": {"column": column, "edges_micro": bounded(edges)}}
        case Quantiles(column=column, edges_micro=grid, shares_milli=shares):
            asked = {"column": column, "edges_micro": bounded(grid)}
            return {"Quantiles": {**asked, "shares_milli": bounded(shares)}}


def spec_of(message: pb.JobSpec) -> JobSpec:
    """From gRPC's form, which carries the spec as the chain encodes it."""
    spec: JobSpec = _spec_codec().decode(message.encoded)
    return spec


def bounded(values: Iterable[Any]) -> tuple[list[Any]]:
    """As substrate-interface takes a bounded list: its metadata is a struct around one."""
    return (list(values),)


def canonical_json(value: Any) -> bytes:
    """One spelling, so that equal values have equal hashes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _variant(member: IntEnum) -> str:
    return "".join(word.capitalize() for word in member.name.split("_"))
