"""Mirrors: a map of the chain's storage as a dict, brought up to date by what has changed."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, final

from tilth.frame import Runtime
from tilth.node.chain import Chain
from tilth.primitives.trie import Trie

K = TypeVar("K")
V = TypeVar("V")


@final
class Mirror(Generic[K, V]):
    """What a pallet's map holds after the best block; empty where the runtime has no such map.

    It costs one walk over the map, then only the keys that blocks change: forks and reverts too.
    """

    def __init__(
        self, chain: Chain, pallet: str, attribute: str, made_of: Callable[[K, Any], V]
    ) -> None:
        """`attribute` names the map in the pallet; `made_of` is what is kept of an entry."""
        self._chain = chain
        self._place = (pallet, attribute)
        self._made_of = made_of
        self._entries: dict[K, V] = {}
        self._runtime: Runtime | None = None
        self._map: Any = None
        self._state = Trie.empty()
        self.version = 0
        """Rises whenever an entry changes."""

    def current(self) -> Mapping[K, V]:
        state, runtime = self._chain.best.state, self._chain.runtime
        if runtime is not self._runtime:
            self._begin(runtime)
        if self._map is not None and state.root != self._state.root:
            self._follow(state)
        return self._entries

    def _begin(self, runtime: Runtime) -> None:
        """A runtime may read the same bytes otherwise, so everything is read anew."""
        name, attribute = self._place
        pallet = next((each for each in runtime.pallets if each.name == name), None)
        self._map = getattr(pallet, attribute, None)
        self._runtime, self._state = runtime, Trie.empty(self._state.layout)
        self._entries.clear()
        self.version += 1

    def _follow(self, state: Trie) -> None:
        prefix = self._map.prefix
        changed = list(state.keys_since(self._state, prefix))
        gone = [key for key in self._state.keys_since(state, prefix) if key not in state]
        for stored in gone:
            self._entries.pop(self._map.key_from(stored), None)
        for stored in changed:
            key, data = self._map.key_from(stored), state.get(stored)
            self._entries[key] = self._made_of(key, self._map.value.decode(data))
        self._state = state
        self.version += bool(changed or gone)
