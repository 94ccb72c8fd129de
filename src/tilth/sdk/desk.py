"""The buyer's desk: his account and his keys; models and questions in, ordered jobs out."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tilth.pallets.compute.work import (
    Acceptance,
    EvaluateSpec,
    InferSpec,
    Loss,
    StatisticsSpec,
    Work,
)
from tilth.primitives import privacy
from tilth.primitives.crypto.sealing import OVERHEAD
from tilth.primitives.types import H256
from tilth.sdk.client import Client
from tilth.sdk.estimators import NotTrainable
from tilth.sdk.keys import KeyRing
from tilth.sdk.loading import number_of
from tilth.sdk.models import start_of
from tilth.sdk.ordered import OrderedJob
from tilth.sdk.orders import Draft, NotListed, Order, placed, priced
from tilth.sdk.plans import TrainingPlan
from tilth.sdk.questions import PARTS, Columns, questions, width
from tilth.sdk.refusals import Refused
from tilth.sdk.rows import class_places, scaled_rows
from tilth.sdk.terms import micro
from tilth.sdk.wire import MICRO, JobSpec
from tilth.v1 import onnx_pb2

if TYPE_CHECKING:
    from substrateinterface import Keypair

    from tilth.engine import Checked
    from tilth.v1.content_pb2 import PrivateTable
    from tilth.vault import Schema

_SOFTMAX: Final = "softmax_cross_entropy"
_NO_KEY: Final = bytes(32)
"""Until the order is placed."""
_NUMBER_BYTES: Final = 32
_ANSWER_BYTES: Final = 256
_HEAD_BYTES: Final = 128
"""As the worker reckons what a result takes: `tilth.runtime.engine_work`."""


@dataclass(frozen=True, slots=True)
class AcceptanceTest:
    """Public rows in the table's own units with their classes: how many the model must get right.

    They are stored for ever, so that another worker can measure a disputed model on them.
    """

    rows: Any
    labels: Sequence[Any]
    least: float

    def archive(self, schema: "Schema") -> bytes:
        written = io.BytesIO()
        places = class_places(self.labels, schema)
        np.savez(written, features=scaled_rows(self.rows, schema), labels=places)
        return written.getvalue()


class Desk:
    """Drafts take the table's public schema and this machine; nothing is sent before `place`."""

    def __init__(self, client: Client, pair: Callable[[], "Keypair"], keys: KeyRing) -> None:
        """`pair` is asked for once something is to be signed."""
        self._client = client
        self._pair = pair
        self._keys = keys

    def number(self, dataset: int | str) -> int:
        return dataset if isinstance(dataset, int) else number_of(self._client, dataset)

    def training(
        self,
        model: Any,
        dataset: int | str,
        plan: TrainingPlan,
        *,
        loss: str | None = None,
        input_shape: Sequence[int] | None = None,
        secret: bool = False,
        test: AcceptanceTest | None = None,
    ) -> Draft:
        """`loss` is the model's own where none is named; raises NotTrainable, engine.Refused."""
        number = self.number(dataset)
        table, schema = self._table(number)
        start = start_of(model, schema, input_shape)
        plan = replace(plan, loss=loss or start.loss or loss_for(start.onnx, schema))
        checked = fitting(start.onnx, plan, schema)
        spec = plan.job_spec(
            number,
            start.onnx,
            key=_NO_KEY,
            params=checked.parameters,
            delta_pico=table.budget.delta_pico,
        )
        if test is None:
            return self._drafted(spec, start.onnx, secret)
        rows = test.archive(schema)
        ppm = round(test.least * 1_000_000)
        tested = replace(spec, acceptance=Acceptance(H256(sha256(rows).digest()), ppm))
        return self._drafted(tested, start.onnx, secret, rows)

    def evaluation(
        self,
        model: Any,
        dataset: int | str,
        *,
        epsilon: float,
        loss: str | None = None,
        bound: float = 4.0,
        input_shape: Sequence[int] | None = None,
        secret: bool = False,
    ) -> Draft:
        """A row's loss counts up to the bound."""
        number = self.number(dataset)
        table, schema = self._table(number)
        start = start_of(model, schema, input_shape)
        loss = loss or start.loss or loss_for(start.onnx, schema)
        plan = TrainingPlan(epsilon=epsilon, steps=1, loss=loss)
        checked = fitting(start.onnx, plan, schema)
        noise = _one_sum(epsilon, table.budget.delta_pico)
        work = EvaluateSpec(Loss[plan.loss.upper()], noise, round(bound * MICRO))
        spec = _spec(number, start.onnx, checked.parameters, work, 2 * _ANSWER_BYTES)
        return self._drafted(spec, start.onnx, secret)

    def statistics(
        self,
        dataset: int | str,
        *,
        epsilon: float,
        mean: Iterable[str] = (),
        histogram: Columns = (),
        quantiles: Columns = (),
        shares: Sequence[float] = (0.25, 0.5, 0.75),
        parts: int = PARTS,
    ) -> Draft:
        """All questions are answered from one noisy sum: together they cost what one would."""
        number = self.number(dataset)
        table, schema = self._table(number)
        asked = questions(
            schema, mean=mean, histogram=histogram, quantiles=quantiles, shares=shares, parts=parts
        )
        work = StatisticsSpec(asked, _one_sum(epsilon, table.budget.delta_pico))
        numbers = sum(map(width, asked))
        room = numbers * _NUMBER_BYTES + len(asked) * _ANSWER_BYTES
        return self._drafted(_spec(number, b"", numbers, work, room), None, secret=False)

    def inference(
        self, model: Any, dataset: int | str, *, input_shape: Sequence[int] | None = None
    ) -> Draft:
        """The model's outputs for every row, without noise: the owner lists such a job by its hash.

        Raises NotListed with that hash until he has; the job stays the same when it is drafted
        again.
        """
        from tilth.engine import Engine

        number = self.number(dataset)
        table, schema = self._table(number)
        onnx = start_of(model, schema, input_shape).onnx
        with Engine(unconfined_ok=True) as engine:  # the caller's own model
            tried = engine.infer(onnx, np.zeros((1, len(schema.feature_columns)), np.float32))
        room = _HEAD_BYTES + 4 * tried.size * table.rows
        spec = _spec(number, onnx, _count_weights(onnx), InferSpec(), room)
        name = self._promise(spec)
        spec = replace(spec, result_key=self._keys.promised(name).public)
        if "0x" + spec.hash.hex() not in self._client.terms(number)["exactSpecs"]:
            raise NotListed(number, spec.hash)
        return Draft(spec, (onnx,))

    def price(self, draft: Draft, *, tip: int = 0) -> Order:
        """With the chain's own quote; raises Refused where the job could not be ordered."""
        return priced(self._client, self._pair().ss58_address, draft, tip)

    def place(self, order: Order, *, max_price: int | None = None) -> OrderedJob:
        """Pay; raises TooExpensive above `max_price` planck, and Refused.

        The job's own key is on the disk before anything is sent.
        """
        if order.spec.result_key == _NO_KEY:
            key = self._keys.generate().public
            order = replace(order, spec=replace(order.spec, result_key=key))
        if order.secret is not None:
            self._keys.keep_model(order.spec.result_key, order.secret)
        number = placed(self._client, self._pair(), order, max_price)
        if isinstance(order.spec.work, InferSpec):
            self._keys.forget_promise(self._promise(order.spec))
        return self.job(number)

    def job(self, number: int) -> OrderedJob:
        """A job that was ordered before."""
        return OrderedJob(self._client, self._client.job(number), self._keys, self._pair)

    def _table(self, number: int) -> "tuple[PrivateTable, Schema]":
        dataset = self._client.dataset(number)
        if not dataset.HasField("private"):
            raise Refused(f"dataset {number} is public: load it instead of sending models to it")
        return dataset.private, self._client.mock(number).schema

    def _drafted(self, spec: JobSpec, onnx: bytes | None, secret: bool, *contents: bytes) -> Draft:
        spec = replace(spec, secret_model=secret)
        if onnx is None:
            return Draft(spec)
        largest = int(self._client.constant("TransactionStorage", "MaxTransactionSize"))
        if max(len(onnx), spec.max_output_bytes) + OVERHEAD > largest:
            raise NotTrainable(
                f"the model has {len(onnx):,} bytes: with its seal it has to fit into one "
                f"transaction of {largest:,}"
            )
        return Draft(spec, contents, onnx) if secret else Draft(spec, (onnx, *contents))

    def _promise(self, spec: JobSpec) -> bytes:
        about = self._client.genesis_hash + spec.dataset.to_bytes(4, "little") + spec.model
        return sha256(about).digest()[:16]


def loss_for(onnx: bytes, schema: "Schema") -> str:
    """Of a model that comes without one: classes by logits, two of them by one, else a number."""
    (answer, *_) = onnx_pb2.ModelProto.FromString(onnx).graph.output or [onnx_pb2.ValueInfoProto()]
    dims = answer.type.tensor_type.shape.dim
    if schema.classes and (len(dims) != 2 or dims[1].dim_value != 1):
        return _SOFTMAX
    return "binary_cross_entropy" if schema.classes == 2 else "mean_squared_error"


def fitting(onnx: bytes, plan: TrainingPlan, schema: "Schema") -> "Checked":
    """What the engine thinks of the model; raises NotTrainable where it is for another table."""
    checked = plan.check(onnx)
    takes, features = prod(checked.input_shape), [c.name for c in schema.feature_columns]
    if takes != len(features):
        raise NotTrainable(
            f"the model takes rows of {takes} numbers, and the table has {len(features)} columns "
            f"beside its label: {_some(features)}"
        )
    tells = prod(checked.output_shape)
    if plan.loss == _SOFTMAX and tells < schema.classes:
        raise NotTrainable(f"the model tells {tells} classes, and the label has {schema.classes}")
    return checked


def _spec(dataset: int, onnx: bytes, params: int, work: Work, room: int) -> JobSpec:
    return JobSpec(
        dataset=dataset,
        model=H256(sha256(onnx).digest() if onnx else bytes(32)),
        model_bytes=len(onnx),
        params=params,
        work=work,
        max_output_bytes=room,
        result_key=_NO_KEY,
    )


def _one_sum(epsilon: float, delta_pico: int) -> int:
    return privacy.noise_for(micro(epsilon), delta_pico, privacy.FULL_BATCH, 1)


def _count_weights(onnx: bytes) -> int:
    initializers = onnx_pb2.ModelProto.FromString(onnx).graph.initializer
    return max(1, sum(prod(each.dims) for each in initializers))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown}, …" if len(names) > 8 else shown
