"""`tilth demo`: tells the whole story on a chain of its own, and says whether it came out well."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from rich.console import Console

from tilth.cli import fail
from tilth.cli.halves import breast_cancer
from tilth.cli.stage import Stage
from tilth.cli.story import BLOCK_SECONDS, LEAST_ACCURACY, Outcome, Story, lock_away
from tilth.engine import confinement
from tilth.sdk import Client, JobRefunded, NodeProcess, NotStarted, Refused, Unreachable


def run_demo(*, keep: bool, console: Console | None = None) -> int:
    """Zero only where the model is accurate, the thief got nothing and every planck is there."""
    stage = Stage(console or Console(highlight=False))
    stage.title(
        "Tilth: a private table earns money, and its rows never leave",
        "Alice owns it. Bob wants a model of it, Charlie its rows. Dave gives his away.",
    )
    try:
        with _ended_cleanly(), tempfile.TemporaryDirectory(prefix="tilth-demo-") as folder:
            return _told(stage, Path(folder) / "alice", keep=keep)
    except ImportError as error:
        return fail(f"{error}: the story's table needs scikit-learn, pip install 'tilth[demo]'")
    except KeyboardInterrupt:
        print(file=sys.stderr)
        fail("broken off; the story's chain is gone")
        return 130
    except (NotStarted, Refused, JobRefunded, Unreachable) as error:
        return fail(f"the story cannot go on: {error}")


def _told(stage: Stage, folder: Path, *, keep: bool) -> int:
    with stage.busy("unfolding the table"):
        halves = breast_cancer()
    registration = lock_away(stage, halves, folder)
    stage.chapter("A chain starts, with Alice's node as its worker")
    with NodeProcess(*_options(stage, folder)) as node:
        stage.say(f"JSON-RPC {node.ws}, gRPC {node.grpc}")
        stage.say("The story goes through these two and no other door.")
        with Client(node.ws, node.grpc) as client:
            outcome = Story(stage, client, halves, registration).play()
        _conclude(stage, outcome)
        if keep:
            stage.say(f"The chain goes on at {node.ws} until ^C.")
            with suppress(KeyboardInterrupt):
                node.process.wait()
    return 0 if outcome.is_good else 1


def _options(stage: Stage, folder: Path) -> list[str]:
    """Where this machine has no jail the story goes on: it knows its own models."""
    options = ["--vault", str(folder), "--block-time", str(BLOCK_SECONDS)]
    if confinement().sufficient:
        return options
    stage.say("[yellow]This machine offers no jail for foreign models (Landlock, seccomp).[/]")
    stage.say("[yellow]The story's own are harmless to it; never take others' like this.[/]")
    return [*options, "--unconfined-ok"]


def _conclude(stage: Stage, outcome: Outcome) -> None:
    accurate = outcome.accuracy >= LEAST_ACCURACY
    measure = "at least" if accurate else "less than"
    stage.chapter("In the end")
    stage.verdict(
        accurate,
        f"Bob's model is right in {outcome.accuracy:.1%} of cases, {measure} {LEAST_ACCURACY:.0%}",
    )
    stage.verdict(outcome.thief_got_nothing, "Charlie, who wanted the rows, has none")
    stage.verdict(outcome.audit.is_balanced, "every planck is accounted for")
    stage.say(f"[dim]Told in {stage.seconds:.0f} s. `tilth dev` starts a chain of your own.[/]")


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """SIGTERM ends it as ^C does: the node and its folder go as well."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
