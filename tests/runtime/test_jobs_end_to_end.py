"""Every kind of job on a real node: a client orders, the worker works, the buyer opens."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tilth.engine import Engine, confinement, linear
from tilth.pallets.compute import (
    EvaluateSpec,
    Histogram,
    InferSpec,
    Loss,
    Mean,
    Quantiles,
    Schedule,
    StatisticsSpec,
)
from tilth.primitives import privacy
from tilth.primitives.crypto.sealing import SealingKey
from tilth.sdk import Job, JobRefunded, Refused
from tilth.v1 import onnx_pb2
from tilth.vault import PrivateTable

pytestmark = pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")

MODEL = linear(3, 2)
KEY = SealingKey.generate()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as started:
        yield started


def told(job: Job) -> Any:
    """What an answered question says."""
    job.wait(timeout=60)
    return json.loads(job.result(KEY))


def weights(model: bytes) -> dict[str, bytes]:
    graph = onnx_pb2.ModelProto.FromString(model).graph
    return {tensor.name: tensor.raw_data for tensor in graph.initializer}


# Train.


def test_a_training_takes_all_that_the_engine_knows(office: Any) -> None:
    frozen = sorted(weights(MODEL))[:1]
    work = replace(
        office.spec(KEY).work,
        frozen=tuple(frozen),
        schedule=Schedule.COSINE,
        warmup_steps=3,
        momentum_micro=500_000,
    )
    params = sum(len(raw) // 4 for name, raw in weights(MODEL).items() if name not in frozen)

    job = office.order(office.spec(KEY, work=work, params=params))

    job.wait(timeout=60)
    before, after = weights(MODEL), weights(job.result(KEY))
    assert [name for name in before if before[name] == after[name]] == frozen


# Evaluate.


def test_a_model_is_measured_on_rows_that_nobody_sees(office: Any, engine: Engine) -> None:
    work = EvaluateSpec(Loss.SOFTMAX_CROSS_ENTROPY, 2_000, 4_000_000)
    spent = office.vault.ledger("patients").spent

    answer = told(office.order(office.spec(KEY, work=work)))

    said = engine.infer(MODEL, office.rows).argmax(1)
    true = float((said == office.table.labels).mean())
    metric = answer["metrics"]["accuracy"]
    assert abs(metric["value"] - true) < 6 * metric["noise"]
    assert metric["noise"] < 0.1
    assert answer["rows"] == 240
    cost = privacy.cost(privacy.FULL_BATCH, 2_000, 1)
    now = office.vault.ledger("patients").spent
    assert now.cost == privacy.add(spent.cost, cost)
    assert now.released_bytes == spent.released_bytes + 8_000


# A label that is a number.


@pytest.mark.parametrize("loss", [Loss.MEAN_SQUARED_ERROR, Loss.HUBER, Loss.POISSON])
def test_a_number_is_learnt_on_the_market(office: Any, engine: Engine, loss: Loss) -> None:
    """Scaled to [-1, 1] by its declared range as columns are; counts as they are."""
    model = linear(3, 1)
    work = replace(office.spec(KEY).work, loss=loss, huber_delta_micro=500_000, steps=25)
    spec = office.spec(KEY, model, dataset=office.counts, work=work, params=4)

    job = office.order(spec, model)
    job.wait(timeout=60)

    table = PrivateTable(office.vault.table("visits"), natural_labels=loss is Loss.POISSON)
    rows, labels = table.batch(np.arange(table.count))
    said = engine.infer(job.result(KEY), rows)[:, 0]
    assert np.corrcoef(np.exp(said) if loss is Loss.POISSON else said, labels)[0, 1] > 0.4


def test_its_mean_is_told_in_its_own_units(office: Any) -> None:
    work = StatisticsSpec((Mean(None, 0, 12_000_000),), 1_000)
    spec = office.spec(KEY, b"", dataset=office.counts, work=work, params=1)

    (answer,) = told(office.order(spec))["answers"]

    true = office.vault.table("visits").labels.mean()
    assert abs(answer["mean"]["value"] - true) < 6 * answer["mean"]["noise"]


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [(Loss.SOFTMAX_CROSS_ENTROPY, 2), (Loss.BINARY_CROSS_ENTROPY, 1), (Loss.HUBER, 2)],
)
def test_a_loss_that_does_not_suit_the_label_is_refused_before_it_costs(
    office: Any, loss: Loss, outputs: int
) -> None:
    model = linear(3, outputs)
    work = replace(office.spec(KEY).work, loss=loss)
    spec = office.spec(KEY, model, dataset=office.counts, work=work, params=4 * outputs)
    spent = office.vault.ledger("visits").spent

    with pytest.raises(JobRefunded, match="model refused"):
        office.order(spec, model).wait(timeout=60)

    assert office.vault.ledger("visits").spent == spent


# Statistics.


def test_questions_are_answered_from_one_noisy_sum(office: Any) -> None:
    grid = tuple(range(-2_000_000, 2_000_001, 100_000))
    questions = (
        Mean(0, -2_000_000, 2_000_000),
        Histogram(None, (0, 1_000_000, 2_000_000)),
        Quantiles(1, grid, (500,)),
    )
    work = StatisticsSpec(questions, 1_000)
    width = 1 + 2 + len(grid) - 1

    spec = office.spec(KEY, b"", work=work, params=width, max_output_bytes=8_000)
    mean, shares, middle = told(office.order(spec))["answers"]

    column = office.table.features[:, 0]
    assert abs(mean["mean"]["value"] - column.mean()) < 6 * mean["mean"]["noise"]
    assert abs(shares["shares"][1] - office.table.labels.mean()) < 6 * shares["noise"]
    assert abs(middle["values"][0] - np.median(office.table.features[:, 1])) < 0.5


def test_questions_about_a_column_that_is_not_there_cost_nothing(office: Any) -> None:
    work = StatisticsSpec((Mean(3, 0, 1),), 1_000)
    spent = office.vault.ledger("patients").spent
    spec = office.spec(KEY, b"", work=work, params=1)

    with pytest.raises(JobRefunded, match="model refused"):
        office.order(spec).wait(timeout=60)

    assert office.vault.ledger("patients").spent == spent


# Infer.


def raw(office: Any) -> Any:
    return office.spec(KEY, work=InferSpec(), max_output_bytes=4_096)


def test_raw_outputs_are_not_for_sale(office: Any) -> None:
    with pytest.raises(Refused) as caught:
        office.order(raw(office))

    assert caught.value.name == "Datasets.NoiseRequired"


def test_raw_outputs_leave_for_a_spec_that_chain_and_vault_both_list(
    office: Any, engine: Engine
) -> None:
    spec = raw(office)
    with office.terms(exact_specs=(spec.hash,)):
        with pytest.raises(JobRefunded, match="ledger refused"):  # the chain alone is not believed
            office.order(spec).wait(timeout=60)
        office.vault.ledger("patients").allow(spec.hash)
        job = office.order(spec)
        job.wait(timeout=60)
        other = replace(spec, result_key=SealingKey.generate().public)
        with pytest.raises(Refused, match="noise"):  # the very spec, to the very key
            office.client.create_job(office.buyer, other)

    outputs = np.load(io.BytesIO(job.result(KEY)), allow_pickle=False)
    assert np.allclose(outputs, engine.infer(MODEL, office.rows), atol=1e-6)


# A secret model.


def test_a_secret_model_is_seen_by_its_worker_alone(office: Any) -> None:
    model = linear(3, 2, seed=77)
    job = office.order(office.spec(KEY, model, secret_model=True), model)
    office.reaches(job, "awaiting_model")

    office.deliver_model(job, office.seal_model(job, model))
    job.wait(timeout=60)

    assert weights(job.result(KEY)).keys() == weights(model).keys()
    stored = [
        raw_extrinsic
        for number in range(int(office.client.ask("chain_getHeader")["number"], 16) + 1)
        for raw_extrinsic in office.client.ask(
            "chain_getBlock", office.client.ask("chain_getBlockHash", number)
        )["block"]["extrinsics"]
    ]
    assert not any(model.hex() in each for each in stored)
    assert any(MODEL.hex() in each for each in stored), "an open model is found so"


def test_a_model_sealed_for_another_job_is_missing(office: Any) -> None:
    model = linear(3, 2, seed=78)
    spec = office.spec(KEY, model, secret_model=True)
    first, second = office.order(spec, model), office.order(spec, model)
    for job in (first, second):
        office.reaches(job, "awaiting_model")

    for job in (first, second):
        office.deliver_model(job, office.seal_model(first, model))

    first.wait(timeout=60)
    with pytest.raises(JobRefunded, match="model missing"):
        second.wait(timeout=60)


# Approval by hand.


def test_the_owner_decides_by_hand(office: Any) -> None:
    with office.terms(approval_window=50):
        yes, no = (office.order(office.spec(KEY)) for _ in range(2))
    assert yes.now().WhichOneof("state") == no.now().WhichOneof("state") == "awaiting_approval"

    office.client.submit(office.owner, "Compute", "reject_job", {"job": no.number})
    office.client.submit(office.owner, "Compute", "approve_job", {"job": yes.number})

    assert yes.wait(timeout=60).HasField("delivered")
    with pytest.raises(JobRefunded, match="rejected"):
        no.wait(timeout=60)


def test_an_owner_who_is_silent_keeps_nobody_waiting(office: Any) -> None:
    with office.terms(approval_window=3):
        job = office.order(office.spec(KEY))

    office.pass_blocks(4)

    with pytest.raises(JobRefunded, match="not approved"):
        job.wait(timeout=60)
