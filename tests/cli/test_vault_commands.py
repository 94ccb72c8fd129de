"""The data owner's commands: what they show first, what they keep, and how they refuse."""

import subprocess
import sys
from pathlib import Path

import pytest

from tilth.cli.vault import add, budget, list_tables, open_vault, suggest

SECRET = "31.4159"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    rows = [f"{at / 10},{at * 7 % 40},{'ill' if at % 3 else 'well'}" for at in range(80)]
    path.write_text("\n".join(["size,age,state", *rows, ""]))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "owner"


def test_what_becomes_public_is_shown_before_anything_is_kept(
    table: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = add(table, name="patients", label="state", vault=folder)

    shown = capsys.readouterr()
    assert status == 1
    assert "80 rows, committed to by 0x" in shown.out
    assert '"size": numbers, declared from 0 to 8' in shown.out
    assert '"state" (label): one of ill, well' in shown.out
    assert "The mock begins with:\n  size, age, state\n" in shown.out
    assert "nothing was added" in shown.err
    assert open_vault(folder).list() == ()


def test_the_mock_is_not_made_of_rows(
    table: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(table, name="patients", label="state", vault=folder)

    shown = capsys.readouterr().out
    mock = [line.strip() for line in shown.partition("The mock begins with:\n")[2].splitlines()]
    rows = {line.replace(",", ", ") for line in table.read_text().splitlines()[1:]}
    assert len(mock) == 4
    assert not rows & set(mock)


def test_a_table_is_kept_and_listed_with_its_budget(
    table: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(table, label="state", yes=True, vault=folder) == 0
    assert budget("patients", epsilon=4, delta=1e-5, vault=folder) == 0
    capsys.readouterr()

    assert list_tables(vault=folder) == 0

    (_, line) = capsys.readouterr().out.splitlines()
    root = open_vault(folder).list()[0].row_root.hex()
    assert line.split()[:3] == ["patients", "80", "0"]
    assert "ε 4 at δ 1e-05" in line
    assert root[:16] in line


def test_a_wrong_cell_is_named_by_line_and_column_and_not_shown(
    table: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table.read_text().splitlines()
    lines[6] = f"0.5,{SECRET}x,ill"
    table.write_text("\n".join(lines))

    status = add(table, name="patients", label="state", yes=True, vault=folder)

    shown = capsys.readouterr()
    assert status == 1
    assert shown.err == (
        f"tilth: {table}: line 7, column 2: not a number; write it as 12, -3.5 or 1e-4, "
        "or name the column among the classes.\n"
    )
    assert SECRET not in shown.out + shown.err
    assert not folder.exists()


def test_bounds_are_the_ones_that_the_owner_declares(
    table: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suggest(table, label="state")
    schema = table.with_name("schema.json")
    schema.write_text(capsys.readouterr().out.replace('"upper":8.0', '"upper":5.0'))

    add(table, name="patients", label="state", schema=schema, yes=True, vault=folder)

    shown = capsys.readouterr().out
    assert '"size": numbers, declared from 0 to 5' in shown
    assert "For you alone: 29 cells lie outside the bounds" in shown


def test_the_same_rows_are_not_kept_twice(
    table: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(table, name="patients", label="state", yes=True, vault=folder)

    assert add(table, name="again", label="state", yes=True, vault=folder) == 1

    assert "in the vault already, as 'patients'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("epsilon", "delta", "message"),
    [(-1.0, 1e-5, "ε is -1.0"), (4.0, 2.0, "δ is 2.0"), (4.0, 1e-5, "no table called 'nobody'")],
)
def test_a_budget_that_means_nothing_is_refused(
    table: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    epsilon: float,
    delta: float,
    message: str,
) -> None:
    add(table, name="patients", label="state", yes=True, vault=folder)

    assert budget("nobody", epsilon=epsilon, delta=delta, vault=folder) == 1

    assert message in capsys.readouterr().err


def test_a_vault_is_made_by_adding_and_by_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list_tables(vault=folder) == 1

    assert "there is no vault in" in capsys.readouterr().err
    assert not folder.exists()


def test_a_file_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(tmp_path / "none.csv", name="x", vault=tmp_path / "owner") == 1

    assert capsys.readouterr().err == f"tilth: {tmp_path / 'none.csv'}: No such file or directory\n"


def test_the_commands_are_there_as_they_are_typed(table: Path, folder: Path) -> None:
    words = ["vault", "add", str(table), "--name", "patients", "--label", "state"]
    finished = subprocess.run(
        [sys.executable, "-m", "tilth", *words, "--vault", str(folder), "--yes"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert f"tilth vault budget patients --epsilon 4 --delta 1e-5 --vault {folder}" in (
        finished.stdout
    )
