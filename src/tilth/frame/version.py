"""The version of a runtime, as clients and signatures see it."""

from typing import Annotated

from tilth.primitives.scale import Fixed, struct, u8, u32


@struct(path="sp_version::RuntimeVersion")
class RuntimeVersion:
    """What a client must know of a runtime before it speaks to it."""

    spec_name: str
    impl_name: str
    authoring_version: u32
    spec_version: u32
    impl_version: u32
    apis: tuple[tuple[Annotated[bytes, Fixed(8)], u32], ...]
    transaction_version: u32
    system_version: u8
