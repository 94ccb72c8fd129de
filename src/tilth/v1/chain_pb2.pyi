from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Head(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEAD_UNSPECIFIED: _ClassVar[Head]
    HEAD_BEST: _ClassVar[Head]
    HEAD_FINALIZED: _ClassVar[Head]
HEAD_UNSPECIFIED: Head
HEAD_BEST: Head
HEAD_FINALIZED: Head

class BlockId(_message.Message):
    __slots__ = ("hash", "number")
    HASH_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    number: int
    def __init__(self, hash: _Optional[bytes] = ..., number: _Optional[int] = ...) -> None: ...

class BlockSelector(_message.Message):
    __slots__ = ("hash", "number", "head")
    HASH_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    number: int
    head: Head
    def __init__(self, hash: _Optional[bytes] = ..., number: _Optional[int] = ..., head: _Optional[_Union[Head, str]] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChainStatus(_message.Message):
    __slots__ = ("genesis_hash", "best", "finalized", "chain_name", "node_name", "node_version", "runtime", "ss58_prefix", "ready_transactions")
    GENESIS_HASH_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    FINALIZED_FIELD_NUMBER: _ClassVar[int]
    CHAIN_NAME_FIELD_NUMBER: _ClassVar[int]
    NODE_NAME_FIELD_NUMBER: _ClassVar[int]
    NODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    SS58_PREFIX_FIELD_NUMBER: _ClassVar[int]
    READY_TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    genesis_hash: bytes
    best: BlockId
    finalized: BlockId
    chain_name: str
    node_name: str
    node_version: str
    runtime: RuntimeVersion
    ss58_prefix: int
    ready_transactions: int
    def __init__(self, genesis_hash: _Optional[bytes] = ..., best: _Optional[_Union[BlockId, _Mapping]] = ..., finalized: _Optional[_Union[BlockId, _Mapping]] = ..., chain_name: _Optional[str] = ..., node_name: _Optional[str] = ..., node_version: _Optional[str] = ..., runtime: _Optional[_Union[RuntimeVersion, _Mapping]] = ..., ss58_prefix: _Optional[int] = ..., ready_transactions: _Optional[int] = ...) -> None: ...

class RuntimeVersion(_message.Message):
    __slots__ = ("spec_name", "spec_version", "transaction_version", "impl_name", "impl_version")
    SPEC_NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_VERSION_FIELD_NUMBER: _ClassVar[int]
    IMPL_NAME_FIELD_NUMBER: _ClassVar[int]
    IMPL_VERSION_FIELD_NUMBER: _ClassVar[int]
    spec_name: str
    spec_version: int
    transaction_version: int
    impl_name: str
    impl_version: int
    def __init__(self, spec_name: _Optional[str] = ..., spec_version: _Optional[int] = ..., transaction_version: _Optional[int] = ..., impl_name: _Optional[str] = ..., impl_version: _Optional[int] = ...) -> None: ...

class GetHeaderRequest(_message.Message):
    __slots__ = ("block",)
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    block: BlockSelector
    def __init__(self, block: _Optional[_Union[BlockSelector, _Mapping]] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("hash", "number", "parent_hash", "state_root", "extrinsics_root", "digest_logs")
    HASH_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PARENT_HASH_FIELD_NUMBER: _ClassVar[int]
    STATE_ROOT_FIELD_NUMBER: _ClassVar[int]
    EXTRINSICS_ROOT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_LOGS_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    number: int
    parent_hash: bytes
    state_root: bytes
    extrinsics_root: bytes
    digest_logs: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, hash: _Optional[bytes] = ..., number: _Optional[int] = ..., parent_hash: _Optional[bytes] = ..., state_root: _Optional[bytes] = ..., extrinsics_root: _Optional[bytes] = ..., digest_logs: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetBlockRequest(_message.Message):
    __slots__ = ("block",)
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    block: BlockSelector
    def __init__(self, block: _Optional[_Union[BlockSelector, _Mapping]] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("header", "extrinsics")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    EXTRINSICS_FIELD_NUMBER: _ClassVar[int]
    header: Header
    extrinsics: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., extrinsics: _Optional[_Iterable[bytes]] = ...) -> None: ...

class StreamBlocksRequest(_message.Message):
    __slots__ = ("head", "from_number", "headers_only")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FROM_NUMBER_FIELD_NUMBER: _ClassVar[int]
    HEADERS_ONLY_FIELD_NUMBER: _ClassVar[int]
    head: Head
    from_number: int
    headers_only: bool
    def __init__(self, head: _Optional[_Union[Head, str]] = ..., from_number: _Optional[int] = ..., headers_only: _Optional[bool] = ...) -> None: ...

class BlockUpdate(_message.Message):
    __slots__ = ("block", "retracted")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    RETRACTED_FIELD_NUMBER: _ClassVar[int]
    block: Block
    retracted: _containers.RepeatedCompositeFieldContainer[BlockId]
    def __init__(self, block: _Optional[_Union[Block, _Mapping]] = ..., retracted: _Optional[_Iterable[_Union[BlockId, _Mapping]]] = ...) -> None: ...
