"""What the system pallet stores and reports."""

from typing import Annotated, Any, TypeAlias

from tilth.frame import (
    H256,
    BorrowedText,
    Compact,
    DispatchClass,
    Nonce,
    Param,
    Path,
    Pays,
    RuntimeEvent,
    TypeName,
    Weight,
    struct,
    u32,
)

AccountData: TypeAlias = Annotated[Any, Param("AccountData", None), TypeName("AccountData")]


@struct(path="sp_runtime::traits::BlakeTwo256")
class BlakeTwo256:
    """Blake2b with 32 bytes of output."""


@struct(path="frame_system::AccountInfo", params={"Nonce": Nonce, "AccountData": AccountData})
class AccountInfo:
    nonce: Annotated[Nonce, TypeName("Nonce")]
    consumers: Annotated[u32, TypeName("RefCount")]
    providers: Annotated[u32, TypeName("RefCount")]
    sufficients: Annotated[u32, TypeName("RefCount")]
    data: AccountData

    def with_nonce(self, nonce: int) -> "AccountInfo":
        return AccountInfo(nonce, self.consumers, self.providers, self.sufficients, self.data)

    def with_data(self, data: Any) -> "AccountInfo":
        return AccountInfo(self.nonce, self.consumers, self.providers, self.sufficients, data)


@struct(unnamed=True)
class ApplyExtrinsic:
    index: u32


@struct
class Finalization: ...


@struct
class Initialization: ...


Phase: TypeAlias = Annotated[
    ApplyExtrinsic | Finalization | Initialization, Path("frame_system::Phase")
]


@struct(path="frame_system::EventRecord", params={"E": RuntimeEvent, "T": H256})
class EventRecord:
    phase: Phase
    event: Annotated[RuntimeEvent, TypeName("E")]
    topics: Annotated[tuple[H256, ...], TypeName("Vec<T>")]


@struct(path="frame_system::LastRuntimeUpgradeInfo")
class LastRuntimeUpgradeInfo:
    spec_version: Annotated[Compact[u32], TypeName("codec::Compact<u32>")]
    spec_name: BorrowedText


@struct(path="frame_system::CodeUpgradeAuthorization", params={"T": ...})
class CodeUpgradeAuthorization:
    code_hash: Annotated[H256, TypeName("T::Hash")]
    check_version: bool


@struct(path="frame_system::DispatchEventInfo")
class DispatchEventInfo:
    weight: Weight
    class_: DispatchClass
    pays_fee: Pays
