"""Benchmarks as a pallet's author writes them: what is prepared, what is measured, what then holds.

They are FRAME's: setup, call, verify, over a range of each component that the cost may grow with.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Any, Generic, TypeAlias, TypeVar, get_args, get_type_hints

from tilth.frame.call import RuntimeCall
from tilth.frame.definition import DeclarationError
from tilth.frame.origin import Origin, signed
from tilth.frame.pallet import Pallet
from tilth.primitives.types import AccountId

P = TypeVar("P", bound=Pallet[Any, Any])

Work: TypeAlias = Callable[[], object]
"""What is measured; it is called once."""


@dataclass(frozen=True, slots=True)
class Linear:
    """The range of a component, both ends included: `Annotated[int, Linear(0, 1000)]`."""

    low: int
    high: int

    def values(self, steps: int) -> list[int]:
        """At most so many numbers, evenly spread from end to end."""
        span, gaps = self.high - self.low, max(steps - 1, 1)
        return sorted({self.low + span * step // gaps for step in range(gaps + 1)})


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One generator of a Benchmarks class: it yields its work once."""

    name: str
    function: Callable[..., Iterator[Work]]
    components: Mapping[str, Linear]


def benchmark(function: Callable[..., Iterator[Work]]) -> Benchmark:
    """Declare the benchmark of the call or hook of this name.

    What precedes the `yield` prepares, what is yielded is measured, what follows checks.
    """
    return Benchmark(function.__name__, function, MappingProxyType(dict(_components(function))))


def _components(function: Callable[..., Any]) -> Iterator[tuple[str, Linear]]:
    hints = get_type_hints(function, include_extras=True)
    for name in list(inspect.signature(function).parameters)[1:]:
        ranges = [part for part in get_args(hints.get(name)) if isinstance(part, Linear)]
        if not ranges or ranges[0].low > ranges[0].high:
            raise DeclarationError(
                f"the benchmark {function.__name__} needs a range for {name}: "
                f"write {name}: Annotated[int, Linear(low, high)]"
            )
        yield name, ranges[0]


class Benchmarks(Generic[P]):
    """Declare a pallet's benchmarks as `class NameBenchmarks(Benchmarks[Name])`."""

    def __init__(self, pallet: P, caller: AccountId) -> None:
        self.pallet = pallet
        self.runtime = pallet.runtime
        self.caller = caller
        """An account with money, whose own record is not counted: every signer's is paid for."""
        self.round = 0
        """Which repetition this is: what a cache would remember must differ."""

    @classmethod
    def declared(cls) -> list[Benchmark]:
        return [each for each in vars(cls).values() if isinstance(each, Benchmark)]

    def account(self, number: int, money: int = 0) -> AccountId:
        """One of many accounts, with so much money; the pallet's `currency` makes it."""
        who = AccountId(b"benchmark" + number.to_bytes(23, "big"))
        if money:
            self.pallet.currency.mint_into(who, money)  # type: ignore[attr-defined]
        return who

    def stand_in_block(self, number: int) -> None:
        self.runtime.system.number.put(number)

    def dispatch(self, call: RuntimeCall, origin: Origin | None = None) -> Work:
        """The work of reading the call from bytes and running it, by the caller unless said."""
        data, by = call.encode(), origin or signed(self.caller)
        decode = self.runtime.calls_codec.decode_at
        return lambda: decode(data, 0)[0].dispatch_bypassing_filter(by)


def benchmarks_of(pallet: P) -> type[Benchmarks[P]] | None:
    """The class that benchmarks this pallet, if its author has written one."""
    for module in _modules_beside(type(pallet)):
        for candidate in vars(module).values():
            if isinstance(candidate, type) and _measures(candidate, type(pallet)):
                return candidate
    return None


def _modules_beside(pallet: type) -> Iterator[ModuleType]:
    yield import_module(pallet.__module__)
    package = pallet.__module__.rpartition(".")[0]
    beside = f"{package}.benchmarks" if package else "benchmarks"
    if find_spec(beside) is not None:
        yield import_module(beside)


def _measures(candidate: type, pallet: type) -> bool:
    return any(get_args(base) == (pallet,) for base in _declared_bases(candidate))


def _declared_bases(candidate: type) -> tuple[Any, ...]:
    return getattr(candidate, "__orig_bases__", ()) if issubclass(candidate, Benchmarks) else ()
