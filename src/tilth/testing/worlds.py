"""What tests of one session share: runtimes, and the state their chains begin with."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pkgutil import resolve_name
from typing import Any, TypeAlias

import pytest

from tilth.frame import Runtime
from tilth.node.chain_spec import ChainSpec
from tilth.primitives.trie import Trie
from tilth.runtime.presets import dev_spec
from tilth.testing.chain import Chain
from tilth.testing.keyring import Keyring
from tilth.testing.node import LocalNode

Genesis: TypeAlias = Mapping[str, Mapping[str, Any]]
_Beginning: TypeAlias = tuple[Runtime, Trie, Genesis | None]


class Worlds:
    """Each is made when a test first asks for it."""

    def __init__(self) -> None:
        self._beginnings: dict[tuple[type[Runtime], int], _Beginning] = {}
        self._served: dict[type[Runtime], Runtime] = {}
        """Not those of the chains: a node has a thread of its own."""

    def chain(self, kind: type[Runtime], genesis: Genesis | None, keyring: Keyring) -> Chain[Any]:
        runtime, state, _ = self._beginning(kind, genesis)
        return Chain.begun(runtime, state, keyring)

    def node(self, kind: type[Runtime], genesis: Genesis | None) -> LocalNode:
        return LocalNode(partial(self._runtime, kind), spec=partial(_spec, genesis))

    def _runtime(self, kind: type[Runtime]) -> Runtime:
        if kind not in self._served:
            self._served[kind] = kind()
        runtime = self._served[kind]
        runtime.format.waiver = None  # whom another test impersonated
        return runtime

    def _beginning(self, kind: type[Runtime], genesis: Genesis | None) -> _Beginning:
        """The genesis stays with it, so that its identity remains its own."""
        key = kind, id(genesis)
        if key not in self._beginnings:
            runtime = kind()
            state = runtime.build_genesis(_spec(genesis, runtime).genesis)
            self._beginnings[key] = runtime, state, genesis
        return self._beginnings[key]


def _spec(genesis: Genesis | None, runtime: Runtime) -> ChainSpec:
    spec = dev_spec(runtime)
    return spec if genesis is None else replace(spec, genesis=genesis)


def runtime_named(name: str) -> type[Runtime]:
    """The runtime that `module:Class` names."""
    try:
        found = resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.UsageError(
            f"there is no runtime {name!r} ({error}): name one as module:Class, from a module that "
            "tests can import"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Runtime)):
        raise pytest.UsageError(f"{name!r} is no class of runtimes")
    return found
