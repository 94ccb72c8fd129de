"""What the SDK encodes and decodes itself: specs of jobs, quotes, shares of rewards."""

import json
from collections.abc import Iterable
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, Final

from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import Codec, Fixed, codec, struct, u32, u64, u128
from tilth.primitives.types import H256, AccountId
from tilth.v1 import jobs_pb2 as pb

MICRO: Final = 10**6
BILLION: Final = 10**9
PICO: Final = 10**12


class Loss(IntEnum):
    SOFTMAX_CROSS_ENTROPY = 0
    BINARY_CROSS_ENTROPY = 1
    MEAN_SQUARED_ERROR = 2


class Optimizer(IntEnum):
    SGD = 0
    MOMENTUM = 1
    ADAM = 2


@struct
class TrainSpec:
    """How to train, in integers, so that a spec has one hash on every machine."""

    loss: Loss
    optimizer: Optimizer
    steps: u32
    learning_rate_micro: u32
    clip_micro: u32
    noise_multiplier_milli: u32
    sampling_ppb: u32


@struct
class JobSpec:
    """Everything that will run on a private table; its hash is what the chain agrees on."""

    dataset: u32
    model: H256
    model_bytes: u32
    params: u32
    train: TrainSpec
    max_output_bytes: u32
    result_key: Annotated[bytes, Fixed(32)]

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
    train = spec.train
    return {
        "dataset": spec.dataset,
        "model": "0x" + spec.model.hex(),
        "model_bytes": spec.model_bytes,
        "params": spec.params,
        "train": {
            "loss": _variant(train.loss),
            "optimizer": _variant(train.optimizer),
            "steps": train.steps,
            "learning_rate_micro": train.learning_rate_micro,
            "clip_micro": train.clip_micro,
            "noise_multiplier_milli": train.noise_multiplier_milli,
            "sampling_ppb": train.sampling_ppb,
        },
        "max_output_bytes": spec.max_output_bytes,
        "result_key": "0x" + spec.result_key.hex(),
    }


def spec_of(message: pb.JobSpec) -> JobSpec:
    """From gRPC's form."""
    train = message.train
    return JobSpec(
        dataset=message.dataset,
        model=H256(message.model),
        model_bytes=message.model_bytes,
        params=message.params,
        train=TrainSpec(
            loss=Loss[pb.Loss.Name(train.loss).removeprefix("LOSS_")],
            optimizer=Optimizer[pb.Optimizer.Name(train.optimizer).removeprefix("OPTIMIZER_")],
            steps=train.steps,
            learning_rate_micro=train.learning_rate_micro,
            clip_micro=train.clip_micro,
            noise_multiplier_milli=train.noise_multiplier_milli,
            sampling_ppb=train.sampling_ppb,
        ),
        max_output_bytes=message.max_output_bytes,
        result_key=message.result_key,
    )


def bounded(values: Iterable[Any]) -> tuple[list[Any]]:
    """As substrate-interface takes a bounded list: its metadata is a struct around one."""
    return (list(values),)


def canonical_json(value: Any) -> bytes:
    """One spelling, so that equal values have equal hashes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _variant(member: IntEnum) -> str:
    return "".join(word.capitalize() for word in member.name.split("_"))
