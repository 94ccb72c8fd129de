"""The command line: joins runtime, node, vault, engine and faces."""

import sys
from io import TextIOWrapper


def main() -> None:
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
