"""Renting a table out and sending a model to it, through the SDK and a node with a vault."""

import re
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pytest
from substrateinterface import Keypair

from tilth.engine import linear, mlp
from tilth.pallets.compute import JobSpec as ChainsSpec
from tilth.pallets.compute import Loss as ChainsLoss
from tilth.pallets.compute import Optimizer as ChainsOptimizer
from tilth.pallets.compute import TrainSpec as ChainsTrainSpec
from tilth.pallets.compute import spec_hash
from tilth.primitives import privacy
from tilth.primitives.job_result import result_info
from tilth.primitives.types import H256
from tilth.sdk import (
    Budget,
    Client,
    Job,
    JobRefunded,
    JobSpec,
    Loss,
    Optimizer,
    Policy,
    Refused,
    SealBroken,
    SealingKey,
    TrainingPlan,
    TrainSpec,
)
from tilth.v1 import onnx_pb2
from tilth.vault import Registration, Schema

UNIT = 10**12
STATES = ("queued", "claimed", "running", "delivered")
PLAN = TrainingPlan(epsilon=2, steps=20)
POLICY = Policy(
    price_per_job=UNIT,
    price_per_epsilon=2 * UNIT,
    max_epsilon=2,
    max_params=100,
    max_output_bytes=10_000,
)


class Market(Protocol):
    registration: Registration


@pytest.fixture(scope="module")
def table(client: Client, market: Market, alice: Keypair, worker: Keypair) -> int:
    client.register_worker(worker)
    return client.register_private(
        alice,
        market.registration,
        name="patients",
        policy=POLICY,
        budget=Budget(epsilon=8, output_bytes=100_000),
        workers=[worker.ss58_address],
    )


@pytest.fixture(scope="module")
def ordered(client: Client, table: int, bob: Keypair) -> tuple[Job, SealingKey, bytes, list[str]]:
    """A job that has delivered, its key, its model, and the states it went through."""
    key, model, states = SealingKey.generate(), linear(3, 2), list[str]()
    client.publish_content(bob, model)
    spec = client.job_spec(table, model, PLAN, key=key.public)
    job = client.create_job(bob, spec)
    job.wait(lambda now: states.append(str(now.WhichOneof("state"))), timeout=60)
    return job, key, model, states


Ordered = tuple[Job, SealingKey, bytes, list[str]]


def test_what_becomes_public_of_a_table_is_what_the_owner_saw(
    client: Client, table: int, market: Market
) -> None:
    mock = client.mock(table)
    public = client.dataset(table).private

    assert mock.schema == Schema.from_json(market.registration.schema)
    assert mock.csv == market.registration.mock
    assert (public.rows, public.row_root) == (200, market.registration.row_root)
    assert public.policy.max_epsilon_micro == 2_000_000
    assert public.policy.open_to_anyone


def test_a_job_goes_through_its_states_to_a_result(ordered: Ordered) -> None:
    """A watcher may miss one, but hears of no other and of none in the wrong order."""
    heard = ordered[3]

    assert heard == [state for state in STATES if state in heard]
    assert heard[-1] == "delivered"


def test_the_model_that_comes_back_is_trained_and_ordinary(
    client: Client, table: int, ordered: Ordered
) -> None:
    job, key, model, _ = ordered
    before, after = onnx_pb2.ModelProto.FromString(model), onnx_pb2.ModelProto()
    after.ParseFromString(job.result(key))

    assert [node.op_type for node in after.graph.node] == [
        node.op_type for node in before.graph.node
    ]
    assert after.graph.initializer != before.graph.initializer
    assert _accuracy(job.result(key)) > 0.9


def _accuracy(model: bytes) -> float:
    import onnxruntime

    rows = np.array([[0.3, 0.3, 0.3], [-0.3, -0.3, -0.3]] * 20, np.float32)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    outputs: Any = session.run(None, {"rows": rows})
    return float((outputs[0].argmax(axis=1) == np.array([1, 0] * 20)).mean())


def test_a_job_found_again_by_its_number_opens_with_the_key(
    client: Client, ordered: Ordered
) -> None:
    job, key, _, _ = ordered

    again = client.job(job.number)

    assert again.spec == job.spec
    assert again.result(key) == job.result(key)


def test_a_result_opens_with_no_other_key(ordered: Ordered) -> None:
    with pytest.raises(SealBroken):
        ordered[0].result(SealingKey.generate())


def test_a_result_sealed_for_another_spec_does_not_open(client: Client, ordered: Ordered) -> None:
    job, key, _, _ = ordered
    other = client.job(job.number)
    spec = other.spec
    other._spec = JobSpec(
        spec.dataset,
        spec.model,
        spec.model_bytes,
        spec.params + 1,
        spec.work,
        spec.max_output_bytes,
        spec.result_key,
    )

    with pytest.raises(SealBroken):
        other.result(key)


def test_the_hash_of_a_spec_is_the_chains(ordered: Ordered) -> None:
    job = ordered[0]

    assert job.spec.hash == job.now().spec_hash


def test_a_spec_is_encoded_as_the_pallet_encodes_it() -> None:
    numbers = (3, 4, 5, 6, 7)
    train = TrainSpec(Loss.MEAN_SQUARED_ERROR, Optimizer.ADAM, *numbers)
    chains = ChainsTrainSpec(ChainsLoss.MEAN_SQUARED_ERROR, ChainsOptimizer.ADAM, *numbers)
    parts = (1, H256(bytes(32)), 2, 8, 9, b"k" * 32)

    spec = JobSpec(*parts[:4], train, *parts[4:])

    assert spec.hash == spec_hash(ChainsSpec(*parts[:4], chains, *parts[4:]))


def test_what_seals_a_result_names_chain_job_and_spec() -> None:
    info = result_info(b"g" * 32, 258, b"s" * 32)

    assert info == b"tilth/result/1" + b"g" * 32 + b"\x02\x01" + bytes(6) + b"s" * 32


def test_the_escrow_is_what_was_quoted(client: Client, table: int, bob: Keypair) -> None:
    spec = _spec(client, table, bob)
    quote = client.quote(bob.ss58_address, spec)
    held = client.held_balance(bob.ss58_address)

    job = client.create_job(bob, spec, tip=7, max_price=quote.escrow.total + 7)

    assert client.held_balance(bob.ss58_address) == held + quote.escrow.total + 7
    assert job.now().epsilon_micro == quote.epsilon_micro <= 2_000_000
    price = POLICY.price_per_job + POLICY.price_per_epsilon * quote.epsilon_micro // 10**6
    assert quote.escrow.data == price
    job.wait(timeout=60)


def _spec(client: Client, table: int, pair: Keypair, epsilon: float = 0.5) -> JobSpec:
    model = linear(3, 2, seed=5)
    client.publish_content(pair, model)
    plan = TrainingPlan(epsilon=epsilon, steps=5)
    return client.job_spec(table, model, plan, key=SealingKey.generate().public)


def test_owner_and_worker_are_paid_when_the_buyer_is_content(
    client: Client, ordered: Ordered, alice: Keypair, bob: Keypair, worker: Keypair
) -> None:
    before = {pair.ss58_address: client.free_balance(pair.ss58_address) for pair in (alice, worker)}

    receipt = client.acknowledge(bob, ordered[0])

    paid = receipt.one("Compute", "JobCompleted")
    assert client.free_balance(alice.ss58_address) == (
        before[alice.ss58_address] + paid["owner_paid"]
    )
    assert client.free_balance(worker.ss58_address) == (
        before[worker.ss58_address] + paid["worker_paid"]
    )
    assert paid["burned"] == int(ordered[0].now().escrow.data) // 20


def test_a_publisher_claims_what_its_era_earned(
    client: Client, table: int, alice: Keypair, bob: Keypair
) -> None:
    job = client.create_job(bob, _spec(client, table, bob))
    job.wait(timeout=60)
    burned = client.acknowledge(bob, job).one("Compute", "JobCompleted")["burned"]
    for _ in range(client.constant("Rewards", "EraLength")):
        client.submit(bob, "System", "remark", {"remark": "0x00"})
    shares = client.unclaimed_rewards(alice.ss58_address)

    claimed = client.claim_rewards(alice)

    assert claimed == sum(share.amount for share in shares)
    assert claimed >= burned // 2
    assert client.claim_rewards(alice) == 0


def test_a_hostile_model_ends_in_a_refund(client: Client, table: int, bob: Keypair) -> None:
    thief = _identity()
    client.publish_content(bob, thief)
    key = SealingKey.generate().public
    spec = client.job_spec(table, thief, TrainingPlan(epsilon=0.5, steps=5), key=key, params=8)
    spent = client.dataset(table).private.privacy_spent.spent_micro
    held = client.held_balance(bob.ss58_address)

    with pytest.raises(JobRefunded, match="failed: model refused") as caught:
        client.create_job(bob, spec).wait(timeout=60)

    assert caught.value.failure == "MODEL_REFUSED"
    assert client.held_balance(bob.ss58_address) == held
    assert client.dataset(table).private.privacy_spent.spent_micro == spent


def test_a_file_that_is_no_model_ends_in_a_refund(client: Client, table: int, bob: Keypair) -> None:
    client.publish_content(bob, b"this is not ONNX")
    key = SealingKey.generate().public
    spec = client.job_spec(
        table, b"this is not ONNX", TrainingPlan(epsilon=0.5, steps=5), key=key, params=8
    )

    with pytest.raises(JobRefunded) as caught:
        client.create_job(bob, spec).wait(timeout=60)

    assert caught.value.failure == "MODEL_REFUSED"


def _identity() -> bytes:
    dims = [
        onnx_pb2.TensorShapeProto.Dimension(dim_param="N"),
        onnx_pb2.TensorShapeProto.Dimension(dim_value=3),
    ]
    tensor = onnx_pb2.TypeProto.Tensor(elem_type=1, shape=onnx_pb2.TensorShapeProto(dim=dims))
    kind = onnx_pb2.TypeProto(tensor_type=tensor)
    graph = onnx_pb2.GraphProto(
        name="thief",
        node=[onnx_pb2.NodeProto(op_type="Identity", input=["x"], output=["y"])],
        input=[onnx_pb2.ValueInfoProto(name="x", type=kind)],
        output=[onnx_pb2.ValueInfoProto(name="y", type=kind)],
    )
    opset = onnx_pb2.OperatorSetIdProto(version=17)
    model = onnx_pb2.ModelProto(ir_version=8, graph=graph, opset_import=[opset])
    return model.SerializeToString()


def test_a_model_that_is_not_stored_is_refused_in_the_chains_words(
    client: Client, table: int, bob: Keypair
) -> None:
    spec = client.job_spec(table, mlp(3, (4,), 2, seed=9), PLAN, key=bytes(31) + b"\x09")

    for asking in (
        lambda: client.quote(bob.ss58_address, spec),
        lambda: client.create_job(bob, spec),
    ):
        with pytest.raises(Refused, match="must be stored as content first") as caught:
            asking()
        assert caught.value.name == "Compute.ModelNotStored"


def test_more_privacy_than_a_job_may_take_is_refused(
    client: Client, table: int, bob: Keypair
) -> None:
    spec = _spec(client, table, bob, epsilon=3)

    with pytest.raises(Refused, match="more privacy than one job may"):
        client.create_job(bob, spec)


def test_a_price_above_what_the_buyer_would_pay_is_refused(
    client: Client, table: int, bob: Keypair
) -> None:
    with pytest.raises(Refused) as caught:
        client.create_job(bob, _spec(client, table, bob), max_price=1)

    assert caught.value.name == "Compute.TooExpensive"


def test_a_job_is_not_ordered_from_the_commons(client: Client, alice: Keypair) -> None:
    number = client.publish_dataset(alice, {"a": b"open"}, name="open", spdx="CC0-1.0")

    with pytest.raises(Refused, match="is public"):
        client.job_spec(number, linear(3, 2), PLAN, key=bytes(32))


def test_unknown_jobs_and_datasets_are_lookup_errors(client: Client) -> None:
    with pytest.raises(LookupError, match="no job 99999"):
        client.job(99_999).now()
    with pytest.raises(LookupError, match="no dataset 99999"):
        client.dataset(99_999)


def test_a_job_that_nobody_takes_can_be_waited_for_and_taken_back(
    client: Client, market: Market, alice: Keypair, bob: Keypair
) -> None:
    table = client.register_private(
        alice,
        replace(market.registration, row_root=b"no such rows".ljust(32)),
        name="nobody's",
        policy=POLICY,
        budget=Budget(epsilon=2, output_bytes=10_000),
        workers=[bob.ss58_address],
    )
    job = client.create_job(bob, _spec(client, table, bob))

    with pytest.raises(TimeoutError):
        job.wait(timeout=0.3)
    client.submit(bob, "Compute", "cancel", {"job": job.number})

    with pytest.raises(JobRefunded, match="cancelled") as caught:
        job.wait(timeout=60)
    assert (caught.value.reason, caught.value.failure) == ("CANCELLED", "")


def test_a_rehearsal_says_what_the_job_will_be_like(client: Client, table: int) -> None:
    rehearsal = PLAN.rehearse(linear(3, 2), client.mock(table))

    assert rehearsal.params == 8
    assert rehearsal.seconds > 0
    assert onnx_pb2.ModelProto.FromString(rehearsal.model).graph.node


@pytest.mark.parametrize("sampling", [1.0, 0.1])
def test_a_plan_takes_the_least_noise_that_keeps_its_promise(sampling: float) -> None:
    plan = TrainingPlan(epsilon=1.5, steps=30, sampling=sampling)
    spec = plan.train_spec(10**7)

    def epsilon(noise: int) -> int:
        return privacy.epsilon(privacy.cost(spec.sampling_ppb, noise, spec.steps), 10**7)

    assert epsilon(spec.noise_multiplier_milli) <= 1_500_000
    assert epsilon(spec.noise_multiplier_milli - 1) > 1_500_000
    assert plan.noise_multiplier(1e-5) == spec.noise_multiplier_milli / 1000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "lion"}, "'lion' is no optimizer; choose one of sgd, momentum, adam"),
        ({"loss": "hinge"}, "'hinge' is no loss; choose one of"),
    ],
)
def test_a_plan_refuses_what_does_not_exist(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TrainingPlan(epsilon=1, **changes)


@pytest.mark.parametrize("epsilon", [0, -1, float("nan"), float("inf")])
def test_an_epsilon_that_promises_nothing_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="number above zero"):
        Budget(epsilon=epsilon, output_bytes=1).params()


@pytest.mark.parametrize("delta", [0, 1, 2, -0.1, float("nan")])
def test_a_delta_that_promises_nothing_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="below one over the number of rows"):
        Budget(epsilon=1, output_bytes=1, delta=delta).params()


def test_twenty_jobs_at_once_all_come_back_before_their_deadlines(
    client: Client, table: int, bob: Keypair
) -> None:
    key, model = SealingKey.generate(), linear(3, 2)
    client.publish_content(bob, model)
    plan = TrainingPlan(epsilon=0.05, steps=5)
    spec = client.job_spec(table, model, plan, key=key.public, max_output_bytes=1_000)

    jobs = [client.create_job(bob, spec) for _ in range(20)]
    for job in jobs:
        job.wait(timeout=120)

    results = {job.result(key) for job in jobs}
    assert len(results) == 20, "each has noise of its own"
