"""What the story is told with: amounts, lines in a terminal, and books that do not add up."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from tilth.cli.books import Audit, Entry, Purse, Sums, change, tokens
from tilth.cli.stage import Stage, bar
from tilth.cli.story import LEAST_ACCURACY, Outcome, identity
from tilth.engine import Engine, Reason, Refused, TrainSpec


def stage(width: int) -> tuple[Stage, StringIO]:
    text = StringIO()
    return Stage(Console(file=text, width=width, highlight=False)), text


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_every_line_fits_the_terminal_and_ends_with_its_text(width: int) -> None:
    shown, text = stage(width)

    shown.chapter("A chapter begins")
    shown.say("words " * 60, lead="[cyan]state[/] ")

    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= min(width, 100)
    assert all(line == line.rstrip() for line in lines)
    assert all(line.startswith(" " * 10 + "words") for line in lines[3:])


def test_amounts_are_in_tokens_and_changes_have_a_sign() -> None:
    assert tokens(1_234_567_800_000_000) == "1,234.5678"
    assert change(-(10**12)) == "[red]−1.0000[/]"
    assert change(10**12) == "[green]+1.0000[/]"
    assert change(0) == ""


def test_a_bar_is_as_long_as_its_share() -> None:
    assert bar(0.5, 4) == "[green]██[/][dim]░░[/]"


AUDIT = Audit(
    entries=[Entry("Bob", Purse(100, 0), Purse(80, 5), Sums(fees=5, paid=10))],
    issuance_change=-15,
    issuance_explained=-15,
    issuance_less_accounts=0,
    blocks=1,
)


def test_books_in_which_all_is_explained_are_balanced() -> None:
    assert AUDIT.is_balanced


@pytest.mark.parametrize(
    "wrong",
    [
        replace(AUDIT, entries=[replace(AUDIT.entries[0], ended=Purse(80, 6))]),
        replace(AUDIT, issuance_change=-14),
        replace(AUDIT, issuance_less_accounts=1),
    ],
)
def test_a_planck_too_many_is_noticed(wrong: Audit) -> None:
    assert not wrong.is_balanced


@pytest.mark.parametrize(
    "bad",
    [
        Outcome(LEAST_ACCURACY - 0.001, True, AUDIT),
        Outcome(1.0, False, AUDIT),
        Outcome(1.0, True, replace(AUDIT, issuance_less_accounts=1)),
    ],
)
def test_the_story_is_good_only_if_all_of_it_is(bad: Outcome) -> None:
    assert Outcome(LEAST_ACCURACY, True, AUDIT).is_good
    assert not bad.is_good


def test_the_thiefs_model_is_refused_for_what_it_is() -> None:
    spec = TrainSpec(
        loss="softmax_cross_entropy",
        steps=1,
        learning_rate_micro=1,
        clip_micro=1,
        noise_multiplier_milli=10_000,
    )
    with Engine(unconfined_ok=True) as engine, pytest.raises(Refused) as caught:
        engine.check(identity(30), spec)

    assert caught.value.reason is Reason.NOT_TRAINABLE
