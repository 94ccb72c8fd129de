"""Compute: the model comes to the data, for a price, within deadlines and a privacy budget.

pallet                  the calls
  ordering, spec, work    what is ordered: its policy, its hash, its cost
  docket, crew            deadlines and states; workers, their bonds and how they did
  settlement, till        who is paid, and money that moves where nothing may fail
  disputes                what is not as it was promised
offchain, tasks         what workers' nodes owe
"""

from tilth.pallets.compute.api import ComputeApi as ComputeApi
from tilth.pallets.compute.errors import Error as Error
from tilth.pallets.compute.events import Beat as Beat
from tilth.pallets.compute.events import DisputeOpened as DisputeOpened
from tilth.pallets.compute.events import DisputeResolved as DisputeResolved
from tilth.pallets.compute.events import JobApproved as JobApproved
from tilth.pallets.compute.events import JobClaimed as JobClaimed
from tilth.pallets.compute.events import JobCompleted as JobCompleted
from tilth.pallets.compute.events import JobCreated as JobCreated
from tilth.pallets.compute.events import JobRefunded as JobRefunded
from tilth.pallets.compute.events import JobRequeued as JobRequeued
from tilth.pallets.compute.events import JobStarted as JobStarted
from tilth.pallets.compute.events import ModelDelivered as ModelDelivered
from tilth.pallets.compute.events import ResultSubmitted as ResultSubmitted
from tilth.pallets.compute.events import SealingKeySet as SealingKeySet
from tilth.pallets.compute.events import WorkerLeaving as WorkerLeaving
from tilth.pallets.compute.events import WorkerLeft as WorkerLeft
from tilth.pallets.compute.events import WorkerRegistered as WorkerRegistered
from tilth.pallets.compute.events import WorkerSlashed as WorkerSlashed
from tilth.pallets.compute.pallet import Compute as Compute
from tilth.pallets.compute.spec import cost_of as cost_of
from tilth.pallets.compute.spec import kind_of as kind_of
from tilth.pallets.compute.spec import spec_hash as spec_hash
from tilth.pallets.compute.tasks import Announce as Announce
from tilth.pallets.compute.tasks import Claim as Claim
from tilth.pallets.compute.tasks import Judge as Judge
from tilth.pallets.compute.tasks import Progress as Progress
from tilth.pallets.compute.tasks import Report as Report
from tilth.pallets.compute.tasks import Run as Run
from tilth.pallets.compute.tasks import RunAnswer as RunAnswer
from tilth.pallets.compute.tasks import Sealed as Sealed
from tilth.pallets.compute.tasks import Start as Start
from tilth.pallets.compute.traits import ContentStore as ContentStore
from tilth.pallets.compute.traits import DataMarket as DataMarket
from tilth.pallets.compute.traits import FeeSink as FeeSink
from tilth.pallets.compute.traits import Terms as Terms
from tilth.pallets.compute.traits import Together as Together
from tilth.pallets.compute.types import AcceptanceFailed as AcceptanceFailed
from tilth.pallets.compute.types import AwaitingApproval as AwaitingApproval
from tilth.pallets.compute.types import AwaitingModel as AwaitingModel
from tilth.pallets.compute.types import CancelledByRequester as CancelledByRequester
from tilth.pallets.compute.types import Claimed as Claimed
from tilth.pallets.compute.types import Completed as Completed
from tilth.pallets.compute.types import Delivered as Delivered
from tilth.pallets.compute.types import Disputed as Disputed
from tilth.pallets.compute.types import Envelope as Envelope
from tilth.pallets.compute.types import Escrow as Escrow
from tilth.pallets.compute.types import Failed as Failed
from tilth.pallets.compute.types import FailureCode as FailureCode
from tilth.pallets.compute.types import Job as Job
from tilth.pallets.compute.types import ModelNotDelivered as ModelNotDelivered
from tilth.pallets.compute.types import NotAccepted as NotAccepted
from tilth.pallets.compute.types import NotApproved as NotApproved
from tilth.pallets.compute.types import NotFinished as NotFinished
from tilth.pallets.compute.types import NotStarted as NotStarted
from tilth.pallets.compute.types import Queued as Queued
from tilth.pallets.compute.types import Quote as Quote
from tilth.pallets.compute.types import Refunded as Refunded
from tilth.pallets.compute.types import RefundReason as RefundReason
from tilth.pallets.compute.types import RejectedByOwner as RejectedByOwner
from tilth.pallets.compute.types import Reputation as Reputation
from tilth.pallets.compute.types import ResultLost as ResultLost
from tilth.pallets.compute.types import ResultMissing as ResultMissing
from tilth.pallets.compute.types import Running as Running
from tilth.pallets.compute.types import Silent as Silent
from tilth.pallets.compute.types import Stage as Stage
from tilth.pallets.compute.types import Unclaimed as Unclaimed
from tilth.pallets.compute.types import Undecided as Undecided
from tilth.pallets.compute.types import Worker as Worker
from tilth.pallets.compute.types import deadline_of as deadline_of
from tilth.pallets.compute.work import KINDS as KINDS
from tilth.pallets.compute.work import Acceptance as Acceptance
from tilth.pallets.compute.work import EvaluateSpec as EvaluateSpec
from tilth.pallets.compute.work import Histogram as Histogram
from tilth.pallets.compute.work import InferSpec as InferSpec
from tilth.pallets.compute.work import JobSpec as JobSpec
from tilth.pallets.compute.work import Loss as Loss
from tilth.pallets.compute.work import Mean as Mean
from tilth.pallets.compute.work import Optimizer as Optimizer
from tilth.pallets.compute.work import Quantiles as Quantiles
from tilth.pallets.compute.work import Schedule as Schedule
from tilth.pallets.compute.work import StatisticsSpec as StatisticsSpec
from tilth.pallets.compute.work import TrainSpec as TrainSpec
