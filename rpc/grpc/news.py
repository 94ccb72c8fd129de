"""How a stream sleeps until the chain has moved."""

import asyncio
from types import TracebackType
from typing import Self

from tilth.node.chain import Chain
from tilth.node.notices import Notice, Phase


class News:
    """Wakes one reader after the chain has moved, however often: it then looks for itself.

    So nothing piles up for a slow reader, and a fast one hears of every block.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._moved = asyncio.Event()

    def __enter__(self) -> Self:
        self._stop = self._chain.notices.listen(Phase.HEADS, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _hear(self, notice: Notice) -> None:
        self._moved.set()

    async def next(self) -> None:
        """Returns when the chain has moved since the last call, at once if it has already."""
        await self._moved.wait()
        self._moved.clear()
