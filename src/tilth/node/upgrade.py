"""Upgrades: a chain goes on with other code, as after `set_code`, while it runs."""

from dataclasses import dataclass

from tilth.frame import ROOT, Runtime, RuntimeVersion
from tilth.node.author import Author, Filling
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.runtimes import CODE
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256


class UpgradeFailed(Exception):
    """The new runtime cannot go on from this state; the cause is what it raised."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The block that brought the code, the one in which it first ran, and the two versions."""

    brought_by: Block
    first: Block
    before: RuntimeVersion
    after: RuntimeVersion


def successor(kind: type[Runtime], state: Trie) -> Runtime:
    """A runtime of this kind that may follow the one whose code the state has.

    Where its author left `spec_version` as it was it is one higher: clients tell runtimes apart by
    it, and migrations run only when it rises.
    """
    made = kind()
    before = Runtime.version_in(state.get(CODE) or b"")
    if before is None or made.spec_version > before.spec_version:
        return made
    return _versioned(kind, before.spec_version + 1)()


def resumed(kind: type[Runtime], code: bytes | None) -> Runtime:
    """A runtime of this kind for a chain whose state has this code.

    Where it differs by its version alone it takes that: it was raised when a file was saved.
    """
    made = kind()
    before = None if code is None else Runtime.version_in(code)
    if before is None or before.spec_version <= made.spec_version:
        return made
    raised = _versioned(kind, before.spec_version)()
    return raised if raised.code == code else _versioned(kind, before.spec_version + 1)()


def _versioned(kind: type[Runtime], spec_version: int) -> type[Runtime]:
    members = {"spec_version": spec_version, "__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), members)


def upgrade(chain: Chain, author: Author, runtime: Runtime) -> Upgraded:
    """Make a block that sets the code, and one that the new runtime executes.

    It is rehearsed first: raises UpgradeFailed, and then nothing has changed.
    """
    best, current = chain.best, chain.runtime
    chain.runtimes.add(runtime)
    before = chain.runtimes.at(best.state)  # itself, where the chain was opened with other code
    try:
        _rehearse(chain, author, before, runtime)
    except Exception as error:
        chain.runtimes.withdraw(runtime, current)
        raise UpgradeFailed(f"{type(error).__name__}: {error}") from error
    brought_by = author.build(filling=_setting(before, runtime))
    was = Runtime.version_in(best.state.get(CODE) or b"")
    return Upgraded(brought_by, author.build(), was or before.version, runtime.version)


def _rehearse(chain: Chain, author: Author, before: Runtime, after: Runtime) -> None:
    best, calendar = chain.best, author.calendar
    moment = max(calendar.now, calendar.moment_of(best) + calendar.step)
    with before.at(best.state) as overlay:
        author.open(before, best, moment)
        _setting(before, after)([])
        header = before.executive.finalize_block()
        block = Block(header, header.hash, (), overlay.trie)
    with after.at(block.state):
        author.open(after, block, moment + calendar.step)
        after.executive.finalize_block()


def _setting(before: Runtime, after: Runtime) -> Filling:
    """Fills a block with nothing but the new code, whatever its version says."""

    def fill(body: list[bytes]) -> list[H256]:
        before.system.set_code_without_checks.call(after.code).dispatch(ROOT)
        return []

    return fill
