"""Healing: content that was lost or damaged here is fetched from whoever has it still."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol, final

from tilth.node.block import Block
from tilth.node.content import ContentLost, ContentReader
from tilth.primitives.types import H256

log = logging.getLogger(__name__)


class SourceFailed(Exception):
    """A source cannot be asked now."""


class Source(Protocol):
    """Another node that may have the content."""

    @property
    def name(self) -> str: ...

    async def content(self, hash: H256) -> bytes | None:
        """What it gives under this hash, unchecked; raises SourceFailed."""
        ...


@final
class Healer:
    """Asks the sources, one after the other, once for each content that is missed."""

    def __init__(self, reader: ContentReader, sources: Sequence[Source] = ()) -> None:
        self.sources = list(sources)
        self.on_healed: list[Callable[[], None]] = []
        self._reader = reader
        self._healing: dict[H256, asyncio.Task[bool]] = {}
        reader.on_loss.append(self._begin)

    async def read(self, hash: H256, at: Block | None = None) -> bytes | None:
        """As ContentReader.read, but what is lost here is fetched first, if anybody has it."""
        try:
            return self._reader.read(hash, at)
        except ContentLost:
            task = self._healing.get(hash)
            if task is None or not await asyncio.shield(task):
                raise
            return self._reader.read(hash, at)

    async def stop(self) -> None:
        for task in list(self._healing.values()):
            task.cancel()
        await asyncio.gather(*self._healing.values(), return_exceptions=True)

    def _begin(self, hash: H256) -> None:
        if self.sources and hash not in self._healing:
            task = asyncio.get_running_loop().create_task(self._heal(hash))
            self._healing[hash] = task
            task.add_done_callback(lambda _: self._healing.pop(hash))

    async def _heal(self, hash: H256) -> bool:
        for source in self.sources:
            try:
                data = await source.content(hash)
            except SourceFailed as error:
                log.warning(
                    "%s cannot be asked for content 0x%s: %s", source.name, hash.hex(), error
                )
                continue
            if data is not None and self._reader.restore(hash, data):
                for listener in self.on_healed:
                    listener()
                return True
            fault = "has it not" if data is None else "gave other bytes than it"
            log.warning("content 0x%s is not healed: %s %s", hash.hex(), source.name, fault)
        return False
