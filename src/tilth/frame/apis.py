"""The runtime APIs that every runtime of ours has: Substrate's, by their names and versions."""

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeAlias

from tilth.frame.errors import DispatchError
from tilth.frame.extrinsic import Extrinsic
from tilth.frame.genesis import GenesisBuilder
from tilth.frame.runtime_api import RuntimeApi, api_method
from tilth.frame.session_keys import SessionKeys
from tilth.frame.validity import (
    InvalidTransactionError,
    TransactionSource,
    TransactionValidityError,
    ValidTransaction,
)
from tilth.frame.version import RuntimeVersion
from tilth.frame.view import RuntimeViewFunction
from tilth.primitives.scale import Err, Fixed, Ok, Path, Result, TypeName, scale_enum, struct, u32
from tilth.primitives.types import H256, Header

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime

METADATA_VERSIONS: Final = (14, 15, 16)

OpaqueMetadata: TypeAlias = Annotated[bytes, Path("sp_core::OpaqueMetadata")]
DispatchOutcome: TypeAlias = Result[None, DispatchError]
ApplyExtrinsicResult: TypeAlias = Result[DispatchOutcome, TransactionValidityError]
TransactionValidity: TypeAlias = Result[ValidTransaction, TransactionValidityError]


@scale_enum(path="sp_runtime::ExtrinsicInclusionMode")
class ExtrinsicInclusionMode(IntEnum):
    ALL_EXTRINSICS = 0
    ONLY_INHERENTS = 1


@struct(path="sp_runtime::generic::block::Block", params={"Header": Header, "Extrinsic": Extrinsic})
class Block:
    header: Header
    extrinsics: Annotated[tuple[Extrinsic, ...], TypeName("Vec<Extrinsic>")]


@struct(path="sp_inherents::InherentData")
class InherentDataEntries:
    data: dict[Annotated[bytes, Fixed(8), TypeName("InherentIdentifier")], bytes]


@struct(path="sp_inherents::CheckInherentsResult")
class CheckInherentsResult:
    okay: bool
    fatal_error: bool
    errors: Annotated[InherentDataEntries, TypeName("InherentData")]


class Core(RuntimeApi):
    """What a node needs to run blocks at all."""

    version: ClassVar[int] = 5

    @api_method
    def version_(self) -> RuntimeVersion:
        """Which runtime this is."""
        return self.runtime.version

    @api_method
    def execute_block(self, block: Block) -> None:
        """Execute a whole block and compare its roots; an error if they differ."""
        self.runtime.executive.execute_block(block.header, list(block.extrinsics))

    @api_method
    def initialize_block(self, header: Header) -> ExtrinsicInclusionMode:
        """Begin a block."""
        self.runtime.executive.initialize_block(header)
        return ExtrinsicInclusionMode.ALL_EXTRINSICS


class Metadata(RuntimeApi):
    """How the runtime describes itself."""

    version: ClassVar[int] = 2

    @api_method
    def metadata(self) -> OpaqueMetadata:
        """The description in version 14."""
        return self.runtime.metadata(14)

    @api_method
    def metadata_at_version(self, version: u32) -> OpaqueMetadata | None:
        """The description in another version, if it is offered."""
        return self.runtime.metadata(version) if version in METADATA_VERSIONS else None

    @api_method
    def metadata_versions(self) -> tuple[u32, ...]:
        """The versions offered."""
        return METADATA_VERSIONS


class BlockBuilder(RuntimeApi):
    """How an author builds a block."""

    version: ClassVar[int] = 6

    @api_method
    def apply_extrinsic(self, extrinsic: Extrinsic) -> ApplyExtrinsicResult:
        """Include an extrinsic; tells what became of it, or why it may not be included."""
        outcome: ApplyExtrinsicResult = applied(self.runtime, extrinsic)
        return outcome

    @api_method
    def finalize_block(self) -> Header:
        """End the block."""
        return self.runtime.executive.finalize_block()

    @api_method
    def inherent_extrinsics(self, inherent: InherentDataEntries) -> tuple[Extrinsic, ...]:
        """The extrinsics that the author's data become."""
        return inherents(self.runtime, inherent.data)

    @api_method
    def check_inherents(self, block: Block, data: InherentDataEntries) -> CheckInherentsResult:
        """Whether the inherents of a block agree with one's own data."""
        wrong = self.runtime.check_inherents(list(block.extrinsics), data.data)
        return CheckInherentsResult(wrong is None, wrong is not None, InherentDataEntries({}))


class TaggedTransactionQueue(RuntimeApi):
    """How a pool asks about transactions."""

    version: ClassVar[int] = 3

    @api_method
    def validate_transaction(
        self, source: TransactionSource, tx: Extrinsic, block_hash: H256
    ) -> TransactionValidity:
        """Whether a transaction may enter, and in which order."""
        try:
            return Ok(self.runtime.executive.validate_transaction(source, tx, block_hash))
        except InvalidTransactionError as error:
            return Err(error.error)


class OffchainWorkerApi(RuntimeApi):
    """How a node learns what it owes after a block."""

    version: ClassVar[int] = 2

    @api_method
    def offchain_worker(self, header: Header) -> None:
        """Nothing happens in the runtime: the node asks the pallets for their tasks natively."""


def applied(runtime: "Runtime", extrinsic: Extrinsic, *, verified: bool = False) -> Any:
    """Apply an extrinsic and report as the wire does."""
    try:
        failure = runtime.executive.apply_extrinsic(extrinsic, verified=verified)
    except InvalidTransactionError as error:
        return Err(error.error)
    return Ok(Ok(None) if failure is None else Err(runtime.dispatch_error(failure)))


def inherents(runtime: "Runtime", data: dict[bytes, bytes]) -> tuple[Extrinsic, ...]:
    calls = runtime.create_inherents(data)
    return tuple(map(runtime.format.unsigned, calls))


# The order in which Substrate's templates list them, and therefore runtimes do.
_ORDER: Final = (
    "Core",
    "Metadata",
    "RuntimeViewFunction",
    "BlockBuilder",
    "TaggedTransactionQueue",
    "OffchainWorkerApi",
    "AuraApi",
    "SessionKeys",
    "GrandpaApi",
    "AccountNonceApi",
    "TransactionPaymentApi",
    "TransactionPaymentCallApi",
    "GenesisBuilder",
)


def arranged(apis: Iterable[RuntimeApi]) -> tuple[RuntimeApi, ...]:
    """Each API once, answered by the first that offers it; Substrate's own in Substrate's order."""
    first: dict[str, RuntimeApi] = {}
    for api in apis:
        first.setdefault(api.name, api)
    known = [first.pop(name) for name in _ORDER if name in first]
    return (*known, *first.values())


def core_apis(runtime: "Runtime") -> tuple[RuntimeApi, ...]:
    return (
        Core(runtime),
        Metadata(runtime),
        RuntimeViewFunction(runtime),
        BlockBuilder(runtime),
        TaggedTransactionQueue(runtime),
        OffchainWorkerApi(runtime),
        SessionKeys(runtime),
        GenesisBuilder(runtime),
    )
