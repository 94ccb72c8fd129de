"""Jobs as messages."""

from types import MappingProxyType
from typing import Final

from tilth.frame import codec
from tilth.pallets.compute.types import (
    AwaitingApproval,
    AwaitingModel,
    CancelledByRequester,
    Claimed,
    Completed,
    Delivered,
    Disputed,
    Escrow,
    Failed,
    Job,
    ModelNotDelivered,
    NotAccepted,
    NotApproved,
    NotFinished,
    NotStarted,
    Queued,
    Refunded,
    RejectedByOwner,
    ResultLost,
    Running,
    Silent,
    Unclaimed,
    Undecided,
)
from tilth.pallets.compute.work import EvaluateSpec, JobSpec, StatisticsSpec, TrainSpec, Work
from tilth.v1 import jobs_pb2 as pb
from tilth.v1.chain_pb2 import BlockId

_REASONS: Final[MappingProxyType[type, pb.RefundReason]] = MappingProxyType(
    {
        Unclaimed: pb.REFUND_REASON_UNCLAIMED,
        CancelledByRequester: pb.REFUND_REASON_CANCELLED,
        NotStarted: pb.REFUND_REASON_NOT_STARTED,
        NotFinished: pb.REFUND_REASON_NOT_FINISHED,
        Failed: pb.REFUND_REASON_FAILED,
        NotApproved: pb.REFUND_REASON_NOT_APPROVED,
        RejectedByOwner: pb.REFUND_REASON_REJECTED,
        ModelNotDelivered: pb.REFUND_REASON_MODEL_NOT_DELIVERED,
        Silent: pb.REFUND_REASON_SILENT,
        ResultLost: pb.REFUND_REASON_RESULT_LOST,
        NotAccepted: pb.REFUND_REASON_NOT_ACCEPTED,
        Undecided: pb.REFUND_REASON_UNDECIDED,
    }
)


def is_ended(job: Job) -> bool:
    return isinstance(job.state, Completed | Refunded)


def job_message(number: int, job: Job, as_of: BlockId) -> pb.Job:
    message = pb.Job(
        id=number,
        as_of=as_of,
        spec=_spec(job.spec),
        spec_hash=job.spec_hash,
        requester=job.requester,
        owner=job.owner,
        escrow=_escrow(job.escrow),
        epsilon_micro=job.epsilon_micro,
        attempts=job.attempts,
        created_at=job.created_at,
    )
    _put_state(message, job)
    return message


def _put_state(message: pb.Job, job: Job) -> None:
    match job.state:
        case Queued(deadline=deadline):
            message.queued.CopyFrom(pb.Job.Queued(deadline=deadline))
        case Claimed(worker=worker, deadline=deadline):
            message.claimed.CopyFrom(pb.Job.Claimed(worker=worker, deadline=deadline))
        case Running():
            message.running.CopyFrom(_running(job.state))
        case AwaitingApproval(deadline=deadline):
            message.awaiting_approval.CopyFrom(pb.Job.AwaitingApproval(deadline=deadline))
        case AwaitingModel(worker=worker, deadline=deadline):
            waiting = pb.Job.AwaitingModel(worker=worker, deadline=deadline)
            message.awaiting_model.CopyFrom(waiting)
        case Disputed(worker=worker, result=result, size=size, deadline=deadline):
            message.disputed.CopyFrom(
                pb.Job.Disputed(worker=worker, result=result, size=size, deadline=deadline)
            )
        case Delivered(worker=worker, result=result, size=size, deadline=deadline):
            message.delivered.CopyFrom(
                pb.Job.Delivered(worker=worker, result=result, size=size, deadline=deadline)
            )
        case Completed(worker=worker, result=result, size=size):
            message.completed.CopyFrom(pb.Job.Completed(worker=worker, result=result, size=size))
        case Refunded():
            message.refunded.CopyFrom(refund(job.state))


def refund(state: Refunded) -> pb.Job.Refunded:
    reason = _REASONS[type(state.reason)]
    if not isinstance(state.reason, Failed):
        return pb.Job.Refunded(reason=reason)
    return pb.Job.Refunded(reason=reason, failure=f"FAILURE_CODE_{state.reason.code.name}")


def _escrow(escrow: Escrow) -> pb.Escrow:
    return pb.Escrow(data=str(escrow.data), compute=str(escrow.compute), tip=str(escrow.tip))


def _running(state: Running) -> pb.Job.Running:
    return pb.Job.Running(
        worker=state.worker,
        deadline=state.deadline,
        finish=state.finish,
        stage=f"STAGE_{state.stage.name}",
        permille=state.permille,
    )


def _spec(spec: JobSpec) -> pb.JobSpec:
    message = pb.JobSpec(
        dataset=spec.dataset,
        model=spec.model,
        model_bytes=spec.model_bytes,
        params=spec.params,
        max_output_bytes=spec.max_output_bytes,
        result_key=spec.result_key,
        secret_model=spec.secret_model,
        encoded=codec(JobSpec).encode(spec),
    )
    if spec.acceptance is not None:
        message.acceptance.evaluation = spec.acceptance.evaluation
        message.acceptance.threshold_ppm = spec.acceptance.threshold_ppm
    _put_work(message, spec.work)
    return message


def _put_work(message: pb.JobSpec, work: Work) -> None:
    match work:
        case TrainSpec():
            message.train.CopyFrom(_train(work))
        case EvaluateSpec():
            message.evaluate.CopyFrom(_evaluate(work))
        case StatisticsSpec(questions=questions, noise_multiplier_milli=noise):
            message.statistics.CopyFrom(
                pb.StatisticsSpec(questions=len(questions), noise_multiplier_milli=noise)
            )
        case _:
            message.infer.SetInParent()


def _train(train: TrainSpec) -> pb.TrainSpec:
    return pb.TrainSpec(
        loss=f"LOSS_{train.loss.name}",
        optimizer=f"OPTIMIZER_{train.optimizer.name}",
        steps=train.steps,
        learning_rate_micro=train.learning_rate_micro,
        clip_micro=train.clip_micro,
        noise_multiplier_milli=train.noise_multiplier_milli,
        sampling_ppb=train.sampling_ppb,
        frozen=train.frozen,
        momentum_micro=train.momentum_micro,
        schedule=f"SCHEDULE_{train.schedule.name}",
        warmup_steps=train.warmup_steps,
        huber_delta_micro=train.huber_delta_micro,
    )


def _evaluate(evaluate: EvaluateSpec) -> pb.EvaluateSpec:
    return pb.EvaluateSpec(
        loss=f"LOSS_{evaluate.loss.name}",
        noise_multiplier_milli=evaluate.noise_multiplier_milli,
        bound_micro=evaluate.bound_micro,
        huber_delta_micro=evaluate.huber_delta_micro,
    )
