"""Jobs as messages."""

from types import MappingProxyType
from typing import Final

from tilth.pallets.compute.types import (
    CancelledByRequester,
    Claimed,
    Completed,
    Delivered,
    Escrow,
    Failed,
    Job,
    JobSpec,
    NotFinished,
    NotStarted,
    Queued,
    Refunded,
    Running,
    TrainSpec,
    Unclaimed,
)
from tilth.v1 import jobs_pb2 as pb
from tilth.v1.chain_pb2 import BlockId

_REASONS: Final[MappingProxyType[type, pb.RefundReason]] = MappingProxyType(
    {
        Unclaimed: pb.REFUND_REASON_UNCLAIMED,
        CancelledByRequester: pb.REFUND_REASON_CANCELLED,
        NotStarted: pb.REFUND_REASON_NOT_STARTED,
        NotFinished: pb.REFUND_REASON_NOT_FINISHED,
        Failed: pb.REFUND_REASON_FAILED,
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
        case Running(worker=worker, deadline=deadline):
            message.running.CopyFrom(pb.Job.Running(worker=worker, deadline=deadline))
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


def _spec(spec: JobSpec) -> pb.JobSpec:
    return pb.JobSpec(
        dataset=spec.dataset,
        model=spec.model,
        model_bytes=spec.model_bytes,
        params=spec.params,
        train=_train(spec.train),
        max_output_bytes=spec.max_output_bytes,
        result_key=spec.result_key,
    )


def _train(train: TrainSpec) -> pb.TrainSpec:
    return pb.TrainSpec(
        loss=f"LOSS_{train.loss.name}",
        optimizer=f"OPTIMIZER_{train.optimizer.name}",
        steps=train.steps,
        learning_rate_micro=train.learning_rate_micro,
        clip_micro=train.clip_micro,
        noise_multiplier_milli=train.noise_multiplier_milli,
        sampling_ppb=train.sampling_ppb,
    )
