"""The command line: joins runtime, node, vault, engine and faces."""

import sys
from importlib.metadata import version


def main() -> None:
    from tilth.cli.app import app

    sys.exit(app())


def tilth_version() -> str:
    return version("tilth")
