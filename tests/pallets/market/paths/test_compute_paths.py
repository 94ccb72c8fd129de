"""Every path of a job is walked to its end: each call, each deadline, each planck."""

from collections.abc import Callable
from typing import Any

from tilth.pallets.compute import Completed, Refunded, Running

BUYER = bytes([2]) * 32
ORDERS = (
    *((kind, False, False) for kind in ("train", "evaluate", "statistics", "infer")),
    *(("tested", secret, approved) for secret in (False, True) for approved in (False, True)),
)
CODES = (
    "MODEL_REFUSED",
    "MODEL_MISSING",
    "ROWS_MISSING",
    "LEDGER_REFUSED",
    "TIMED_OUT",
    "OUT_OF_MEMORY",
    "CRASHED",
)


def _both(state: str, end: str) -> set[tuple[str, str, str]]:
    """What a block does at the state's deadline, anybody can do after it."""
    return {(state, "deadline", end), (state, "expire", end)}


EDGES = {
    ("AwaitingApproval", "approve_job", "Queued"),
    ("AwaitingApproval", "reject_job", "RejectedByOwner"),
    ("AwaitingApproval", "cancel", "CancelledByRequester"),
    *_both("AwaitingApproval", "NotApproved"),
    ("Queued", "claim_job", "Claimed"),
    ("Queued", "claim_job", "AwaitingModel"),
    ("Queued", "cancel", "CancelledByRequester"),
    *_both("Queued", "Unclaimed"),
    ("AwaitingModel", "deliver_model", "Claimed"),
    *_both("AwaitingModel", "ModelNotDelivered"),
    ("Claimed", "start", "Running"),
    *_both("Claimed", "Queued"),
    *_both("Claimed", "NotStarted"),
    ("Running", "beat", "Running"),
    ("Running", "submit_result", "Delivered"),
    *_both("Running", "Silent"),
    *_both("Running", "NotFinished"),
    *(
        (state, "report_failure", f"Failed {code}")
        for state in ("Claimed", "Running")
        for code in CODES
    ),
    ("Delivered", "acknowledge", "Completed"),
    ("Delivered", "finalize", "Completed"),
    *_both("Delivered", "Completed"),
    ("Delivered", "dispute", "ResultLost"),
    ("Delivered", "dispute", "Disputed"),
    ("Disputed", "judge", "Completed"),
    ("Disputed", "judge", "NotAccepted"),
    *_both("Disputed", "Undecided"),
}


class Walk:
    """Tries every move in every state a job comes to, and goes back to try the next."""

    def __init__(self, bazaar: Any) -> None:
        self.bazaar = bazaar
        self.seen: set[Any] = set()

    def from_order(self, kind: str, secret: bool, approved: bool) -> None:
        self.bazaar.terms(approval_window=4 if approved else None)
        job = self.bazaar.order(BUYER, kind, secret=secret, tip=77)
        self._walk(job, (kind, secret, approved))

    def _walk(self, job: int, order: Any) -> None:
        self.bazaar.check()
        record = self.bazaar.compute.jobs[job]
        if isinstance(record.state, Completed | Refunded):
            assert job not in self.bazaar.live()
            return
        place = (order, type(record.state), record.attempts, _progress(record.state))
        if place in self.seen:
            return
        self.seen.add(place)
        for what in self.bazaar.moves(job):
            self._try(job, order, what)

    def _try(self, job: int, order: Any, what: str) -> None:
        bazaar, overlay = self.bazaar, self.bazaar.market.slot.overlay
        mark, books, seen = overlay.mark(), bazaar.books.copy(), bazaar.seen
        bazaar.moves(job)[what]()
        self._walk(job, order)
        overlay.rollback(mark)
        bazaar.books, bazaar.seen = books, seen


def _progress(state: Any) -> Any:
    """Whether a running job has shown signs of life, and how far they can still put it off."""
    return (state.stage, state.finish - state.deadline) if isinstance(state, Running) else None


def test_every_path_of_a_job_ends_and_keeps_every_planck(
    trading: Any, open_bazaar: Callable[[Any], Any]
) -> None:
    bazaar = open_bazaar(trading)
    walk = Walk(bazaar)
    for kind, secret, approved in ORDERS:
        walk.from_order(kind, secret, approved)

    assert set(bazaar.edges) == EDGES


def test_a_worker_cannot_leave_before_its_last_result_is_past_dispute(market: Any) -> None:
    compute = market.compute

    assert compute.cool_down >= compute.challenge_window + compute.dispute_window
