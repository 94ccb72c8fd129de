"""Specs: the one hash that covers a job, whether its numbers mean something, and what it costs."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from tilth.frame import H256, Codec, codec, ensure, hashing
from tilth.pallets.compute.errors import Error
from tilth.pallets.compute.work import (
    KINDS,
    Acceptance,
    EvaluateSpec,
    InferSpec,
    JobSpec,
    Loss,
    Mean,
    Quantiles,
    Question,
    StatisticsSpec,
    TrainSpec,
    Work,
)
from tilth.primitives import privacy
from tilth.primitives.privacy import Cost

_MILLION = 1_000_000
_NO_MODEL = H256(bytes(32))


def spec_hash(spec: JobSpec) -> H256:
    """What policies list, workers execute and results are sealed for."""
    return H256(hashing.blake2_256(_spec_codec().encode(spec)))


@cache
def _spec_codec() -> Codec[JobSpec]:
    return codec(JobSpec)


def kind_of(work: Work) -> int:
    """As owners' policies number them."""
    return KINDS.index(type(work))


def ensure_meaningful(spec: JobSpec) -> None:
    ensure(spec.params and spec.max_output_bytes, Error.BAD_TRAINING)
    match spec.work:
        case TrainSpec():
            _ensure_trains(spec.work)
        case EvaluateSpec(bound_micro=bound, huber_delta_micro=delta):
            ensure(bound and delta, Error.BAD_TRAINING)
        case StatisticsSpec(questions=questions):
            ensure(questions, Error.BAD_QUESTION)
            for question in questions:
                _ensure_rises(question)
        case _:
            pass
    _ensure_noise(noise_of(spec.work))
    without = isinstance(spec.work, StatisticsSpec)
    named = spec.model != _NO_MODEL and spec.model_bytes > 0
    bare = spec.model == _NO_MODEL and spec.model_bytes == 0 and not spec.secret_model
    ensure(bare if without else named, Error.BAD_MODEL)
    if spec.acceptance is not None:
        _ensure_test(spec.work, spec.acceptance)


def _ensure_trains(train: TrainSpec) -> None:
    ensure(1 <= train.steps <= privacy.MAX_STEPS, Error.BAD_TRAINING)
    ensure(1 <= train.sampling_ppb <= privacy.FULL_BATCH, Error.BAD_TRAINING)
    ensure(train.learning_rate_micro and train.clip_micro, Error.BAD_TRAINING)
    ensure(all(train.frozen), Error.BAD_TRAINING)
    ensure(train.warmup_steps < train.steps, Error.BAD_TRAINING)
    ensure(train.momentum_micro < _MILLION and train.huber_delta_micro, Error.BAD_TRAINING)


def _ensure_noise(noise: int) -> None:
    least, most = privacy.MIN_NOISE_MILLI, privacy.MAX_NOISE_MILLI
    ensure(noise == 0 or least <= noise <= most, Error.BAD_TRAINING)


def _ensure_rises(question: Question) -> None:
    edges: Sequence[int]
    if isinstance(question, Mean):
        edges = (question.low_micro, question.high_micro)
    else:
        edges = question.edges_micro
    rises = len(edges) > 1 and all(one < other for one, other in pairwise(edges))
    ensure(rises, Error.BAD_QUESTION)
    if isinstance(question, Quantiles):
        shares = question.shares_milli
        ensure(shares and all(share <= 1000 for share in shares), Error.BAD_QUESTION)


def _ensure_test(work: Work, acceptance: Acceptance) -> None:
    told = isinstance(work, TrainSpec) and work.loss is Loss.SOFTMAX_CROSS_ENTROPY
    ensure(told, Error.BAD_ACCEPTANCE)
    ensure(0 < acceptance.threshold_ppm <= _MILLION, Error.BAD_ACCEPTANCE)


def noise_of(work: Work) -> int:
    """In thousandths of the sensitivity; outputs of single rows have none."""
    return 0 if isinstance(work, InferSpec) else work.noise_multiplier_milli


def cost_of(work: Work) -> Cost:
    """What the work takes of the privacy budget; without noise there is nothing to count."""
    noise = noise_of(work)
    if noise == 0:
        return privacy.NOTHING
    if isinstance(work, TrainSpec):
        return privacy.cost(work.sampling_ppb, noise, work.steps)
    return privacy.cost(privacy.FULL_BATCH, noise, 1)
