"""The runtime: which pallets a chain has, at which index, wired by constructor arguments."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from tilth.frame.aggregate import (
    CallsCodec,
    ErrorsCodec,
    EventsCodec,
    OriginsCodec,
    PalletsOrigin,
    ReasonsCodec,
    RuntimeEvent,
    RuntimeFreezeReason,
    RuntimeHoldReason,
)
from tilth.frame.aggregate import RuntimeError as RuntimeErrorType
from tilth.frame.apis import arranged, core_apis
from tilth.frame.call import RuntimeCall
from tilth.frame.errors import DispatchFailure, ErrorEnum, Module, ModuleError, Reason
from tilth.frame.executive import Executive
from tilth.frame.extension import Pipeline, SignedExtensions, TransactionExtension
from tilth.frame.extrinsic import Extrinsic, ExtrinsicCodec, ExtrinsicFormat
from tilth.frame.indexing import Indexed
from tilth.frame.origin import CallFilter
from tilth.frame.overlay import Overlay, Slot
from tilth.frame.pallet import Pallet
from tilth.frame.readings import Readings
from tilth.frame.release import Release
from tilth.frame.runtime_api import BoundMethod, RuntimeApi, bind
from tilth.frame.traits import InherentData
from tilth.frame.validity import TransactionSource, ValidTransaction
from tilth.frame.version import RuntimeVersion
from tilth.frame.weight import ROCKS_DB, DbWeight
from tilth.primitives.crypto.hashing import blake2_256, twox_128
from tilth.primitives.scale import Codec, Codecs, DecodeError, codec, u16
from tilth.primitives.trie import Layout, Trie
from tilth.primitives.types import AccountId, Id

if TYPE_CHECKING:
    from tilth.frame.metadata import Metadata

P = TypeVar("P", bound=Pallet[Any, Any])
_CODE_MARK: Final = b"tilth:python:"
_EXTRINSIC_INDEX: Final = b":extrinsic_index"  # primitives/storage: well_known_keys
_FRAMES: Final = 16 * 256
"""What as many calls within each other as may be take of Python's stack, with room to spare."""


class Runtime:
    """Subclass it; in `__init__` call `super().__init__()`, add pallets, then set `extensions`."""

    spec_name: ClassVar[str] = "tilth"
    impl_name: ClassVar[str] = "tilth"
    authoring_version: ClassVar[int] = 1
    spec_version: ClassVar[int] = 1
    impl_version: ClassVar[int] = 1
    transaction_version: ClassVar[int] = 1
    system_version: ClassVar[int] = 1
    release: ClassVar[Release] = Release.STABLE2503
    """Whose rules apply where releases of FRAME differ."""
    ss58_prefix: ClassVar[int] = 42
    db_weight: ClassVar[DbWeight] = ROCKS_DB
    types: ClassVar[Mapping[object, object]] = {}
    """The types a runtime chooses, by name: Balance, BlockNumber, Nonce, …"""
    declaration_order: ClassVar[tuple[str, ...]] = ()
    """The pallets by name, where it is not the order of their indices; others come after these."""

    system: Any
    """The pallet that satisfies `traits.System`; a subclass says which."""
    extensions: tuple[TransactionExtension, ...]
    base_call_filter: CallFilter | None = None
    """Which calls anybody but root may make; all of them, unless a runtime says so."""

    def __init__(self) -> None:
        # or it would depend on who runs the block how deeply calls may nest in it
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _FRAMES))
        self.slot = Slot()
        self._newest = Readings(Trie.empty())
        """Of the state that was made last, on which the next block usually stands."""
        self.pallets: list[Pallet[Any, Any]] = []
        self.by_index: dict[int, Pallet[Any, Any]] = {}
        self._digests: dict[tuple[int, str], bytes] = {}
        self.calls_codec = CallsCodec(self)
        self.codecs = Codecs(
            {
                RuntimeCall: self.calls_codec,
                Extrinsic: ExtrinsicCodec(self),
                RuntimeEvent: EventsCodec(self),
                RuntimeErrorType: ErrorsCodec(self),
                RuntimeHoldReason: ReasonsCodec(self, "hold_reasons", "RuntimeHoldReason"),
                RuntimeFreezeReason: ReasonsCodec(self, "freeze_reasons", "RuntimeFreezeReason"),
                PalletsOrigin: OriginsCodec(self),
                **self.types,
            }
        )

    def add(self, index: int, pallet: P, name: str | None = None) -> P:
        """Give the pallet its index (wire format) and its name: its class's, unless said."""
        if not isinstance(pallet, Pallet):
            raise TypeError(f"a pallet was expected at index {index}, not {pallet!r}")
        if index in self.by_index:
            taken = self.by_index[index].name
            raise ValueError(f"pallet index {index} is taken by {taken}")
        name = name or type(pallet).__name__
        if any(other.name == name for other in self.pallets):
            raise ValueError(f"two pallets are called {name}: give one another name")
        self.by_index[index] = pallet
        pallet.bind(self, name, index, self.codecs)
        self.pallets = sorted(self.by_index.values(), key=self._place)
        return pallet

    def _place(self, pallet: Pallet[Any, Any]) -> tuple[int, int]:
        """Where hooks run and metadata lists the pallet."""
        order, name = self.declaration_order, pallet.name
        return (order.index(name) if name in order else len(order), pallet.index)

    def overriding(self, hook: str) -> list[Pallet[Any, Any]]:
        """The pallets that take part in a hook, in the order of hooks."""
        declared = getattr(Pallet, hook)
        return [pallet for pallet in self.pallets if getattr(type(pallet), hook) is not declared]

    @cached_property
    def _creating(self) -> list[Pallet[Any, Any]]:
        return self.overriding("create_inherent")

    @cached_property
    def pipeline(self) -> Pipeline:
        signed_only = self.release < Release.STABLE2412
        kind = SignedExtensions if signed_only else Pipeline
        return kind(self.extensions, self.codecs)

    @cached_property
    def format(self) -> ExtrinsicFormat:
        return ExtrinsicFormat(
            self.codecs, self.codecs.of(RuntimeCall), self.pipeline, self.lookup, self.release
        )

    @cached_property
    def executive(self) -> Executive:
        return Executive(self)

    def lookup(self, address: Any) -> AccountId | None:
        """The account an address names; only accounts themselves, as without an indices pallet."""
        if isinstance(address, bytes):  # where accounts are their own addresses
            return AccountId(address)
        return address.account if type(address) is Id else None

    @contextmanager
    def at(self, trie: Trie) -> Iterator[Overlay]:
        """Within the block, storage is read at this state; what is written is thrown away."""
        current, known = self.slot.overlay, self._newest
        overlay = self.slot.overlay = Overlay(trie, known if known.trie is trie else None)
        below = overlay.below
        try:
            yield overlay
        finally:
            self.slot.overlay = current
            if overlay.below is not below:
                self._newest = overlay.below

    @property
    def call_filtered(self) -> Reason:
        """The error of a call that the origin's filter refuses."""
        filtered: Reason = self.system.call_filtered
        return filtered

    @property
    def extrinsic_index(self) -> int | None:
        """Which extrinsic of the block is running, if one is."""
        stored = self.slot.overlay.raw(_EXTRINSIC_INDEX)
        return None if stored is None else int.from_bytes(stored, "little")

    def index(self, content: Indexed) -> None:
        """Hand the node content of the running extrinsic, to be kept under its hash."""
        self.slot.overlay.indexed.append(content)

    def dispatch_error(self, reason: Reason) -> Any:
        """The reason as it travels: a pallet's error gets the pallet's index."""
        if not isinstance(reason, ErrorEnum):
            return reason
        index, number = self._error_indices[reason]
        return Module(ModuleError(index, bytes((number, 0, 0, 0))))

    @cached_property
    def _error_indices(self) -> dict[ErrorEnum, tuple[int, int]]:
        return {
            member: (pallet.index, number)
            for pallet in reversed(self.pallets)
            if pallet.parsed().errors is not None
            for number, member in enumerate(pallet.parsed().errors or ())
        }

    def explain(self, error: Any) -> str:
        """An error as people read it: Pallet.Name and its sentence."""
        if isinstance(error, DispatchFailure):
            error = error.reason
        if isinstance(error, Module):
            error = self._error_of(error.error)
        if isinstance(error, ErrorEnum):
            pallet = self.by_index[self._error_indices[error][0]]
            return f"{pallet.name}.{ErrorsCodec.variant(error)}: {error.value}"
        return str(error)

    def _error_of(self, error: ModuleError) -> Any:
        pallet = self.by_index.get(error.index)
        errors = list(pallet.parsed().errors or ()) if pallet else []
        return errors[error.error[0]] if error.error[0] < len(errors) else error

    def is_inherent(self, extrinsic: Extrinsic) -> bool:
        call = extrinsic.call
        return extrinsic.is_bare and self.by_index[call.method.pallet_index].is_inherent(call)

    def create_inherents(self, data: InherentData) -> list[RuntimeCall]:
        calls = (pallet.create_inherent(data) for pallet in self._creating)
        return [call for call in calls if call is not None]

    def check_inherents(self, extrinsics: list[Extrinsic], data: InherentData) -> str | None:
        """What is wrong with the inherents of another author's block, if anything is."""
        for extrinsic in extrinsics:
            if not self.is_inherent(extrinsic):
                continue
            call = extrinsic.call
            wrong = self.by_index[call.method.pallet_index].check_inherent(call, data)
            if wrong is not None:
                return wrong
        return None

    def validate_unsigned(
        self, source: TransactionSource, call: RuntimeCall
    ) -> ValidTransaction | None:
        return self.by_index[call.method.pallet_index].validate_unsigned(source, call)

    def pre_dispatch_unsigned(self, call: RuntimeCall) -> None:
        self.by_index[call.method.pallet_index].pre_dispatch_unsigned(call)

    def benchmark_stage(self) -> Any:
        """What the benchmarks of a pallet find of other pallets' things; a subclass says what."""
        return None

    def try_state(self) -> None:
        """Raise AssertionError where an invariant of any pallet does not hold."""
        for pallet in self.pallets:
            try:
                pallet.try_state()
            except AssertionError as promise:
                raise AssertionError(f"{pallet.name}: {promise}") from promise

    def build_genesis(self, config: Mapping[str, Mapping[str, Any]]) -> Trie:
        """The state before the first block; `config` names each pallet's genesis arguments."""
        with self.at(Trie.empty(self.state_layout)) as overlay:
            self.write_genesis(config)
            overlay.write_raw(b":code", self.code)
            overlay.write_raw(_EXTRINSIC_INDEX, bytes(4))
            return overlay.commit()

    def write_genesis(self, config: Mapping[str, Mapping[str, Any]]) -> None:
        """What the pallets keep before the first block, into the state that is there."""
        unknown = config.keys() - {pallet.name for pallet in self.pallets}
        if unknown:
            raise ValueError(
                f"genesis names pallets that are not here: {', '.join(sorted(unknown))}"
            )
        for pallet in self.pallets:
            _write_storage_version(self.slot.overlay, pallet)
            if pallet.parsed().genesis is not None:
                pallet.genesis(**config.get(pallet.name, {}))  # type: ignore[attr-defined]

    def genesis_presets(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """The beginnings that tools may ask for by name; a runtime that has some says which."""
        return {}

    @property
    def state_layout(self) -> Layout:
        return Layout.V0 if self.system_version == 0 else Layout.V1

    @cached_property
    def code(self) -> bytes:
        """What stands under `:code`: no Wasm, but bytes that change whenever the runtime does."""
        return _CODE_MARK + codec(RuntimeVersion).encode(self.version) + self.metadata_hash

    @staticmethod
    def version_in(code: bytes) -> RuntimeVersion | None:
        """The version of the runtime that such bytes stand for."""
        if not code.startswith(_CODE_MARK):
            return None
        try:
            version: RuntimeVersion = codec(RuntimeVersion).decode_at(code, len(_CODE_MARK))[0]
        except DecodeError:
            return None
        return version

    @cached_property
    def metadata_hash(self) -> bytes:
        return blake2_256(self.metadata(15))

    def metadata_digest(self, decimals: int, token_symbol: str) -> bytes:
        """The digest of RFC-78, for a chain whose token is shown so."""
        key = (decimals, token_symbol)
        if key not in self._digests:
            self._digests[key] = self._metadata.digest(decimals=decimals, token_symbol=token_symbol)
        return self._digests[key]

    def metadata(self, version: int) -> bytes:
        """The runtime's description of itself for clients, magic bytes first."""
        return self._metadata.encoded(version)

    @cached_property
    def _metadata(self) -> "Metadata":
        from tilth.frame.metadata import Metadata  # only a client's first question needs it

        return Metadata(self)

    @cached_property
    def apis(self) -> tuple[RuntimeApi, ...]:
        """Substrate's APIs, and those that pallets add."""
        added = (api for pallet in self.pallets for api in pallet.apis())
        return arranged((*core_apis(self), *added))

    @cached_property
    def _api_methods(self) -> dict[str, BoundMethod]:
        methods: dict[str, BoundMethod] = {}
        for api in self.apis:
            methods.update(bind(api, self.codecs))
        return methods

    def returns(self, method: str) -> Codec[Any]:
        """The codec of what a method of the runtime API answers."""
        return self._api_methods[method].returns

    def call(self, method: str, data: bytes) -> bytes:
        """Call the runtime API on the current state; raises KeyError for an unknown method."""
        return self._api_methods[method].call(data)

    @cached_property
    def version(self) -> RuntimeVersion:
        return RuntimeVersion(
            self.spec_name,
            self.impl_name,
            self.authoring_version,
            self.spec_version,
            self.impl_version,
            tuple((api.id, api.version) for api in self.apis),
            self.transaction_version,
            self.system_version,
        )


def _write_storage_version(overlay: Overlay, pallet: Pallet[Any, Any]) -> None:
    if pallet.storage_version is None:
        return
    # frame/support/src/traits/metadata.rs: STORAGE_VERSION_STORAGE_KEY_POSTFIX
    key = twox_128(pallet.name.encode()) + twox_128(b":__STORAGE_VERSION__:")
    overlay.write_raw(key, codec(u16).encode(pallet.storage_version))
