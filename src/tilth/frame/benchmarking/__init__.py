"""What an author imports to have a pallet measured, and what measures it.

A pallet's benchmarks stand in its module or in `benchmarks.py` beside it.
"""

from tilth.frame.benchmarking.declaration import Benchmark as Benchmark
from tilth.frame.benchmarking.declaration import Benchmarks as Benchmarks
from tilth.frame.benchmarking.declaration import Linear as Linear
from tilth.frame.benchmarking.declaration import Work as Work
from tilth.frame.benchmarking.declaration import benchmark as benchmark
from tilth.frame.benchmarking.declaration import benchmarks_of as benchmarks_of
from tilth.frame.benchmarking.fitting import Fit as Fit
from tilth.frame.benchmarking.measuring import Bench as Bench
from tilth.frame.benchmarking.measuring import Point as Point
from tilth.frame.benchmarking.measuring import weight_of as weight_of
