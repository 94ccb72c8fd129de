"""Who is calling: root, an account, or nobody; and the guards that a call names."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, final

from tilth.frame.errors import BAD_ORIGIN, DispatchFailure
from tilth.primitives.scale import Path, TypeName, struct
from tilth.primitives.types import AccountId

if TYPE_CHECKING:
    from tilth.frame.call import RuntimeCall


@struct(name="Root")
class RootCaller: ...


@struct(name="Signed", unnamed=True)
class SignedCaller:
    who: Annotated[AccountId, TypeName("AccountId")]


@struct(name="None")
class NoCaller: ...


Caller: TypeAlias = Annotated[
    RootCaller | SignedCaller | NoCaller,
    Path("frame_support::dispatch::RawOrigin", AccountId=AccountId),
]
CallFilter: TypeAlias = Callable[["RuntimeCall"], bool]


@final
class Origin:
    """A caller, and which calls it may make besides what the runtime filters."""

    __slots__ = ("caller", "filters", "signer")

    def __init__(
        self, caller: RootCaller | SignedCaller | NoCaller, filters: tuple[CallFilter, ...] = ()
    ) -> None:
        self.caller = caller
        self.filters = filters
        self.signer = caller.who if type(caller) is SignedCaller else None
        """The account that signed, if one did."""

    def allows(self, call: "RuntimeCall", base: CallFilter | None = None) -> bool:
        """Whether the call may be made, on a chain that filters so; root is asked by nobody."""
        if (base is None and not self.filters) or type(self.caller) is RootCaller:
            return True
        return (base is None or base(call)) and all(allowed(call) for allowed in self.filters)

    def restricted(self, *filters: CallFilter) -> "Origin":
        return Origin(self.caller, self.filters + filters)

    def as_caller(self, caller: RootCaller | SignedCaller | NoCaller) -> "Origin":
        """Another caller under the same filters."""
        return Origin(caller, self.filters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin) and self.caller == other.caller

    def __hash__(self) -> int:
        return hash(self.caller)

    def __repr__(self) -> str:
        return f"Origin({self.caller})"


ROOT: Final = Origin(RootCaller())
NOBODY: Final = Origin(NoCaller())


def signed(who: AccountId) -> Origin:
    return Origin(SignedCaller(who))


def ensure_signed(origin: Origin) -> AccountId:
    if origin.signer is None:
        raise DispatchFailure(BAD_ORIGIN)
    return origin.signer


def ensure_root(origin: Origin) -> None:
    if type(origin.caller) is not RootCaller:
        raise DispatchFailure(BAD_ORIGIN)


def ensure_none(origin: Origin) -> None:
    if type(origin.caller) is not NoCaller:
        raise DispatchFailure(BAD_ORIGIN)


def any_origin(origin: Origin) -> Origin:
    return origin


def ensure_signed_or_root(origin: Origin) -> AccountId | None:
    if type(origin.caller) is RootCaller:
        return None
    return ensure_signed(origin)


@final
class Guard:
    """Marks an annotation as an origin check: `check` makes of the origin what the call gets."""

    __slots__ = ("check",)

    def __init__(self, check: Callable[[Origin], Any]) -> None:
        self.check = check


Signed: TypeAlias = Annotated[AccountId, Guard(ensure_signed)]
Root: TypeAlias = Annotated[None, Guard(ensure_root)]
Unsigned: TypeAlias = Annotated[None, Guard(ensure_none)]
SignedOrRoot: TypeAlias = Annotated[AccountId | None, Guard(ensure_signed_or_root)]
AnyOrigin: TypeAlias = Annotated[Origin, Guard(any_origin)]
