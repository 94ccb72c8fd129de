from google.protobuf import any_pb2 as _any_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RefusalReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_REASON_UNSPECIFIED: _ClassVar[RefusalReason]
    REFUSAL_REASON_UNDECODABLE: _ClassVar[RefusalReason]
    REFUSAL_REASON_CALL: _ClassVar[RefusalReason]
    REFUSAL_REASON_PAYMENT: _ClassVar[RefusalReason]
    REFUSAL_REASON_FUTURE: _ClassVar[RefusalReason]
    REFUSAL_REASON_STALE: _ClassVar[RefusalReason]
    REFUSAL_REASON_BAD_PROOF: _ClassVar[RefusalReason]
    REFUSAL_REASON_ANCIENT_BIRTH_BLOCK: _ClassVar[RefusalReason]
    REFUSAL_REASON_EXHAUSTS_RESOURCES: _ClassVar[RefusalReason]
    REFUSAL_REASON_CUSTOM: _ClassVar[RefusalReason]
    REFUSAL_REASON_BAD_MANDATORY: _ClassVar[RefusalReason]
    REFUSAL_REASON_MANDATORY_VALIDATION: _ClassVar[RefusalReason]
    REFUSAL_REASON_BAD_SIGNER: _ClassVar[RefusalReason]
    REFUSAL_REASON_INDETERMINATE_IMPLICIT: _ClassVar[RefusalReason]
    REFUSAL_REASON_UNKNOWN_ORIGIN: _ClassVar[RefusalReason]
    REFUSAL_REASON_UNKNOWN_VALIDITY: _ClassVar[RefusalReason]
    REFUSAL_REASON_BANNED: _ClassVar[RefusalReason]
    REFUSAL_REASON_ALREADY_IMPORTED: _ClassVar[RefusalReason]
    REFUSAL_REASON_TOO_LOW_PRIORITY: _ClassVar[RefusalReason]
    REFUSAL_REASON_IMMEDIATELY_DROPPED: _ClassVar[RefusalReason]
    REFUSAL_REASON_NO_TAGS: _ClassVar[RefusalReason]
    REFUSAL_REASON_BECAME_INVALID: _ClassVar[RefusalReason]
    REFUSAL_REASON_DROPPED: _ClassVar[RefusalReason]
    REFUSAL_REASON_USURPED: _ClassVar[RefusalReason]
    REFUSAL_REASON_WRONG_CALL: _ClassVar[RefusalReason]
REFUSAL_REASON_UNSPECIFIED: RefusalReason
REFUSAL_REASON_UNDECODABLE: RefusalReason
REFUSAL_REASON_CALL: RefusalReason
REFUSAL_REASON_PAYMENT: RefusalReason
REFUSAL_REASON_FUTURE: RefusalReason
REFUSAL_REASON_STALE: RefusalReason
REFUSAL_REASON_BAD_PROOF: RefusalReason
REFUSAL_REASON_ANCIENT_BIRTH_BLOCK: RefusalReason
REFUSAL_REASON_EXHAUSTS_RESOURCES: RefusalReason
REFUSAL_REASON_CUSTOM: RefusalReason
REFUSAL_REASON_BAD_MANDATORY: RefusalReason
REFUSAL_REASON_MANDATORY_VALIDATION: RefusalReason
REFUSAL_REASON_BAD_SIGNER: RefusalReason
REFUSAL_REASON_INDETERMINATE_IMPLICIT: RefusalReason
REFUSAL_REASON_UNKNOWN_ORIGIN: RefusalReason
REFUSAL_REASON_UNKNOWN_VALIDITY: RefusalReason
REFUSAL_REASON_BANNED: RefusalReason
REFUSAL_REASON_ALREADY_IMPORTED: RefusalReason
REFUSAL_REASON_TOO_LOW_PRIORITY: RefusalReason
REFUSAL_REASON_IMMEDIATELY_DROPPED: RefusalReason
REFUSAL_REASON_NO_TAGS: RefusalReason
REFUSAL_REASON_BECAME_INVALID: RefusalReason
REFUSAL_REASON_DROPPED: RefusalReason
REFUSAL_REASON_USURPED: RefusalReason
REFUSAL_REASON_WRONG_CALL: RefusalReason

class ErrorStatus(_message.Message):
    __slots__ = ("code", "message", "details")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    details: _containers.RepeatedCompositeFieldContainer[_any_pb2.Any]
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., details: _Optional[_Iterable[_Union[_any_pb2.Any, _Mapping]]] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "message", "custom_code")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_CODE_FIELD_NUMBER: _ClassVar[int]
    reason: RefusalReason
    message: str
    custom_code: int
    def __init__(self, reason: _Optional[_Union[RefusalReason, str]] = ..., message: _Optional[str] = ..., custom_code: _Optional[int] = ...) -> None: ...

class DispatchError(_message.Message):
    __slots__ = ("pallet", "name", "message", "encoded")
    PALLET_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    pallet: str
    name: str
    message: str
    encoded: bytes
    def __init__(self, pallet: _Optional[str] = ..., name: _Optional[str] = ..., message: _Optional[str] = ..., encoded: _Optional[bytes] = ...) -> None: ...
