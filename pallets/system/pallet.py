"""The system pallet: accounts and their references, the block under construction, its events."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from tilth.frame import (
    H256,
    ZERO_WEIGHT,
    AccountId,
    AnyOrigin,
    AppendedValue,
    AssociatedType,
    Block,
    BlockNumber,
    Codecs,
    Const,
    DbWeight,
    DefaultMap,
    DefaultValue,
    DispatchClass,
    DispatchFailure,
    DispatchInfo,
    Measured,
    Nonce,
    Pallet,
    Pays,
    PostInfo,
    Reason,
    Release,
    Root,
    Runtime,
    RuntimeApi,
    RuntimeCall,
    RuntimeVersion,
    Signed,
    StorageValue,
    TransactionSource,
    Twox64,
    TypeName,
    ValidTransaction,
    Weight,
    call,
    codec,
    ensure,
    hashing,
    invalid,
    since,
    u16,
    u32,
    u64,
    until,
    validity,
)
from tilth.pallets.system.accounts import AccountBook
from tilth.pallets.system.api import AccountNonceApi
from tilth.pallets.system.events import (
    CodeUpdated,
    Error,
    ExtrinsicFailed,
    ExtrinsicSuccess,
    KilledAccount,
    NewAccount,
    RejectedInvalidAuthorizedUpgrade,
    Remarked,
    UpgradeAuthorized,
)
from tilth.pallets.system.limits import (
    MEBIBYTE,
    SECOND,
    BlockLength,
    BlockWeights,
    WeightPerClass,
)
from tilth.pallets.system.rules import BlockRules
from tilth.pallets.system.types import (
    AccountData,
    AccountInfo,
    BlakeTwo256,
    CodeUpgradeAuthorization,
    DispatchEventInfo,
    EventRecord,
    LastRuntimeUpgradeInfo,
    Phase,
)
from tilth.pallets.system.upgrades import CodeUpgrades
from tilth.pallets.system.weights import EXTENSION_WEIGHTS, WEIGHTS
from tilth.primitives.trie import Layout, ordered_root
from tilth.primitives.types import Digest, Header, RuntimeEnvironmentUpdated

EXTRINSIC_INDEX: Final = b":extrinsic_index"
INTRABLOCK_ENTROPY: Final = b":intrablock_entropy"
# frame/system/src/lib.rs: what ParentHash and BlockHash(0) hold until block 1 knows better
_PLACEHOLDER: Final = H256(b"\x45" * 32)
_ZERO_INDEX: Final = bytes(4)
# `Phase` encoded, which is how the record of an event begins
_APPLYING: Final = b"\x00"  # and the index of the extrinsic
_FINALIZING: Final = b"\x01"
_INITIALIZING: Final = b"\x02"
_NO_TOPICS: Final = b"\x00"


class System(
    Pallet[
        ExtrinsicSuccess
        | ExtrinsicFailed
        | CodeUpdated
        | NewAccount
        | KilledAccount
        | Remarked
        | UpgradeAuthorized
        | RejectedInvalidAuthorizedUpgrade,
        Error,
    ]
):
    crate: ClassVar[str] = "frame_system"
    associated = (
        AssociatedType("RuntimeCall", RuntimeCall, "The calls of all pallets."),
        AssociatedType("Nonce", Nonce, "How many transactions an account has made."),
        AssociatedType("Hash", H256, "What the hash function answers."),
        AssociatedType("Hashing", BlakeTwo256, "The hash function."),
        AssociatedType("AccountId", AccountId, "What names an account."),
        AssociatedType("Block", Block, "A block: its header and extrinsics."),
        AssociatedType("AccountData", AccountData, "What is kept with every account."),
    )
    weights = WEIGHTS

    block_weights: Const[BlockWeights] = BlockWeights.with_sensible_defaults(SECOND)
    """Weights of an empty block and an empty extrinsic, and the limits of each class."""
    block_length: Const[BlockLength] = BlockLength.max_with_normal_ratio(5 * MEBIBYTE)
    """Most bytes of a block, by class."""
    block_hash_count: Const[BlockNumber] = 2400
    """How many hashes of past blocks are kept; older ones are forgotten, the first never."""
    max_consumers: int = 16
    extension_weights: Mapping[str, Measured] = EXTENSION_WEIGHTS
    extension_db: DbWeight | None = None
    """The price of accesses in them, where it is not the one in the calls' weights."""
    protected: tuple[str, ...] = ()
    """Pallets whose storage no raw storage call may touch, whoever its origin."""

    account = DefaultMap[AccountId, AccountInfo]()
    """What is known of each account."""
    extrinsic_count = StorageValue[u32]()
    """How many extrinsics this block has; only while it is finished."""
    inherents_applied = DefaultValue[bool]()
    """Whether this block is past its inherents."""
    block_weight = DefaultValue[WeightPerClass]()
    """What this block weighs so far, by class."""
    all_extrinsics_len = until(Release.STABLE2603)(StorageValue[u32]())
    """Bytes of this block's extrinsics so far."""
    block_size = since(Release.STABLE2603)(StorageValue[u32]())
    """Bytes of this block so far, its header included."""
    block_hash = DefaultMap[Twox64[BlockNumber], H256]()
    """Hashes of past blocks, by number."""
    extrinsic_data = DefaultMap[Twox64[u32], bytes]()
    """This block's extrinsics, by index; only while it is built."""
    number = DefaultValue[BlockNumber]()
    """The number of the block."""
    parent_hash = DefaultValue[H256]()
    """The hash of the block before."""
    digest = DefaultValue[Digest]()
    """The block's digest: what its author and its runtime have to say."""
    events = AppendedValue[tuple[EventRecord, ...]](counted_by="EventCount")
    """What happened in the block. Grows without bound, so no call reads it."""
    event_count = DefaultValue[u32]()
    """How many events the block has."""
    event_topics = DefaultMap[H256, tuple[tuple[BlockNumber, u32], ...]]()
    """Where events with a topic are: block and index."""
    last_runtime_upgrade = StorageValue[LastRuntimeUpgradeInfo]()
    """The runtime that last ran its migrations."""
    upgraded_to_u32_ref_count = DefaultValue[bool](name="UpgradedToU32RefCount")
    """Whether reference counts are wide; always so here."""
    upgraded_to_triple_ref_count = DefaultValue[bool]()
    """Whether an account has three reference counts; always so here."""
    execution_phase = StorageValue[Phase]()
    """What the block is doing: beginning, applying an extrinsic, or ending."""
    authorized_upgrade = StorageValue[CodeUpgradeAuthorization]()
    """The code that anybody may apply, if one is authorized."""
    extrinsic_weight_reclaimed = since(Release.STABLE2503)(DefaultValue[Weight]())
    """Weight already given back for the extrinsic that runs."""

    def bind(self, runtime: Runtime, name: str, index: int, codecs: Codecs) -> None:
        super().bind(runtime, name, index, codecs)
        self._slot = runtime.slot
        self.accounts = AccountBook(self.account, self.max_consumers, self.emit)
        self.rules = BlockRules(self, runtime.release)
        self.upgrades = CodeUpgrades(
            runtime,
            self.authorized_upgrade,
            self.emit,
            self._environment_updated,
            reports_rejected=self.rules.reports_rejected_upgrades,
        )
        per_class = self.block_weights.per_class
        self._base_extrinsic = [per_class.of(each).base_extrinsic for each in DispatchClass]

    @property
    def db_weight(self) -> Const[DbWeight]:
        """What a read and a write of storage cost."""
        return self.runtime.db_weight

    @property
    def version(self) -> Const[RuntimeVersion]:
        """Which runtime this is."""
        return self.runtime.version

    @property
    def SS58_prefix(self) -> Const[u16]:
        """The network that addresses name."""
        return self.runtime.ss58_prefix

    @call(0)
    def remark(self, _: AnyOrigin, remark: bytes) -> None:
        """Put bytes into a block's body; nothing else happens."""

    @call(1, dispatch_class=DispatchClass.OPERATIONAL)
    def set_heap_pages(self, who: Root, pages: u64) -> None:
        """Set how much memory a compiled runtime gets."""
        self._slot.overlay.write_raw(b":heappages", codec(u64).encode(pages))
        self._environment_updated()

    @call(2, dispatch_class=DispatchClass.OPERATIONAL)
    def set_code(self, who: Root, code: bytes) -> PostInfo:
        """Replace the runtime's code, if its version is higher."""
        self.upgrades.ensure_newer(code)
        self.upgrades.replace(code)
        return PostInfo(self.block_weights.max_block)

    @call(3, dispatch_class=DispatchClass.OPERATIONAL)
    def set_code_without_checks(self, who: Root, code: bytes) -> PostInfo:
        """Replace the runtime's code, whatever its version."""
        self.upgrades.replace(code)
        return PostInfo(self.block_weights.max_block)

    @call(4, dispatch_class=DispatchClass.OPERATIONAL)
    def set_storage(
        self,
        who: Root,
        items: Annotated[tuple[tuple[bytes, bytes], ...], TypeName("Vec<KeyValue>")],
    ) -> None:
        """Write raw storage, outside what pallets protect."""
        overlay = self._slot.overlay
        self._ensure_unprotected(*(key for key, _ in items))
        for key, value in items:
            overlay.write_raw(key, value)

    @call(5, dispatch_class=DispatchClass.OPERATIONAL)
    def kill_storage(
        self, who: Root, keys: Annotated[tuple[bytes, ...], TypeName("Vec<Key>")]
    ) -> None:
        """Delete raw storage, outside what pallets protect."""
        self._ensure_unprotected(*keys)
        for key in keys:
            self._slot.overlay.delete(key)

    @call(6, dispatch_class=DispatchClass.OPERATIONAL)
    def kill_prefix(
        self, who: Root, prefix: Annotated[bytes, TypeName("Key")], subkeys: u32
    ) -> None:
        """Delete everything that begins with a prefix, outside what pallets protect."""
        self._ensure_unprotected(prefix)
        self._slot.overlay.clear_prefix(prefix, subkeys)

    @call(7)
    def remark_with_event(self, who: Signed, remark: bytes) -> None:
        """Put bytes into a block's body, and tell their hash in an event."""
        self.emit(Remarked(who, H256(hashing.blake2_256(remark))))

    @call(9, dispatch_class=DispatchClass.OPERATIONAL)
    def authorize_upgrade(self, who: Root, code_hash: Annotated[H256, TypeName("T::Hash")]) -> None:
        """Let anybody apply the code with this hash, if its version is higher."""
        self.upgrades.authorize(code_hash, check_version=True)

    @call(10, dispatch_class=DispatchClass.OPERATIONAL)
    def authorize_upgrade_without_checks(
        self, who: Root, code_hash: Annotated[H256, TypeName("T::Hash")]
    ) -> None:
        """Let anybody apply the code with this hash, whatever its version."""
        self.upgrades.authorize(code_hash, check_version=False)

    @call(11, dispatch_class=DispatchClass.OPERATIONAL)
    def apply_authorized_upgrade(self, who: AnyOrigin, code: bytes) -> PostInfo:
        """Apply the code that was authorized; free of fee where it is that code."""
        if not self.upgrades.apply_authorized(code):
            return PostInfo(pays_fee=Pays.NO)
        return PostInfo(self.block_weights.max_block, Pays.NO)

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (AccountNonceApi(self.runtime, self),)

    def genesis(self) -> None:
        self.block_hash[0] = _PLACEHOLDER
        self.parent_hash.put(_PLACEHOLDER)
        self.last_runtime_upgrade.put(self._current_runtime())
        self.upgraded_to_u32_ref_count.put(True)
        self.upgraded_to_triple_ref_count.put(True)

    def validate_unsigned(
        self, source: TransactionSource, call: RuntimeCall
    ) -> ValidTransaction | None:
        if call.method.name != "apply_authorized_upgrade":
            raise invalid(validity.Call())
        (code,) = call.args
        try:
            self.upgrades.ensure_applicable(code)
        except DispatchFailure:
            raise invalid(validity.Call()) from None
        return ValidTransaction(
            priority=self.rules.upgrade_priority,
            provides=(hashing.blake2_256(code),),
            longevity=2**64 - 1,
        )

    # What the executive asks.

    def reset_events(self) -> None:
        self.events.kill()
        self.event_count.kill()
        self.event_topics.clear()

    def runtime_upgraded(self) -> bool:
        last, now = self.last_runtime_upgrade.get(), self._current_runtime()
        same = last is not None and last.spec_name == now.spec_name
        if same and last is not None and last.spec_version >= now.spec_version:
            return False
        self.last_runtime_upgrade.put(now)
        return True

    def begin(self, number: int, parent_hash: H256, digest: Digest) -> None:
        overlay = self._slot.overlay
        self.execution_phase.put_encoded(_INITIALIZING)
        overlay.write_raw(EXTRINSIC_INDEX, _ZERO_INDEX)
        # frame/system/src/lib.rs: initialize_intra_block_entropy
        overlay.write_raw(
            INTRABLOCK_ENTROPY, hashing.blake2_256(b"frame_system::initialize" + parent_hash)
        )
        self.number.put(number)
        self.digest.put(digest)
        self.parent_hash.put(parent_hash)
        self.block_hash[number - 1] = parent_hash
        self.block_weight.kill()
        self.rules.open_block()

    def note_finished_initialize(self) -> None:
        self.execution_phase.put_encoded(_APPLYING + _ZERO_INDEX)

    def note_inherents_applied(self) -> None:
        self.inherents_applied.put(True)

    def are_inherents_applied(self) -> bool:
        return self.inherents_applied.get()

    def note_extrinsic(self, data: bytes) -> None:
        self.extrinsic_data[self._extrinsic_index()] = data

    def note_applied_extrinsic(
        self, failure: Reason | None, post: PostInfo, info: DispatchInfo
    ) -> None:
        weight = post.weight(info) + self._base_extrinsic[info.dispatch_class]
        report = DispatchEventInfo(weight, info.dispatch_class, post.pays(info))
        if failure is None:
            self.emit(ExtrinsicSuccess(report))
        else:
            self.emit(ExtrinsicFailed(self.runtime.dispatch_error(failure), report))
        following = (self._extrinsic_index() + 1).to_bytes(4, "little")
        self._slot.overlay.write_raw(EXTRINSIC_INDEX, following)
        self.execution_phase.put_encoded(_APPLYING + following)
        self.rules.close_extrinsic()

    def note_finished_extrinsics(self) -> None:
        self.extrinsic_count.put(self._extrinsic_index())
        self._slot.overlay.delete(EXTRINSIC_INDEX)
        self.execution_phase.put_encoded(_FINALIZING)

    def finish(self) -> Header:
        """The header of the finished block; what only its building needed is gone."""
        overlay = self._slot.overlay
        self.execution_phase.kill()
        self.rules.bytes_so_far.kill()
        overlay.delete(INTRABLOCK_ENTROPY)
        self.inherents_applied.kill()
        count = self.extrinsic_count.take() or 0
        extrinsics = [self.extrinsic_data.take(index) for index in range(count)]
        number = self.number.get()
        self._forget_hash(number - self.block_hash_count - 1)
        layout = Layout.V1 if self.runtime.system_version >= 2 else Layout.V0
        parent_hash, digest = self.parent_hash.get(), self.digest.get()
        extrinsics_root = H256(ordered_root(extrinsics, layout))
        return Header(parent_hash, number, H256(overlay.commit().root), extrinsics_root, digest)

    def _forget_hash(self, number: int) -> None:
        if number > 0:
            del self.block_hash[number]

    def register_extra_weight(self, weight: Weight, dispatch_class: DispatchClass) -> None:
        now = self.block_weight.get()
        more = now.of(dispatch_class) + weight
        self.block_weight.put(now.with_class(dispatch_class, more))

    def reclaim(self, info: DispatchInfo, post: PostInfo) -> None:
        """Give the block back what the extrinsic did not use and has not given back yet."""
        spent = post.weight(info)
        if spent is info.total_weight:
            return
        unspent = info.total_weight - spent
        if unspent == ZERO_WEIGHT:
            return
        self.rules.give_back(info.dispatch_class, unspent)

    def extension_weight(self, name: str) -> Weight:
        measured = self.extension_weights.get(name, Measured(0))
        return measured.under(self.db if self.extension_db is None else self.extension_db)

    def block_number(self) -> int:
        return self.number.get()

    def remaining_weight(self) -> Weight:
        return self.block_weights.max_block - self.block_weight.get().total

    def base_block_weight(self) -> Weight:
        return self.block_weights.base_block

    # What transaction payment asks.

    def base_extrinsic(self, dispatch_class: DispatchClass) -> Weight:
        return self._base_extrinsic[dispatch_class]

    def max_block(self) -> Weight:
        return self.block_weights.max_block

    def max_length(self, dispatch_class: DispatchClass) -> int:
        return self.block_length.max.of(dispatch_class)

    @property
    def normal(self) -> Weight:
        return self.block_weight.get().normal

    @property
    def normal_limit(self) -> Weight:
        return self.block_weights.per_class.normal.max_total or self.block_weights.max_block

    def hash_of_block(self, number: int) -> H256 | None:
        known = number in self.block_hash
        return self.block_hash[number] if known else None

    @property
    def call_filtered(self) -> Reason:
        return Error.CALL_FILTERED

    def deposit(self, event: bytes) -> None:
        phase = self._slot.overlay.raw(self.execution_phase.prefix)
        if phase is None:
            if self.number.get() == 0:
                return  # the genesis block has no events
            phase = _INITIALIZING
        self.events.append(phase + event + _NO_TOPICS)

    def _extrinsic_index(self) -> int:
        raw = self._slot.overlay.raw(EXTRINSIC_INDEX)
        return int.from_bytes(raw or b"", "little")

    def _environment_updated(self) -> None:
        self.digest.put(Digest((*self.digest.get().logs, RuntimeEnvironmentUpdated())))

    def _current_runtime(self) -> LastRuntimeUpgradeInfo:
        runtime = self.runtime
        return LastRuntimeUpgradeInfo(runtime.spec_version, runtime.spec_name)

    def _ensure_unprotected(self, *keys: bytes) -> None:
        for name in self.protected:
            prefix = hashing.twox_128(name.encode())
            for key in keys:
                within = key.startswith(prefix) or prefix.startswith(key)
                ensure(not within, Error.CALL_FILTERED)

    def account_nonce(self, who: AccountId) -> int:
        return self.account[who].nonce

    def try_state(self) -> None:
        for who, info in self.account.items():
            assert info.providers + info.sufficients > 0, (
                f"account {who.hex()} has no reason to exist"
            )
            assert info.consumers == 0 or info.providers > 0, (
                f"{who.hex()} is consumed, not provided"
            )
