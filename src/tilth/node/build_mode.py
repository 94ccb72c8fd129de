"""Build modes: when a dev chain makes blocks, in chopsticks' words and numbers."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from tilth.node.author import Author, BatchSeal, InstantSeal, ManualSeal, Sealer, Sealing
from tilth.node.pool import Pool


class BuildMode(IntEnum):
    BATCH = 0
    """A tenth of a second after the last transaction arrived."""
    INSTANT = 1
    """As soon as there is a transaction."""
    MANUAL = 2
    """When somebody asks for one."""


def manual(author: Author, pool: Pool) -> Sealer:
    return ManualSeal()


SEALING: Final[Mapping[BuildMode, Sealing]] = MappingProxyType(
    {BuildMode.BATCH: BatchSeal, BuildMode.INSTANT: InstantSeal, BuildMode.MANUAL: manual}
)
