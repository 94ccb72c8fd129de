"""The runtimes of a chain: more than one where its code was replaced while it ran."""

from collections.abc import Iterator
from typing import Final, final

from tilth.frame import Runtime, RuntimeVersion
from tilth.node.shelf import Shelf
from tilth.primitives.trie import Trie

CODE: Final = b":code"
_MOST: Final = 16  # of an hour of saving files; a runtime takes some megabytes


@final
class Runtimes:
    """Each block is executed, and its state read, by the runtime whose code its parent's state has.

    Only the last ones of this process are here. Where a state names any other code the newest
    serves, as it was given to go on with; of its metadata the shelf knows more.
    """

    def __init__(self, first: Runtime, shelf: Shelf | None = None) -> None:
        self.newest = first
        self._shelf = shelf or Shelf(None)
        self._known: dict[bytes, Runtime] = {}

    def __iter__(self) -> Iterator[Runtime]:
        return iter(self._known.values() or (self.newest,))

    def add(self, runtime: Runtime) -> None:
        """From now on a state that names its code is this runtime's."""
        if not self._known:
            self._known[self.newest.code] = self.newest
            self._shelf.keep(self.newest)
        self._shelf.keep(runtime)
        self._known[runtime.code] = self.newest = runtime
        if len(self._known) > _MOST:
            del self._known[next(iter(self._known))]

    def shelve(self) -> None:
        """Keep what the newest says of itself for a time when it is replaced."""
        self._shelf.keep(self.newest)

    def withdraw(self, runtime: Runtime, for_: Runtime) -> None:
        """It came to nothing: another serves in its place."""
        self._known.pop(runtime.code, None)
        self.newest = for_

    def at(self, state: Trie) -> Runtime:
        """The runtime that is in force after the block with this state."""
        if not self._known:
            return self.newest
        return self._known.get(state.get(CODE) or b"", self.newest)

    def version(self, state: Trie) -> RuntimeVersion:
        code, runtime = state.get(CODE) or b"", self.at(state)
        known = code == runtime.code or self._shelf.metadata(code, 14) is None
        return (None if known else Runtime.version_in(code)) or runtime.version

    def metadata(self, state: Trie, version: int) -> bytes:
        code = state.get(CODE) or b""
        runtime = self.at(state)
        if code == runtime.code:
            return runtime.metadata(version)
        return self._shelf.metadata(code, version) or runtime.metadata(version)

    def call(self, state: Trie, method: str, data: bytes) -> bytes:
        """Call the runtime API; what it writes is thrown away."""
        runtime = self.at(state)
        if method.startswith("Metadata_") and (code := state.get(CODE) or b"") != runtime.code:
            answer = self._shelf.answer(code, method, data)
            if answer is not None:
                return answer
        with runtime.at(state):
            return runtime.call(method, data)
