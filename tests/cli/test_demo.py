"""The whole story, as a newcomer sees it, in a process of its own."""

import re
import subprocess
import sys

import pytest

from tilth.cli.halves import breast_cancer

COLOURS = re.compile(r"\x1b\[")


@pytest.fixture(scope="module")
def told() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tilth", "demo"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.timeout(150)
def test_the_story_ends_well(told: subprocess.CompletedProcess[str]) -> None:
    assert told.returncode == 0, told.stdout + told.stderr
    end = told.stdout.partition("In the end")[2]
    assert end.count("✓") == 3
    assert "✗" not in told.stdout
    assert told.stderr == ""


def test_the_model_is_better_than_it_was_and_not_better_than_possible(
    told: subprocess.CompletedProcess[str],
) -> None:
    untrained, trained, best = (
        float(re.search(rf"{words}\D+(?:3 +)?([01]\.\d{{3}})", told.stdout)[1])  # type: ignore[index]
        for words in ("untrained", "Alice's rows, ε =", "no privacy")
    )

    assert untrained < 0.9 <= trained <= best + 0.03


def test_the_thief_is_refused_visibly(told: subprocess.CompletedProcess[str]) -> None:
    assert "refunded (failed: model refused)" in told.stdout
    assert "no row was touched, no privacy spent" in told.stdout


def test_what_is_written_to_a_file_has_no_colours_and_fits(
    told: subprocess.CompletedProcess[str],
) -> None:
    assert not COLOURS.search(told.stdout)
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_the_halves_are_one_table_and_share_no_row() -> None:
    halves = breast_cancer()
    private, public = (set(half.splitlines()[1:]) for half in (halves.private, halves.public))

    assert len(private | public) == halves.rows == 569
    assert not private & public
