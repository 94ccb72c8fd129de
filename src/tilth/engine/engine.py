"""The engine: checks, trains and runs submitted models, each in a jail of its own."""

import os
import sys
import threading
from collections.abc import Callable, Collection
from hashlib import sha256
from math import prod, sqrt
from types import TracebackType
from typing import Self

import numpy as np

from tilth.engine import sampling
from tilth.engine.confine import Confinement, confinement
from tilth.engine.core import Doubles, Singles
from tilth.engine.jail import Jail, Zygote
from tilth.engine.layout import Layout
from tilth.engine.noise import RandomBytes
from tilth.engine.outcomes import NotConfined, Reason, Refused
from tilth.engine.spec import (
    CPU,
    CUDA,
    FULL_BATCH,
    PROVIDERS,
    Checked,
    Evaluated,
    EvaluateSpec,
    Limits,
    Mapped,
    MapSpec,
    Measured,
    Progress,
    Rows,
    Trained,
    TrainSpec,
)
from tilth.engine.statistics import LABEL_COLUMN, Clerk, StatisticsSpec, Told
from tilth.engine.training import Release, Summer, Trainer, chunk_rows
from tilth.engine.values import Array
from tilth.primitives import privacy


class Engine:
    """Owns the process that bears workers; safe to drive from several threads.

    `unconfined_ok` gives up what keeps a hostile model from this machine's files and network where
    the kernel offers no Landlock or seccomp; row privacy does not depend on it. `provider` "cuda"
    runs on a graphics card, where onnxruntime-gpu is installed: its driver needs files and calls
    that the jail denies, so that it takes `unconfined_ok`.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        unconfined_ok: bool = False,
        random: RandomBytes = os.urandom,
        provider: str = CPU,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise NotConfined("the engine's jail is built on Linux; run it there")
        self.limits = limits or Limits()
        self.confinement: Confinement = confinement()
        if not self.confinement.sufficient and not unconfined_ok:
            raise NotConfined(f"this machine cannot hold foreign models: {self.confinement}")
        if provider not in PROVIDERS:
            text = f"provider is {provider!r}; it is one of {', '.join(PROVIDERS)}"
            raise Refused(Reason.BAD_SPEC, text)
        if provider == CUDA and not unconfined_ok:
            raise NotConfined("CUDA does not run in the jail: give that up with unconfined_ok")
        self.provider = provider
        self._required = self.confinement.sufficient and provider == CPU
        self._random = random
        self._turn = threading.Lock()
        self._zygote: Zygote | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._turn:
            if self._zygote is not None:
                self._zygote.close()
            self._zygote = None

    def check(self, model: bytes, spec: TrainSpec) -> Checked:
        """What training would take; no data is involved. Raises `Refused`, or how it died."""
        self._require_acceptable(model, spec)
        with self._jail() as jail:
            layout, _ = jail.check(model, spec.judged_by, spec.frozen)
        _require_size(layout.released_bytes, spec)
        return Checked(
            parameters=layout.weights,
            input_shape=layout.input_shape,
            output_shape=layout.output_shape,
            row_flops=layout.row_flops,
            row_values=layout.row_values,
            released_bytes=layout.released_bytes,
        )

    def train(
        self,
        model: bytes,
        spec: TrainSpec,
        rows: Rows,
        progress: Callable[[int, int], None] | None = None,
    ) -> Trained:
        """The model trained on private rows. What comes back may be published at its cost."""
        self._require_acceptable(model, spec)
        with self._jail() as jail:
            layout, initial = jail.check(model, spec.judged_by, spec.frozen)
            _require_size(layout.released_bytes, spec)  # before any row is touched
            slots = sampling.slots_for(rows.count, spec.rate_per_billion)
            self._require_affordable(layout, spec.steps * slots)
            weights = self._steps(jail, layout, spec, rows, initial, progress)
        with self._jail() as clean:  # it has seen no row, so the file it writes holds none
            released = clean.assemble(model, weights, spec.frozen)
        _require_size(len(released), spec)
        return Trained(
            model=released,
            parameters=layout.weights,
            steps=spec.steps,
            rows=rows.count,
            noise_multiplier_milli=spec.noise_multiplier_milli,
            privacy_cost=_cost(spec.noise_multiplier_milli, spec.rate_per_billion, spec.steps),
            provider=self.provider,
        )

    def evaluate(self, model: bytes, spec: EvaluateSpec, rows: Rows) -> Evaluated:
        """What the model is worth on private rows, in noisy numbers."""
        self._require_acceptable(model, spec)
        with self._jail() as jail:
            layout = jail.check_evaluation(model, spec.judged_by, spec.bound_micro / 1e6)
            summer = self._summer(layout, sqrt(layout.weights), spec.noise_multiplier_milli, rows)
            shares = self._one_pass(jail, layout, summer, rows)
        return Evaluated(
            metrics=_metrics(shares, summer.noise, spec.bound_micro / 1e6),
            rows=rows.count,
            privacy_cost=_cost(spec.noise_multiplier_milli),
        )

    def map_rows(self, model: bytes, spec: MapSpec, rows: Rows) -> Mapped:
        """The noisy mean of what an author's graph makes of each row, one row at a time."""
        self._require_acceptable(model, spec)
        with self._jail() as jail:
            layout = jail.check_map(model)
            clip = spec.clip_micro / 1e6
            summer = self._summer(layout, clip, spec.noise_multiplier_milli, rows)
            mean = self._one_pass(jail, layout, summer, rows)
        return Mapped(
            mean=mean,
            noise=summer.noise,
            rows=rows.count,
            privacy_cost=_cost(spec.noise_multiplier_milli),
        )

    def tell(self, spec: StatisticsSpec, rows: Rows) -> Told:
        """Noisy statistics of private rows. No model is involved, and so no jail."""
        self._require_noise(spec.noise_multiplier_milli)
        needs_labels = any(q.column == LABEL_COLUMN for q in spec.questions)
        clerk = Clerk(spec.questions, rows.features, int(needs_labels))
        summer = self._summer(clerk.layout, clerk.clip, spec.noise_multiplier_milli, rows)
        mean = summer.mean(clerk)
        return Told(
            answers=clerk.answers(mean, summer.noise),
            rows=rows.count,
            privacy_cost=_cost(spec.noise_multiplier_milli),
        )

    def outputs_of_rows(
        self, model: bytes, rows: Rows, *, allow_listed: Collection[bytes]
    ) -> Singles:
        """The model's outputs for private rows as they are, without noise: everything the model
        says of them is disclosed. Only for a spec that the owner has listed, see
        `raw_outputs_hash`."""
        if raw_outputs_hash(model) not in allow_listed:
            text = "outputs of single private rows leave only for a spec that the owner listed"
            raise Refused(Reason.BAD_SPEC, text)
        inputs, _ = rows.batch(np.arange(rows.count))
        return self.infer(model, inputs)

    def infer(self, model: bytes, inputs: Array) -> Singles:
        """The outputs for rows that are public or the requester's own."""
        self._require_length(model)
        with self._jail() as jail:
            layout = jail.check_inference(model)
            if inputs.ndim < 1 or inputs.size != len(inputs) * layout.features:
                text = f"the model takes {layout.features} features for each row"
                raise Refused(Reason.DATA_MISMATCH, text)
            self._require_affordable(layout, len(inputs))
            flat = inputs.reshape(len(inputs), layout.features)
            return _inferred(jail, layout, flat.astype(np.float32))

    def _steps(
        self,
        jail: Jail,
        layout: Layout,
        spec: TrainSpec,
        rows: Rows,
        initial: Singles,
        progress: Progress | None,
    ) -> Singles:
        trainer = Trainer(layout, spec, rows, self._random)
        jail.prepare(layout, trainer.chunk)
        return trainer.run(jail, initial, progress)

    def _jail(self) -> Jail:
        with self._turn:
            if self._zygote is not None and not self._zygote.alive:
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = _started(self.provider)
            zygote = self._zygote
        return Jail(zygote, self.limits, required=self._required, provider=self.provider)

    def _summer(self, layout: Layout, clip: float, noise_milli: int, rows: Rows) -> Summer:
        release = Release(clip=clip, noise_milli=noise_milli)
        return Summer(layout, release, rows, self._random)

    def _one_pass(self, jail: Jail, layout: Layout, summer: Summer, rows: Rows) -> Doubles:
        self._require_affordable(layout, rows.count)
        jail.prepare(layout, summer.chunk)
        return summer.mean(jail)

    def _require_acceptable(self, model: bytes, spec: TrainSpec | EvaluateSpec | MapSpec) -> None:
        self._require_length(model)
        self._require_noise(spec.noise_multiplier_milli)

    def _require_noise(self, milli: int) -> None:
        least = self.limits.min_noise_milli
        if milli < least:
            text = f"noise_multiplier_milli is {milli}; the least is {least}"
            raise Refused(Reason.BAD_SPEC, text)

    def _require_length(self, model: bytes) -> None:
        if len(model) > self.limits.model_bytes:
            text = f"the file has {len(model)} bytes; the limit is {self.limits.model_bytes}"
            raise Refused(Reason.TOO_LARGE, text)

    def _require_affordable(self, layout: Layout, rows: int) -> None:
        flops = rows * layout.row_flops
        if flops > self.limits.job_flops:
            text = f"the job takes {flops} operations; the limit is {self.limits.job_flops}"
            raise Refused(Reason.TOO_COSTLY, text)


def _started(provider: str) -> Zygote:
    zygote = Zygote()
    if PROVIDERS[provider] not in zygote.providers:
        zygote.close()
        text = f"ONNX Runtime here has no {PROVIDERS[provider]}: install onnxruntime-gpu"
        raise NotConfined(text)
    return zygote


def _inferred(jail: Jail, layout: Layout, inputs: Singles) -> Singles:
    chunk = chunk_rows(layout, len(inputs))
    jail.prepare(layout, chunk)
    padded = np.zeros((-(-len(inputs) // chunk) * chunk, layout.features), np.float32)
    padded[: len(inputs)] = inputs
    none = np.zeros((chunk, 0), np.float32)
    blocks = [
        jail.gradients(padded[start : start + chunk], none)[0].copy()
        for start in range(0, len(padded), chunk)
    ]
    flat = np.concatenate([*blocks, np.zeros((0, prod(layout.output_shape)), np.float32)])
    return flat[: len(inputs)].reshape(len(inputs), *layout.output_shape)


def _require_size(size: int, spec: TrainSpec) -> None:
    if size > spec.max_output_bytes:
        text = f"the result has {size} bytes; the job allows {spec.max_output_bytes}"
        raise Refused(Reason.TOO_LARGE, text)


def raw_outputs_hash(model: bytes) -> bytes:
    """What an owner lists to let a model's outputs for single private rows leave."""
    return sha256(b"tilth: outputs of single rows" + sha256(model).digest()).digest()


def _metrics(shares: Doubles, noise: float, bound: float) -> dict[str, Measured]:
    loss = {"loss": Measured(float(shares[-1]) * bound, noise * bound)}
    right = {"accuracy": Measured(float(shares[0]), noise)} if len(shares) == 2 else {}
    return {**right, **loss}


def _cost(noise_milli: int, rate: int = FULL_BATCH, steps: int = 1) -> privacy.Cost | None:
    if noise_milli < privacy.MIN_NOISE_MILLI:
        return None
    return privacy.cost(rate, noise_milli, steps)
