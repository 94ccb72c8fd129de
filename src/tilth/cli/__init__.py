"""The command line: joins runtime, node, vault, engine and faces."""

import gc
import sys
from io import TextIOWrapper
from typing import Final

# Modules, tries and blocks hold hardly any cycles. Looking for some after every 700 new objects,
# Python's own number, took a seventh of the time of a start and of a block.
_ALLOCATIONS: Final = 20_000


def main() -> None:
    gc.set_threshold(_ALLOCATIONS, 10, 10)
    from tilth.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Greek still gets the rest
    sys.exit(app())


def tilth_version() -> str:
    from importlib.metadata import version  # 30 ms, and few commands say it

    return version("tilth")


def fail(message: str) -> int:
    """Say on one line why a command cannot go on."""
    print(f"tilth: {message}", file=sys.stderr)
    return 1
