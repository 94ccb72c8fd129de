"""Proxy: accounts that act for others, within limits and after a delay if so wanted."""

from bisect import insort
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias

from tilth.frame import (
    CANNOT_LOOKUP,
    H256,
    AccountId,
    Address,
    AssociatedType,
    Balance,
    BlockNumber,
    Compact,
    Const,
    DefaultMap,
    DispatchFailure,
    DispatchInfo,
    Err,
    Ok,
    Pallet,
    Pays,
    PostInfo,
    Release,
    RuntimeCall,
    Signed,
    Twox64,
    TypeName,
    Weight,
    call,
    ensure,
    hashing,
    signed,
    since,
    some,
    u16,
    u32,
    view_function,
)
from tilth.pallets.proxy.types import (
    Announced,
    Announcement,
    CallHash,
    DepositKind,
    DepositPoked,
    Error,
    Event,
    Granted,
    Pending,
    Powers,
    ProxyAdded,
    ProxyDefinition,
    ProxyExecuted,
    ProxyRemoved,
    ProxyType,
    PureCreated,
    PureCreatedAt,
    PureKilled,
    PureSeed,
    Reserve,
)
from tilth.pallets.proxy.weights import WEIGHTS, Growing

Call: TypeAlias = Annotated[RuntimeCall, TypeName("Box<<T as Config>::RuntimeCall>")]
AnyCall: TypeAlias = Annotated[RuntimeCall, TypeName("<T as Config>::RuntimeCall")]
MaybeType: TypeAlias = Annotated[ProxyType | None, TypeName("Option<T::ProxyType>")]
Height: TypeAlias = Annotated[Compact[BlockNumber], TypeName("BlockNumberFor<T>")]

_PREFIX: Final = b"modlpy/proxy____"


def _own(name: str) -> Callable[..., Weight]:
    return lambda pallet, *_: pallet.own_weight(name)


def _with_inner(name: str) -> Callable[..., DispatchInfo]:
    def info(pallet: "Proxy", *args: Any) -> DispatchInfo:
        inner: DispatchInfo = args[-1].info
        # the call reads and writes the other account, which nobody measured
        own = pallet.own_weight(name) + pallet.runtime.db_weight.of(reads=1, writes=1)
        return DispatchInfo(own + inner.call_weight, inner.dispatch_class)

    return info


class Proxy(Pallet[Event, Error]):
    associated = (
        AssociatedType("RuntimeCall", RuntimeCall, "The calls of all pallets."),
        AssociatedType("ProxyType", ProxyType, "The kinds of proxy."),
    )
    weights = WEIGHTS

    currency: Reserve
    powers: Powers
    proxy_deposit_base: Const[Balance]
    """What is reserved for having proxies."""
    proxy_deposit_factor: Const[Balance]
    """What is reserved besides for each proxy."""
    max_proxies: Const[u32] = 32
    """Most proxies of an account."""
    max_pending: Const[u32] = 32
    """Most announcements of a proxy."""
    announcement_deposit_base: Const[Balance]
    """What is reserved for having announcements."""
    announcement_deposit_factor: Const[Balance]
    """What is reserved besides for each announcement."""

    proxies = DefaultMap[Twox64[AccountId], Granted]()
    """Who may act for each account, and the deposit for it."""
    announcements = DefaultMap[Twox64[AccountId], Pending]()
    """What each proxy has announced, and the deposit for it."""

    @call(0, info=_with_inner("proxy"))
    def proxy(self, who: Signed, real: Address, force_proxy_type: MaybeType, call: Call) -> None:
        """Make a call in the name of an account whose proxy one is."""
        account = self._account(real)
        leave = self._leave(account, who, force_proxy_type)
        ensure(not leave.delay, Error.UNANNOUNCED)
        self._act(leave, account, call)

    @call(1, weight=_own("add_proxy"))
    def add_proxy(
        self, who: Signed, delegate: Address, proxy_type: ProxyType, delay: BlockNumber
    ) -> None:
        """Let another account act for one's own."""
        other = self._account(delegate)
        ensure(other != who, Error.NO_SELF_PROXY)
        granted, deposit = self.proxies[who]
        leave = ProxyDefinition(other, proxy_type, delay)
        ensure(leave not in granted, Error.DUPLICATE)
        ensure(len(granted) < self.max_proxies, Error.TOO_MANY)
        more = list(granted)
        insort(more, leave, key=_rank)
        self.proxies[who] = tuple(more), self._settle_proxies(who, deposit, len(more))
        self.emit(ProxyAdded(who, other, proxy_type, delay))

    @call(2, weight=_own("remove_proxy"))
    def remove_proxy(
        self, who: Signed, delegate: Address, proxy_type: ProxyType, delay: BlockNumber
    ) -> None:
        """Let another account no longer act for one's own."""
        other = self._account(delegate)
        granted, deposit = self.proxies[who]
        leave = ProxyDefinition(other, proxy_type, delay)
        ensure(leave in granted, Error.NOT_FOUND)
        left = tuple(each for each in granted if each != leave)
        self._put_proxies(who, left, self._settle_proxies(who, deposit, len(left)))
        self.emit(ProxyRemoved(who, other, proxy_type, delay))

    @call(3, weight=_own("remove_proxies"))
    def remove_proxies(self, who: Signed) -> None:
        """Let nobody act for one's own account; a pure account is lost by it."""
        granted, deposit = self.proxies.take(who)
        self.currency.unreserve(who, deposit)
        if self.runtime.release >= Release.STABLE2512:
            for leave in granted:
                self.emit(ProxyRemoved(who, leave.delegate, leave.proxy_type, leave.delay))

    @call(4, weight=_own("create_pure"))
    def create_pure(
        self, who: Signed, proxy_type: ProxyType, delay: BlockNumber, index: u16
    ) -> None:
        """Make an account that has no key; one is its proxy oneself."""
        runtime = self.runtime
        now = runtime.system.block_number(), runtime.extrinsic_index or 0
        pure = self.pure_account(who, proxy_type, index, now)
        ensure(pure not in self.proxies, Error.DUPLICATE)
        ensure(self.max_proxies, Error.TOO_MANY)
        deposit = self.proxy_deposit_base + self.proxy_deposit_factor
        self.currency.reserve(who, deposit)
        self.proxies[pure] = (ProxyDefinition(who, proxy_type, delay),), deposit
        if runtime.release >= Release.STABLE2509:
            self.emit(PureCreatedAt(pure, who, proxy_type, index, *now))
        else:
            self.emit(PureCreated(pure, who, proxy_type, index))

    @call(5, weight=_own("kill_pure"))
    def kill_pure(
        self,
        who: Signed,
        spawner: Address,
        proxy_type: ProxyType,
        index: u16,
        height: Height,
        ext_index: Compact[u32],
    ) -> None:
        """Give up a pure account, as that account; what it owns is lost."""
        creator = self._account(spawner)
        pure = self.pure_account(creator, proxy_type, index, (height, ext_index))
        ensure(pure == who, Error.NO_PERMISSION)
        _, deposit = self.proxies.take(who)
        self.currency.unreserve(creator, deposit)
        if self.runtime.release >= Release.STABLE2506:
            self.emit(PureKilled(who, creator, proxy_type, index))

    @call(6, weight=_own("announce"))
    def announce(self, who: Signed, real: Address, call_hash: CallHash) -> None:
        """Say which call one is going to make as a proxy."""
        account = self._account(real)
        self._leave(account, who, None)
        pending, deposit = self.announcements[who]
        ensure(len(pending) < self.max_pending, Error.TOO_MANY)
        more = (*pending, Announcement(account, call_hash, self._now()))
        self.announcements[who] = more, self._settle_announcements(who, deposit, len(more))
        self.emit(Announced(account, who, call_hash))

    @call(7, weight=_own("remove_announcement"))
    def remove_announcement(self, who: Signed, real: Address, call_hash: CallHash) -> None:
        """Take back what one has announced."""
        account = self._account(real)
        self._withdraw(who, lambda each: each.real == account and each.call_hash == call_hash)

    @call(8, weight=_own("reject_announcement"))
    def reject_announcement(self, who: Signed, delegate: Address, call_hash: CallHash) -> None:
        """Forbid what a proxy of one's own has announced."""
        proxy = self._account(delegate)
        self._withdraw(proxy, lambda each: each.real == who and each.call_hash == call_hash)

    @call(9, info=_with_inner("proxy_announced"))
    def proxy_announced(
        self,
        who: Signed,
        delegate: Address,
        real: Address,
        force_proxy_type: MaybeType,
        call: Call,
    ) -> None:
        """Make a call that a proxy has announced long enough ago; anyone may."""
        proxy, account = self._account(delegate), self._account(real)
        leave = self._leave(account, proxy, force_proxy_type)
        call_hash, now = H256(hashing.blake2_256(call.encode())), self._now()

        def is_due(each: Announcement) -> bool:
            meant = each.real == account and each.call_hash == call_hash
            return meant and now - each.height >= leave.delay

        self._withdraw(proxy, is_due, Error.UNANNOUNCED)
        self._act(leave, account, call)

    @since(Release.STABLE2503)
    @call(10, weight=_own("poke_deposit"))
    def poke_deposit(self, who: Signed) -> PostInfo:
        """Bring one's deposits to what they cost today; free if that changes one."""
        granted, old = self.proxies[who]
        new = self._settle_proxies(who, old, len(granted))
        poked = self._poked(who, DepositKind.PROXIES, old, new)
        self._put_proxies(who, granted, new)
        pending, old = self.announcements[who]
        new = self._settle_announcements(who, old, len(pending))
        poked |= self._poked(who, DepositKind.ANNOUNCEMENTS, old, new)
        self._put_announcements(who, pending, new)
        return PostInfo(pays_fee=Pays.NO if poked else Pays.YES)

    @since(Release.STABLE2506)
    @view_function
    def check_permissions(self, call: AnyCall, proxy_type: ProxyType) -> bool:
        """Whether a proxy of this kind may make the call."""
        return self.powers.allows(proxy_type, call)

    @since(Release.STABLE2506)
    @view_function
    def is_superset(self, to_check: ProxyType, against: ProxyType) -> bool:
        """Whether the one kind may do all that the other may."""
        return self.powers.includes(to_check, against)

    def own_weight(self, name: str) -> Weight:
        """What a call weighs beside the call in it."""
        measured = self.weights.get(name)
        if isinstance(measured, Growing):
            measured = measured(self.max_proxies, self.max_pending)
        return self.priced(measured)

    def pure_account(
        self, spawner: AccountId, proxy_type: Any, index: int, when: tuple[int, int]
    ) -> AccountId:
        """The account that `create_pure` made in this block and extrinsic."""
        seed = PureSeed(_PREFIX, spawner, *when, proxy_type, index)
        return AccountId(hashing.blake2_256(self.runtime.codecs.of(PureSeed).encode(seed)))

    def try_state(self) -> None:
        for who, (granted, _) in self.proxies.items():
            assert granted, f"{who.hex()} pays for no proxies"
            ranks = [_rank(leave) for leave in granted]
            assert ranks == sorted(ranks), f"the proxies of {who.hex()} are out of order"
        for who, (pending, _) in self.announcements.items():
            assert pending, f"{who.hex()} pays for no announcements"

    def _account(self, address: Any) -> AccountId:
        return some(self.runtime.lookup(address), CANNOT_LOOKUP)

    def _now(self) -> int:
        number: int = self.runtime.system.block_number()
        return number

    def _leave(self, real: AccountId, delegate: AccountId, kind: Any) -> ProxyDefinition:
        """The first leave to act for the account; of one kind, where one is asked for."""
        granted, _ = self.proxies[real]
        found = (each for each in granted if each.delegate == delegate)
        fitting = (each for each in found if kind is None or each.proxy_type == kind)
        return some(next(fitting, None), Error.NOT_PROXY)

    def _act(self, leave: ProxyDefinition, real: AccountId, call: RuntimeCall) -> None:
        """Make the call as the other account, which brings no limits of its own."""
        result: Any = Ok(None)
        try:
            call.dispatch(signed(real).restricted(lambda each: self._allows(leave, each)))
        except DispatchFailure as failure:
            result = Err(self.runtime.dispatch_error(failure.reason))
        self.emit(ProxyExecuted(result))

    def _allows(self, leave: ProxyDefinition, call: RuntimeCall) -> bool:
        """A proxy does what its kind may, and gives or takes no power that it has not itself."""
        prefix, kind, powers = call.method.prefix, leave.proxy_type, self.powers
        if prefix in (self.add_proxy.prefix, self.remove_proxy.prefix):
            within = powers.includes(kind, call.args[1])
        elif prefix in (self.remove_proxies.prefix, self.kill_pure.prefix):
            within = kind == powers.most
        else:
            within = True
        return within and powers.allows(kind, call)

    def _withdraw(
        self,
        proxy: AccountId,
        doomed: Callable[[Announcement], bool],
        missing: Error = Error.NOT_FOUND,
    ) -> None:
        pending, deposit = self.announcements[proxy]
        left = tuple(each for each in pending if not doomed(each))
        ensure(len(left) < len(pending), missing)
        new = self._settle_announcements(proxy, deposit, len(left))
        self._put_announcements(proxy, left, new)

    def _settle_proxies(self, who: AccountId, old: int, count: int) -> int:
        new = self.proxy_deposit_base + self.proxy_deposit_factor * count if count else 0
        return self._settle(who, old, new)

    def _settle_announcements(self, who: AccountId, old: int, count: int) -> int:
        base, factor = self.announcement_deposit_base, self.announcement_deposit_factor
        return self._settle(who, old, base + factor * count if count else 0)

    def _settle(self, who: AccountId, old: int, new: int) -> int:
        """Reserve or free what a deposit changes by."""
        if new > old:
            self.currency.reserve(who, new - old)
        elif new < old:
            self.currency.unreserve(who, old - new)
        return new

    def _poked(self, who: AccountId, kind: DepositKind, old: int, new: int) -> bool:
        if new == old:
            return False
        self.emit(DepositPoked(who, kind, old, new))
        return True

    def _put_proxies(
        self, who: AccountId, granted: tuple[ProxyDefinition, ...], deposit: int
    ) -> None:
        if granted:
            self.proxies[who] = granted, deposit
        else:
            del self.proxies[who]

    def _put_announcements(
        self, who: AccountId, pending: tuple[Announcement, ...], deposit: int
    ) -> None:
        if pending:
            self.announcements[who] = pending, deposit
        else:
            del self.announcements[who]


def _rank(leave: ProxyDefinition) -> tuple[bytes, int, int]:
    """Proxies stand in the order of their fields."""
    return leave.delegate, leave.proxy_type, leave.delay
