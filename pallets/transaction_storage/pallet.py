"""Transaction storage: content that travels in blocks, is proven to be possessed, and expires.

It is the pallet of the Polkadot Bulletin chain, where only those store who are authorized. Here
everybody else may as well, against a deposit that comes back when the content expires; and what
others ask to keep is pinned: it never expires, and is among what every block must prove.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final

from tilth.frame import (
    H256,
    AccountId,
    AnyOrigin,
    Balance,
    BlockNumber,
    Const,
    Currency,
    DefaultValue,
    DispatchClass,
    HoldReason,
    Indexed,
    Measured,
    Origin,
    Pallet,
    Runtime,
    RuntimeApi,
    RuntimeCall,
    Signed,
    SignedCaller,
    StorageMap,
    StorageValue,
    TransactionSource,
    Twox64,
    TypeName,
    Unsigned,
    ValidTransaction,
    call,
    codec,
    ensure,
    ensure_root,
    invalid,
    replace,
    signed,
    some,
    u32,
    u64,
    validity,
)
from tilth.pallets.transaction_storage import unsigned
from tilth.pallets.transaction_storage.api import ContentApi
from tilth.pallets.transaction_storage.authorizations import AuthorizationBook, Providers
from tilth.pallets.transaction_storage.cid import (
    DEFAULT_CID,
    SHA2_CID,
    CidConfig,
    ContentHash,
    cid_of,
    digest,
)
from tilth.pallets.transaction_storage.deposits import DepositBook
from tilth.pallets.transaction_storage.draw import Drawn, draw
from tilth.pallets.transaction_storage.entries import EntryBook
from tilth.pallets.transaction_storage.errors import Error
from tilth.pallets.transaction_storage.events import (
    AccountAuthorizationRefreshed,
    AccountAuthorized,
    Donated,
    Event,
    ExpiredAccountAuthorizationRemoved,
    ExpiredPreimageAuthorizationRemoved,
    PreimageAuthorizationRefreshed,
    PreimageAuthorized,
    ProofChecked,
    Renewed,
    Stored,
)
from tilth.pallets.transaction_storage.pins import PinBook
from tilth.pallets.transaction_storage.types import (
    MAX_BLOCK_TRANSACTIONS,
    Authorization,
    AuthorizationExtent,
    AuthorizationScope,
    BlockInfos,
    BlockProvenances,
    Challenge,
    ContentLocation,
    ForAccount,
    ForPreimage,
    Pin,
    Provenance,
    TransactionInfo,
)
from tilth.pallets.transaction_storage.weights import WEIGHTS
from tilth.primitives.chunks import (
    ChunkProof,
    outline_of,
    verify_chunk,
)
from tilth.primitives.scale import Codecs

INHERENT: Final = b"tx_proof"
# sp_runtime: PalletId, filled with zeros
POT: Final = AccountId(b"modltil/poto".ljust(32, b"\0"))
# Fourteen days of blocks of six seconds, as on the Polkadot Bulletin chain
RETENTION_PERIOD: Final = 201_600
AUTHORIZATION_PERIOD: Final = 201_600
Who = Annotated[AccountId, TypeName("T::AccountId")]


class TransactionStorage(Pallet[Event, Error]):
    crate = "pallet_bulletin_transaction_storage"
    weights = WEIGHTS

    currency: Currency
    accounts: Providers
    authorizer: Callable[[Origin], object] = ensure_root
    """Fails for an origin that may not let others store for nothing."""
    max_block_transactions: Const[u32] = MAX_BLOCK_TRANSACTIONS
    """Most contents stored by one block."""
    max_transaction_size: Const[u32] = 2 * 1024 * 1024
    """Most bytes of one content."""
    anonymous_work_bits: Const[u32] = 10
    """Two to this power are the tries that storing a KiB without an account takes."""
    authorization_period: Const[BlockNumber] = AUTHORIZATION_PERIOD
    """Authorizations expire after this many blocks."""
    store_renew_priority: Const[u64] = 2**64 - 4
    """Priority of storing and renewing without a signature."""
    store_renew_longevity: Const[u64] = 14_400
    """For how many blocks storing and renewing without a signature stays valid."""
    remove_expired_authorization_priority: Const[u64] = 2**64 - 3
    """Priority of removing an expired authorization without a signature."""
    remove_expired_authorization_longevity: Const[u64] = 14_400
    """For how many blocks removing an expired authorization stays valid."""

    authorizations = StorageMap[AuthorizationScope, Authorization]()
    """Who may store for nothing."""
    transactions = StorageMap[BlockNumber, BlockInfos]()
    """Every content stored by a block that has not expired."""
    byte_fee = StorageValue[Balance]()
    """The deposit on each stored byte, where no authorization covers it."""
    entry_fee = StorageValue[Balance]()
    """The deposit on each stored content, where no authorization covers it."""
    retention_period = DefaultValue[BlockNumber]()
    """After so many blocks content expires, unless it was renewed or pinned."""
    block_transactions = DefaultValue[BlockInfos]()
    """What the block under construction stored so far."""
    proof_checked = DefaultValue[bool]()
    """Whether this block's proof was given already."""

    # What the Bulletin chain has not.
    transaction_by_content_hash = StorageMap[ContentHash, tuple[BlockNumber, u32]]()
    """Where the newest copy of a content is: its block, and its place among what that stored."""
    provenances = StorageMap[BlockNumber, BlockProvenances]()
    """Where each of a block's contents came from."""
    block_provenances = DefaultValue[BlockProvenances]()
    """The same for the block under construction."""
    pins = StorageMap[Twox64[u32], Pin]()
    """Content that is kept for ever, in the order in which that was decided."""
    pin_by_content_hash = StorageMap[ContentHash, u32]()
    """Which pin keeps a content."""
    pin_count = DefaultValue[u32]()
    """How many contents are kept for ever."""

    class Hold(HoldReason):
        STORAGE_FEE_HOLD = "The deposit for content, until it expires."

    def bind(self, runtime: Runtime, name: str, index: int, codecs: Codecs) -> None:
        super().bind(runtime, name, index, codecs)
        self.book = AuthorizationBook(
            self.authorizations, self.accounts, self._now, self.authorization_period
        )
        self.entries = EntryBook(
            past=self.transactions,
            current=self.block_transactions,
            past_provenances=self.provenances,
            current_provenances=self.block_provenances,
            places=self.transaction_by_content_hash,
            now=self._now,
        )
        self.deposits = DepositBook(
            self.currency,
            self.Hold.STORAGE_FEE_HOLD,
            byte_fee=self.byte_fee,
            entry_fee=self.entry_fee,
        )
        self.pinned = PinBook(self.pins, self.pin_by_content_hash, self.pin_count, self._now)

    def _prepaid(self, origin: Origin, *args: Any) -> bool:
        """Whether an authorization pays, so that the signer needs no money at all.

        In a full block nobody signs in vain: the transaction waits for the next one.
        """
        if not isinstance(origin.caller, SignedCaller):
            return False
        if self.is_block_full():
            raise invalid(validity.ExhaustsResources())
        cid, data = _stored(*args)
        who, size = origin.caller.who, len(data)
        return self.is_size_ok(size) and (
            self.book.extent(ForAccount(who)).covers(size)
            or self.book.extent(ForPreimage(digest(cid.hashing, data))).covers(size)
        )

    @call(0, feeless_if=_prepaid)
    def store(self, origin: AnyOrigin, data: bytes) -> None:
        """Store content under its blake2-256 hash."""
        self._store(origin, DEFAULT_CID, data)

    @call(1)
    def renew(
        self,
        origin: AnyOrigin,
        block: Annotated[BlockNumber, TypeName("BlockNumberFor<T>")],
        index: u32,
    ) -> None:
        """Store content once more without sending it again: it expires that much later."""
        info, provenance = some(self.entries.at(block, index), Error.RENEWED_NOT_FOUND)
        ensure(self.is_size_ok(info.size), Error.BAD_DATA_SIZE)
        place = self._append(origin, info, provenance)
        self.emit(Renewed(place, info.content_hash))

    @call(2, dispatch_class=DispatchClass.MANDATORY)
    def check_proof(
        self, origin: Unsigned, proof: Annotated[ChunkProof, TypeName("TransactionStorageProof")]
    ) -> None:
        """Show that a chunk drawn by the parent's hash is possessed; by a block's author."""
        ensure(not self.proof_checked.get(), Error.DOUBLE_CHECK)
        parent = some(self.runtime.system.hash_of_block(self._now() - 1), Error.MISSING_STATE_DATA)
        drawn = some(self._drawn(parent, self._now()), Error.UNEXPECTED_PROOF)
        ensure(verify_chunk(drawn.chunk_root, drawn.chunk, proof), Error.INVALID_PROOF)
        self.proof_checked.put(True)
        self.emit(ProofChecked())

    @call(3)
    def authorize_account(self, origin: AnyOrigin, who: Who, transactions: u32, bytes: u64) -> None:
        """Let an account store so much for nothing, for a time."""
        self.authorizer(origin)
        ensure(transactions and bytes, Error.BAD_DATA_SIZE)
        self.book.grant(ForAccount(who), transactions, bytes)
        self.emit(AccountAuthorized(who, transactions, bytes))

    @call(4)
    def authorize_preimage(
        self, origin: AnyOrigin, content_hash: ContentHash, max_size: u64
    ) -> None:
        """Let anyone store the content with this hash for nothing, and without an account."""
        self.authorizer(origin)
        ensure(max_size, Error.BAD_DATA_SIZE)
        self.book.grant(ForPreimage(content_hash), 1, max_size)
        self.emit(PreimageAuthorized(content_hash, max_size))

    @call(5)
    def remove_expired_account_authorization(self, origin: AnyOrigin, who: Who) -> None:
        """Remove an account's authorization that has expired; anyone may."""
        self.book.remove_expired(ForAccount(who))
        self.emit(ExpiredAccountAuthorizationRemoved(who))

    @call(6)
    def remove_expired_preimage_authorization(
        self, origin: AnyOrigin, content_hash: ContentHash
    ) -> None:
        """Remove a content's authorization that has expired; anyone may."""
        self.book.remove_expired(ForPreimage(content_hash))
        self.emit(ExpiredPreimageAuthorizationRemoved(content_hash))

    @call(7)
    def refresh_account_authorization(self, origin: AnyOrigin, who: Who) -> None:
        """Let an account's authorization expire later."""
        self.authorizer(origin)
        self.book.refresh(ForAccount(who))
        self.emit(AccountAuthorizationRefreshed(who))

    @call(8)
    def refresh_preimage_authorization(self, origin: AnyOrigin, content_hash: ContentHash) -> None:
        """Let a content's authorization expire later."""
        self.authorizer(origin)
        self.book.refresh(ForPreimage(content_hash))
        self.emit(PreimageAuthorizationRefreshed(content_hash))

    @call(9, feeless_if=_prepaid)
    def store_with_cid_config(self, origin: AnyOrigin, cid: CidConfig, data: bytes) -> None:
        """Store content under the hash and codec that its identifier shall have."""
        self._store(origin, cid, data)

    @call(20)
    def donate(self, who: Signed, amount: Balance) -> None:
        """Give money to the pot that pays deposits on what is stored without an account."""
        self.currency.transfer_between(who, self.pot, amount, keep_alive=False)
        self.emit(Donated(who, amount))

    @call(21)
    def store_anonymously(self, _: Unsigned, work: u64, cid: CidConfig, data: bytes) -> None:
        """Store content without an account: work is shown for it, and the pot pays the deposit.

        `work` is a nonce for the content's hash, its identifier's configuration and the season,
        which is the block's number over the retention period.
        """
        self._store(signed(self.pot), cid, data)

    def genesis(
        self,
        *,
        byte_fee: int = 1_000_000,
        entry_fee: int = 500_000_000,  # for what the state keeps of a content, some 500 bytes
        retention_period: int = RETENTION_PERIOD,
        account_authorizations: Sequence[tuple[AccountId, int, int]] = (),
        preimage_authorizations: Sequence[tuple[bytes, int]] = (),
    ) -> None:
        assert retention_period, "content must be kept for a block at least"
        self.byte_fee.put(byte_fee)
        self.entry_fee.put(entry_fee)
        self.retention_period.put(retention_period)
        for who, transactions, size in account_authorizations:
            self.book.grant(ForAccount(who), transactions, size)
        for content_hash, size in preimage_authorizations:
            self.book.grant(ForPreimage(content_hash), 1, size)

    def on_initialize(self, now: BlockNumber) -> Measured:
        expired = self._expire(max(now - self.retention_period.get() - 1, 0))
        # The end of the block is paid for here, as full as the block may become.
        end = self.measured("on_finalize", contents=self.max_block_transactions)
        return end.plus(self.measured("on_initialize", expired=expired))

    def on_finalize(self, now: BlockNumber) -> None:
        proven = self.proof_checked.take() or not self._is_proof_due(now)
        assert proven, "Storage proof must be checked once in the block"
        self.entries.close(now)

    def create_inherent(self, data: Mapping[bytes, bytes]) -> RuntimeCall | None:
        proof = data.get(INHERENT)
        return None if proof is None else self.check_proof.call(codec(ChunkProof).decode(proof))

    def is_inherent(self, call: RuntimeCall) -> bool:
        return call.method.name == "check_proof"

    def validate_unsigned(self, source: TransactionSource, call: RuntimeCall) -> ValidTransaction:
        return unsigned.validate(self, call)

    def pre_dispatch_unsigned(self, call: RuntimeCall) -> None:
        if not self.is_inherent(call):
            unsigned.prepare(self, call)

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (ContentApi(self.runtime, self),)

    # What clients and the node ask.

    def locate(self, content_hash: bytes) -> ContentLocation | None:
        """Where the content stands, in this block or an earlier one, if it is kept."""
        pin = self.pinned.get(content_hash)
        if pin is not None:
            return ContentLocation(pin.block, pin.extrinsic, pin.size)
        place = self.entries.place_of(content_hash)
        entry = None if place is None else self.entries.at(*place)
        if entry is None:
            return None
        info, provenance = entry
        return ContentLocation(provenance.block, provenance.extrinsic, info.size)

    def challenge(self, parent_hash: H256) -> Challenge | None:
        """What the block after this one must prove."""
        drawn = self._drawn(parent_hash, self._now() + 1)
        return None if drawn is None else Challenge(drawn.content_hash, drawn.chunk)

    def account_authorization(self, who: AccountId) -> AuthorizationExtent:
        return self.book.extent(ForAccount(who))

    def preimage_authorization(self, content_hash: bytes) -> AuthorizationExtent:
        return self.book.extent(ForPreimage(content_hash))

    # What the pallets ask whose records refer to content.

    @property
    def pot(self) -> AccountId:
        """The account of those who pay for what nobody signs."""
        return POT

    def content_size(self, content_hash: bytes) -> int | None:
        """How many bytes the content has, if it is kept."""
        location = self.locate(content_hash)
        return None if location is None else location.size

    def stays(self, content_hash: bytes, until: int) -> bool:
        """Whether the content is kept, and will be at that block though nobody renews it."""
        place, period = self.entries.place_of(content_hash), self.retention_period.get()
        kept = place is not None and until <= place[0] + period
        return kept or self.pinned.get(content_hash) is not None

    def keep(self, who: AccountId, content_hash: bytes) -> None:
        """Pin content that is stored; the deposit on it, or one that `who` gives, never returns."""
        if self.pinned.get(content_hash) is not None:
            return
        block, place = some(self.entries.place_of(content_hash), Error.RENEWED_NOT_FOUND)
        info, provenance = some(self.entries.at(block, place), Error.RENEWED_NOT_FOUND)
        if provenance.depositor == who:
            self.entries.settle(block, place)
        elif provenance.depositor is not None:
            self.deposits.take(who, info.size)
            provenance = replace(provenance, depositor=who, deposit=self.deposits.price(info.size))
        self.pinned.add(info, provenance)

    def storing(self, data: bytes) -> RuntimeCall:
        """The call that stores content as our own tools do: raw, under its sha2-256 hash."""
        return self.store_with_cid_config.call(SHA2_CID, data)

    # What calls without a signature are asked.

    def stored_by(self, call: RuntimeCall) -> tuple[int, Callable[[], bytes]] | None:
        """Size and hash of what the call stores; None where it renews what there is not."""
        if call.method.name == "renew":
            entry = self.entries.at(*call.args)
            return None if entry is None else (entry[0].size, lambda: entry[0].content_hash)
        cid, data = _stored(*call.args)
        return len(data), partial(digest, cid.hashing, data)

    def season(self) -> int:
        """Work for content is good for so long as content is kept."""
        return self._now() // self.retention_period.get()

    def is_size_ok(self, size: int) -> bool:
        return 0 < size <= self.max_transaction_size

    def is_block_full(self) -> bool:
        return len(self.entries) >= self.max_block_transactions

    def can_pot_pay(self, size: int) -> bool:
        return self.deposits.can_pay(self.pot, size)

    def _now(self) -> int:
        number: int = self.runtime.system.block_number()
        return number

    def _store(self, origin: Origin, cid: CidConfig, data: bytes) -> None:
        ensure(self.is_size_ok(len(data)), Error.BAD_DATA_SIZE)
        extrinsic = some(self.runtime.extrinsic_index, Error.BAD_CONTEXT)
        outline = outline_of(data)
        info = TransactionInfo(
            chunk_root=H256(outline.root),
            content_hash=digest(cid.hashing, data),
            hashing=cid.hashing,
            cid_codec=cid.codec,
            size=len(data),
            block_chunks=0,
        )
        index = self._append(origin, info, Provenance(self._now(), extrinsic, None, 0))
        self.runtime.index(Indexed(info.content_hash, cid.hashing, extrinsic, data, outline.refs))
        self.emit(Stored(index, info.content_hash, cid_of(cid, info.content_hash)))

    def _append(self, origin: Origin, info: TransactionInfo, found: Provenance) -> int:
        """Add an entry to this block, once it is paid for; returns its place."""
        ensure(not self.is_block_full(), Error.TOO_MANY_TRANSACTIONS)
        depositor = self._pay(origin, info.content_hash, info.size)
        deposit = 0 if depositor is None else self.deposits.price(info.size)
        return self.entries.append(info, replace(found, depositor=depositor, deposit=deposit))

    def _pay(self, origin: Origin, content_hash: bytes, size: int) -> AccountId | None:
        """Use an authorization, or take a deposit; returns whose deposit it is.

        Root pays nothing, and what came without a signature was paid before it ran.
        """
        if not isinstance(origin.caller, SignedCaller):
            return None
        who = origin.caller.who
        scope = self.book.covering(who, content_hash, size)
        if scope is None:
            self.deposits.take(who, size)
            return who
        self.book.use(scope, size)
        return None

    def _drawn(self, parent_hash: bytes, number: int) -> Drawn | None:
        """The chunk that a block must prove."""
        return draw(parent_hash, self._leaving(number), self.pinned)

    def _is_proof_due(self, number: int) -> bool:
        return bool(self._leaving(number)) or self.pinned.due()

    def _leaving(self, number: int) -> tuple[TransactionInfo, ...]:
        """What the block stored that is as old as content may become."""
        return self.entries.of_block(max(number - self.retention_period.get(), 0))

    def _expire(self, block: int) -> int:
        """Forget what a block stored, and give deposits back; returns how many contents."""
        provenances = self.entries.expire(block)
        for provenance in provenances:
            if provenance.depositor is not None:
                self.deposits.give_back(provenance.depositor, provenance.deposit)
        return len(provenances)

    def try_state(self) -> None:
        self.entries.try_state()
        self.deposits.assert_held((*self.entries.provenances(), *self.pinned.all()))
        self.pinned.try_state()


def _stored(*args: Any) -> tuple[CidConfig, bytes]:
    """How content is named, and the content: the last arguments of every call that stores some."""
    *_, cid, data = (DEFAULT_CID, *args)
    return cid, data
