"""The command line: joins runtime, node, vault, engine and faces."""

import sys
from importlib.metadata import version


def main() -> None:
    from tilth.cli.app import app

    sys.exit(app())


def tilth_version() -> str:
    return version("tilth")


def fail(message: str) -> int:
    """Say on one line why a command cannot go on."""
    print(f"tilth: {message}", file=sys.stderr)
    return 1
