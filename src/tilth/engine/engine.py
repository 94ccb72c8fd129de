"""The engine: checks, trains and runs submitted models, each in a jail of its own."""

import os
import sys
import threading
from collections.abc import Callable
from math import prod
from types import TracebackType
from typing import Self

import numpy as np

from tilth.engine import sampling
from tilth.engine.confine import Confinement, confinement
from tilth.engine.core import Singles
from tilth.engine.jail import Jail, Zygote
from tilth.engine.layout import Layout
from tilth.engine.noise import RandomBytes
from tilth.engine.outcomes import NotConfined, Reason, Refused
from tilth.engine.spec import Checked, Limits, Progress, Rows, Trained, TrainSpec
from tilth.engine.training import Trainer, chunk_rows
from tilth.engine.values import Array
from tilth.primitives import privacy


class Engine:
    """Owns the process that bears workers; safe to drive from several threads.

    `unconfined_ok` gives up what keeps a hostile model from this machine's files and network where
    the kernel offers no Landlock or seccomp; row privacy does not depend on it.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        unconfined_ok: bool = False,
        random: RandomBytes = os.urandom,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise NotConfined("the engine's jail is built on Linux; run it there")
        self.limits = limits or Limits()
        self.confinement: Confinement = confinement()
        if not self.confinement.sufficient and not unconfined_ok:
            raise NotConfined(f"this machine cannot hold foreign models: {self.confinement}")
        self._required = self.confinement.sufficient
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
            layout, _ = jail.check(model, spec.loss)
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
            layout, initial = jail.check(model, spec.loss)
            _require_size(layout.released_bytes, spec)  # before any row is touched
            slots = sampling.slots_for(rows.count, spec.rate_per_billion)
            self._require_affordable(layout, spec.steps * slots)
            weights = self._steps(jail, layout, spec, rows, initial, progress)
        with self._jail() as clean:  # it has seen no row, so the file it writes holds none
            released = clean.assemble(model, weights)
        _require_size(len(released), spec)
        return Trained(
            model=released,
            parameters=layout.weights,
            steps=spec.steps,
            rows=rows.count,
            noise_multiplier_milli=spec.noise_multiplier_milli,
            privacy_cost=_cost(spec),
        )

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
                self._zygote = Zygote()
            zygote = self._zygote
        return Jail(zygote, self.limits, required=self._required)

    def _require_acceptable(self, model: bytes, spec: TrainSpec) -> None:
        self._require_length(model)
        if spec.noise_multiplier_milli < self.limits.min_noise_milli:
            least = self.limits.min_noise_milli
            text = f"noise_multiplier_milli is {spec.noise_multiplier_milli}; the least is {least}"
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


def _cost(spec: TrainSpec) -> privacy.Cost | None:
    if spec.noise_multiplier_milli < privacy.MIN_NOISE_MILLI:
        return None
    return privacy.cost(spec.rate_per_billion, spec.noise_multiplier_milli, spec.steps)
