"""Who may store for nothing, how much, and until when."""

from collections.abc import Callable
from enum import Enum
from typing import Protocol, final

from tilth.frame import AccountId, DispatchFailure, StorageMap, ensure, replace
from tilth.pallets.transaction_storage.errors import Error
from tilth.pallets.transaction_storage.types import (
    Authorization,
    AuthorizationExtent,
    AuthorizationScope,
    ForAccount,
    ForPreimage,
)


class Providers(Protocol):
    """Keeps accounts alive without money, so that their transactions have a nonce."""

    def inc_providers(self, who: AccountId) -> None: ...

    def dec_providers(self, who: AccountId) -> None: ...


class Standing(Enum):
    """What an authorization is worth now."""

    ABSENT = "absent"
    VALID = "valid"
    EXPIRED = "expired"


@final
class AuthorizationBook:
    """The authorizations of a chain; one that is used up or has expired counts as none."""

    def __init__(
        self,
        authorizations: StorageMap[AuthorizationScope, Authorization],
        accounts: Providers,
        now: Callable[[], int],
        period: int,
    ) -> None:
        self._authorizations = authorizations
        self._accounts = accounts
        self._now = now
        self._period = period

    def extent(self, scope: AuthorizationScope) -> AuthorizationExtent:
        """What is left of it."""
        found = self._authorizations.get(scope)
        if found is None or self._now() >= found.expiration:
            return AuthorizationExtent(0, 0)
        return found.extent

    def standing(self, scope: AuthorizationScope) -> Standing:
        found = self._authorizations.get(scope)
        if found is None:
            return Standing.ABSENT
        return Standing.EXPIRED if self._now() >= found.expiration else Standing.VALID

    def covering(
        self, who: AccountId | None, content_hash: bytes, size: int
    ) -> AuthorizationScope | None:
        """What allows the content to be stored: its own authorization before the account's."""
        scopes: list[AuthorizationScope] = [ForPreimage(content_hash)]
        if who is not None:
            scopes.append(ForAccount(who))
        return next((scope for scope in scopes if self.extent(scope).covers(size)), None)

    def use(self, scope: AuthorizationScope, size: int) -> None:
        """Take so many bytes, and one transaction, from what covers them."""
        left = self._authorizations[scope].used(size)
        if left is None:
            self._remove(scope)
        else:
            self._authorizations[scope] = left

    def grant(self, scope: AuthorizationScope, transactions: int, size: int) -> None:
        """Add to what an account has; a content keeps the larger size. The expiry stays."""
        fresh = Authorization(AuthorizationExtent(transactions, size), self._expiration())
        known = self._authorizations.get(scope)
        if known is None and isinstance(scope, ForAccount):
            self._accounts.inc_providers(scope.who)
        if known is None or self._now() >= known.expiration:
            self._authorizations[scope] = fresh
        else:
            extent = _extended(scope, known.extent, fresh.extent)
            self._authorizations[scope] = replace(known, extent=extent)

    def refresh(self, scope: AuthorizationScope) -> None:
        known = self._authorizations.expect(scope, Error.AUTHORIZATION_NOT_FOUND)
        self._authorizations[scope] = replace(known, expiration=self._expiration())

    def remove_expired(self, scope: AuthorizationScope) -> None:
        known = self._authorizations.expect(scope, Error.AUTHORIZATION_NOT_FOUND)
        ensure(self._now() >= known.expiration, Error.AUTHORIZATION_NOT_EXPIRED)
        self._remove(scope)

    def _remove(self, scope: AuthorizationScope) -> None:
        del self._authorizations[scope]
        if isinstance(scope, ForAccount):
            try:
                self._accounts.dec_providers(scope.who)
            except DispatchFailure:
                # Somebody's consumer needs it; as on the Bulletin chain the reference then stays.
                return

    def _expiration(self) -> int:
        return self._now() + self._period


def _extended(
    scope: AuthorizationScope, known: AuthorizationExtent, more: AuthorizationExtent
) -> AuthorizationExtent:
    if isinstance(scope, ForPreimage):
        return AuthorizationExtent(
            max(known.transactions, more.transactions), max(known.bytes, more.bytes)
        )
    return AuthorizationExtent(
        min(known.transactions + more.transactions, 2**32 - 1),
        min(known.bytes + more.bytes, 2**64 - 1),
    )
