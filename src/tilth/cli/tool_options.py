"""The options of `tilth dev` that are for developers."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOptions:
    """What a developer may do to the chain."""

    finality_lag: int = 0
    """Blocks become final only this many behind the best one, so that there can be forks."""

    reload: Annotated[bool, Parameter(negative=())] = False
    """Watch the runtime's files: a saved one changes the running chain."""

    try_state: Annotated[bool, Parameter(negative=())] = False
    """Check every pallet's invariants after every block, and stop where one does not hold."""

    mock_signature_host: Annotated[bool, Parameter(negative=())] = False
    """Take 0xdeadbeef, filled up with 0xcd, for anybody's signature, as chopsticks does."""
