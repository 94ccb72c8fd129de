"""The pytest plugin: a chain or a node for each test, and accounts that can sign.

Every pytest run of an environment with Tilth loads this module, so it imports little.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tilth.frame import AccountId, Runtime
    from tilth.testing.chain import Chain
    from tilth.testing.keyring import Keyring
    from tilth.testing.node import LocalNode
    from tilth.testing.worlds import Worlds

_DEFAULT = "tilth.runtime:DevRuntime"


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "the runtime of the fixtures chain and node, as module:Class"
    parser.getgroup("tilth").addoption("--tilth-runtime", metavar="MODULE:CLASS", help=what)
    parser.addini("tilth_runtime", what, default=_DEFAULT)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    events = sys.modules.get("tilth.testing.events")
    return None if events is None else events.explain(op, left, right)


@pytest.fixture(scope="session")
def tilth_runtime(pytestconfig: pytest.Config) -> "type[Runtime]":
    """Override it to test another runtime than the option or the setting names."""
    from tilth.testing.worlds import runtime_named

    name = pytestconfig.getoption("--tilth-runtime") or pytestconfig.getini("tilth_runtime")
    return runtime_named(name)


@pytest.fixture(scope="session")
def tilth_genesis() -> Mapping[str, Mapping[str, Any]] | None:
    """Override it with each pallet's genesis arguments, by pallet; None endows the dev accounts."""
    return None


@pytest.fixture(scope="session")
def _tilth_worlds() -> "Worlds":
    from tilth.testing.worlds import Worlds

    return Worlds()


@pytest.fixture
def keyring() -> "Keyring":
    from tilth.testing.keyring import Keyring

    return Keyring()


@pytest.fixture
def chain(
    tilth_runtime: "type[Runtime]",
    tilth_genesis: Mapping[str, Mapping[str, Any]] | None,
    keyring: "Keyring",
    _tilth_worlds: "Worlds",
) -> "Iterator[Chain[Any]]":
    """A chain at its first block; whatever a test does to it, the next test does not see.

    When the test is over, the pallets' invariants must hold (`try_state`).
    """
    with _tilth_worlds.chain(tilth_runtime, tilth_genesis, keyring) as chain:
        yield chain
        chain.check()


@pytest.fixture
def node(
    tilth_runtime: "type[Runtime]",
    tilth_genesis: Mapping[str, Mapping[str, Any]] | None,
    _tilth_worlds: "Worlds",
) -> "Iterator[LocalNode]":
    """A node of the test's own, with both faces on free ports; it seals instantly."""
    with _tilth_worlds.node(tilth_runtime, tilth_genesis) as node:
        yield node


def _dev(name: str) -> "AccountId":
    from tilth.primitives.crypto.dev import DEV_ACCOUNTS
    from tilth.primitives.types import AccountId

    return AccountId(DEV_ACCOUNTS[name])


@pytest.fixture(scope="session")
def alice() -> "AccountId":
    return _dev("Alice")


@pytest.fixture(scope="session")
def bob() -> "AccountId":
    return _dev("Bob")


@pytest.fixture(scope="session")
def charlie() -> "AccountId":
    return _dev("Charlie")


@pytest.fixture(scope="session")
def dave() -> "AccountId":
    return _dev("Dave")


@pytest.fixture(scope="session")
def eve() -> "AccountId":
    return _dev("Eve")


@pytest.fixture(scope="session")
def ferdie() -> "AccountId":
    return _dev("Ferdie")
