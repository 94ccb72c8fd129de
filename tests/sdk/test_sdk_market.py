"""Jobs in one call each, on a node that works for a vault: results opened, disputes, approvals."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from substrateinterface import Keypair

import tilth
from tilth.cli.vault import open_vault
from tilth.engine import linear, mlp
from tilth.sdk import (
    Budget,
    Client,
    JobRefunded,
    Mean,
    NodeProcess,
    Policy,
    Refused,
    StatisticsSpec,
    TrainingPlan,
    dealings,
)
from tilth.sdk.desk import AcceptanceTest, Desk
from tilth.sdk.keys import KeyRing
from tilth.sdk.loading import number_of
from tilth.sdk.ordered import NoGround, NoResultKey, OrderedJob, Progress
from tilth.sdk.orders import Draft, NotListed, Order, TooExpensive
from tilth.sdk.results import (
    Answers,
    Evaluation,
    HistogramOf,
    MeanOf,
    QuantilesOf,
    TrainedModel,
    result_of,
)
from tilth.vault import Registration

UNIT = 10**12
POLICY = Policy(
    price_per_job=UNIT,
    price_per_epsilon=2 * UNIT,
    max_epsilon=2,
    max_params=200,
    max_output_bytes=20_000,
)
PLAN = TrainingPlan(epsilon=0.3, steps=5)
MODEL = linear(3, 2)
ILL, WELL = [0.6, 0.6, 0.6], [-0.6, -0.6, -0.6]


class Market(Protocol):
    node: NodeProcess
    folder: Path
    registration: Registration


@pytest.fixture(scope="module")
def eve() -> Keypair:
    return Keypair.create_from_uri("//Eve")


@pytest.fixture(scope="module")
def table(client: Client, market: Market, alice: Keypair, worker: Keypair, eve: Keypair) -> int:
    """Eve is a worker without rows: a juror."""
    client.register_worker(worker)
    client.register_worker(eve)
    return client.register_private(
        alice,
        market.registration,
        name="patients",
        policy=POLICY,
        budget=Budget(epsilon=30, output_bytes=1_000_000),
        workers=[worker.ss58_address, eve.ss58_address],
    )


@pytest.fixture(scope="module")
def how(market: Market, table: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Bob's node, key and folder of keys."""
    keys = KeyRing(tmp_path_factory.mktemp("bob") / "keys")
    node = {"url": market.node.ws, "grpc": market.node.grpc}
    return {"key": "//Bob", "keys": keys, "show": None, **node}


@pytest.fixture(scope="module")
def desk(client: Client, bob: Keypair, how: dict[str, Any]) -> Desk:
    """The same buyer's, without connecting again for each job."""
    return Desk(client, lambda: bob, how["keys"])


def ordered(desk: Desk, draft: Draft) -> OrderedJob:
    return desk.place(desk.price(draft))


@pytest.fixture(scope="module")
def trained(how: dict[str, Any]) -> Iterator[OrderedJob]:
    with tilth.train(MODEL, "patients", epsilon=2, **how) as job:
        yield job.wait(timeout=60)


def test_a_model_is_trained_in_one_call(trained: OrderedJob) -> None:
    model = trained.result()

    assert isinstance(model, TrainedModel)
    assert list(model.predict([ILL, WELL])) == ["yes", "no"]
    assert trained.state == "delivered"


def test_the_buyer_reads_price_and_privacy_before_he_pays(
    how: dict[str, Any], client: Client, bob: Keypair
) -> None:
    orders: list[Order] = []
    held = client.held_balance(bob.ss58_address)

    def shown(order: Order) -> None:
        orders.append(order)
        assert client.held_balance(bob.ss58_address) == held

    with tilth.statistics("patients", epsilon=0.5, mean=["a"], **{**how, "show": shown}) as job:
        job.wait(timeout=60)

    (order,) = orders
    assert client.held_balance(bob.ss58_address) == held + order.price
    assert order.epsilon <= 0.5 < order.epsilon_left
    text = order.describe()
    assert "ask 200 rows of 'patients' (dataset 0): 1 questions, 1 numbers" in text
    assert "price    2.999" in text


def test_above_the_price_that_the_buyer_names_nothing_is_ordered(
    how: dict[str, Any], client: Client, bob: Keypair
) -> None:
    before = client.ask("jobs_list")["jobs"][0], client.held_balance(bob.ss58_address)

    with pytest.raises(TooExpensive, match="nothing was ordered"):
        tilth.train(mlp(3, (2,), 2, seed=8), "patients", epsilon=1, max_price=UNIT, **how)

    assert (client.ask("jobs_list")["jobs"][0], client.held_balance(bob.ss58_address)) == before


def test_what_the_chain_would_refuse_is_refused_before_the_model_is_stored(
    desk: Desk, client: Client
) -> None:
    model = mlp(3, (3,), 2, seed=8)

    with pytest.raises(Refused, match="more privacy than one job may"):
        ordered(desk, desk.training(model, "patients", TrainingPlan(epsilon=3)))

    assert not client.has_content(sha256(model).digest())


def test_a_script_that_was_started_again_goes_on(trained: OrderedJob, how: dict[str, Any]) -> None:
    fresh = KeyRing(how["keys"].folder)

    with tilth.job(trained.id, keys=fresh, url=how["url"], grpc=how["grpc"]) as again:
        model, known = again.result(), trained.result()

    assert isinstance(model, TrainedModel)
    assert isinstance(known, TrainedModel)
    assert model.onnx == known.onnx


def test_without_its_key_a_job_is_watched_but_not_opened(
    trained: OrderedJob, client: Client, bob: Keypair, tmp_path: Path
) -> None:
    seen = Desk(client, lambda: bob, KeyRing(tmp_path)).job(trained.id)

    assert seen.progress.state == "delivered"
    with pytest.raises(NoResultKey, match="opens on the machine that ordered it"):
        seen.result()


def test_there_is_no_job_that_nobody_ordered(how: dict[str, Any]) -> None:
    with pytest.raises(LookupError, match="no job 9999"):
        tilth.job(9_999, url=how["url"], grpc=how["grpc"])


def test_a_model_is_measured_in_noisy_numbers(trained: OrderedJob, how: dict[str, Any]) -> None:
    model = trained.result()
    assert isinstance(model, TrainedModel)

    with tilth.evaluate(model.onnx, "patients", epsilon=1, **how) as job:
        found = job.wait(timeout=60).result()

    assert isinstance(found, Evaluation)
    assert found["accuracy"].value == pytest.approx(1, abs=6 * found["accuracy"].noise)
    assert str(found).startswith("accuracy ")


def test_columns_are_asked_by_name(how: dict[str, Any]) -> None:
    asked = {"mean": ["a"], "histogram": ["sick"], "quantiles": {"b": 50}}

    with tilth.statistics("patients", epsilon=2, **asked, **how) as job:
        found = job.wait(timeout=60).result()

    assert isinstance(found, Answers)
    mean, sick, middle = found
    assert isinstance(mean, MeanOf)
    assert mean.value == pytest.approx(0, abs=6 * mean.noise)
    assert isinstance(sick, HistogramOf)
    assert sick.parts == ("yes", "no") or sick.parts == ("no", "yes")
    assert sick.shares == pytest.approx((0.5, 0.5), abs=6 * sick.noise)
    assert isinstance(middle, QuantilesOf)
    assert (middle.column, middle.shares) == ("b", (0.25, 0.5, 0.75))
    assert middle.values == tuple(sorted(middle.values))


def test_a_secret_model_is_sealed_to_its_worker(desk: Desk, client: Client) -> None:
    secret, heard = mlp(3, (5,), 2, seed=77), list[Progress]()

    job = ordered(desk, desk.training(secret, "patients", PLAN, secret=True))
    model = job.wait(heard.append, timeout=60).result()

    assert isinstance(model, TrainedModel)
    assert "awaiting_model" in {each.state for each in heard}
    assert not client.has_content(job.spec.model)


def test_outputs_of_single_rows_leave_where_the_owner_listed_the_job(
    how: dict[str, Any], desk: Desk, table: int, alice: Keypair, client: Client, market: Market
) -> None:
    wanted = _unlisted(desk, table)
    assert _unlisted(desk, table) == wanted  # it stays the same job
    dealings.allow(client, alice, table, wanted)
    open_vault(market.folder).ledger("patients").allow(wanted)

    with tilth.infer(MODEL, table, **how) as job:
        found = job.wait(timeout=60).result()

    assert job.spec.hash == wanted
    assert isinstance(found, np.ndarray)
    assert found.shape == (200, 2)
    assert dealings.policy_of(client, table).max_epsilon == POLICY.max_epsilon
    assert _unlisted(desk, table) != wanted


def _unlisted(desk: Desk, table: int) -> bytes:
    """The hash of the job that the owner is asked to list."""
    with pytest.raises(NotListed, match="has to list the job 0x") as refused:
        desk.inference(MODEL, table)
    return refused.value.spec_hash


def test_a_delivered_job_is_not_taken_back_but_accepted(desk: Desk) -> None:
    job = ordered(desk, desk.training(MODEL, "patients", PLAN)).wait(timeout=60)
    with pytest.raises(Refused, match="only what no worker has claimed is taken back"):
        job.cancel()
    with pytest.raises(NoGround, match="no acceptance test"):
        job.dispute()

    job.acknowledge()

    assert job.state == "completed"
    with pytest.raises(Refused, match="what is delivered is judged"):
        job.dispute()


def judged_by(desk: Desk, labels: list[str]) -> OrderedJob:
    """A job that has delivered a model for which these labels are the right ones, or not."""
    test = AcceptanceTest([ILL, WELL], labels, least=0.9)
    draft = desk.training(MODEL, "patients", TrainingPlan(epsilon=2), test=test)
    return ordered(desk, draft).wait(timeout=60)


def test_a_model_that_passes_its_test_is_not_disputed(desk: Desk) -> None:
    job = judged_by(desk, ["yes", "no"])

    assert job.measured() == 1
    with pytest.raises(NoGround, match=r"reaches 1\.0000, and 0\.9000 is asked for"):
        job.dispute()


def test_a_model_that_fails_its_test_is_measured_again_and_refunded(
    desk: Desk, client: Client, eve: Keypair
) -> None:
    job = judged_by(desk, ["no", "yes"])

    job.dispute()
    assert job.state == "disputed"
    client.submit(eve, "Compute", "judge", {"job": job.id, "measured_ppm": 0})

    with pytest.raises(JobRefunded, match="not accepted"):
        job.wait(timeout=60)


@pytest.fixture(scope="module")
def guarded(client: Client, market: Market, table: int, alice: Keypair, eve: Keypair) -> str:
    """A table whose jobs its owner approves by hand."""
    client.register_private(
        alice,
        replace(market.registration, row_root=b"other rows".ljust(32)),
        name="guarded",
        policy=replace(POLICY, approval_window=100),
        budget=Budget(epsilon=8, output_bytes=100_000),
        workers=[eve.ss58_address],
    )
    return "guarded"


def test_an_owner_approves_and_rejects_what_waits_for_him(
    desk: Desk, client: Client, guarded: str, alice: Keypair
) -> None:
    draft = desk.training(MODEL, guarded, PLAN)
    first, second = ordered(desk, draft), ordered(desk, draft)
    waiting = dealings.waiting_for(client, alice.ss58_address)

    dealings.approve(client, alice, first.id)
    dealings.reject(client, alice, second.id)

    assert [job["job"] for job in waiting] == [first.id, second.id]
    assert first.spec.result_key != second.spec.result_key
    assert (first.state, second.state) == ("queued", "refunded")
    with pytest.raises(JobRefunded, match="rejected"):
        second.wait(timeout=10)
    assert dealings.waiting_for(client, alice.ss58_address) == []
    first.cancel()
    assert first.state == "refunded"


def test_a_secret_model_is_not_sealed_where_nobody_waits_for_it(
    desk: Desk, client: Client, guarded: str, bob: Keypair
) -> None:
    job = ordered(desk, desk.training(MODEL, guarded, PLAN, secret=True))

    with pytest.raises(Refused, match="no worker waits for its model"):
        dealings.deliver_model(client, bob, client.job(job.id), MODEL)


def test_terms_come_back_as_they_were_set(
    client: Client, guarded: str, market: Market, alice: Keypair, bob: Keypair
) -> None:
    number = number_of(client, guarded)
    policy = replace(
        POLICY,
        requesters=[bob.ss58_address],
        kinds=("statistics",),
        models=(b"m" * 32,),
        exact_specs=(b"s" * 32,),
        jobs_per_requester=2,
        approval_window=7,
    )

    dealings.set_policy(client, alice, number, policy)

    assert dealings.policy_of(client, number) == policy


def test_a_result_that_is_none_is_told(trained: OrderedJob, client: Client, table: int) -> None:
    schema = client.mock(table).schema
    spec = replace(trained.spec, work=StatisticsSpec((Mean(0, 0, 1),), 1_000))

    with pytest.raises(ValueError, match="not what such a job brings"):
        result_of(spec, b'{"answers": []}', schema)
