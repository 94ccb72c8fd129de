"""How the story looks in a terminal: numbered chapters, facts, movements of money, verdicts."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDEST: Final = 100
_INDENT: Final = 4


class Stage:
    """Writes to a console; without a terminal there are no colours and nothing moves."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._console.width = min(self._console.width, WIDEST)
        self._begun = time.monotonic()
        self._chapter = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def title(self, text: str, subtitle: str) -> None:
        self._console.print(f"\n[bold green]{escape(text)}[/]")
        self._console.print(f"[dim]{escape(subtitle)}[/]")

    def chapter(self, text: str) -> None:
        """Begin the next one; beside it stands how long the story has run."""
        self._chapter += 1
        line = Table.grid(expand=True)
        line.add_column(width=_INDENT, style="bold green")
        line.add_column(ratio=1, style="bold")
        line.add_column(justify="right", style="dim")
        line.add_row(f"{self._chapter:>2}", escape(text), f"{self.seconds:.1f} s")
        self._console.print()
        self._console.print(line)

    def say(self, text: str, *, lead: str = "") -> None:
        """A sentence behind its lead, in rich's markup; its further lines stand below its first."""
        begin = Text(" " * _INDENT) + Text.from_markup(lead)
        lines = Text.from_markup(text).wrap(self._console, self._console.width - len(begin))
        for line in lines:
            line.rstrip()
            self._console.print(begin + line)
            begin = Text(" " * len(begin))

    def rows(
        self,
        rows: Sequence[Sequence[str]],
        *,
        titles: Sequence[str] = (),
        right: Sequence[int] = (),
    ) -> None:
        """A small table; columns whose numbers are in `right` stand at the right edge of theirs."""
        table = Table(
            box=None,
            show_header=bool(titles),
            pad_edge=False,
            padding=(0, 2, 0, 0),
            header_style="dim",
        )
        for at in range(len(rows[0])):
            title = titles[at] if titles else ""
            table.add_column(title, justify="right" if at in right else "left", no_wrap=at in right)
        for row in rows:
            table.add_row(*row)
        self._console.print(Padding(table, (0, 0, 0, _INDENT), expand=False))

    def verdict(self, passed: bool, text: str) -> None:
        mark = "[bold green]✓[/]" if passed else "[bold red]✗[/]"
        self.say(text, lead=f"{mark} ")

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Something moves while it takes its time; gone when it is done."""
        with self._console.status(f"[dim]{escape(text)}[/]", spinner="dots"):
            yield


def bar(share: float, width: int = 24) -> str:
    """A share between 0 and 1 as a length."""
    full = round(share * width)
    return "[green]" + "█" * full + "[/][dim]" + "░" * (width - full) + "[/]"
