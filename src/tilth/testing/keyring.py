"""The secrets of test accounts: whoever is named in a test can sign."""

from types import MappingProxyType
from typing import Final

from tilth.primitives import ss58
from tilth.primitives.crypto import dev
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.types import AccountId

_URIS: Final = MappingProxyType(
    {AccountId(account): f"//{name}" for name, account in dev.DEV_ACCOUNTS.items()}
)


class Keyring:
    """Knows the dev accounts, and every account that it has made."""

    def __init__(self) -> None:
        self._uris = dict(_URIS)
        self._pairs: dict[AccountId, Keypair] = {}
        self._made = 0

    def fresh(self) -> AccountId:
        """An account that nothing has happened to; the same ones in each run, one after another."""
        self._made += 1
        return self.add(f"//tilth-test//{self._made}")

    def add(self, uri: str) -> AccountId:
        """Know the account behind a secret URI as well."""
        pair = Keypair.from_uri(uri)
        account = AccountId(pair.account)
        self._uris[account], self._pairs[account] = uri, pair
        return account

    def pair(self, account: AccountId) -> Keypair:
        if account not in self._uris:
            raise LookupError(
                f"nobody here knows the secret of {ss58.encode(account)}: sign as a dev account, "
                "as one that chain.account() made, or hand its secret URI to keyring.add()"
            )
        if account not in self._pairs:
            self._pairs[account] = Keypair.from_uri(self._uris[account])
        return self._pairs[account]

    def uri(self, account: AccountId) -> str:
        """The secret as other clients take it, such as //Alice."""
        self.pair(account)
        return self._uris[account]
