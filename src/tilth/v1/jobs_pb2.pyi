from tilth.v1 import chain_pb2 as _chain_pb2
from tilth.v1 import transactions_pb2 as _transactions_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RefundReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUND_REASON_UNSPECIFIED: _ClassVar[RefundReason]
    REFUND_REASON_UNCLAIMED: _ClassVar[RefundReason]
    REFUND_REASON_CANCELLED: _ClassVar[RefundReason]
    REFUND_REASON_NOT_STARTED: _ClassVar[RefundReason]
    REFUND_REASON_NOT_FINISHED: _ClassVar[RefundReason]
    REFUND_REASON_FAILED: _ClassVar[RefundReason]
    REFUND_REASON_NOT_APPROVED: _ClassVar[RefundReason]
    REFUND_REASON_REJECTED: _ClassVar[RefundReason]
    REFUND_REASON_MODEL_NOT_DELIVERED: _ClassVar[RefundReason]
    REFUND_REASON_SILENT: _ClassVar[RefundReason]
    REFUND_REASON_RESULT_LOST: _ClassVar[RefundReason]
    REFUND_REASON_NOT_ACCEPTED: _ClassVar[RefundReason]
    REFUND_REASON_UNDECIDED: _ClassVar[RefundReason]

class FailureCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_CODE_UNSPECIFIED: _ClassVar[FailureCode]
    FAILURE_CODE_MODEL_REFUSED: _ClassVar[FailureCode]
    FAILURE_CODE_MODEL_MISSING: _ClassVar[FailureCode]
    FAILURE_CODE_ROWS_MISSING: _ClassVar[FailureCode]
    FAILURE_CODE_LEDGER_REFUSED: _ClassVar[FailureCode]
    FAILURE_CODE_TIMED_OUT: _ClassVar[FailureCode]
    FAILURE_CODE_OUT_OF_MEMORY: _ClassVar[FailureCode]
    FAILURE_CODE_CRASHED: _ClassVar[FailureCode]

class Stage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAGE_UNSPECIFIED: _ClassVar[Stage]
    STAGE_PREPARING: _ClassVar[Stage]
    STAGE_COMPUTING: _ClassVar[Stage]
    STAGE_SEALING: _ClassVar[Stage]

class Schedule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHEDULE_UNSPECIFIED: _ClassVar[Schedule]
    SCHEDULE_CONSTANT: _ClassVar[Schedule]
    SCHEDULE_LINEAR: _ClassVar[Schedule]
    SCHEDULE_COSINE: _ClassVar[Schedule]

class Loss(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOSS_UNSPECIFIED: _ClassVar[Loss]
    LOSS_SOFTMAX_CROSS_ENTROPY: _ClassVar[Loss]
    LOSS_BINARY_CROSS_ENTROPY: _ClassVar[Loss]
    LOSS_MEAN_SQUARED_ERROR: _ClassVar[Loss]
    LOSS_HUBER: _ClassVar[Loss]
    LOSS_POISSON: _ClassVar[Loss]

class Optimizer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPTIMIZER_UNSPECIFIED: _ClassVar[Optimizer]
    OPTIMIZER_SGD: _ClassVar[Optimizer]
    OPTIMIZER_MOMENTUM: _ClassVar[Optimizer]
    OPTIMIZER_ADAM: _ClassVar[Optimizer]
REFUND_REASON_UNSPECIFIED: RefundReason
REFUND_REASON_UNCLAIMED: RefundReason
REFUND_REASON_CANCELLED: RefundReason
REFUND_REASON_NOT_STARTED: RefundReason
REFUND_REASON_NOT_FINISHED: RefundReason
REFUND_REASON_FAILED: RefundReason
REFUND_REASON_NOT_APPROVED: RefundReason
REFUND_REASON_REJECTED: RefundReason
REFUND_REASON_MODEL_NOT_DELIVERED: RefundReason
REFUND_REASON_SILENT: RefundReason
REFUND_REASON_RESULT_LOST: RefundReason
REFUND_REASON_NOT_ACCEPTED: RefundReason
REFUND_REASON_UNDECIDED: RefundReason
FAILURE_CODE_UNSPECIFIED: FailureCode
FAILURE_CODE_MODEL_REFUSED: FailureCode
FAILURE_CODE_MODEL_MISSING: FailureCode
FAILURE_CODE_ROWS_MISSING: FailureCode
FAILURE_CODE_LEDGER_REFUSED: FailureCode
FAILURE_CODE_TIMED_OUT: FailureCode
FAILURE_CODE_OUT_OF_MEMORY: FailureCode
FAILURE_CODE_CRASHED: FailureCode
STAGE_UNSPECIFIED: Stage
STAGE_PREPARING: Stage
STAGE_COMPUTING: Stage
STAGE_SEALING: Stage
SCHEDULE_UNSPECIFIED: Schedule
SCHEDULE_CONSTANT: Schedule
SCHEDULE_LINEAR: Schedule
SCHEDULE_COSINE: Schedule
LOSS_UNSPECIFIED: Loss
LOSS_SOFTMAX_CROSS_ENTROPY: Loss
LOSS_BINARY_CROSS_ENTROPY: Loss
LOSS_MEAN_SQUARED_ERROR: Loss
LOSS_HUBER: Loss
LOSS_POISSON: Loss
OPTIMIZER_UNSPECIFIED: Optimizer
OPTIMIZER_SGD: Optimizer
OPTIMIZER_MOMENTUM: Optimizer
OPTIMIZER_ADAM: Optimizer

class CreateJobRequest(_message.Message):
    __slots__ = ("extrinsic",)
    EXTRINSIC_FIELD_NUMBER: _ClassVar[int]
    extrinsic: bytes
    def __init__(self, extrinsic: _Optional[bytes] = ...) -> None: ...

class CreateJobResponse(_message.Message):
    __slots__ = ("job", "transaction_hash", "inclusion")
    JOB_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_FIELD_NUMBER: _ClassVar[int]
    job: int
    transaction_hash: bytes
    inclusion: _transactions_pb2.Inclusion
    def __init__(self, job: _Optional[int] = ..., transaction_hash: _Optional[bytes] = ..., inclusion: _Optional[_Union[_transactions_pb2.Inclusion, _Mapping]] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: int
    def __init__(self, job: _Optional[int] = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: int
    def __init__(self, job: _Optional[int] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("id", "as_of", "spec", "spec_hash", "requester", "owner", "escrow", "epsilon_micro", "attempts", "created_at", "queued", "claimed", "running", "delivered", "completed", "refunded", "awaiting_approval", "awaiting_model", "disputed")
    class Queued(_message.Message):
        __slots__ = ("deadline",)
        DEADLINE_FIELD_NUMBER: _ClassVar[int]
        deadline: int
        def __init__(self, deadline: _Optional[int] = ...) -> None: ...
    class Claimed(_message.Message):
        __slots__ = ("worker", "deadline")
        WORKER_FIELD_NUMBER: _ClassVar[int]
        DEADLINE_FIELD_NUMBER: _ClassVar[int]
        worker: bytes
        deadline: int
        def __init__(self, worker: _Optional[bytes] = ..., deadline: _Optional[int] = ...) -> None: ...
    class Running(_message.Message):
        __slots__ = ("worker", "deadline", "finish", "stage", "permille")
        WORKER_FIELD_NUMBER: _ClassVar[int]
        DEADLINE_FIELD_NUMBER: _ClassVar[int]
        FINISH_FIELD_NUMBER: _ClassVar[int]
        STAGE_FIELD_NUMBER: _ClassVar[int]
        PERMILLE_FIELD_NUMBER: _ClassVar[int]
        worker: bytes
        deadline: int
        finish: int
        stage: Stage
        permille: int
        def __init__(self, worker: _Optional[bytes] = ..., deadline: _Optional[int] = ..., finish: _Optional[int] = ..., stage: _Optional[_Union[Stage, str]] = ..., permille: _Optional[int] = ...) -> None: ...
    class AwaitingApproval(_message.Message):
        __slots__ = ("deadline",)
        DEADLINE_FIELD_NUMBER: _ClassVar[int]
        deadline: int
        def __init__(self, deadline: _Optional[int] = ...) -> None: ...
    class AwaitingModel(_message.Message):
        __slots__ = ("worker", "deadline")
        WORKER_FIELD_NUMBER: _ClassVar[int]
        DEADLINE_FIELD_NUMBER: _ClassVar[int]
        worker: bytes
        deadline: int
        def __init__(self, worker: _Optional[bytes] = ..., deadline: _Optional[int] = ...) -> None: ...
    class Disputed(_message.Message):
        __slots__ = ("worker", "result", "size", "deadline")
        WORKER_FIELD_NUMBER: _ClassVar[int]
        RESULT_FIELD_NUMBER: _ClassVar[int]
        SIZE_FIELD_NUMBER: _ClassVar[int]
        DEADLINE_FIELD_NUMBER: _ClassVar[int]
        worker: bytes
        result: bytes
        size: int
        deadline: int
        def __init__(self, worker: _Optional[bytes] = ..., result: _Optional[bytes] = ..., size: _Optional[int] = ..., deadline: _Optional[int] = ...) -> None: ...
    class Delivered(_message.Message):
        __slots__ = ("worker", "result", "size", "deadline")
        WORKER_FIELD_NUMBER: _ClassVar[int]
        RESULT_FIELD_NUMBER: _ClassVar[int]
        SIZE_FIELD_NUMBER: _ClassVar[int]
        DEADLINE_FIELD_NUMBER: _ClassVar[int]
        worker: bytes
        result: bytes
        size: int
        deadline: int
        def __init__(self, worker: _Optional[bytes] = ..., result: _Optional[bytes] = ..., size: _Optional[int] = ..., deadline: _Optional[int] = ...) -> None: ...
    class Completed(_message.Message):
        __slots__ = ("worker", "result", "size")
        WORKER_FIELD_NUMBER: _ClassVar[int]
        RESULT_FIELD_NUMBER: _ClassVar[int]
        SIZE_FIELD_NUMBER: _ClassVar[int]
        worker: bytes
        result: bytes
        size: int
        def __init__(self, worker: _Optional[bytes] = ..., result: _Optional[bytes] = ..., size: _Optional[int] = ...) -> None: ...
    class Refunded(_message.Message):
        __slots__ = ("reason", "failure")
        REASON_FIELD_NUMBER: _ClassVar[int]
        FAILURE_FIELD_NUMBER: _ClassVar[int]
        reason: RefundReason
        failure: FailureCode
        def __init__(self, reason: _Optional[_Union[RefundReason, str]] = ..., failure: _Optional[_Union[FailureCode, str]] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    SPEC_HASH_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ESCROW_FIELD_NUMBER: _ClassVar[int]
    EPSILON_MICRO_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_FIELD_NUMBER: _ClassVar[int]
    AWAITING_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    AWAITING_MODEL_FIELD_NUMBER: _ClassVar[int]
    DISPUTED_FIELD_NUMBER: _ClassVar[int]
    id: int
    as_of: _chain_pb2.BlockId
    spec: JobSpec
    spec_hash: bytes
    requester: bytes
    owner: bytes
    escrow: Escrow
    epsilon_micro: int
    attempts: int
    created_at: int
    queued: Job.Queued
    claimed: Job.Claimed
    running: Job.Running
    delivered: Job.Delivered
    completed: Job.Completed
    refunded: Job.Refunded
    awaiting_approval: Job.AwaitingApproval
    awaiting_model: Job.AwaitingModel
    disputed: Job.Disputed
    def __init__(self, id: _Optional[int] = ..., as_of: _Optional[_Union[_chain_pb2.BlockId, _Mapping]] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., spec_hash: _Optional[bytes] = ..., requester: _Optional[bytes] = ..., owner: _Optional[bytes] = ..., escrow: _Optional[_Union[Escrow, _Mapping]] = ..., epsilon_micro: _Optional[int] = ..., attempts: _Optional[int] = ..., created_at: _Optional[int] = ..., queued: _Optional[_Union[Job.Queued, _Mapping]] = ..., claimed: _Optional[_Union[Job.Claimed, _Mapping]] = ..., running: _Optional[_Union[Job.Running, _Mapping]] = ..., delivered: _Optional[_Union[Job.Delivered, _Mapping]] = ..., completed: _Optional[_Union[Job.Completed, _Mapping]] = ..., refunded: _Optional[_Union[Job.Refunded, _Mapping]] = ..., awaiting_approval: _Optional[_Union[Job.AwaitingApproval, _Mapping]] = ..., awaiting_model: _Optional[_Union[Job.AwaitingModel, _Mapping]] = ..., disputed: _Optional[_Union[Job.Disputed, _Mapping]] = ...) -> None: ...

class Escrow(_message.Message):
    __slots__ = ("data", "compute", "tip")
    DATA_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_FIELD_NUMBER: _ClassVar[int]
    TIP_FIELD_NUMBER: _ClassVar[int]
    data: str
    compute: str
    tip: str
    def __init__(self, data: _Optional[str] = ..., compute: _Optional[str] = ..., tip: _Optional[str] = ...) -> None: ...

class JobSpec(_message.Message):
    __slots__ = ("dataset", "model", "model_bytes", "params", "train", "evaluate", "statistics", "infer", "max_output_bytes", "result_key", "secret_model", "acceptance", "encoded")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_BYTES_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    INFER_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESULT_KEY_FIELD_NUMBER: _ClassVar[int]
    SECRET_MODEL_FIELD_NUMBER: _ClassVar[int]
    ACCEPTANCE_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    dataset: int
    model: bytes
    model_bytes: int
    params: int
    train: TrainSpec
    evaluate: EvaluateSpec
    statistics: StatisticsSpec
    infer: InferSpec
    max_output_bytes: int
    result_key: bytes
    secret_model: bool
    acceptance: AcceptanceTest
    encoded: bytes
    def __init__(self, dataset: _Optional[int] = ..., model: _Optional[bytes] = ..., model_bytes: _Optional[int] = ..., params: _Optional[int] = ..., train: _Optional[_Union[TrainSpec, _Mapping]] = ..., evaluate: _Optional[_Union[EvaluateSpec, _Mapping]] = ..., statistics: _Optional[_Union[StatisticsSpec, _Mapping]] = ..., infer: _Optional[_Union[InferSpec, _Mapping]] = ..., max_output_bytes: _Optional[int] = ..., result_key: _Optional[bytes] = ..., secret_model: _Optional[bool] = ..., acceptance: _Optional[_Union[AcceptanceTest, _Mapping]] = ..., encoded: _Optional[bytes] = ...) -> None: ...

class TrainSpec(_message.Message):
    __slots__ = ("loss", "optimizer", "steps", "learning_rate_micro", "clip_micro", "noise_multiplier_milli", "sampling_ppb", "frozen", "momentum_micro", "schedule", "warmup_steps", "huber_delta_micro")
    LOSS_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_MICRO_FIELD_NUMBER: _ClassVar[int]
    CLIP_MICRO_FIELD_NUMBER: _ClassVar[int]
    NOISE_MULTIPLIER_MILLI_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_PPB_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_MICRO_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    WARMUP_STEPS_FIELD_NUMBER: _ClassVar[int]
    HUBER_DELTA_MICRO_FIELD_NUMBER: _ClassVar[int]
    loss: Loss
    optimizer: Optimizer
    steps: int
    learning_rate_micro: int
    clip_micro: int
    noise_multiplier_milli: int
    sampling_ppb: int
    frozen: _containers.RepeatedScalarFieldContainer[str]
    momentum_micro: int
    schedule: Schedule
    warmup_steps: int
    huber_delta_micro: int
    def __init__(self, loss: _Optional[_Union[Loss, str]] = ..., optimizer: _Optional[_Union[Optimizer, str]] = ..., steps: _Optional[int] = ..., learning_rate_micro: _Optional[int] = ..., clip_micro: _Optional[int] = ..., noise_multiplier_milli: _Optional[int] = ..., sampling_ppb: _Optional[int] = ..., frozen: _Optional[_Iterable[str]] = ..., momentum_micro: _Optional[int] = ..., schedule: _Optional[_Union[Schedule, str]] = ..., warmup_steps: _Optional[int] = ..., huber_delta_micro: _Optional[int] = ...) -> None: ...

class EvaluateSpec(_message.Message):
    __slots__ = ("loss", "noise_multiplier_milli", "bound_micro", "huber_delta_micro")
    LOSS_FIELD_NUMBER: _ClassVar[int]
    NOISE_MULTIPLIER_MILLI_FIELD_NUMBER: _ClassVar[int]
    BOUND_MICRO_FIELD_NUMBER: _ClassVar[int]
    HUBER_DELTA_MICRO_FIELD_NUMBER: _ClassVar[int]
    loss: Loss
    noise_multiplier_milli: int
    bound_micro: int
    huber_delta_micro: int
    def __init__(self, loss: _Optional[_Union[Loss, str]] = ..., noise_multiplier_milli: _Optional[int] = ..., bound_micro: _Optional[int] = ..., huber_delta_micro: _Optional[int] = ...) -> None: ...

class StatisticsSpec(_message.Message):
    __slots__ = ("questions", "noise_multiplier_milli")
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    NOISE_MULTIPLIER_MILLI_FIELD_NUMBER: _ClassVar[int]
    questions: int
    noise_multiplier_milli: int
    def __init__(self, questions: _Optional[int] = ..., noise_multiplier_milli: _Optional[int] = ...) -> None: ...

class InferSpec(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AcceptanceTest(_message.Message):
    __slots__ = ("evaluation", "threshold_ppm")
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_PPM_FIELD_NUMBER: _ClassVar[int]
    evaluation: bytes
    threshold_ppm: int
    def __init__(self, evaluation: _Optional[bytes] = ..., threshold_ppm: _Optional[int] = ...) -> None: ...

class FetchResultRequest(_message.Message):
    __slots__ = ("job", "offset")
    JOB_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    job: int
    offset: int
    def __init__(self, job: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class FetchResultResponse(_message.Message):
    __slots__ = ("data", "total_size")
    DATA_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    total_size: int
    def __init__(self, data: _Optional[bytes] = ..., total_size: _Optional[int] = ...) -> None: ...
