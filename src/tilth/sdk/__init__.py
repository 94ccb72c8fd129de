"""The Python client: publish and read data, rent it out, send a model to it and get it back.

client                  everything in one flat place
  frames, publishing, anonymous, loading, cache     public data in one line each
  contents, files, tables, columns, sketches, croissant   what that is made of
  market, desk, orders, ordered             a job in one call: drafted, priced, placed, opened
    models, estimators, modules, rows       what people have, as ONNX, and the way back
    questions, results, keys                what is asked, what comes back, and what opens it
  terms, plans, jobs, dealings              private tables and the jobs on them, step by step
connection, wire, refusals                  the two faces of a node
process, devchain       a dev node of one's own, for scripts and tests, and its tools
"""

from tilth.pallets.compute.work import Acceptance as Acceptance
from tilth.pallets.compute.work import EvaluateSpec as EvaluateSpec
from tilth.pallets.compute.work import Histogram as Histogram
from tilth.pallets.compute.work import InferSpec as InferSpec
from tilth.pallets.compute.work import Loss as Loss
from tilth.pallets.compute.work import Mean as Mean
from tilth.pallets.compute.work import Optimizer as Optimizer
from tilth.pallets.compute.work import Quantiles as Quantiles
from tilth.pallets.compute.work import Schedule as Schedule
from tilth.pallets.compute.work import StatisticsSpec as StatisticsSpec
from tilth.pallets.compute.work import TrainSpec as TrainSpec
from tilth.primitives.crypto.sealing import SealBroken as SealBroken
from tilth.primitives.crypto.sealing import SealingKey as SealingKey
from tilth.primitives.manifest import BadManifest as BadManifest
from tilth.sdk.client import Client as Client
from tilth.sdk.connection import Event as Event
from tilth.sdk.connection import Receipt as Receipt
from tilth.sdk.desk import AcceptanceTest as AcceptanceTest
from tilth.sdk.desk import Desk as Desk
from tilth.sdk.devchain import DevChain as DevChain
from tilth.sdk.estimators import NotTrainable as NotTrainable
from tilth.sdk.files import FileChanged as FileChanged
from tilth.sdk.jobs import Job as Job
from tilth.sdk.keys import KeyRing as KeyRing
from tilth.sdk.ordered import NoGround as NoGround
from tilth.sdk.ordered import NoResultKey as NoResultKey
from tilth.sdk.ordered import OrderedJob as OrderedJob
from tilth.sdk.ordered import Progress as Progress
from tilth.sdk.orders import NotListed as NotListed
from tilth.sdk.orders import Order as Order
from tilth.sdk.orders import TooExpensive as TooExpensive
from tilth.sdk.plans import Mock as Mock
from tilth.sdk.plans import Rehearsal as Rehearsal
from tilth.sdk.plans import TrainingPlan as TrainingPlan
from tilth.sdk.process import NodeProcess as NodeProcess
from tilth.sdk.process import NotStarted as NotStarted
from tilth.sdk.publishing import Price as Price
from tilth.sdk.publishing import Publication as Publication
from tilth.sdk.publishing import Published as Published
from tilth.sdk.refusals import JobRefunded as JobRefunded
from tilth.sdk.refusals import Refused as Refused
from tilth.sdk.refusals import Unreachable as Unreachable
from tilth.sdk.refusals import WrongContent as WrongContent
from tilth.sdk.results import Answers as Answers
from tilth.sdk.results import Evaluation as Evaluation
from tilth.sdk.results import TrainedModel as TrainedModel
from tilth.sdk.tables import BadTable as BadTable
from tilth.sdk.tables import MissingExtra as MissingExtra
from tilth.sdk.terms import Budget as Budget
from tilth.sdk.terms import Policy as Policy
from tilth.sdk.wire import Escrow as Escrow
from tilth.sdk.wire import JobSpec as JobSpec
from tilth.sdk.wire import Quote as Quote
from tilth.sdk.wire import Unclaimed as Unclaimed
