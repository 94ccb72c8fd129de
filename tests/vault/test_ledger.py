"""The owner's books hold through crashes, damage, repeated jobs, backups and a chain that lies."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.primitives import privacy
from tilth.vault.errors import LedgerDamagedError, LedgerRefuses
from tilth.vault.journal import SLOT
from tilth.vault.ledger import Budget, EpsilonCap, Ledger, OrderCaps

ROOT = bytes(range(32))
SPEC, OTHER_SPEC = b"s" * 32, b"o" * 32
RESULT, OTHER_RESULT = b"r" * 32, b"q" * 32
COST = privacy.cost(privacy.FULL_BATCH, 10_000, 40)
TWICE = privacy.add(COST, COST)
DELTA = 10**7  # 1e-5
BUDGET = Budget(EpsilonCap(privacy.epsilon(TWICE, DELTA), DELTA), released_bytes=1000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "releases").touch()
    return tmp_path / "releases"


@pytest.fixture
def ledger(path: Path) -> Ledger:
    ledger = Ledger(path, ROOT)
    ledger.declare(BUDGET)
    return ledger


def test_nothing_is_released_without_a_declared_budget(path: Path) -> None:
    with pytest.raises(LedgerRefuses, match="no budget"):
        Ledger(path, ROOT).charge(b"job", SPEC, COST, 1)


def test_charges_add_up_to_the_epsilon_and_no_further(ledger: Ledger) -> None:
    ledger.charge(b"1", SPEC, COST, 10)
    ledger.charge(b"2", SPEC, COST, 10)
    with pytest.raises(LedgerRefuses, match="ε would be"):
        ledger.charge(b"3", SPEC, COST, 10)

    assert (ledger.spent.cost, ledger.spent.released_bytes, ledger.spent.jobs) == (TWICE, 20, 2)


def test_charges_add_up_to_the_caps_of_every_order_and_no_further(path: Path) -> None:
    ledger = Ledger(path, ROOT)
    for order in range(len(TWICE)):
        caps = tuple(cap - (at == order) for at, cap in enumerate(TWICE))
        ledger.declare(Budget(OrderCaps(caps), 1000))
        if order == 0:
            ledger.charge(b"1", SPEC, COST, 1)
        with pytest.raises(LedgerRefuses, match=f"order {privacy.ORDERS[order]} "):
            ledger.charge(b"2", SPEC, COST, 1)
    ledger.declare(Budget(OrderCaps(TWICE), 1000))
    ledger.charge(b"2", SPEC, COST, 1)

    assert ledger.spent.cost == TWICE


def test_released_bytes_are_a_limit_of_their_own(ledger: Ledger) -> None:
    ledger.charge(b"1", SPEC, COST, 999)
    with pytest.raises(LedgerRefuses, match="1001 released bytes"):
        ledger.charge(b"2", SPEC, COST, 2)
    ledger.charge(b"2", SPEC, COST, 1)


def test_a_refusal_leaves_no_trace(ledger: Ledger, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(LedgerRefuses):
        ledger.charge(b"1", SPEC, COST, 1001)

    assert path.read_bytes() == before


def test_the_same_charge_again_is_free_and_any_other_is_refused(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.charge(b"1", SPEC, COST, 10)
    for spec, cost, size in ((OTHER_SPEC, COST, 10), (SPEC, TWICE, 10), (SPEC, COST, 11)):
        with pytest.raises(LedgerRefuses, match="charged before"):
            ledger.charge(b"1", spec, cost, size)

    assert ledger.spent.cost == COST


def test_a_job_releases_one_result_however_often_it_runs(ledger: Ledger, path: Path) -> None:
    with pytest.raises(LedgerRefuses, match="never charged"):
        ledger.release(b"1", RESULT)
    ledger.charge(b"1", SPEC, COST, 10)
    ledger.release(b"1", RESULT)
    ledger.release(b"1", RESULT)
    for books in (ledger, Ledger(path, ROOT)):
        books.charge(b"1", SPEC, COST, 10)
        with pytest.raises(LedgerRefuses, match="Another result"):
            books.release(b"1", OTHER_RESULT)


def test_a_spec_without_noise_needs_the_owners_word(ledger: Ledger) -> None:
    for cost in (privacy.NOTHING, (*COST[:-1], 0), (0, *COST[1:])):
        with pytest.raises(LedgerRefuses, match="no noise"):
            ledger.charge(b"1", SPEC, cost, 10)
    ledger.allow(SPEC)
    ledger.charge(b"1", SPEC, privacy.NOTHING, 10)
    with pytest.raises(LedgerRefuses, match="no noise"):
        ledger.charge(b"2", OTHER_SPEC, privacy.NOTHING, 10)


def test_a_cost_that_no_mechanism_has_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerRefuses, match="fall"):
        ledger.charge(b"1", SPEC, (*COST[:-1], 1), 10)


@pytest.mark.parametrize(
    "act",
    [
        lambda books: books.charge(b"1", SPEC, COST[:-1], 1),
        lambda books: books.charge(b"1", SPEC, (*COST[:-1], -1), 1),
        lambda books: books.charge(b"1", SPEC, (*COST[:-1], 1 << 64), 1),
        lambda books: books.charge(b"1", SPEC, COST, -1),
        lambda books: books.charge(b"1", SPEC, COST, True),
        lambda books: books.charge(b"1", SPEC[:-1], COST, 1),
        lambda books: books.charge(b"", SPEC, COST, 1),
        lambda books: books.charge(b"1" * 65, SPEC, COST, 1),
        lambda books: books.declare(Budget(EpsilonCap(1, 0), 1)),
        lambda books: books.declare(Budget(EpsilonCap(-1, 1), 1)),
        lambda books: books.declare(Budget(OrderCaps((1,)), 1)),
    ],
)
def test_senseless_numbers_are_refused_and_not_written(
    ledger: Ledger, path: Path, act: Callable[[Ledger], None]
) -> None:
    before = path.read_bytes()
    with pytest.raises(ValueError):
        act(ledger)

    assert path.read_bytes() == before


def test_the_longest_record_fits_its_slot(path: Path) -> None:
    ledger, most = Ledger(path, ROOT), (1 << 64) - 1
    ledger.declare(Budget(OrderCaps((most,) * 16), most))
    ledger.charge(b"j" * 64, SPEC, (most,) * 16, most)

    assert path.stat().st_size == 2 * SLOT
    assert Ledger(path, ROOT).spent.cost == (most,) * 16


def test_a_lowered_budget_takes_nothing_back_but_refuses_more(ledger: Ledger) -> None:
    ledger.charge(b"1", SPEC, COST, 10)
    ledger.declare(Budget(EpsilonCap(1, DELTA), 5))

    assert ledger.budget == Budget(EpsilonCap(1, DELTA), 5)
    assert ledger.spent.cost == COST
    with pytest.raises(LedgerRefuses):
        ledger.charge(b"2", SPEC, COST, 0)


def test_two_openings_of_the_books_see_each_other(ledger: Ledger, path: Path) -> None:
    other = Ledger(path, ROOT)
    ledger.charge(b"1", SPEC, COST, 10)
    other.charge(b"2", SPEC, COST, 10)

    assert ledger.spent == other.spent
    with pytest.raises(LedgerRefuses):
        ledger.charge(b"3", SPEC, COST, 10)


def test_threads_never_overspend_together(path: Path, ledger: Ledger) -> None:
    done: list[int] = []

    def try_to_charge(number: int) -> None:
        books = ledger if number % 2 else Ledger(path, ROOT)
        try:
            books.charge(bytes([number]), SPEC, COST, 1)
        except LedgerRefuses:
            return
        done.append(number)

    threads = [threading.Thread(target=try_to_charge, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(done) == 2
    assert Ledger(path, ROOT).spent.cost == TWICE


def full_log(path: Path) -> bytes:
    ledger = Ledger(path, ROOT)
    ledger.declare(BUDGET)
    ledger.charge(b"1", SPEC, COST, 10)
    ledger.charge(b"2", SPEC, COST, 10)
    return path.read_bytes()


def test_a_write_cut_anywhere_is_there_or_not_and_the_log_goes_on(path: Path) -> None:
    log = full_log(path)
    for cut in range(2 * SLOT, 3 * SLOT + 1, 11):
        path.write_bytes(log[:cut])
        ledger = Ledger(path, ROOT)
        acknowledged = ledger.spent.jobs
        ledger.charge(b"9", SPEC, (1,) * 16, 1)

        assert acknowledged == 1 + (cut >= 3 * SLOT - 1)
        assert Ledger(path, ROOT).spent.jobs == acknowledged + 1


def test_only_the_line_end_may_be_missing_from_a_counted_record(path: Path) -> None:
    log = full_log(path)
    for end in (b"", b"\0"):
        path.write_bytes(log[:-1] + end)
        assert Ledger(path, ROOT).spent.jobs == 2
        assert path.read_bytes() == log


@settings(max_examples=200)
@given(st.integers(0, 3 * SLOT - 2), st.integers(0, 7))
def test_any_flipped_bit_of_a_written_log_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "releases"
    path.touch()
    log = bytearray(full_log(path))
    log[at] ^= 1 << bit
    path.write_bytes(log)

    with pytest.raises(LedgerDamagedError, match=f"record {at // SLOT + 1} of"):
        _ = Ledger(path, ROOT).spent


def test_records_cannot_be_dropped_swapped_repeated_or_taken_from_another_table(
    path: Path,
) -> None:
    log = full_log(path)
    first, second, third = (log[at : at + SLOT] for at in range(0, 3 * SLOT, SLOT))

    for wrong in (second + third, first + third, first + third + second, log + third):
        path.write_bytes(wrong)
        with pytest.raises(LedgerDamagedError):
            _ = Ledger(path, ROOT).spent
    path.write_bytes(log)
    with pytest.raises(LedgerDamagedError):
        _ = Ledger(path, bytes(32)).spent


def test_a_log_that_shrinks_or_vanishes_under_the_vault_is_an_error(
    ledger: Ledger, path: Path
) -> None:
    ledger.charge(b"1", SPEC, COST, 10)
    path.write_bytes(path.read_bytes()[:SLOT])
    with pytest.raises(LedgerDamagedError):
        ledger.charge(b"2", SPEC, COST, 10)
    path.unlink()
    with pytest.raises(LedgerDamagedError, match="missing"):
        ledger.charge(b"2", SPEC, COST, 10)
    assert not path.exists()


@pytest.mark.parametrize("failing", [1, 2])
def test_after_a_failed_sync_nothing_more_is_released(path: Path, failing: int) -> None:
    Ledger(path, ROOT).declare(BUDGET)
    calls: list[int] = []

    def sync(file: int) -> None:
        calls.append(file)
        if len(calls) == failing:
            raise OSError("the disk is gone")
        os.fsync(file)

    ledger = Ledger(path, ROOT, sync=sync)
    with pytest.raises(OSError, match="gone"):
        ledger.charge(b"1", SPEC, COST, 10)
    with pytest.raises(LedgerDamagedError, match="earlier write"):
        ledger.charge(b"1", SPEC, COST, 10)
    with pytest.raises(LedgerDamagedError, match="earlier write"):
        ledger.release(b"1", RESULT)
    Ledger(path, ROOT).charge(b"1", SPEC, COST, 10)

    assert Ledger(path, ROOT).spent.cost == COST


ENDLESS_CHARGES = """
import itertools, sys
from pathlib import Path
from tilth.vault import Ledger

ledger = Ledger(Path(sys.argv[1]), bytes(range(32)))
for number in itertools.count():
    ledger.charge(number.to_bytes(8, "little"), bytes(32), (1,) * 16, 1)
    print(number + 1, flush=True)
"""


def test_a_killed_process_loses_no_charge_it_was_told_of(path: Path) -> None:
    Ledger(path, ROOT).declare(Budget(OrderCaps((1 << 32,) * 16), 1 << 32))
    for _ in range(2):
        start = Ledger(path, ROOT).spent.jobs
        child = subprocess.Popen(
            [sys.executable, "-c", ENDLESS_CHARGES, path], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(start + 40):
            child.stdout.readline()
        child.kill()
        told = max(start + 40, *map(int, child.communicate()[0].split()), 0)

        assert told <= Ledger(path, ROOT).spent.jobs <= told + 1


def test_each_record_is_synced_before_and_after_its_line_end(path: Path) -> None:
    sizes: list[int] = []
    ledger = Ledger(path, ROOT, sync=lambda _: sizes.append(path.stat().st_size))
    ledger.declare(BUDGET)

    assert sizes == [SLOT - 1, SLOT]


def test_restored_books_refuse_until_they_know_what_the_chain_has_spent(ledger: Ledger) -> None:
    ledger.charge(b"1", SPEC, COST, 10)
    ledger.mark_restored()
    with pytest.raises(LedgerRefuses, match="backup"):
        ledger.charge(b"2", SPEC, COST, 10)
    ledger.reconcile(b"1", TWICE, 5)

    assert (ledger.spent.cost, ledger.spent.released_bytes) == (TWICE, 10)
    with pytest.raises(LedgerRefuses, match="ε"):
        ledger.charge(b"2", SPEC, COST, 10)


def test_a_job_whose_release_a_backup_may_have_missed_is_charged_again(ledger: Ledger) -> None:
    ledger.charge(b"1", SPEC, COST, 10)
    ledger.mark_restored()
    with pytest.raises(LedgerRefuses, match="never charged"):
        ledger.release(b"1", RESULT)
    ledger.reconcile(b"1", privacy.NOTHING, 0)
    ledger.charge(b"1", SPEC, COST, 10)
    ledger.release(b"1", RESULT)

    assert ledger.spent.cost == TWICE


def test_a_released_job_stays_released_through_a_backup(ledger: Ledger) -> None:
    ledger.charge(b"1", SPEC, COST, 10)
    ledger.release(b"1", RESULT)
    ledger.mark_restored()
    ledger.reconcile(b"1", COST, 10)
    ledger.charge(b"1", SPEC, COST, 10)

    assert ledger.spent.cost == COST
    with pytest.raises(LedgerRefuses, match="Another result"):
        ledger.release(b"1", OTHER_RESULT)


HERE, THERE = b"h" * 32, b"t" * 32
FOUR = Budget(EpsilonCap(privacy.epsilon(privacy.add(TWICE, TWICE), DELTA), DELTA), 1000)


def test_what_other_chains_have_spent_is_not_covered_by_this_one(path: Path) -> None:
    ledger = Ledger(path, ROOT)
    ledger.declare(FOUR)
    ledger.charge(HERE + b"1", SPEC, COST, 10)
    ledger.charge(THERE + b"1", SPEC, COST, 10)
    ledger.mark_restored()
    ledger.reconcile(HERE, TWICE, 20)

    assert ledger.spent.cost == privacy.add(TWICE, COST)
    assert ledger.spent.released_bytes == 30


def test_a_job_charged_twice_counts_twice_whatever_the_chain_says(path: Path) -> None:
    ledger = Ledger(path, ROOT)
    ledger.declare(FOUR)
    for _ in range(2):
        ledger.mark_restored()
        ledger.reconcile(HERE, COST, 10)
        ledger.charge(HERE + b"1", SPEC, COST, 10)
    ledger.mark_restored()
    ledger.reconcile(HERE, TWICE, 20)

    assert ledger.spent.cost == privacy.add(TWICE, COST)


def test_books_say_whether_they_wait_for_the_chain(ledger: Ledger, path: Path) -> None:
    assert not ledger.behind
    ledger.mark_restored()
    assert Ledger(path, ROOT).behind
    ledger.reconcile(HERE, COST, 1)
    assert not ledger.behind
