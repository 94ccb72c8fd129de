"""The pallet: a typed class whose body is the declaration."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, dataclass_transform

from tilth.frame.call import UNBENCHMARKED, CallMethod, RuntimeCall
from tilth.frame.definition import AssociatedType, CallDef, ConfigDef, DeclarationError, Def, parse
from tilth.frame.task import Offchain, Task
from tilth.frame.weight import ZERO_WEIGHT, CallWeight, DbWeight, Measured, Sloped, Weight
from tilth.primitives.scale import Codecs, DecodeError, options_of
from tilth.primitives.types import BlockNumber

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime
    from tilth.frame.runtime_api import RuntimeApi
    from tilth.frame.validity import TransactionSource, ValidTransaction

E = TypeVar("E")
X = TypeVar("X")


@dataclass_transform(kw_only_default=True)
class Pallet(Generic[E, X]):
    """Declare a pallet as `class Name(Pallet[Event | Event, Error])`.

    Annotated names are what the runtime supplies, assigned names are storage, `@call(n)` methods
    are the calls. `Never` stands for no events or no errors.
    """

    definition: ClassVar[Def | None] = None
    weights: Mapping[str, CallWeight | Sloped] = MappingProxyType({})
    """The calls' weights by name, where the pallet was benchmarked."""
    weights_db: DbWeight | None = None
    """The price of accesses in its weights, where it is not the runtime's."""
    storage_version: ClassVar[int | None] = 0
    """Written at genesis, for migrations; None writes nothing."""
    associated: ClassVar[tuple[AssociatedType, ...]] = ()
    """The types that the runtime chooses, for clients that look for them by name."""
    type_params: ClassVar[tuple[str, ...]] = ("T",)
    """What metadata shows as the parameters of its types; an instantiable pallet has `I` too."""
    crate: ClassVar[str]
    """The name under which metadata shows the pallet's types: `pallet_<package>` unless said."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "crate" not in cls.__dict__:
            cls.crate = _crate(cls)
        cls.definition = parse(cls, Pallet)

    def __init__(self, **config: Any) -> None:
        self.weights = config.pop("weights", type(self).weights)
        for needed in self.parsed().config:
            self._configure(needed, config)
        if config:
            raise DeclarationError(
                f"{type(self).__name__} has no configuration named {', '.join(config)}"
            )

    def _configure(self, needed: ConfigDef, config: dict[str, Any]) -> None:
        if needed.name in config:
            setattr(self, needed.name, config.pop(needed.name))
        elif needed.required:
            name = type(self).__name__
            raise DeclarationError(f"{name} needs {needed.name}: {name}({needed.name}=…)")
        else:  # a default that is a function must not become a method
            setattr(self, needed.name, inspect.getattr_static(type(self), needed.name))

    def weighing(
        self, weights: "Mapping[str, CallWeight | Sloped]", *, db: DbWeight | None = None
    ) -> Self:
        """The pallet with other weights, whose accesses may cost what `db` says.

        For a runtime that was benchmarked elsewhere; to be called before the runtime adds it.
        """
        self.weights, self.weights_db = weights, db
        return self

    @classmethod
    def parsed(cls) -> Def:
        if cls.definition is None:
            raise DeclarationError("Pallet itself is not a pallet: declare a subclass")
        return cls.definition

    @property
    def runtime(self) -> "Runtime":
        return self._runtime

    @property
    def name(self) -> str:
        """The pallet's name in this runtime, in PascalCase."""
        return self._name

    @property
    def index(self) -> int:
        return self._index

    declared: Def
    """What the runtime's release of FRAME has of the definition."""
    _runtime: "Runtime"
    _name: str
    _index: int
    _codecs: Codecs
    _event_indices: dict[type, int]
    _events: dict[type, tuple[bytes, Callable[[Any], bytes]]]
    """Events that were emitted: two indices, and what encodes the fields."""

    def bind(self, runtime: "Runtime", name: str, index: int, codecs: Codecs) -> None:
        """Take a place in a runtime: storage gets its keys, calls their codecs and weights."""
        self._runtime, self._name, self._index = runtime, name, index
        self.declared = definition = self.parsed().of(runtime.release)
        for declared in definition.storage:
            item = self._bound_item(declared.name, declared.item, codecs)
            setattr(self, declared.attribute, item)
        for call in definition.calls:
            setattr(self, call.name, self._bound_call(call, codecs))
        self._codecs = codecs
        self._events = {}
        self._event_indices = dict(event_indices(definition))

    def _bound_item(self, name: str, item: Any, codecs: Codecs) -> Any:
        try:
            return item.bind(self._name, name, self._runtime.slot, codecs)
        except TypeError as error:
            raise DeclarationError(f"{type(self).__name__}.{name}: {error}") from error

    def _bound_call(self, call: CallDef, codecs: Codecs) -> CallMethod[Any, Any]:
        for parameter, annotation in call.params:
            try:
                codecs.shape(annotation)
            except TypeError as error:
                raise DeclarationError(
                    f"{type(self).__name__}.{call.name}: parameter {parameter}: {error}"
                ) from error
        arguments: Any = tuple[tuple(annotation for _, annotation in call.params)]  # type: ignore[misc]
        return call.method.bind(
            self, self._index, partial(codecs.of, arguments), call.guard, self._runtime.slot
        )

    def weight_of(self, call: str) -> CallWeight:
        weight = self.weights.get(call, UNBENCHMARKED)
        return self._sized(call, weight) if isinstance(weight, Sloped) else weight

    def _sized(self, call: str, weight: Sloped) -> Callable[..., Measured]:
        """The weight as a function of the call's arguments, of which its components are some."""
        (declared,) = (each for each in self.parsed().calls if each.name == call)
        names = [name for name, _ in declared.params]
        if unknown := weight.each.keys() - names:
            raise DeclarationError(
                f"the weight of {type(self).__name__}.{call} grows with {', '.join(unknown)}, but "
                f"its parameters are {', '.join(names)}: name components after parameters, or "
                f"give the call a weight= of its own"
            )
        places = [(name, names.index(name)) for name in weight.each]
        return lambda _, *args: weight.at(**{name: _size(args[at]) for name, at in places})

    def measured(self, name: str, **components: int) -> Measured:
        """A benchmarked weight of the pallet, such as a hook's; none where none was measured."""
        weight = self.weights.get(name, Measured(0))
        if isinstance(weight, Sloped):
            return weight.at(**components)
        assert isinstance(weight, Measured), f"the weight of {name} is a benchmark"
        return weight

    @property
    def db(self) -> DbWeight:
        """What accesses cost in the pallet's weights."""
        return self._runtime.db_weight if self.weights_db is None else self.weights_db

    def priced(self, weight: Any) -> Weight:
        """One of the pallet's weights or benchmarks as a weight; nothing where there is none."""
        if isinstance(weight, Measured):
            return weight.under(self.db)
        return weight if isinstance(weight, Weight) else ZERO_WEIGHT

    def emit(self, event: E) -> None:
        """Deposit an event; it is encoded now and kept only if the call succeeds."""
        indices, encode = self._events.get(type(event)) or self._met(type(event))
        self._runtime.system.deposit(indices + encode(event))

    def encode_event(self, event: Any) -> bytes:
        indices, encode = self._events.get(type(event)) or self._met(type(event))
        return indices + encode(event)

    def _met(self, variant: type) -> tuple[bytes, Callable[[Any], bytes]]:
        """An event emitted for the first time."""
        indices = bytes((self._index, self._event_indices[variant]))
        known = self._events[variant] = indices, self._codecs.of(variant).encode
        return known

    def decode_event(self, data: bytes, offset: int) -> tuple[Any, int]:
        """Read the event whose variant index stands at `offset`."""
        for variant, index in self._event_indices.items():
            if index == data[offset]:
                return self._codecs.of(variant).decode_at(data, offset + 1)
        raise DecodeError(offset, f"the index of an event of {self._name}", f"{data[offset]}")

    def on_initialize(self, now: BlockNumber) -> Weight | Measured | None:
        """Before a block's extrinsics; returns the weight it used."""
        return None

    def on_idle(self, now: BlockNumber, remaining: Weight) -> Weight:
        """After a block's extrinsics, with what weight they left."""
        return ZERO_WEIGHT

    def on_poll(self, now: BlockNumber, remaining: Weight) -> Weight:
        """After a block's inherents."""
        return ZERO_WEIGHT

    def on_finalize(self, now: BlockNumber) -> None:
        """At the end of a block; its weight was declared by `on_initialize`."""

    def on_runtime_upgrade(self) -> Weight:
        """In the first block of a new runtime: bring storage to what this code expects."""
        return ZERO_WEIGHT

    def offchain_worker(self, node: Offchain) -> Iterator[Task]:
        """Yield the work this node owes; it reads state and does nothing else."""
        return iter(())

    def apis(self) -> "tuple[RuntimeApi, ...]":
        """Runtime APIs that this pallet answers."""
        return ()

    def create_inherent(self, data: Mapping[bytes, bytes]) -> RuntimeCall | None:
        """The call this pallet needs in every block, made of the author's inherent data."""
        return None

    def check_inherent(self, call: RuntimeCall, data: Mapping[bytes, bytes]) -> str | None:
        """Why an inherent of another author's block is wrong, if it is."""
        return None

    def is_inherent(self, call: RuntimeCall) -> bool:
        return False

    def validate_unsigned(
        self, source: "TransactionSource", call: RuntimeCall
    ) -> "ValidTransaction | None":
        """Whether an unsigned call may enter; None where this pallet takes no unsigned calls."""
        return None

    def pre_dispatch_unsigned(self, call: RuntimeCall) -> None:
        """The same question again, when the call is about to run in a block."""
        from tilth.frame.validity import TransactionSource

        if type(self).validate_unsigned is not Pallet.validate_unsigned:
            self.validate_unsigned(TransactionSource.IN_BLOCK, call)

    def try_state(self) -> None:
        """Raise AssertionError where the pallet's invariants do not hold."""


def event_indices(definition: Def) -> Iterator[tuple[type, int]]:
    """Each event with its index: its place in the union, unless it names another."""
    for position, variant in enumerate(definition.events):
        options = options_of(variant)
        assert options is not None, "the definition takes structs only"
        yield variant, position if options.index is None else options.index


def _size(argument: Any) -> int:
    return argument if isinstance(argument, int) else len(argument)


def _crate(cls: type) -> str:
    parts = cls.__module__.split(".")
    package = parts[2] if parts[:2] == ["tilth", "pallets"] and len(parts) > 2 else parts[-1]
    return f"pallet_{package}"
