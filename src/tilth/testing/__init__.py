"""Testing pallets and dApps: chains in process, nodes, accounts, and what should fail.

The fixtures are in `plugin`, which pytest finds by itself; here is what tests import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.testing.chain import Chain as Chain
    from tilth.testing.chain import Snapshot as Snapshot
    from tilth.testing.events import Events as Events
    from tilth.testing.failing import raises as raises
    from tilth.testing.keyring import Keyring as Keyring
    from tilth.testing.node import LocalNode as LocalNode
    from tilth.testing.process import NodeProcess as NodeProcess
    from tilth.testing.tiny import TinyRuntime as TinyRuntime


def __getattr__(name: str) -> Any:
    """Load on demand: pytest imports this package in every project of an environment."""
    homes = {
        "Chain": "chain",
        "Snapshot": "chain",
        "Events": "events",
        "raises": "failing",
        "Keyring": "keyring",
        "LocalNode": "node",
        "NodeProcess": "process",
        "TinyRuntime": "tiny",
    }
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
