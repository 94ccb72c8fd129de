"""The compute engine: submitted models are trained and run on private rows, behind a jail.

engine                 the public face: check, train, evaluate, tell, map, infer
  training, core       the trusted side of a step: draw rows, clip, sum, noise, descend
    sampling, noise, optimizers, statistics
  jail, wire, layout   the trusted side of a worker, and what passes between them
-- above this line no author's byte is ever parsed, below it runs confined --
  zygote, confine      where workers come from and how they shut themselves in
    worker             answers with gradients
      compiler, gate   the author's file read, judged and written anew
        operators, losses, constants
          tape, graph, values
"""

from tilth.engine.confine import Confinement as Confinement
from tilth.engine.confine import confinement as confinement
from tilth.engine.engine import Engine as Engine
from tilth.engine.engine import raw_outputs_hash as raw_outputs_hash
from tilth.engine.outcomes import Crashed as Crashed
from tilth.engine.outcomes import Died as Died
from tilth.engine.outcomes import EngineError as EngineError
from tilth.engine.outcomes import NotConfined as NotConfined
from tilth.engine.outcomes import OutOfMemory as OutOfMemory
from tilth.engine.outcomes import Reason as Reason
from tilth.engine.outcomes import Refused as Refused
from tilth.engine.outcomes import TimedOut as TimedOut
from tilth.engine.spec import CPU as CPU
from tilth.engine.spec import CUDA as CUDA
from tilth.engine.spec import FULL_BATCH as FULL_BATCH
from tilth.engine.spec import LOSS_NAMES as LOSS_NAMES
from tilth.engine.spec import OPTIMIZERS as OPTIMIZERS
from tilth.engine.spec import SCHEDULES as SCHEDULES
from tilth.engine.spec import Checked as Checked
from tilth.engine.spec import Evaluated as Evaluated
from tilth.engine.spec import EvaluateSpec as EvaluateSpec
from tilth.engine.spec import Limits as Limits
from tilth.engine.spec import Mapped as Mapped
from tilth.engine.spec import MapSpec as MapSpec
from tilth.engine.spec import Measured as Measured
from tilth.engine.spec import Rows as Rows
from tilth.engine.spec import Trained as Trained
from tilth.engine.spec import TrainSpec as TrainSpec
from tilth.engine.spec import suitable_rate as suitable_rate
from tilth.engine.statistics import LABEL_COLUMN as LABEL_COLUMN
from tilth.engine.statistics import Histogram as Histogram
from tilth.engine.statistics import HistogramAnswer as HistogramAnswer
from tilth.engine.statistics import Mean as Mean
from tilth.engine.statistics import MeanAnswer as MeanAnswer
from tilth.engine.statistics import Quantiles as Quantiles
from tilth.engine.statistics import QuantilesAnswer as QuantilesAnswer
from tilth.engine.statistics import StatisticsSpec as StatisticsSpec
from tilth.engine.statistics import Told as Told
from tilth.engine.templates import dense_net as dense_net
from tilth.engine.templates import linear as linear
from tilth.engine.templates import mlp as mlp
