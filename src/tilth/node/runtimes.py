"""The runtimes of a chain: more than one where its code was replaced while it ran."""

from collections.abc import Iterator
from typing import Final, final

from tilth.frame import Runtime
from tilth.primitives.trie import Trie

CODE: Final = b":code"


@final
class Runtimes:
    """Each block is executed, and its state read, by the runtime whose code its parent's state has.

    Only those of this process are here. Where a state names any other code the newest one serves:
    it is the one that was given to go on with.
    """

    def __init__(self, first: Runtime) -> None:
        self.newest = first
        self._known: dict[bytes, Runtime] = {}

    def __iter__(self) -> Iterator[Runtime]:
        return iter(self._known.values() or (self.newest,))

    def add(self, runtime: Runtime) -> None:
        if not self._known:
            self._known[self.newest.code] = self.newest
        self._known[runtime.code] = runtime
        self.newest = runtime

    def at(self, state: Trie) -> Runtime:
        """The runtime that is in force after the block with this state."""
        if not self._known:
            return self.newest
        return self._known.get(state.get(CODE) or b"", self.newest)
