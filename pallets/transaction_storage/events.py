"""What transaction storage tells."""

from typing import Annotated, TypeAlias

from tilth.frame import AccountId, Balance, TypeName, event, u32, u64
from tilth.pallets.transaction_storage.cid import ContentHash
from tilth.pallets.transaction_storage.types import Cid

Who: TypeAlias = Annotated[AccountId, TypeName("T::AccountId")]


@event
class Stored:
    """Content was stored, as the so-many-th of its block."""

    index: u32
    content_hash: ContentHash
    cid: Cid | None


@event
class Renewed:
    """Content was stored once more, as the so-many-th of its block."""

    index: u32
    content_hash: ContentHash


@event
class ProofChecked:
    """The block's author has shown that the content is still possessed."""


@event
class AccountAuthorized:
    """An account may store so many bytes in so many transactions for nothing."""

    who: Who
    transactions: u32
    bytes: u64


@event
class AccountAuthorizationRefreshed:
    """An account's authorization expires later."""

    who: Who


@event
class PreimageAuthorized:
    """Anyone may store the content with this hash for nothing."""

    content_hash: ContentHash
    max_size: u64


@event
class PreimageAuthorizationRefreshed:
    """A content's authorization expires later."""

    content_hash: ContentHash


@event
class ExpiredAccountAuthorizationRemoved:
    """An account's authorization had expired and was removed."""

    who: Who


@event
class ExpiredPreimageAuthorizationRemoved:
    """A content's authorization had expired and was removed."""

    content_hash: ContentHash


@event(index=20)
class Donated:
    """Somebody gave money to the pot that pays for what nobody signs."""

    who: Who
    amount: Balance


Event: TypeAlias = (
    Stored
    | Renewed
    | ProofChecked
    | AccountAuthorized
    | AccountAuthorizationRefreshed
    | PreimageAuthorized
    | PreimageAuthorizationRefreshed
    | ExpiredAccountAuthorizationRemoved
    | ExpiredPreimageAuthorizationRemoved
    | Donated
)
