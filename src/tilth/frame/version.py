"""The version of a runtime, as clients and signatures see it."""

from typing import Annotated, TypeAlias

from tilth.primitives.scale import Fixed, Path, TypeName, struct, u8, u32

BorrowedText: TypeAlias = Annotated[
    str, TypeName(None), Path("Cow", T=str), TypeName("Cow<'static, str>")
]
"""A text that Rust may borrow; no client sees a difference but in metadata."""
ApiVersions: TypeAlias = tuple[tuple[Annotated[bytes, Fixed(8)], u32], ...]


@struct(path="sp_version::RuntimeVersion")
class RuntimeVersion:
    """What a client must know of a runtime before it speaks to it."""

    spec_name: BorrowedText
    impl_name: BorrowedText
    authoring_version: u32
    spec_version: u32
    impl_version: u32
    apis: Annotated[ApiVersions, TypeName(None), Path("Cow", T=ApiVersions), TypeName("ApisVec")]
    transaction_version: u32
    system_version: u8
