"""`tilth replay`: whether a runtime seals the blocks that another one was recorded sealing."""

from pathlib import Path

from tilth.cli import fail
from tilth.cli.loading import CannotStart, load_runtime
from tilth.node.recording import BadRecording, Recording
from tilth.node.replay import Outcome, Replay


def run_replay(folder: Path, runtime: str) -> int:
    """Exit status 0 only where every block is identical."""
    try:
        replay = Replay(load_runtime(runtime), Recording(folder))
        outcomes = list(replay.outcomes())
    except (BadRecording, CannotStart) as error:
        return fail(str(error))
    different = [outcome for outcome in outcomes if outcome.difference is not None]
    print(f"blocks identical {len(outcomes) - len(different)} of {len(outcomes)}")
    for outcome in different[:1]:
        print(_sentence(outcome))
        for unlike in replay.unlike_settings():
            print(f"configured otherwise: {unlike}")
    return 1 if different else 0


def _sentence(outcome: Outcome) -> str:
    return f"first difference: {outcome.scenario}, block {outcome.number}, {outcome.difference}"
