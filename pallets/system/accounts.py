"""What keeps accounts alive: providers let one exist, consumers forbid its end."""

from collections.abc import Callable, Iterator
from typing import Any, final

from tilth.frame import (
    CONSUMER_REMAINING,
    NO_PROVIDERS,
    TOO_MANY_CONSUMERS,
    AccountId,
    DefaultMap,
    DispatchFailure,
    replace,
)
from tilth.pallets.system.events import KilledAccount, NewAccount
from tilth.pallets.system.types import AccountInfo


@final
class AccountBook:
    """The accounts with what other pallets keep beside them."""

    def __init__(
        self,
        accounts: DefaultMap[AccountId, AccountInfo],
        max_consumers: int,
        emit: Callable[[NewAccount | KilledAccount], None],
    ) -> None:
        self._accounts = accounts
        self._max_consumers = max_consumers
        self._emit = emit

    def inc_providers(self, who: AccountId) -> None:
        info = self._accounts[who]
        created = info.providers == 0 and info.sufficients == 0
        self._accounts[who] = replace(info, providers=info.providers + 1)
        if created:
            self._emit(NewAccount(who))

    def dec_providers(self, who: AccountId) -> None:
        """Fails where a consumer needs the last provider; the last one's end is the account's."""
        if who not in self._accounts:
            return
        info = self._accounts[who]
        left = max(info.providers - 1, 0)
        if not left and info.consumers:
            raise DispatchFailure(CONSUMER_REMAINING)
        if left or info.sufficients:
            self._accounts[who] = replace(info, providers=left)
        else:
            self._kill(who)

    def inc_sufficients(self, who: AccountId) -> None:
        info = self._accounts[who]
        created = info.providers + info.sufficients == 0
        self._accounts[who] = replace(info, sufficients=info.sufficients + 1)
        if created:
            self._emit(NewAccount(who))

    def dec_sufficients(self, who: AccountId) -> None:
        if who not in self._accounts:
            return
        info = self._accounts[who]
        left = max(info.sufficients - 1, 0)
        if left or info.providers:
            self._accounts[who] = replace(info, sufficients=left)
        else:
            self._kill(who)

    def inc_consumers(self, who: AccountId) -> None:
        info = self._accounts[who]
        if info.providers == 0:
            raise DispatchFailure(NO_PROVIDERS)
        if info.consumers >= self._max_consumers:
            raise DispatchFailure(TOO_MANY_CONSUMERS)
        self._accounts[who] = replace(info, consumers=info.consumers + 1)

    def can_inc_consumer(self, who: AccountId) -> bool:
        info = self._accounts[who]
        return info.providers > 0 and info.consumers < self._max_consumers

    def inc_consumers_without_limit(self, who: AccountId) -> None:
        info = self._accounts[who]
        if info.providers == 0:
            raise DispatchFailure(NO_PROVIDERS)
        self._accounts[who] = replace(info, consumers=info.consumers + 1)

    def dec_consumers(self, who: AccountId) -> None:
        info = self._accounts[who]
        self._accounts[who] = replace(info, consumers=max(info.consumers - 1, 0))

    def exists(self, who: AccountId) -> bool:
        return who in self._accounts

    def providers_of(self, who: AccountId) -> int:
        return self._accounts[who].providers

    def consumers_of(self, who: AccountId) -> int:
        return self._accounts[who].consumers

    def can_dec_provider(self, who: AccountId) -> bool:
        info = self._accounts[who]
        return info.consumers == 0 or info.providers > 1

    def _kill(self, who: AccountId) -> None:
        del self._accounts[who]
        self._emit(KilledAccount(who))

    def all_data(self) -> Iterator[tuple[AccountId, Any]]:
        return ((who, info.data) for who, info in self._accounts.items())

    def data_of(self, who: AccountId) -> Any:
        return self._accounts[who].data

    def set_data(self, who: AccountId, data: Any) -> None:
        """Keep another pallet's data with an account that exists."""
        info = self._accounts[who]
        if info.providers or info.sufficients:
            self._accounts[who] = info.with_data(data)
        else:
            del self._accounts[who]
