"""What the proxy pallet keeps, reports and refuses."""

from enum import IntEnum
from typing import Annotated, Any, Final, Protocol, TypeAlias

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Bounded,
    DispatchError,
    ErrorEnum,
    Fixed,
    Param,
    Release,
    Result,
    RuntimeCall,
    TypeName,
    event,
    scale_enum,
    since,
    struct,
    u16,
    u32,
    until,
)


class NoProxyType:
    """Stands where a runtime has not bound ProxyType, which then cannot be encoded."""


ProxyType: TypeAlias = Annotated[Any, Param("ProxyType", NoProxyType, "T::ProxyType")]
"""The kinds of proxy that a runtime has: an IntEnum of its own."""
Kind: TypeAlias = Annotated[ProxyType, TypeName("ProxyType")]
Who: TypeAlias = Annotated[AccountId, TypeName("T::AccountId")]
Account: TypeAlias = Annotated[AccountId, TypeName("AccountId")]
CallHash: TypeAlias = Annotated[H256, TypeName("CallHashOf<T>")]
Outcome: TypeAlias = Annotated[Result[None, DispatchError], TypeName("DispatchResult")]
Deposit: TypeAlias = Annotated[Balance, TypeName("BalanceOf<T>")]


@struct(
    path="pallet_proxy::ProxyDefinition",
    params={"AccountId": AccountId, "ProxyType": ProxyType, "BlockNumber": BlockNumber},
)
class ProxyDefinition:
    """One account's leave to act for another."""

    delegate: Account
    proxy_type: Kind
    delay: Annotated[BlockNumber, TypeName("BlockNumber")]
    """Blocks for which a call must have been announced; 0 needs no announcement."""


@struct(
    path="pallet_proxy::Announcement",
    params={"AccountId": AccountId, "Hash": H256, "BlockNumber": BlockNumber},
)
class Announcement:
    """A call that a proxy is going to make."""

    real: Account
    call_hash: Annotated[H256, TypeName("Hash")]
    height: Annotated[BlockNumber, TypeName("BlockNumber")]


# The bounds are the runtime's own and checked where something is added.
_BOUND: Final = Bounded(2**32 - 1)

Granted: TypeAlias = tuple[Annotated[tuple[ProxyDefinition, ...], _BOUND], Balance]
"""The proxies of an account in ascending order, and the deposit for them."""
Pending: TypeAlias = tuple[Annotated[tuple[Announcement, ...], _BOUND], Balance]
"""The announcements of a proxy, and the deposit for them."""


@struct
class PureSeed:
    """What a pure account's address is the hash of."""

    prefix: Annotated[bytes, Fixed(16)]
    spawner: AccountId
    height: BlockNumber
    extrinsic: u32
    proxy_type: ProxyType
    index: u16


@scale_enum(path="pallet_proxy::DepositKind")
class DepositKind(IntEnum):
    PROXIES = 0
    ANNOUNCEMENTS = 1


@event
class ProxyExecuted:
    """A proxy made a call in another account's name; it may have failed."""

    result: Outcome


@until(Release.STABLE2509)
@event
class PureCreated:
    """An account without a key came into being; its creator is its proxy."""

    pure: Who
    who: Who
    proxy_type: ProxyType
    disambiguation_index: u16


@since(Release.STABLE2509)
@event(name="PureCreated")
class PureCreatedAt:
    """An account without a key came into being; who gives it up must know when that was."""

    pure: Who
    who: Who
    proxy_type: ProxyType
    disambiguation_index: u16
    at: BlockNumber
    extrinsic_index: u32


@since(Release.STABLE2506)
@event
class PureKilled:
    """An account without a key was given up."""

    pure: Who
    spawner: Who
    proxy_type: ProxyType
    disambiguation_index: u16


@event
class Announced:
    """A proxy said which call it is going to make."""

    real: Who
    proxy: Who
    call_hash: CallHash


@event
class ProxyAdded:
    """An account may act for another now."""

    delegator: Who
    delegatee: Who
    proxy_type: ProxyType
    delay: BlockNumber


@event
class ProxyRemoved:
    """An account may no longer act for another."""

    delegator: Who
    delegatee: Who
    proxy_type: ProxyType
    delay: BlockNumber


@since(Release.STABLE2503)
@event
class DepositPoked:
    """A deposit was brought to what proxies or announcements cost today."""

    who: Who
    kind: Annotated[DepositKind, TypeName("DepositKind")]
    old_deposit: Deposit
    new_deposit: Deposit


Event: TypeAlias = (
    ProxyExecuted
    | PureCreated
    | PureCreatedAt
    | PureKilled
    | Announced
    | ProxyAdded
    | ProxyRemoved
    | DepositPoked
)


class Reserve(Protocol):
    """Where deposits are put aside."""

    def reserve(self, who: AccountId, amount: int) -> None: ...

    def unreserve(self, who: AccountId, amount: int) -> int: ...


class Powers(Protocol):
    """What the runtime's kinds of proxy may do."""

    @property
    def most(self) -> IntEnum:
        """The kind that may do everything."""
        ...

    def allows(self, kind: Any, call: RuntimeCall) -> bool:
        """Whether a proxy of this kind may make the call."""
        ...

    def includes(self, kind: Any, other: Any) -> bool:
        """Whether the kind may do all that the other may."""
        ...


class Error(ErrorEnum):
    TOO_MANY = "The account has as many proxies, or announcements, as it may."
    NOT_FOUND = "There is no such proxy or announcement."
    NOT_PROXY = "The account is no proxy of the one it wants to act for."
    UNPROXYABLE = "A proxy of this kind may not make such a call."
    DUPLICATE = "The account is such a proxy already."
    NO_PERMISSION = "The call would give the proxy more power than it has."
    UNANNOUNCED = "The call was not announced, or not long enough ago."
    NO_SELF_PROXY = "An account cannot be a proxy of itself."
