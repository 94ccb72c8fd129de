"""Calls without a signature: they store what was authorized for anyone, or clean up."""

from collections.abc import Callable
from typing import Final, Protocol

from tilth.frame import RuntimeCall, ValidTransaction, codec, invalid, u32, validity
from tilth.pallets.transaction_storage.authorizations import AuthorizationBook, Standing
from tilth.pallets.transaction_storage.cid import CidConfig
from tilth.pallets.transaction_storage.types import AuthorizationScope, ForAccount, ForPreimage
from tilth.primitives.work import is_worked

# The Bulletin chain's custom codes
BAD_DATA_SIZE: Final = validity.Custom(1)
RENEWED_NOT_FOUND: Final = validity.Custom(2)
AUTHORIZATION_NOT_FOUND: Final = validity.Custom(3)
AUTHORIZATION_NOT_EXPIRED: Final = validity.Custom(4)
_WORKED: Final = codec(tuple[CidConfig, u32])


class Storage(Protocol):
    """What the checks ask of the pallet."""

    book: AuthorizationBook
    store_renew_priority: int
    store_renew_longevity: int
    anonymous_work_bits: int
    remove_expired_authorization_priority: int
    remove_expired_authorization_longevity: int

    def stored_by(self, call: RuntimeCall) -> tuple[int, Callable[[], bytes]] | None:
        """Size and hash of what the call stores; None where it renews what there is not.

        The hash of much content takes long, and is computed when it is asked for.
        """
        ...

    def season(self) -> int:
        """Which of the times it is, each as long as content is kept, that work is shown for."""
        ...

    def content_size(self, content_hash: bytes) -> int | None: ...

    def is_size_ok(self, size: int) -> bool: ...

    def is_block_full(self) -> bool: ...

    def can_pot_pay(self, size: int) -> bool: ...


def validate(storage: Storage, call: RuntimeCall) -> ValidTransaction:
    """Whether the call may enter a pool; raises InvalidTransactionError."""
    scope = _removed_by(call)
    if scope is not None:
        _ensure_expired(storage, scope)
        return _removal(storage, call.method.name, scope)
    if call.method.name == "store_anonymously":
        return _worked(storage, call)
    content_hash, _ = _authorized(storage, call)
    return ValidTransaction(
        priority=storage.store_renew_priority,
        longevity=storage.store_renew_longevity,
        provides=(_tag("TransactionStorageStoreRenew", content_hash),),
    )


def prepare(storage: Storage, call: RuntimeCall) -> None:
    """The same question when the call is about to run; takes what authorizes it."""
    scope = _removed_by(call)
    if scope is not None:
        _ensure_expired(storage, scope)
        return
    if call.method.name == "store_anonymously":
        _worked(storage, call)
        return
    content_hash, size = _authorized(storage, call)
    storage.book.use(ForPreimage(content_hash), size)


def work_payload(content_hash: bytes, cid: CidConfig, season: int) -> bytes:
    """What is worked on: a nonce is for content as it is named, and is good for it once.

    Until the season ends the content is there; in the next one it takes other work.
    """
    return content_hash + _WORKED.encode((cid, season))


def work_bits(base: int, size: int) -> int:
    """How much work stands for so many bytes: as much again for each doubling."""
    return base + (size >> 10).bit_length()


def _worked(storage: Storage, call: RuntimeCall) -> ValidTransaction:
    content_hash, size = _storable(storage, call)
    if storage.content_size(content_hash) is not None:
        raise invalid(validity.Stale())
    work, cid, _ = call.args
    payload = work_payload(content_hash, cid, storage.season())
    if not is_worked(payload, work, work_bits(storage.anonymous_work_bits, size)):
        raise invalid(validity.Payment())
    if not storage.can_pot_pay(size):
        raise invalid(validity.Payment())
    return ValidTransaction(
        longevity=storage.store_renew_longevity,
        provides=(_tag("TransactionStorageStoreRenew", content_hash),),
    )


def _authorized(storage: Storage, call: RuntimeCall) -> tuple[bytes, int]:
    if call.method.name not in ("store", "store_with_cid_config", "renew"):
        raise invalid(validity.Call())
    content_hash, size = _storable(storage, call)
    if storage.book.covering(None, content_hash, size) is None:
        raise invalid(validity.Payment())
    return content_hash, size


def _storable(storage: Storage, call: RuntimeCall) -> tuple[bytes, int]:
    """Hash and size of what the call stores, if it has room."""
    content = storage.stored_by(call)
    if content is None:
        raise invalid(RENEWED_NOT_FOUND)
    size, content_hash = content
    if not storage.is_size_ok(size):
        raise invalid(BAD_DATA_SIZE)
    if storage.is_block_full():
        raise invalid(validity.ExhaustsResources())
    return content_hash(), size


def _removed_by(call: RuntimeCall) -> AuthorizationScope | None:
    if call.method.name == "remove_expired_account_authorization":
        return ForAccount(call.args[0])
    if call.method.name == "remove_expired_preimage_authorization":
        return ForPreimage(call.args[0])
    return None


def _ensure_expired(storage: Storage, scope: AuthorizationScope) -> None:
    standing = storage.book.standing(scope)
    if standing is Standing.ABSENT:
        raise invalid(AUTHORIZATION_NOT_FOUND)
    if standing is Standing.VALID:
        raise invalid(AUTHORIZATION_NOT_EXPIRED)


def _removal(storage: Storage, call: str, scope: AuthorizationScope) -> ValidTransaction:
    kind = "".join(word.capitalize() for word in call.split("_"))
    subject = scope.who if isinstance(scope, ForAccount) else scope.content_hash
    return ValidTransaction(
        priority=storage.remove_expired_authorization_priority,
        longevity=storage.remove_expired_authorization_longevity,
        provides=(_tag(f"TransactionStorage{kind}", subject),),
    )


def _tag(prefix: str, subject: bytes) -> bytes:
    # sp_runtime: ValidTransactionBuilder::and_provides encodes the pair
    return codec(str).encode(prefix) + subject
