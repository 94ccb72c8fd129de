from tilth.v1 import chain_pb2 as _chain_pb2
from tilth.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_KIND_UNSPECIFIED: _ClassVar[JobKind]
    JOB_KIND_TRAIN: _ClassVar[JobKind]
    JOB_KIND_EVALUATE: _ClassVar[JobKind]
    JOB_KIND_STATISTICS: _ClassVar[JobKind]
    JOB_KIND_INFER: _ClassVar[JobKind]
JOB_KIND_UNSPECIFIED: JobKind
JOB_KIND_TRAIN: JobKind
JOB_KIND_EVALUATE: JobKind
JOB_KIND_STATISTICS: JobKind
JOB_KIND_INFER: JobKind

class PublishRequest(_message.Message):
    __slots__ = ("extrinsic",)
    EXTRINSIC_FIELD_NUMBER: _ClassVar[int]
    extrinsic: bytes
    def __init__(self, extrinsic: _Optional[bytes] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("request", "transaction_hash", "stored", "refused", "failed")
    class Stored(_message.Message):
        __slots__ = ("block", "index", "content_hashes")
        BLOCK_FIELD_NUMBER: _ClassVar[int]
        INDEX_FIELD_NUMBER: _ClassVar[int]
        CONTENT_HASHES_FIELD_NUMBER: _ClassVar[int]
        block: _chain_pb2.BlockId
        index: int
        content_hashes: _containers.RepeatedScalarFieldContainer[bytes]
        def __init__(self, block: _Optional[_Union[_chain_pb2.BlockId, _Mapping]] = ..., index: _Optional[int] = ..., content_hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    request: int
    transaction_hash: bytes
    stored: PublishResponse.Stored
    refused: _errors_pb2.Refusal
    failed: _errors_pb2.DispatchError
    def __init__(self, request: _Optional[int] = ..., transaction_hash: _Optional[bytes] = ..., stored: _Optional[_Union[PublishResponse.Stored, _Mapping]] = ..., refused: _Optional[_Union[_errors_pb2.Refusal, _Mapping]] = ..., failed: _Optional[_Union[_errors_pb2.DispatchError, _Mapping]] = ...) -> None: ...

class FetchRequest(_message.Message):
    __slots__ = ("content_hash", "offset", "length")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    content_hash: bytes
    offset: int
    length: int
    def __init__(self, content_hash: _Optional[bytes] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class FetchResponse(_message.Message):
    __slots__ = ("data", "total_size")
    DATA_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    total_size: int
    def __init__(self, data: _Optional[bytes] = ..., total_size: _Optional[int] = ...) -> None: ...

class FetchDatasetRequest(_message.Message):
    __slots__ = ("dataset", "revision")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    dataset: int
    revision: int
    def __init__(self, dataset: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class FetchDatasetResponse(_message.Message):
    __slots__ = ("revision", "file", "data")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    revision: Revision
    file: FileHeader
    data: bytes
    def __init__(self, revision: _Optional[_Union[Revision, _Mapping]] = ..., file: _Optional[_Union[FileHeader, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class FileHeader(_message.Message):
    __slots__ = ("path", "size", "sha256")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    path: str
    size: int
    sha256: bytes
    def __init__(self, path: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class GetDatasetRequest(_message.Message):
    __slots__ = ("dataset",)
    DATASET_FIELD_NUMBER: _ClassVar[int]
    dataset: int
    def __init__(self, dataset: _Optional[int] = ...) -> None: ...

class GetRevisionRequest(_message.Message):
    __slots__ = ("dataset", "revision")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    dataset: int
    revision: int
    def __init__(self, dataset: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class SearchDatasetsRequest(_message.Message):
    __slots__ = ("text", "name", "tag", "spdx", "publisher", "cursor", "limit")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    SPDX_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    text: str
    name: str
    tag: str
    spdx: str
    publisher: bytes
    cursor: int
    limit: int
    def __init__(self, text: _Optional[str] = ..., name: _Optional[str] = ..., tag: _Optional[str] = ..., spdx: _Optional[str] = ..., publisher: _Optional[bytes] = ..., cursor: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class SearchDatasetsResponse(_message.Message):
    __slots__ = ("datasets", "cursor")
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    datasets: _containers.RepeatedCompositeFieldContainer[Dataset]
    cursor: int
    def __init__(self, datasets: _Optional[_Iterable[_Union[Dataset, _Mapping]]] = ..., cursor: _Optional[int] = ...) -> None: ...

class PreviewDatasetRequest(_message.Message):
    __slots__ = ("dataset", "revision", "file", "rows")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    dataset: int
    revision: int
    file: str
    rows: int
    def __init__(self, dataset: _Optional[int] = ..., revision: _Optional[int] = ..., file: _Optional[str] = ..., rows: _Optional[int] = ...) -> None: ...

class PreviewDatasetResponse(_message.Message):
    __slots__ = ("file", "mock", "columns", "rows")
    class Row(_message.Message):
        __slots__ = ("cells",)
        CELLS_FIELD_NUMBER: _ClassVar[int]
        cells: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, cells: _Optional[_Iterable[str]] = ...) -> None: ...
    FILE_FIELD_NUMBER: _ClassVar[int]
    MOCK_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    file: str
    mock: bool
    columns: _containers.RepeatedScalarFieldContainer[str]
    rows: _containers.RepeatedCompositeFieldContainer[PreviewDatasetResponse.Row]
    def __init__(self, file: _Optional[str] = ..., mock: _Optional[bool] = ..., columns: _Optional[_Iterable[str]] = ..., rows: _Optional[_Iterable[_Union[PreviewDatasetResponse.Row, _Mapping]]] = ...) -> None: ...

class DescribeDatasetRequest(_message.Message):
    __slots__ = ("dataset", "revision")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    dataset: int
    revision: int
    def __init__(self, dataset: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class DescribeDatasetResponse(_message.Message):
    __slots__ = ("croissant", "content_hash")
    CROISSANT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    croissant: bytes
    content_hash: bytes
    def __init__(self, croissant: _Optional[bytes] = ..., content_hash: _Optional[bytes] = ...) -> None: ...

class Dataset(_message.Message):
    __slots__ = ("id", "publisher", "created_at", "name", "spdx", "tags", "deprecated", "head", "private")
    ID_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPDX_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    DEPRECATED_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    id: int
    publisher: bytes
    created_at: int
    name: str
    spdx: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    deprecated: Deprecation
    head: Revision
    private: PrivateTable
    def __init__(self, id: _Optional[int] = ..., publisher: _Optional[bytes] = ..., created_at: _Optional[int] = ..., name: _Optional[str] = ..., spdx: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., deprecated: _Optional[_Union[Deprecation, _Mapping]] = ..., head: _Optional[_Union[Revision, _Mapping]] = ..., private: _Optional[_Union[PrivateTable, _Mapping]] = ...) -> None: ...

class Deprecation(_message.Message):
    __slots__ = ("by", "reason")
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    by: int
    reason: bytes
    def __init__(self, by: _Optional[int] = ..., reason: _Optional[bytes] = ...) -> None: ...

class Revision(_message.Message):
    __slots__ = ("number", "manifest", "metadata", "size_bytes", "rows", "fingerprint", "published_at")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    number: int
    manifest: bytes
    metadata: bytes
    size_bytes: int
    rows: int
    fingerprint: bytes
    published_at: int
    def __init__(self, number: _Optional[int] = ..., manifest: _Optional[bytes] = ..., metadata: _Optional[bytes] = ..., size_bytes: _Optional[int] = ..., rows: _Optional[int] = ..., fingerprint: _Optional[bytes] = ..., published_at: _Optional[int] = ...) -> None: ...

class PrivateTable(_message.Message):
    __slots__ = ("schema", "mock", "metadata", "row_root", "rows", "policy", "budget", "workers", "privacy_spent")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    MOCK_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    ROW_ROOT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_SPENT_FIELD_NUMBER: _ClassVar[int]
    schema: bytes
    mock: bytes
    metadata: bytes
    row_root: bytes
    rows: int
    policy: Policy
    budget: Budget
    workers: _containers.RepeatedScalarFieldContainer[bytes]
    privacy_spent: PrivacySpent
    def __init__(self, schema: _Optional[bytes] = ..., mock: _Optional[bytes] = ..., metadata: _Optional[bytes] = ..., row_root: _Optional[bytes] = ..., rows: _Optional[int] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., budget: _Optional[_Union[Budget, _Mapping]] = ..., workers: _Optional[_Iterable[bytes]] = ..., privacy_spent: _Optional[_Union[PrivacySpent, _Mapping]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("price_per_job", "price_per_epsilon", "open_to_anyone", "requesters", "max_epsilon_micro", "max_params", "max_output_bytes", "exact_specs", "kinds", "any_model", "models", "jobs_per_requester", "approval_window")
    PRICE_PER_JOB_FIELD_NUMBER: _ClassVar[int]
    PRICE_PER_EPSILON_FIELD_NUMBER: _ClassVar[int]
    OPEN_TO_ANYONE_FIELD_NUMBER: _ClassVar[int]
    REQUESTERS_FIELD_NUMBER: _ClassVar[int]
    MAX_EPSILON_MICRO_FIELD_NUMBER: _ClassVar[int]
    MAX_PARAMS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    EXACT_SPECS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    ANY_MODEL_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    JOBS_PER_REQUESTER_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_WINDOW_FIELD_NUMBER: _ClassVar[int]
    price_per_job: str
    price_per_epsilon: str
    open_to_anyone: bool
    requesters: _containers.RepeatedScalarFieldContainer[bytes]
    max_epsilon_micro: int
    max_params: int
    max_output_bytes: int
    exact_specs: _containers.RepeatedScalarFieldContainer[bytes]
    kinds: _containers.RepeatedScalarFieldContainer[JobKind]
    any_model: bool
    models: _containers.RepeatedScalarFieldContainer[bytes]
    jobs_per_requester: int
    approval_window: int
    def __init__(self, price_per_job: _Optional[str] = ..., price_per_epsilon: _Optional[str] = ..., open_to_anyone: _Optional[bool] = ..., requesters: _Optional[_Iterable[bytes]] = ..., max_epsilon_micro: _Optional[int] = ..., max_params: _Optional[int] = ..., max_output_bytes: _Optional[int] = ..., exact_specs: _Optional[_Iterable[bytes]] = ..., kinds: _Optional[_Iterable[_Union[JobKind, str]]] = ..., any_model: _Optional[bool] = ..., models: _Optional[_Iterable[bytes]] = ..., jobs_per_requester: _Optional[int] = ..., approval_window: _Optional[int] = ...) -> None: ...

class Budget(_message.Message):
    __slots__ = ("epsilon_micro", "delta_pico", "output_bytes")
    EPSILON_MICRO_FIELD_NUMBER: _ClassVar[int]
    DELTA_PICO_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    epsilon_micro: int
    delta_pico: int
    output_bytes: int
    def __init__(self, epsilon_micro: _Optional[int] = ..., delta_pico: _Optional[int] = ..., output_bytes: _Optional[int] = ...) -> None: ...

class PrivacySpent(_message.Message):
    __slots__ = ("spent_micro", "reserved_micro", "cap_micro")
    SPENT_MICRO_FIELD_NUMBER: _ClassVar[int]
    RESERVED_MICRO_FIELD_NUMBER: _ClassVar[int]
    CAP_MICRO_FIELD_NUMBER: _ClassVar[int]
    spent_micro: int
    reserved_micro: int
    cap_micro: int
    def __init__(self, spent_micro: _Optional[int] = ..., reserved_micro: _Optional[int] = ..., cap_micro: _Optional[int] = ...) -> None: ...
