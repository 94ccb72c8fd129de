"""A private table's books: what jobs reserve and spend never exceeds the owner's budget."""

from tilth.frame import ensure, replace
from tilth.pallets.datasets.errors import Error
from tilth.pallets.datasets.types import Budget, EpsilonReport, Ledger
from tilth.primitives import privacy
from tilth.primitives.privacy import Cost


def reserve(ledger: Ledger, budget: Budget, cost: Cost, output_bytes: int) -> tuple[Ledger, int]:
    """Set a job's cost aside, if the budget covers it beside all that is committed.

    Also returns the ε of everything committed then.
    """
    more = replace(
        ledger,
        reserved=privacy.add(ledger.reserved, cost),
        bytes_reserved=ledger.bytes_reserved + output_bytes,
    )
    epsilon = committed_epsilon(more, budget)
    ensure(epsilon <= budget.epsilon_micro, Error.EPSILON_EXHAUSTED)
    ensure(committed_bytes(more) <= budget.output_bytes, Error.BYTES_EXHAUSTED)
    return more, epsilon


def spend(ledger: Ledger, cost: Cost, output_bytes: int) -> Ledger:
    """Turn a reservation into an expense, which nothing undoes."""
    rest = release(ledger, cost, output_bytes)
    return replace(
        rest,
        spent=privacy.add(rest.spent, cost),
        bytes_spent=rest.bytes_spent + output_bytes,
    )


def release(ledger: Ledger, cost: Cost, output_bytes: int) -> Ledger:
    """Give a reservation back whose job never touched a row."""
    return replace(
        ledger,
        reserved=privacy.subtract(ledger.reserved, cost),
        bytes_reserved=ledger.bytes_reserved - output_bytes,
    )


def committed_epsilon(ledger: Ledger, budget: Budget) -> int:
    """ε of what was spent and what may still be, in millionths."""
    return privacy.epsilon(privacy.add(ledger.spent, ledger.reserved), budget.delta_pico)


def committed_bytes(ledger: Ledger) -> int:
    return ledger.bytes_spent + ledger.bytes_reserved


def report(ledger: Ledger, budget: Budget) -> EpsilonReport:
    spent = privacy.epsilon(ledger.spent, budget.delta_pico)
    return EpsilonReport(spent, committed_epsilon(ledger, budget) - spent, budget.epsilon_micro)
