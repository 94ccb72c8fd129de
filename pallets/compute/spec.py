"""Specs: the one hash that covers a job, whether its numbers mean something, and what it costs."""

from functools import cache

from tilth.frame import H256, Codec, codec, ensure, hashing
from tilth.pallets.compute.errors import Error
from tilth.pallets.compute.types import JobSpec, TrainSpec
from tilth.primitives import privacy
from tilth.primitives.privacy import Cost


def spec_hash(spec: JobSpec) -> H256:
    """What policies list, workers execute and results are sealed for."""
    return H256(hashing.blake2_256(_spec_codec().encode(spec)))


@cache
def _spec_codec() -> Codec[JobSpec]:
    return codec(JobSpec)


def ensure_meaningful(spec: JobSpec) -> None:
    train, noise = spec.train, spec.train.noise_multiplier_milli
    least, most = privacy.MIN_NOISE_MILLI, privacy.MAX_NOISE_MILLI
    ensure(1 <= train.steps <= privacy.MAX_STEPS, Error.BAD_TRAINING)
    ensure(1 <= train.sampling_ppb <= privacy.FULL_BATCH, Error.BAD_TRAINING)
    ensure(noise == 0 or least <= noise <= most, Error.BAD_TRAINING)
    ensure(train.learning_rate_micro and train.clip_micro, Error.BAD_TRAINING)
    ensure(spec.params and spec.max_output_bytes, Error.BAD_TRAINING)


def cost_of(train: TrainSpec) -> Cost:
    """What the training takes of the privacy budget; without noise there is nothing to count."""
    if train.noise_multiplier_milli == 0:
        return privacy.NOTHING
    return privacy.cost(train.sampling_ppb, train.noise_multiplier_milli, train.steps)
