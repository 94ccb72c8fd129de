"""An acceptance test on a real node: a second worker measures a disputed model, and decides."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tilth.engine import confinement
from tilth.pallets.compute import Acceptance
from tilth.primitives.crypto.sealing import SealingKey
from tilth.primitives.types import H256
from tilth.sdk import Job, JobRefunded, Refused

pytestmark = pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")

SECRET = b"\x05" * 32
KEY = SealingKey(SECRET)


@pytest.fixture(scope="module")
def court(office: Any) -> Iterator[Any]:
    """The office, and a juror who watches the chain and holds no rows."""
    dismiss = office.hire_juror()
    yield office
    dismiss()


def evaluation(office: Any, *, wrong: bool = False) -> bytes:
    """Public rows like the private ones, with the right labels or with wrong ones."""
    random = np.random.default_rng(3)
    labels = np.arange(60) % 2
    centres = np.where(labels[:, None] == 1, 0.3, -0.3)
    features = np.clip(centres + random.normal(0, 0.1, (60, 3)), -1, 1).astype(np.float32)
    return archive(features=features, labels=1 - labels if wrong else labels)


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def delivered(court: Any, test: bytes, threshold_ppm: int) -> Job:
    stored = court.client.publish_content(court.buyer, test)
    acceptance = Acceptance(H256(stored), threshold_ppm)
    work = replace(court.spec(KEY).work, steps=30)
    job: Job = court.order(court.spec(KEY, work=work, acceptance=acceptance))
    job.wait(timeout=60)
    return job


def dispute(court: Any, job: Job) -> Any:
    ground = {"AcceptanceFailed": {"secret": "0x" + SECRET.hex()}}
    return court.client.submit(
        court.buyer, "Compute", "dispute", {"job": job.number, "ground": ground}
    )


def settled(court: Any, job: Job) -> Any:
    """How the dispute ended."""
    for now in job.states(timeout=60):
        if now.WhichOneof("state") in ("completed", "refunded"):
            return now
    raise AssertionError("the states ended before the job")


def balances(court: Any) -> dict[str, int]:
    parties = {"owner": court.owner, "buyer": court.buyer, "juror": court.juror}
    return {name: court.client.free_balance(who.ss58_address) for name, who in parties.items()}


def test_a_model_as_good_as_promised_is_paid_though_it_is_disputed(court: Any) -> None:
    job = delivered(court, evaluation(court), 700_000)
    held = court.client.held_balance(court.buyer.ss58_address)
    before = balances(court)

    dispute(court, job)
    ended = settled(court, job)

    assert ended.HasField("completed")
    after = balances(court)
    assert after["owner"] > before["owner"]
    assert after["juror"] > before["juror"], "the juror is paid from the bond, less what calls cost"
    assert court.client.held_balance(court.buyer.ss58_address) < held


def test_a_model_that_falls_short_is_refunded_and_its_worker_slashed(court: Any) -> None:
    bond = _bond(court)
    job = delivered(court, evaluation(court, wrong=True), 700_000)

    dispute(court, job)
    ended = settled(court, job)

    assert ended.HasField("refunded")
    assert _bond(court) < bond
    with pytest.raises(JobRefunded, match="not accepted"):
        job.wait(timeout=60)


def _bond(court: Any) -> int:
    shown = court.client.ask("jobs_workers", court.dataset)
    bonds = {worker["account"]: int(worker["bond"]) for worker in shown}
    return bonds[court.worker.ss58_address]


def test_a_test_must_be_stored_before_it_binds_anybody(court: Any) -> None:
    spec = court.spec(KEY, acceptance=Acceptance(H256(b"nowhere".ljust(32)), 1))

    with pytest.raises(Refused) as caught:
        court.order(spec)

    assert caught.value.name == "Compute.EvaluationNotStored"


@pytest.mark.parametrize(
    "test",
    [
        b"not an archive",
        archive(features=np.zeros((4, 5), np.float32), labels=np.arange(4) % 2),
        archive(features=np.zeros((4, 3), np.float32), labels=np.arange(4)),
        archive(features=np.full((4, 3), np.nan, np.float32), labels=np.arange(4) % 2),
    ],
    ids=["garbage", "other columns", "other classes", "not numbers"],
)
def test_a_test_that_nobody_could_repeat_is_refused_before_a_row_is_touched(
    court: Any, test: bytes
) -> None:
    """Or its requester would dispute any model with it, and keep both model and money."""
    spent = court.vault.ledger("patients").spent

    with pytest.raises(JobRefunded, match="model refused"):
        delivered(court, test, 700_000)

    assert court.vault.ledger("patients").spent == spent
