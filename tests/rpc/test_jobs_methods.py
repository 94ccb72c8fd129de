"""jobs_*: jobs, their price, terms and workers, as clients of JSON-RPC see them."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import pytest
from substrateinterface import Keypair

from tilth.runtime import DevRuntime
from tilth.sdk import Budget, Client, JobSpec, Policy, Refused, TrainingPlan
from tilth.testing import LocalNode
from tilth.vault import Registration, read_csv

UNIT = 10**12
ROOT = sha256(b"rows").digest()
ALICE, BOB, EVE = (Keypair.create_from_uri(f"//{name}") for name in ("Alice", "Bob", "Eve"))


@dataclass(frozen=True)
class Bazaar:
    """A chain with a table of Alice's, whose worker Eve has delivered one of Bob's three jobs."""

    client: Client
    table: int
    spec: JobSpec


@pytest.fixture(scope="module")
def bazaar() -> Iterator[Bazaar]:
    with LocalNode(DevRuntime) as node, Client(node.ws, node.grpc) as client:
        client.register_worker(EVE)
        schema = read_csv(b"a,b\n1,x\n2,y\n", label="b").suggest()
        table = client.register_private(
            ALICE,
            Registration.of(schema, rows=300, row_root=ROOT),
            name="t",
            policy=Policy(
                price_per_job=UNIT,
                price_per_epsilon=2 * UNIT,
                max_epsilon=1,
                max_params=100,
                max_output_bytes=10_000,
                kinds=("train", "statistics"),
                models=[sha256(b"a model").digest()],
            ),
            budget=Budget(epsilon=5, output_bytes=50_000),
            workers=[EVE.ss58_address],
        )
        client.publish_content(BOB, b"a model")
        plan = TrainingPlan(epsilon=0.5, steps=5)
        spec = client.job_spec(
            table, b"a model", plan, key=bytes(32), params=4, max_output_bytes=5_000
        )
        for _ in range(3):
            client.create_job(BOB, spec, tip=5)
        _work(client)
        yield Bazaar(client, table, spec)


def _work(client: Client) -> None:
    """Eve delivers the first job and runs the second; Bob takes the third back."""
    for job in (0, 1):
        client.submit(EVE, "Compute", "claim_job", {"job": job})
        client.submit(EVE, "Compute", "start", {"job": job, "row_root": "0x" + ROOT.hex()})
    result = client.publish_content(EVE, b"sealed")
    delivered = {"job": 0, "result_hash": "0x" + result.hex(), "size": 6}
    client.submit(EVE, "Compute", "submit_result", delivered)
    beat = {"job": 1, "stage": "Computing", "permille": 250}
    client.submit(EVE, "Compute", "beat", beat)
    client.submit(BOB, "Compute", "cancel", {"job": 2})


def test_a_list_holds_what_fits_newest_first(bazaar: Bazaar) -> None:
    ask = bazaar.client.ask

    everything = ask("jobs_list")
    mine = ask("jobs_list", EVE.ss58_address)

    assert [job["job"] for job in everything["jobs"]] == [2, 1, 0]
    assert [job["state"] for job in everything["jobs"]] == ["refunded", "running", "delivered"]
    assert [job["job"] for job in mine["jobs"]] == [1, 0]
    assert ask("jobs_list", None, 77)["jobs"] == []
    assert [job["job"] for job in ask("jobs_list", None, None, "running")["jobs"]] == [1]


def test_a_long_list_comes_in_pages(bazaar: Bazaar) -> None:
    first = bazaar.client.ask("jobs_list", None, None, None, None, 2)
    second = bazaar.client.ask("jobs_list", None, None, None, first["cursor"], 2)

    assert [job["job"] for job in first["jobs"] + second["jobs"]] == [2, 1, 0]
    assert second["cursor"] is None


def test_a_state_that_does_not_exist_is_answered_with_those_that_do(bazaar: Bazaar) -> None:
    with pytest.raises(Refused, match="expected one of queued, claimed"):
        bazaar.client.ask("jobs_list", None, None, "done")


def test_a_job_tells_what_was_ordered_and_what_became_of_it(bazaar: Bazaar) -> None:
    job, running, refunded = (bazaar.client.ask("jobs_get", number) for number in range(3))

    assert (job["kind"], job["requester"], job["owner"]) == (
        "train",
        BOB.ss58_address,
        ALICE.ss58_address,
    )
    assert (job["spec"], job["specHash"]) == (
        "0x" + bazaar.spec.encoded.hex(),
        "0x" + bazaar.spec.hash.hex(),
    )
    assert job["result"] == {"content": "0x" + sha256(b"sealed").hexdigest(), "bytes": 6}
    assert job["price"] == str(sum(int(part) for part in job["escrow"].values()))
    assert job["deadline"] is not None
    assert (running["progress"]["stage"], running["progress"]["permille"]) == ("computing", 250)
    assert refunded["refund"] == {"reason": "cancelledByRequester", "failure": None}
    assert (refunded["deadline"], refunded["result"]) == (None, None)


def test_there_is_no_job_that_was_not_ordered(bazaar: Bazaar) -> None:
    with pytest.raises(Refused, match="job 99"):
        bazaar.client.ask("jobs_get", 99)


def test_a_quote_is_what_the_sdk_is_quoted(bazaar: Bazaar) -> None:
    quoted = bazaar.client.quote(BOB.ss58_address, bazaar.spec)

    told = bazaar.client.ask("jobs_quote", BOB.ss58_address, "0x" + bazaar.spec.encoded.hex())

    assert told["total"] == str(quoted.escrow.total)
    assert told["escrow"]["data"] == str(quoted.escrow.data)
    assert told["epsilonMicro"] == str(quoted.epsilon_micro)


def test_what_could_not_be_ordered_has_no_quote_but_a_reason(bazaar: Bazaar) -> None:
    spec = bazaar.spec
    parts = (spec.model, spec.model_bytes, 101, spec.work, spec.max_output_bytes, bytes(32))
    large = JobSpec(spec.dataset, *parts)

    with pytest.raises(Refused, match=r"Datasets\.TooManyParameters: "):
        bazaar.client.ask("jobs_quote", BOB.ss58_address, "0x" + large.encoded.hex())
    with pytest.raises(Refused):
        bazaar.client.ask("jobs_quote", BOB.ss58_address, "0x0102")


def test_terms_tell_limits_prices_and_what_is_left(bazaar: Bazaar) -> None:
    terms = bazaar.client.ask("jobs_terms", bazaar.table)
    books = bazaar.client.ask("datasets_budget", bazaar.table)
    taken = int(books["spentMicro"]) + int(books["reservedMicro"])

    assert terms["owner"] == ALICE.ss58_address
    assert (terms["pricePerJob"], terms["pricePerEpsilon"]) == (str(UNIT), str(2 * UNIT))
    assert terms["kinds"] == ["train", "statistics"]
    assert terms["models"] == ["0x" + sha256(b"a model").hexdigest()]
    assert (terms["requesters"], terms["approvalWindow"]) == (None, None)
    assert int(terms["epsilonLeftMicro"]) == 5_000_000 - taken
    assert int(terms["outputBytesLeft"]) == 50_000 - 2 * 5_000
    assert terms["workers"] == [EVE.ss58_address]


def test_a_public_dataset_has_no_terms(bazaar: Bazaar) -> None:
    with pytest.raises(Refused, match="dataset 9"):
        bazaar.client.ask("jobs_terms", 9)


def test_workers_are_told_with_bond_and_record(bazaar: Bazaar) -> None:
    (eve,) = bazaar.client.ask("jobs_workers", bazaar.table)

    assert (eve["account"], eve["active"]) == (EVE.ss58_address, 1)
    assert int(eve["bond"]) == bazaar.client.constant("Compute", "MinBond")
    assert (eve["done"], eve["slashed"], eve["sealingKey"]) == (0, 0, None)
    assert bazaar.client.ask("jobs_workers", 9) == []
