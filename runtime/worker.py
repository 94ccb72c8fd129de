"""The data owner's worker: what the compute pallet's tasks mean on a node with a vault."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from tilth import engine
from tilth.frame import H256
from tilth.pallets.compute import (
    Acceptance,
    Announce,
    Claim,
    FailureCode,
    Judge,
    Progress,
    Report,
    Run,
    RunAnswer,
    Sealed,
    Stage,
    Start,
    StatisticsSpec,
)
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.crypto.sealing import SealBroken, SealingKey, seal
from tilth.primitives.job_result import model_info, result_info
from tilth.runtime.executor import Executor, Lost
from tilth.runtime.timetable import Clock, Rehearse, Timetable
from tilth.vault import (
    LedgerRefuses,
    Table,
    TableError,
    UnknownTableError,
    Vault,
    VaultError,
    read_evaluation,
)

log = logging.getLogger(__name__)

ReadContent = Callable[[bytes], bytes | None]

_DEATHS: Final[tuple[tuple[type[Exception], FailureCode], ...]] = (
    (engine.TimedOut, FailureCode.TIMED_OUT),
    (engine.OutOfMemory, FailureCode.OUT_OF_MEMORY),
    (engine.Died, FailureCode.CRASHED),
    (engine.EngineError, FailureCode.MODEL_REFUSED),
)


class ComputeWorker:
    """Rows stay between vault and engine; what leaves is a sealed result or a failure's code."""

    def __init__(
        self,
        vault: Vault,
        executor: Executor,
        read_content: ReadContent,
        genesis_hash: H256,
        *,
        rest: Callable[[float], object] = time.sleep,
        clock: Clock = time.monotonic,
        rehearse: Rehearse | None = None,
    ) -> None:
        self._vault = vault
        self._executor = executor
        self._read_content = read_content
        self._genesis_hash = genesis_hash
        self._rest = rest
        self._clock = clock
        self._rehearse = rehearse or executor.rehearse
        self._running: dict[int, Timetable | None] = {}
        """Of every job that runs here, once its time is planned."""
        self._lost: set[int] = set()
        """Jobs whose machines were lost, twice: they end at the chain's deadline."""

    def runners(self) -> Mapping[type, Callable[[Any], Any]]:
        """What the off-chain host runs for each kind of task."""
        return {
            Announce: self.key,
            Claim: self.has_rows,
            Start: self.check,
            Run: self.run,
            Report: self.progress,
            Judge: self.judge,
        }

    def key(self, _: Announce) -> bytes:
        return self._vault.receiving_key().public

    def has_rows(self, task: Claim) -> bool:
        return any(entry.row_root == task.row_root for entry in self._vault.list())

    def progress(self, task: Report) -> Progress | None:
        """None where this process does not run the job."""
        if task.job not in self._running:
            return None
        planned = self._running[task.job]
        if planned is None:
            return Progress(Stage.PREPARING, 0)
        return Progress(Stage.COMPUTING, planned.permille())

    def check(self, task: Start) -> FailureCode | None:
        """Everything that can be known before a row is touched."""
        model = self._model(task)
        if model is None:
            return FailureCode.MODEL_MISSING
        try:
            table = self._vault.table(task.row_root)
        except VaultError:
            return FailureCode.ROWS_MISSING
        try:
            self._executor.check(task.spec, model, table, self._test(task.spec.acceptance))
        except engine.EngineError as error:
            return self._refused(task.job, error)
        except Lost as error:
            log.warning("job %d: %s", task.job, error)
            return FailureCode.CRASHED  # before the start it costs nobody anything
        except TableError as error:
            log.info("job %d: the test: %s", task.job, error)
            return FailureCode.MODEL_REFUSED
        return self._charge(task)

    def _test(self, acceptance: Acceptance | None) -> bytes | None:
        """The rows of the requester's test; without them he would dispute any model with it."""
        if acceptance is None:
            return None
        rows = self._read_content(acceptance.evaluation)
        if rows is None:
            raise TableError("its rows are not stored any more.")
        return rows

    def run(self, task: Run) -> RunAnswer | None:
        """Work, seal, and enter the release in the owner's own books.

        None where the machines were lost: that is not the model's fault, so nothing is reported
        that would earn the fee, and the chain's deadline pays the requester back.
        """
        if task.job in self._lost:
            return None
        model = self._model(task)
        if model is None:
            return FailureCode.MODEL_MISSING
        failure = self._charge(task)  # free where the start has charged it
        if failure is not None:
            return failure
        kept = self._vault.outbox(task.row_root).kept(self._job_key(task.job))
        if kept is not None:  # of a run that was cut short: another run would have other noise
            return self._released(task, kept)
        self._running[task.job] = None
        try:
            return self._run_in_time(task, model)
        except Lost as error:
            log.warning("job %d is left to its deadline: %s", task.job, error)
            self._lost.add(task.job)
            return None
        finally:
            del self._running[task.job]

    def _run_in_time(self, task: Run, model: bytes) -> RunAnswer:
        """The answer, at a time that the rows have no part in."""
        try:
            table = self._vault.table(task.row_root)
            planned = self._rehearse(task.spec, model, table)
        except engine.EngineError as error:
            return self._gone_wrong(task.job, error)
        except VaultError:
            return FailureCode.ROWS_MISSING
        timetable = self._running[task.job] = Timetable(planned, self._clock)
        answer = self._answered(task, model, table)
        self._rest(timetable.remaining())
        return answer

    def _answered(self, task: Run, model: bytes, table: Table) -> RunAnswer:
        try:
            result = self._executor.perform(task.spec, model, table)
            if len(result) > task.spec.max_output_bytes:
                raise engine.Crashed("the result is larger than was foreseen")
            return self._released(task, self._sealed(task, result))
        except engine.EngineError as error:
            return self._gone_wrong(task.job, error)
        except VaultError:
            return FailureCode.ROWS_MISSING

    def _gone_wrong(self, job: int, error: engine.EngineError) -> FailureCode:
        """What was accepted before the start is not refused after it."""
        failure = self._refused(job, error)
        return FailureCode.CRASHED if failure is FailureCode.MODEL_REFUSED else failure

    def judge(self, task: Judge) -> int | None:
        """A disputed model's share of right answers in millionths, or None where it is not known.

        Only public bytes take part: the requester has opened the result to everybody.
        """
        acceptance = task.spec.acceptance
        sealed = self._read_content(task.result)
        rows = None if acceptance is None else self._read_content(acceptance.evaluation)
        if sealed is None or rows is None:
            return None
        info = result_info(self._genesis_hash, task.job, task.spec_hash)
        try:
            model = SealingKey(task.secret).open(sealed, info)
        except SealBroken:
            return 0
        try:
            return self._executor.judge(model, *read_evaluation(rows))
        except engine.Refused:
            return 0
        except (engine.EngineError, Lost, VaultError):
            return None

    def _sealed(self, task: Run, result: bytes) -> bytes:
        """On the disk before it is released: the books let no second one out."""
        info = result_info(self._genesis_hash, task.job, task.spec_hash)
        sealed = seal(task.spec.result_key, info, result)
        return self._vault.outbox(task.row_root).keep(self._job_key(task.job), sealed)

    def _released(self, task: Run, ciphertext: bytes) -> RunAnswer:
        try:
            ledger = self._vault.ledger(task.row_root)
            ledger.release(self._job_key(task.job), blake2_256(ciphertext))
        except LedgerRefuses as error:
            log.warning("job %d: %s", task.job, error)
            return FailureCode.LEDGER_REFUSED
        return Sealed(ciphertext)

    def _charge(self, task: Start | Run) -> FailureCode | None:
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

    def _model(self, task: Start | Run) -> bytes | None:
        """The model's file, read or unsealed; empty where the work needs none."""
        spec = task.spec
        if isinstance(spec.work, StatisticsSpec):
            return b""
        model = self._read_content(task.model)
        if model is not None and spec.secret_model:
            model = self._unsealed(task, model)
        if model is None or len(model) != spec.model_bytes:
            return None
        return model if hashlib.sha256(model).digest() == spec.model else None

    def _unsealed(self, task: Start | Run, envelope: bytes) -> bytes | None:
        info = model_info(self._genesis_hash, task.job, task.spec_hash)
        try:
            return self._vault.receiving_key().open(envelope, info)
        except SealBroken:
            return None

    def _job_key(self, job: int) -> bytes:
        return self._genesis_hash + job.to_bytes(8, "little")

    def _refused(self, job: int, error: engine.EngineError) -> FailureCode:
        log.info("job %d: %s", job, error)
        return next(code for kind, code in _DEATHS if isinstance(error, kind))
