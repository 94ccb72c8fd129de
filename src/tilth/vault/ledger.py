"""The owner's own books of what was released of a table: they refuse, whatever the chain says."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, TypeAlias

from tilth.primitives import privacy
from tilth.vault.errors import LedgerDamagedError, LedgerRefuses
from tilth.vault.journal import Append, Journal

_U64 = 1 << 64
_MAX_JOB = 64
_CHAIN_BYTES = 32
_AGAIN = "again"


@dataclass(frozen=True, slots=True)
class EpsilonCap:
    """All releases together stay (ε, δ)-private: ε in millionths, δ in units of 10⁻¹²."""

    epsilon_micro: int
    delta_pico: int


@dataclass(frozen=True, slots=True)
class OrderCaps:
    """The sum of all costs stays within the cap at every Rényi order, in billionths."""

    caps: privacy.Cost


@dataclass(frozen=True, slots=True)
class Budget:
    """What the owner lets out of a table for ever; raise it by declaring another."""

    privacy: EpsilonCap | OrderCaps
    released_bytes: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What has been charged so far; `jobs` counts them."""

    cost: privacy.Cost
    released_bytes: int
    jobs: int


@dataclass(frozen=True, slots=True)
class _Charge:
    spec_hash: str
    cost: privacy.Cost
    released_bytes: int


@dataclass(frozen=True, slots=True)
class _Total:
    cost: privacy.Cost = privacy.NOTHING
    released_bytes: int = 0


@dataclass(slots=True)
class _Books:
    """The sum of the records read so far."""

    budget: Budget | None = None
    totals: dict[str, _Total] = field(default_factory=dict[str, _Total])
    """Of the jobs of every chain, each counted once, and of what was charged again."""
    seen: set[str] = field(default_factory=set[str])
    charges: dict[str, _Charge] = field(default_factory=dict[str, _Charge])
    results: dict[str, str] = field(default_factory=dict[str, str])
    allowed: set[str] = field(default_factory=set[str])
    behind: bool = False

    @property
    def cost(self) -> privacy.Cost:
        return reduce(privacy.add, (total.cost for total in self.totals.values()), privacy.NOTHING)

    @property
    def released_bytes(self) -> int:
        return sum(total.released_bytes for total in self.totals.values())

    def count(self, where: str, cost: privacy.Cost, released_bytes: int) -> None:
        known = self.totals.get(where, _Total())
        both = privacy.add(known.cost, cost)
        self.totals[where] = _Total(both, known.released_bytes + released_bytes)


_Record: TypeAlias = dict[str, Any]  # JSON whose checksum shows that this module wrote it


class Ledger:
    """The books of one table, kept in one file that several processes may share.

    The file must exist: empty for a new table, and never made anew for one that lost it.
    A job is named by bytes that are its own for ever, genesis hash and then job id: a
    development chain starts its ids again.
    """

    __slots__ = ("_books", "_journal")

    def __init__(
        self, path: Path, row_root: bytes, *, sync: Callable[[int], None] = os.fsync
    ) -> None:
        self._books = _Books()
        self._journal = Journal(path, row_root, self._apply, sync=sync)

    @property
    def spent(self) -> Spent:
        with self._journal.transaction():
            books = self._books
            return Spent(books.cost, books.released_bytes, len(books.charges))

    @property
    def budget(self) -> Budget | None:
        with self._journal.transaction():
            return self._books.budget

    def declare(self, budget: Budget) -> None:
        """Set the total for all releases, those already made included."""
        _check_budget(budget)
        with self._journal.transaction() as append:
            _record(append, "budget", **_budget_to_json(budget))

    def allow(self, spec_hash: bytes) -> None:
        """Let exactly this spec release without noise: the owner has read it and vouches for it."""
        with self._journal.transaction() as append:
            _record(append, "allow", spec=_hash(spec_hash))

    def charge(
        self, job: bytes, spec_hash: bytes, cost: Sequence[int], released_bytes: int
    ) -> None:
        """Spend a job's cost, before its first row is touched; raises `LedgerRefuses`.

        On return the charge is on the disk. Charging the same again changes nothing, so a job
        that was interrupted may run again; of all its runs only one result can be released.
        """
        asked = _Charge(_hash(spec_hash), _cost(cost), _bounded(released_bytes, "released_bytes"))
        with self._journal.transaction() as append:
            known = self._books.charges.get(_job(job))
            if known is None:
                _check_charge(self._books, asked)
                _record(append, "charge", job=_job(job), **_charge_to_json(asked))
            elif known != asked:
                raise LedgerRefuses("This job was charged before with another spec or cost.")

    def release(self, job: bytes, result_hash: bytes) -> None:
        """Let one result of a charged job out, named by its hash; raises `LedgerRefuses`.

        Keep the result on disk first: after a restart only this very result may be sent again,
        for a second run has other noise, and two noisy answers say more than was paid for.
        """
        with self._journal.transaction() as append:
            if _job(job) not in self._books.charges:
                raise LedgerRefuses("This job was never charged, so it has nothing to release.")
            known = self._books.results.get(_job(job))
            if known is None:
                _record(append, "release", job=_job(job), result=_hash(result_hash))
            elif known != _hash(result_hash):
                raise LedgerRefuses("Another result of this job was released already.")

    def mark_restored(self) -> None:
        """Note that the books come from a backup: they refuse until `reconcile`."""
        with self._journal.transaction() as append:
            _record(append, "restored")

    @property
    def behind(self) -> bool:
        """Whether the books come from a backup and wait for `reconcile`."""
        with self._journal.transaction():
            return self._books.behind

    def reconcile(self, chain: bytes, cost: Sequence[int], released_bytes: int) -> None:
        """Raise what was spent on a chain to what it says, where that is more.

        A chain is named as its jobs begin, by its genesis hash: what was spent on others, or by
        one job twice, the chain does not know, and comes on top.
        """
        said, known = list(_cost(cost)), _bounded(released_bytes, "released_bytes")
        if not 0 < len(chain) <= _CHAIN_BYTES:
            raise ValueError(f"A chain's name has 1 to {_CHAIN_BYTES} bytes, found {len(chain)}.")
        with self._journal.transaction() as append:
            _record(append, "reconciled", chain=chain.hex(), cost=said, bytes=known)

    def _apply(self, payload: bytes) -> None:
        try:
            record: _Record = json.loads(payload)
            _APPLY[record["kind"]](self._books, record)
        except (ValueError, KeyError, TypeError):
            cause = "a record of the release ledger is of a kind this version does not know"
            raise LedgerDamagedError(f"Cannot go on: {cause}.") from None


def _check_charge(books: _Books, asked: _Charge) -> None:
    if books.behind:
        cause = "the ledger comes from a backup and may miss releases"
        raise LedgerRefuses(f"Refused: {cause}; reconcile it with what the chain has spent.")
    if books.budget is None:
        raise LedgerRefuses("Refused: no budget was declared for this table.")
    if not all(asked.cost) and asked.spec_hash not in books.allowed:
        raise LedgerRefuses("Refused: no noise, and the owner has not allowed this very spec.")
    if list(asked.cost) != sorted(asked.cost):
        raise LedgerRefuses("Refused: a Rényi divergence does not fall as the order grows.")
    total = books.released_bytes + asked.released_bytes
    if total > books.budget.released_bytes:
        limit = books.budget.released_bytes
        raise LedgerRefuses(f"Refused: {total} released bytes in all, the owner allows {limit}.")
    _check_privacy(books.budget.privacy, privacy.add(books.cost, asked.cost))


def _check_privacy(limit: EpsilonCap | OrderCaps, total: privacy.Cost) -> None:
    match limit:
        case EpsilonCap(allowed, delta):
            epsilon = privacy.epsilon(total, delta)
            if epsilon > allowed:
                cause = f"ε would be {epsilon / 1e6:g}, the owner allows {allowed / 1e6:g}"
                raise LedgerRefuses(f"Refused: {cause} at δ = {delta / 1e12:g}.")
        case OrderCaps(caps):
            for order, spent, cap in zip(privacy.ORDERS, total, caps, strict=True):
                if spent > cap:
                    cause = f"the cost at order {order} would be {spent}"
                    raise LedgerRefuses(f"Refused: {cause}, the owner allows {cap}.")


def _apply_budget(books: _Books, record: _Record) -> None:
    books.budget = _budget_from_json(record)


def _apply_allow(books: _Books, record: _Record) -> None:
    books.allowed.add(record["spec"])


def _apply_charge(books: _Books, record: _Record) -> None:
    charge = _Charge(record["spec"], tuple(record["cost"]), record["bytes"])
    job = record["job"]
    where = _AGAIN if job in books.seen else job[: 2 * _CHAIN_BYTES]
    books.charges[job] = charge
    books.seen.add(job)
    books.count(where, charge.cost, charge.released_bytes)


def _apply_release(books: _Books, record: _Record) -> None:
    books.results[record["job"]] = record["result"]


def _apply_restored(books: _Books, _: _Record) -> None:
    books.behind = True
    # one may have been released after the backup: to release it again it must be charged again
    books.charges = {job: books.charges[job] for job in books.results}


def _apply_reconciled(books: _Books, record: _Record) -> None:
    known = books.totals.get(record["chain"], _Total())
    cost = tuple(map(max, known.cost, record["cost"]))
    released_bytes = max(known.released_bytes, record["bytes"])
    books.totals[record["chain"]] = _Total(cost, released_bytes)
    books.behind = False


_APPLY: dict[str, Callable[[_Books, _Record], None]] = {
    "budget": _apply_budget,
    "allow": _apply_allow,
    "charge": _apply_charge,
    "release": _apply_release,
    "restored": _apply_restored,
    "reconciled": _apply_reconciled,
}


def _record(append: Append, kind: str, **fields: object) -> None:
    append(json.dumps({"kind": kind, **fields}, separators=(",", ":")).encode())


def _charge_to_json(charge: _Charge) -> _Record:
    cost = list(charge.cost)
    return {"spec": charge.spec_hash, "cost": cost, "bytes": charge.released_bytes}


def _budget_to_json(budget: Budget) -> _Record:
    match budget.privacy:
        case EpsilonCap(epsilon, delta):
            limit: _Record = {"epsilon_micro": epsilon, "delta_pico": delta}
        case OrderCaps(caps):
            limit = {"caps": list(caps)}
    return {"bytes": budget.released_bytes, **limit}


def _budget_from_json(record: _Record) -> Budget:
    if "caps" in record:
        return Budget(OrderCaps(tuple(record["caps"])), record["bytes"])
    return Budget(EpsilonCap(record["epsilon_micro"], record["delta_pico"]), record["bytes"])


def _check_budget(budget: Budget) -> None:
    _bounded(budget.released_bytes, "released_bytes")
    match budget.privacy:
        case EpsilonCap(epsilon, delta):
            _bounded(epsilon, "epsilon_micro")
            if not 0 < delta < 10**12:
                raise ValueError("delta_pico is more than 0 and less than 10^12, which is δ = 1.")
        case OrderCaps(caps):
            _cost(caps)


def _cost(cost: Sequence[int]) -> privacy.Cost:
    if len(cost) != len(privacy.ORDERS):
        raise ValueError(f"A cost has {len(privacy.ORDERS)} orders, found {len(cost)}.")
    return tuple(_bounded(part, "a cost") for part in cost)


def _bounded(number: int, name: str) -> int:
    if isinstance(number, bool) or not 0 <= number < _U64:
        raise ValueError(f"{name} is a whole number of at most 64 bits, not below zero.")
    return int(number)


def _hash(value: bytes) -> str:
    if len(value) != 32:
        raise ValueError(f"A hash has 32 bytes, found {len(value)}.")
    return value.hex()


def _job(job: bytes) -> str:
    if not 0 < len(job) <= _MAX_JOB:
        raise ValueError(f"A job's name has 1 to {_MAX_JOB} bytes, found {len(job)}.")
    return job.hex()
