"""The data owner's worker: what the compute pallet's tasks mean on a node with a vault."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType
from typing import Any, Final

from tilth import engine
from tilth.engine import Engine
from tilth.frame import H256
from tilth.pallets.compute.tasks import Claim, Sealed, Start, Train, TrainAnswer
from tilth.pallets.compute.types import FailureCode, JobSpec, Loss, Optimizer, TrainSpec
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.crypto.sealing import seal
from tilth.primitives.job_result import result_info
from tilth.vault import LedgerRefuses, UnknownTableError, Vault, VaultError

log = logging.getLogger(__name__)

ReadContent = Callable[[bytes], bytes | None]

_LOSSES: Final[Mapping[Loss, str]] = MappingProxyType(
    {
        Loss.SOFTMAX_CROSS_ENTROPY: "softmax_cross_entropy",
        Loss.BINARY_CROSS_ENTROPY: "binary_cross_entropy",
        Loss.MEAN_SQUARED_ERROR: "mean_squared_error",
    }
)
_OPTIMIZERS: Final[Mapping[Optimizer, str]] = MappingProxyType(
    {Optimizer.SGD: "sgd", Optimizer.MOMENTUM: "momentum", Optimizer.ADAM: "adam"}
)
_DEATHS: Final[tuple[tuple[type[Exception], FailureCode], ...]] = (
    (engine.TimedOut, FailureCode.TIMED_OUT),
    (engine.OutOfMemory, FailureCode.OUT_OF_MEMORY),
    (engine.Died, FailureCode.CRASHED),
    (engine.EngineError, FailureCode.MODEL_REFUSED),
)


class ComputeWorker:
    """Rows stay between vault and engine; what leaves is a sealed result or a failure's code."""

    def __init__(
        self, vault: Vault, compute: Engine, read_content: ReadContent, genesis_hash: H256
    ) -> None:
        self._vault = vault
        self._engine = compute
        self._read_content = read_content
        self._genesis_hash = genesis_hash

    def runners(self) -> Mapping[type, Callable[[Any], Any]]:
        """What the off-chain host runs for each kind of task."""
        return {Claim: self.has_rows, Start: self.check, Train: self.train}

    def has_rows(self, task: Claim) -> bool:
        return any(entry.row_root == task.row_root for entry in self._vault.list())

    def check(self, task: Start) -> FailureCode | None:
        """Everything that can be known before a row is touched."""
        model = self._model(task.spec)
        if model is None:
            return FailureCode.MODEL_MISSING
        try:
            checked = self._engine.check(model, engine_spec(task.spec))
        except engine.EngineError as error:
            return self._refused(task.job, error)
        if checked.parameters != task.spec.params:
            log.info("job %d: the model has not the declared number of parameters", task.job)
            return FailureCode.MODEL_REFUSED
        misfit = self._misfit(task, checked)
        return self._charge(task) if misfit is None else misfit

    def _misfit(self, task: Start, checked: engine.Checked) -> FailureCode | None:
        """Whether the model takes such rows and can say every label."""
        try:
            rows = self._vault.open(task.row_root)
        except VaultError:
            return FailureCode.ROWS_MISSING
        labelled = Loss(task.spec.train.loss) is Loss.SOFTMAX_CROSS_ENTROPY
        if prod(checked.input_shape) == rows.features and (
            not labelled or prod(checked.output_shape) >= rows.classes
        ):
            return None
        log.info("job %d: the model does not fit the table's columns and classes", task.job)
        return FailureCode.MODEL_REFUSED

    def train(self, task: Train) -> TrainAnswer:
        """Train, seal, and enter the release in the owner's own books."""
        model = self._model(task.spec)
        if model is None:
            return FailureCode.MODEL_MISSING
        failure = self._charge(task)  # free where the start has charged it
        if failure is not None:
            return failure
        kept = self._vault.outbox(task.row_root).kept(self._job_key(task.job))
        if kept is not None:  # of a run that was cut short: another run would have other noise
            return self._released(task, kept)
        try:
            rows = self._vault.open(task.row_root)
            trained = self._engine.train(model, engine_spec(task.spec), rows)
        except engine.EngineError as error:
            failure = self._refused(task.job, error)
            # what was accepted before the start is not refused after it: the run went wrong
            return FailureCode.CRASHED if failure is FailureCode.MODEL_REFUSED else failure
        except VaultError:
            return FailureCode.ROWS_MISSING
        return self._released(task, self._sealed(task, trained.model))

    def _sealed(self, task: Train, model: bytes) -> bytes:
        """On the disk before it is released: the books let no second one out."""
        info = result_info(self._genesis_hash, task.job, task.spec_hash)
        sealed = seal(task.spec.result_key, info, model)
        return self._vault.outbox(task.row_root).keep(self._job_key(task.job), sealed)

    def _released(self, task: Train, ciphertext: bytes) -> TrainAnswer:
        try:
            ledger = self._vault.ledger(task.row_root)
            ledger.release(self._job_key(task.job), blake2_256(ciphertext))
        except LedgerRefuses as error:
            log.warning("job %d: %s", task.job, error)
            return FailureCode.LEDGER_REFUSED
        return Sealed(ciphertext)

    def _charge(self, task: Start | Train) -> FailureCode | None:
        try:
            ledger = self._vault.ledger(task.row_root)
            ledger.charge(
                self._job_key(task.job), task.spec_hash, task.cost, task.spec.max_output_bytes
            )
        except UnknownTableError:
            return FailureCode.ROWS_MISSING
        except LedgerRefuses as error:
            log.warning("job %d: %s", task.job, error)
            return FailureCode.LEDGER_REFUSED
        return None

    def _model(self, spec: JobSpec) -> bytes | None:
        model = self._read_content(spec.model)
        if model is None or len(model) != spec.model_bytes:
            return None
        return model if hashlib.sha256(model).digest() == spec.model else None

    def _job_key(self, job: int) -> bytes:
        return self._genesis_hash + job.to_bytes(8, "little")

    def _refused(self, job: int, error: engine.EngineError) -> FailureCode:
        log.info("job %d: %s", job, error)
        return next(code for kind, code in _DEATHS if isinstance(error, kind))


def engine_spec(spec: JobSpec) -> engine.TrainSpec:
    """The engine's form of what the chain agreed on."""
    train: TrainSpec = spec.train
    return engine.TrainSpec(
        loss=_LOSSES[Loss(train.loss)],
        optimizer=_OPTIMIZERS[Optimizer(train.optimizer)],
        steps=train.steps,
        learning_rate_micro=train.learning_rate_micro,
        clip_micro=train.clip_micro,
        noise_multiplier_milli=train.noise_multiplier_milli,
        rate_per_billion=train.sampling_ppb,
        max_output_bytes=spec.max_output_bytes,
    )
