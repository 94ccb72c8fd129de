"""Calls: a pallet's methods that an extrinsic can name, and the calls themselves as values."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast, final

from tilth.frame.errors import DispatchFailure, Transactional, TransactionalError
from tilth.frame.origin import Guard, Origin
from tilth.frame.overlay import Slot
from tilth.frame.weight import (
    CallWeight,
    DbWeight,
    DispatchClass,
    DispatchInfo,
    Measured,
    Pays,
    PostInfo,
    Weight,
)
from tilth.primitives.scale import Codec

if TYPE_CHECKING:
    from tilth.frame.pallet import Pallet
    from tilth.frame.runtime import Runtime

Who = TypeVar("Who")
P = ParamSpec("P")

TRANSACTION_LEVEL: Final = b":transaction_level:"
# frame/support/src/storage/transactional.rs: TRANSACTIONAL_LIMIT
MAX_LAYERS: Final = 255
# A call that nobody has benchmarked: Substrate's own price for a small one, one read and one write.
UNBENCHMARKED: Final = Measured(10_000_000, 3_500, reads=1, writes=1)


@final
class CallMethod(Generic[Who, P]):
    """A call of a pallet: run it directly, or make the value that an extrinsic carries.

    On the class it is the declaration; the runtime puts a bound one on each pallet.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        index: int,
        weight: CallWeight | None = None,
        dispatch_class: DispatchClass = DispatchClass.NORMAL,
        pays: Pays = Pays.YES,
        info: Callable[..., DispatchInfo] | None = None,
        feeless_if: Callable[..., bool] | None = None,
    ) -> None:
        self.function = function
        self.name: str = function.__name__
        self.index = index
        self.weight = weight
        self.dispatch_class = dispatch_class
        self.pays = pays
        self.declared_info = info
        self.feeless_if = feeless_if
        self.__doc__ = function.__doc__

    def bind(
        self,
        pallet: "Pallet[Any, Any]",
        pallet_index: int,
        arguments: Callable[[], Codec[Any]],
        guard: Guard,
        slot: Slot,
    ) -> "CallMethod[Who, P]":
        bound: CallMethod[Who, P] = CallMethod.__new__(CallMethod)
        for name, value in vars(self).items():
            setattr(bound, name, value)
        bound.function = self.function.__get__(pallet)
        bound.feeless_if = self.feeless_if and self.feeless_if.__get__(pallet)
        bound.runtime = pallet.runtime
        bound.pallet_index = pallet_index
        bound.prefix = bytes((pallet_index, self.index))
        bound.arguments = arguments
        bound.check = guard.check
        bound.slot = slot
        bound.info = _info(bound, pallet)
        return bound

    runtime: "Runtime"
    pallet_index: int
    prefix: bytes
    arguments: Callable[[], Codec[Any]]
    check: Callable[[Origin], Any]
    slot: Slot
    info: Callable[[tuple[Any, ...]], DispatchInfo]

    @cached_property
    def codec(self) -> Codec[Any]:
        """Compiled when the first such call is read or written."""
        return self.arguments()

    def __call__(self, who: Who, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Run it as a call is run, without an extrinsic: an error leaves no trace."""
        overlay = self.slot.overlay
        mark = overlay.mark()
        try:
            return self.function(who, *args, **kwargs)
        except DispatchFailure:
            overlay.rollback(mark)
            raise

    def call(self, *args: P.args, **kwargs: P.kwargs) -> "RuntimeCall":
        """The call as a value."""
        names = self.function.__code__.co_varnames[2 : self.function.__code__.co_argcount]
        rest = names[len(args) :]
        unknown = kwargs.keys() - set(rest)
        missing = [name for name in rest if name not in kwargs]
        if unknown or missing or len(args) > len(names):
            raise TypeError(
                f"{self.name}({', '.join(names)}) was given {len(args)} positional and "
                f"{sorted(kwargs)} named arguments"
            )
        return RuntimeCall(
            cast("CallMethod[Any, Any]", self), (*args, *(kwargs[name] for name in rest))
        )


def call(
    index: int,
    *,
    weight: CallWeight | None = None,
    dispatch_class: DispatchClass = DispatchClass.NORMAL,
    pays: Pays = Pays.YES,
    info: Callable[..., DispatchInfo] | None = None,
    feeless_if: Callable[..., bool] | None = None,
) -> Callable[[Callable[Concatenate[Any, Who, P], Any]], CallMethod[Who, P]]:
    """Declare a call; its index is wire format and therefore written.

    `weight` may be a function of the pallet and the arguments; where it is absent the pallet's
    `weights` name it. `info` declares class and payment as well, for calls that depend on others.
    """

    def declare(function: Callable[Concatenate[Any, Who, P], Any]) -> CallMethod[Who, P]:
        return CallMethod(
            function,
            index=index,
            weight=weight,
            dispatch_class=dispatch_class,
            pays=pays,
            info=info,
            feeless_if=feeless_if,
        )

    return declare


def _info(
    method: CallMethod[Any, Any], pallet: "Pallet[Any, Any]"
) -> Callable[[tuple[Any, ...]], DispatchInfo]:
    declared = method.declared_info
    if declared is not None:
        return lambda args: declared(pallet, *args)
    weight = method.weight if method.weight is not None else pallet.weight_of(method.name)
    db, dispatch_class, pays = pallet.db, method.dispatch_class, method.pays
    if callable(weight):
        compute = weight
        return lambda args: DispatchInfo(
            _resolved(compute(pallet, *args), db), dispatch_class, pays
        )
    constant = DispatchInfo(_resolved(weight, db), dispatch_class, pays)
    return lambda args: constant


def _resolved(weight: Weight | Measured, db: DbWeight) -> Weight:
    return weight.under(db) if isinstance(weight, Measured) else weight


@final
class RuntimeCall:
    """A call with its arguments: what an extrinsic carries and other calls contain."""

    __slots__ = ("_info", "args", "method")

    def __init__(self, method: CallMethod[Any, Any], args: tuple[Any, ...]) -> None:
        self.method = method
        self.args = args
        self._info: DispatchInfo | None = None

    @property
    def info(self) -> DispatchInfo:
        if self._info is None:
            self._info = self.method.info(self.args)
        return self._info

    def encode(self) -> bytes:
        return self.method.prefix + self.method.codec.encode(self.args or None)  # () is Rust's unit

    def dispatch(self, origin: Origin) -> PostInfo:
        """Run the call in a storage layer of its own; a failure undoes its writes."""
        runtime = self.method.runtime
        if not origin.allows(self, runtime.base_call_filter):
            raise DispatchFailure(runtime.call_filtered)
        return self.dispatch_bypassing_filter(origin)

    def dispatch_bypassing_filter(self, origin: Origin) -> PostInfo:
        method = self.method
        slot = method.slot
        overlay, layers = slot.overlay, slot.layers
        if layers == MAX_LAYERS:
            raise DispatchFailure(Transactional(TransactionalError.LIMIT_REACHED))
        mark = overlay.mark()
        slot.layers = layers + 1
        try:
            posted = method.function(method.check(origin), *self.args)
        except DispatchFailure:
            overlay.rollback(mark)
            overlay.delete(TRANSACTION_LEVEL)
            raise
        finally:
            slot.layers = layers
        overlay.delete(TRANSACTION_LEVEL)
        return posted or PostInfo()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RuntimeCall)
            and self.method.prefix == other.method.prefix
            and self.args == other.args
        )

    def __hash__(self) -> int:
        return hash((self.method.prefix, self.args))

    def __repr__(self) -> str:
        return f"{type(self.method.function.__self__).__name__}.{self.method.name}{self.args!r}"  # type: ignore[attr-defined]
