"""A job that one has ordered: watched, opened with its kept key, settled with one's account."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Final, Self

from tilth.primitives.crypto.sealing import SealingKey
from tilth.sdk import dealings
from tilth.sdk.client import Client
from tilth.sdk.connection import Receipt
from tilth.sdk.jobs import WITH_RESULT, Job, refund_of
from tilth.sdk.keys import KeyRing
from tilth.sdk.refusals import Refused, Unreachable
from tilth.sdk.results import Result, TrainedModel, result_of
from tilth.sdk.wire import JobSpec
from tilth.v1 import jobs_pb2 as pb

if TYPE_CHECKING:
    from substrateinterface import Keypair

_LONGEST_WAIT: Final = 3600.0
_WORDS: Final = MappingProxyType(
    {
        "awaiting_approval": "waits for the owner's approval",
        "queued": "waits for a worker",
        "claimed": "a worker examines it",
        "awaiting_model": "the worker waits for the sealed model",
        "running": "the worker runs it",
        "delivered": "the sealed result is on the chain",
        "completed": "owner and worker are paid",
        "refunded": "ended without result, and was refunded",
        "disputed": "another worker measures it again",
    }
)


class NoResultKey(LookupError):
    """The key that opens a job's result is not on this machine."""


class NoGround(Refused):
    """There is nothing to dispute: the result is there, and keeps what the order asks for."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; `share` is that of its stage, `deadline` the block that ends its state."""

    job: int
    block: int
    state: str
    stage: str | None
    share: float
    deadline: int | None

    def __str__(self) -> str:
        stage = f", {self.stage} {self.share:.0%}" if self.stage else ""
        return f"block {self.block}: job {self.job} is {self.state} ({_WORDS[self.state]}{stage})"

    @property
    def words(self) -> str:
        """What the state means."""
        return _WORDS[self.state]

    @classmethod
    def of(cls, job: pb.Job) -> Self:
        state = str(job.WhichOneof("state"))
        stage = pb.Stage.Name(job.running.stage) if state == "running" else None
        return cls(
            job.id,
            job.as_of.number,
            state,
            stage and stage.removeprefix("STAGE_").lower(),
            job.running.permille / 1000,
            getattr(getattr(job, state), "deadline", None),
        )


class OrderedJob:
    """Known by its number: a script that was started again goes on with `tilth.job(number)`."""

    def __init__(
        self, client: Client, job: Job, keys: KeyRing, pair: Callable[[], "Keypair"]
    ) -> None:
        """`pair` is asked for once something is to be signed."""
        self._client = client
        self._job = job
        self._keys = keys
        self._pair = pair

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
        self._client.close()

    def __repr__(self) -> str:
        return f"<job {self.id} on dataset {self.spec.dataset}>"

    @property
    def id(self) -> int:
        return self._job.number

    @property
    def spec(self) -> JobSpec:
        return self._job.spec

    @property
    def progress(self) -> Progress:
        """As of the best block."""
        return Progress.of(self._job.now())

    @property
    def state(self) -> str:
        """As `queued`, `running` or `delivered`."""
        return self.progress.state

    def watch(self, *, timeout: float = _LONGEST_WAIT) -> Iterator[Progress]:
        """How it is, then at each change, until it is completed or refunded.

        A secret model is sealed to the worker when he waits for it.
        """
        for now in self._job.states(timeout=timeout):
            if now.HasField("awaiting_model"):
                self._deliver()
            yield Progress.of(now)

    def wait(
        self,
        progress: Callable[[Progress], object] | None = None,
        *,
        timeout: float = _LONGEST_WAIT,
    ) -> Self:
        """Until there is a result; raises JobRefunded, and TimeoutError after so many seconds."""
        for now in self.watch(timeout=timeout):
            if progress is not None:
                progress(now)
            if now.state == "refunded":
                raise refund_of(self._job.now())
            if now.state in WITH_RESULT:
                return self
        raise Unreachable(f"the node stopped before job {self.id} had a result")

    def result(self) -> Result:
        """What came back, opened: see `tilth.sdk.results`.

        Raises NoResultKey on another machine than that which ordered, and Refused where there is
        none yet.
        """
        opened = self._job.result(self._key())
        return result_of(self.spec, opened, self._client.mock(self.spec.dataset).schema)

    def cancel(self) -> Receipt:
        """Take it back with all its money, as long as no worker has claimed it."""
        try:
            return dealings.cancel(self._client, self._pair(), self.id)
        except Refused as refused:
            if refused.name != "Compute.WrongState":
                raise
            text = f"job {self.id} is {self.state}: only what no worker has claimed is taken back"
            raise Refused(text, refused.name) from None

    def acknowledge(self) -> Receipt:
        """Accept the result, so that owner and worker are paid at once."""
        return self._client.acknowledge(self._pair(), self._job)

    def dispute(self) -> Receipt:
        """Have the chain give the money back, on a ground that anybody can compute again.

        Either the chain has no result as it was promised, or the model fails its acceptance test:
        that is measured here first, as a bond is lost otherwise, and opens the result to everybody.
        Raises NoGround.
        """
        if not self._is_there():
            return dealings.dispute_missing(self._client, self._pair(), self._job)
        if self.spec.acceptance is None:
            raise NoGround(f"job {self.id} has its result, and no acceptance test")
        reached = self.measured()
        least = self.spec.acceptance.threshold_ppm / 1e6
        if reached >= least:
            raise NoGround(f"the model reaches {reached:.4f}, and {least:.4f} is asked for")
        return dealings.dispute_accuracy(self._client, self._pair(), self._job, self._key())

    def measured(self) -> float:
        """The trained model's share of right answers on the rows of its acceptance test."""
        test, trained = self.spec.acceptance, self.result()
        if test is None or not isinstance(trained, TrainedModel):
            raise NoGround(f"job {self.id} has no acceptance test")
        return share_of_right(trained, self._client.fetch(test.evaluation))

    def _is_there(self) -> bool:
        now = self._job.now()
        if not now.HasField("delivered"):
            raise Refused(f"job {self.id} is {Progress.of(now).state}: what is delivered is judged")
        return self._client.has_content(now.delivered.result)

    def _key(self) -> SealingKey:
        public = self.spec.result_key
        key = self._keys.find(public)
        if key is None:
            raise NoResultKey(
                f"the key that opens job {self.id} is not in {self._keys.folder}: the result opens "
                "on the machine that ordered it, or with a copy of that file"
            )
        return key

    def _deliver(self) -> None:
        """Where this machine ordered it: else that one delivers."""
        model = self._keys.model(self.spec.result_key)
        if model is not None and self.state == "awaiting_model":
            dealings.deliver_model(self._client, self._pair(), self._job, model)


def share_of_right(trained: TrainedModel, evaluation: bytes) -> float:
    """Of public rows in the model's own units, as a juror measures it."""
    from tilth.engine import Engine
    from tilth.vault import read_evaluation

    features, labels = read_evaluation(evaluation)
    with Engine(unconfined_ok=True) as engine:  # the caller's own model
        outputs = engine.infer(trained.onnx, features).reshape(len(features), -1)
    return float((outputs.argmax(axis=1) == labels).mean())
