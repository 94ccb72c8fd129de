from tilth.v1 import chain_pb2 as _chain_pb2
from tilth.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitRequest(_message.Message):
    __slots__ = ("extrinsic",)
    EXTRINSIC_FIELD_NUMBER: _ClassVar[int]
    extrinsic: bytes
    def __init__(self, extrinsic: _Optional[bytes] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ("transaction_hash",)
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    transaction_hash: bytes
    def __init__(self, transaction_hash: _Optional[bytes] = ...) -> None: ...

class SubmitAndWatchRequest(_message.Message):
    __slots__ = ("extrinsic",)
    EXTRINSIC_FIELD_NUMBER: _ClassVar[int]
    extrinsic: bytes
    def __init__(self, extrinsic: _Optional[bytes] = ...) -> None: ...

class TransactionStatus(_message.Message):
    __slots__ = ("transaction_hash", "future", "ready", "in_block", "retracted", "finalized", "usurped", "dropped", "invalid")
    class Future(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Ready(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Dropped(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Invalid(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    FUTURE_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    IN_BLOCK_FIELD_NUMBER: _ClassVar[int]
    RETRACTED_FIELD_NUMBER: _ClassVar[int]
    FINALIZED_FIELD_NUMBER: _ClassVar[int]
    USURPED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    INVALID_FIELD_NUMBER: _ClassVar[int]
    transaction_hash: bytes
    future: TransactionStatus.Future
    ready: TransactionStatus.Ready
    in_block: Inclusion
    retracted: _chain_pb2.BlockId
    finalized: Inclusion
    usurped: bytes
    dropped: TransactionStatus.Dropped
    invalid: TransactionStatus.Invalid
    def __init__(self, transaction_hash: _Optional[bytes] = ..., future: _Optional[_Union[TransactionStatus.Future, _Mapping]] = ..., ready: _Optional[_Union[TransactionStatus.Ready, _Mapping]] = ..., in_block: _Optional[_Union[Inclusion, _Mapping]] = ..., retracted: _Optional[_Union[_chain_pb2.BlockId, _Mapping]] = ..., finalized: _Optional[_Union[Inclusion, _Mapping]] = ..., usurped: _Optional[bytes] = ..., dropped: _Optional[_Union[TransactionStatus.Dropped, _Mapping]] = ..., invalid: _Optional[_Union[TransactionStatus.Invalid, _Mapping]] = ...) -> None: ...

class Inclusion(_message.Message):
    __slots__ = ("block", "index", "error")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    block: _chain_pb2.BlockId
    index: int
    error: _errors_pb2.DispatchError
    def __init__(self, block: _Optional[_Union[_chain_pb2.BlockId, _Mapping]] = ..., index: _Optional[int] = ..., error: _Optional[_Union[_errors_pb2.DispatchError, _Mapping]] = ...) -> None: ...

class SubmitStreamRequest(_message.Message):
    __slots__ = ("extrinsics",)
    EXTRINSICS_FIELD_NUMBER: _ClassVar[int]
    extrinsics: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, extrinsics: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SubmitStreamResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[SubmitOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[SubmitOutcome, _Mapping]]] = ...) -> None: ...

class SubmitOutcome(_message.Message):
    __slots__ = ("transaction_hash", "refused")
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    transaction_hash: bytes
    refused: _errors_pb2.Refusal
    def __init__(self, transaction_hash: _Optional[bytes] = ..., refused: _Optional[_Union[_errors_pb2.Refusal, _Mapping]] = ...) -> None: ...
