"""A private table's books: what jobs reserve and spend never exceeds the owner's budget."""

from tilth.frame import ensure, replace
from tilth.pallets.datasets.errors import Error
from tilth.pallets.datasets.types import Budget, EpsilonReport, Ledger
from tilth.primitives import privacy
from tilth.primitives.privacy import Cost


def committed(ledger: Ledger) -> Cost:
    return privacy.add(ledger.spent, ledger.reserved)


def reserve(ledger: Ledger, budget: Budget, cost: Cost, output_bytes: int) -> Ledger:
    """Set a job's cost aside, if the budget covers it beside all that is committed."""
    more = replace(
        ledger,
        reserved=privacy.add(ledger.reserved, cost),
        bytes_reserved=ledger.bytes_reserved + output_bytes,
    )
    ensure(is_within(more, budget), Error.EPSILON_EXHAUSTED)
    ensure(more.bytes_spent + more.bytes_reserved <= budget.output_bytes, Error.BYTES_EXHAUSTED)
    return more


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


def is_within(ledger: Ledger, budget: Budget) -> bool:
    return privacy.epsilon(committed(ledger), budget.delta_pico) <= budget.epsilon_micro


def report(ledger: Ledger, budget: Budget) -> EpsilonReport:
    spent = privacy.epsilon(ledger.spent, budget.delta_pico)
    both = privacy.epsilon(committed(ledger), budget.delta_pico)
    return EpsilonReport(spent, both - spent, budget.epsilon_micro)
