"""How a node finds stored content, and what it must prove to possess."""

from typing import Protocol

from tilth.frame import H256, AccountId, Runtime, RuntimeApi, api_method
from tilth.pallets.transaction_storage.cid import ContentHash
from tilth.pallets.transaction_storage.types import (
    AuthorizationExtent,
    Challenge,
    ContentLocation,
)


class Contents(Protocol):
    def locate(self, content_hash: H256) -> ContentLocation | None: ...

    def challenge(self, parent_hash: H256) -> Challenge | None: ...

    def account_authorization(self, who: AccountId) -> AuthorizationExtent: ...

    def preimage_authorization(self, content_hash: bytes) -> AuthorizationExtent: ...


class ContentApi(RuntimeApi):
    """Where stored content stands in the chain."""

    def __init__(self, runtime: Runtime, contents: Contents) -> None:
        super().__init__(runtime)
        self._contents = contents

    @api_method
    def locate(self, content_hash: H256) -> ContentLocation | None:
        """Where the newest copy of the content stands, if it is still kept."""
        return self._contents.locate(content_hash)

    @api_method
    def challenge(self, parent_hash: H256) -> Challenge | None:
        """What the child of this state's block must prove, given that block's hash."""
        return self._contents.challenge(parent_hash)

    @api_method
    def account_authorization(self, who: AccountId) -> AuthorizationExtent:
        """How much the account may still store for nothing."""
        return self._contents.account_authorization(who)

    @api_method
    def preimage_authorization(self, content_hash: ContentHash) -> AuthorizationExtent:
        """How much of the content with this hash anyone may still store for nothing."""
        return self._contents.preimage_authorization(content_hash)
