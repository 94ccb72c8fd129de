"""What clients ask about accounts."""

from typing import Protocol

from tilth.frame import AccountId, Nonce, Runtime, RuntimeApi, api_method


class Nonces(Protocol):
    def account_nonce(self, who: AccountId) -> int: ...


class AccountNonceApi(RuntimeApi):
    """The nonce of an account's next transaction."""

    def __init__(self, runtime: Runtime, nonces: Nonces) -> None:
        super().__init__(runtime)
        self._nonces = nonces

    @api_method
    def account_nonce(self, account: AccountId) -> Nonce:
        """How many transactions of the account were applied."""
        return self._nonces.account_nonce(account)
