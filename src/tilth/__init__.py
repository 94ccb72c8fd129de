"""A commons of AI data: datasets published for ever, found, checked and loaded in one line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.sdk.frames import publish as publish
    from tilth.sdk.loading import load_dataset as load_dataset
    from tilth.sdk.market import evaluate as evaluate
    from tilth.sdk.market import infer as infer
    from tilth.sdk.market import job as job
    from tilth.sdk.market import statistics as statistics
    from tilth.sdk.market import train as train

_MARKET = dict.fromkeys(("evaluate", "infer", "job", "statistics", "train"), "tilth.sdk.market")
_HOMES = {"load_dataset": "tilth.sdk.loading", "publish": "tilth.sdk.frames", **_MARKET}


def __getattr__(name: str) -> Any:
    """The client is imported when it is first used: a node does without it."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'tilth' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
