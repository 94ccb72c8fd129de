"""Workers: who may claim, what they owe, what is taken from their bonds, and how they have done."""

from typing import TYPE_CHECKING

from tilth.frame import AccountId, Perbill, checked, ensure, replace
from tilth.pallets.compute.errors import Error
from tilth.pallets.compute.events import WorkerLeaving, WorkerLeft, WorkerRegistered, WorkerSlashed
from tilth.pallets.compute.types import Reputation, Worker

if TYPE_CHECKING:
    from tilth.pallets.compute.pallet import Compute


def register(compute: "Compute", who: AccountId, bond: int) -> None:
    worker = compute.workers.get(who) or Worker(0, 0, None)
    ensure(worker.leaving is None, Error.WORKER_LEAVING)
    total = checked(worker.bond + bond)
    ensure(total >= compute.min_bond, Error.BOND_TOO_LOW)
    compute.currency.hold(compute.Hold.WORKER_BOND, who, bond)
    compute.workers[who] = replace(worker, bond=total)
    compute.emit(WorkerRegistered(who, total))


def unbond(compute: "Compute", who: AccountId) -> None:
    worker = compute.workers.expect(who, Error.NOT_A_WORKER)
    if worker.leaving is None:
        ensure(worker.active == 0, Error.WORKER_BUSY)
        at = compute.now + compute.cool_down
        compute.workers[who] = replace(worker, leaving=at)
        compute.emit(WorkerLeaving(who, at))
        return
    ensure(compute.now >= worker.leaving, Error.COOLING_DOWN)
    compute.currency.release(compute.Hold.WORKER_BOND, who, worker.bond)
    del compute.workers[who]
    del compute.sealing_keys[who]
    compute.emit(WorkerLeft(who, worker.bond))


def ensure_can_claim(compute: "Compute", who: AccountId) -> None:
    worker = compute.workers.expect(who, Error.NOT_A_WORKER)
    ensure(worker.leaving is None, Error.WORKER_LEAVING)
    ensure(worker.bond >= compute.min_bond, Error.BOND_TOO_LOW)
    ensure(worker.active < compute.max_active, Error.WORKER_BUSY)


def can_claim(compute: "Compute", who: AccountId) -> int:
    """How many more jobs the worker may take."""
    worker = compute.workers.get(who)
    if worker is None or worker.leaving is not None or worker.bond < compute.min_bond:
        return 0
    return max(0, compute.max_active - worker.active)


def count(compute: "Compute", who: AccountId | None, change: int) -> None:
    if who is not None:
        worker = compute.workers[who]
        compute.workers[who] = replace(worker, active=worker.active + change)


def note(
    compute: "Compute", who: AccountId, *, done: int = 0, failed: int = 0, late: int = 0
) -> None:
    """Count what became of a job."""
    known = compute.reputations.get(who) or Reputation()
    compute.reputations[who] = replace(
        known, done=known.done + done, failed=known.failed + failed, late=known.late + late
    )


def slash(compute: "Compute", who: AccountId, job: int, *, juror: AccountId | None = None) -> int:
    """Burn a share of a bond, but for what a juror has earned; returns what the juror got.

    Who has left in the meantime has no bond any more.
    """
    worker = compute.workers.get(who)
    amount = 0 if worker is None else share(worker.bond, compute.slash)
    if worker is None or amount == 0:
        return 0
    reward = 0 if juror is None else min(compute.compute_fee, amount)
    held = compute.Hold.WORKER_BOND
    if juror is not None and reward:
        reward = compute.till.hand_over(held, who, juror, reward)
    if not compute.till.burn(held, who, amount - reward):
        amount = reward
    if amount == 0:
        return 0
    compute.workers[who] = replace(worker, bond=worker.bond - amount)
    known = compute.reputations.get(who) or Reputation()
    compute.reputations[who] = replace(known, slashed=known.slashed + 1)
    compute.emit(WorkerSlashed(who, job, amount))
    return reward


def share(amount: int, part: Perbill) -> int:
    return amount * part.parts // 1_000_000_000
