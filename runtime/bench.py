"""A machine of the owner's cluster: one job, in a process of its own, behind gate and jail."""

import pickle
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from tilth.engine import Engine, EngineError
from tilth.primitives.crypto.sealing import SealingKey, seal
from tilth.runtime.executor import ThisMachine
from tilth.vault import TableError

_TO_BENCH: Final = b"tilth/bench/errand/1"
_TO_OWNER: Final = b"tilth/bench/answer/1"

Outcome = EngineError | TableError
"""How a job may end without an answer."""


@dataclass(frozen=True, slots=True, repr=False)
class Errand:
    """Which of an `Executor`'s methods, and what it is given."""

    method: str
    given: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Greeting:
    """Which key errands are sealed to, and which engine would run them."""

    key: bytes
    engine: bytes


class Bench:
    """Made anew for each job, and gone after it.

    Errand and answer are sealed: a cluster's object store, its spill files and its wires hold no
    row in the clear.
    """

    def __init__(self, *, unconfined_ok: bool) -> None:
        self._unconfined_ok = unconfined_ok
        self._key = SealingKey.generate()

    def greet(self) -> Greeting | EngineError:
        """Get ready; the error says why this machine cannot hold a foreign model."""
        try:
            self._machine = ThisMachine(Engine(unconfined_ok=self._unconfined_ok))
        except EngineError as error:
            return error
        return Greeting(self._key.public, engine_digest())

    def run(self, errand: bytes, reply_to: bytes) -> bytes | Outcome:
        """The sealed answer. The text of an error holds nothing of the data, see `EngineError`."""
        work: Errand = pickle.loads(self._key.open(errand, _TO_BENCH))  # noqa: S301 the owner's
        try:
            answer = getattr(self._machine, work.method)(*work.given)
        except (EngineError, TableError) as error:
            return error
        return seal(reply_to, _TO_OWNER, pickle.dumps(answer))

    def close(self) -> None:
        self._machine.close()


def sealed_errand(errand: Errand, key: bytes) -> bytes:
    return seal(key, _TO_BENCH, pickle.dumps(errand))


def opened_answer(sealed: bytes, key: SealingKey) -> Any:
    return pickle.loads(key.open(sealed, _TO_OWNER))  # noqa: S301 of the owner's own machine


@cache
def engine_digest() -> bytes:
    """Of the source of everything that keeps rows private: two machines must agree on it."""
    sources = sorted(_sources(files("tilth.engine")))
    return sha256(b"".join(sha256(source).digest() for source in sources)).digest()


def _sources(place: Any) -> list[bytes]:
    found: list[bytes] = []
    for entry in place.iterdir():
        if entry.is_dir():
            found += _sources(entry)
        elif entry.name.endswith(".py"):
            found.append(entry.read_bytes())
    return found
