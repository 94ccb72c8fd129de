"""Steps from noisy gradients to new weights: post-processing, which costs no privacy."""

from math import cos, pi
from typing import Protocol

import numpy as np

from tilth.engine.core import Doubles
from tilth.engine.spec import TrainSpec


class Optimizer(Protocol):
    """`pace` is the share of the learning rate that the schedule grants this step."""

    def step(self, weights: Doubles, gradient: Doubles, pace: float = 1) -> Doubles: ...


class Sgd:
    def __init__(self, rate: float) -> None:
        self._rate = rate

    def step(self, weights: Doubles, gradient: Doubles, pace: float = 1) -> Doubles:
        return weights - self._rate * pace * gradient


class Momentum:
    def __init__(self, rate: float, momentum: float, size: int) -> None:
        self._rate, self._momentum = rate, momentum
        self._velocity = np.zeros(size)

    def step(self, weights: Doubles, gradient: Doubles, pace: float = 1) -> Doubles:
        self._velocity = self._momentum * self._velocity + gradient
        return weights - self._rate * pace * self._velocity


class Adam:
    """Kingma and Ba 2015 with their constants; `momentum` is their β₁."""

    def __init__(self, rate: float, momentum: float, size: int) -> None:
        self._rate, self._momentum, self._decay = rate, momentum, 0.999
        self._mean, self._square = np.zeros(size), np.zeros(size)
        self._steps = 0

    def step(self, weights: Doubles, gradient: Doubles, pace: float = 1) -> Doubles:
        self._steps += 1
        self._mean += (1 - self._momentum) * (gradient - self._mean)
        self._square += (1 - self._decay) * (gradient * gradient - self._square)
        mean = self._mean / (1 - self._momentum**self._steps)
        square = self._square / (1 - self._decay**self._steps)
        return weights - self._rate * pace * mean / (np.sqrt(square) + 1e-8)


def optimizer(spec: TrainSpec, size: int) -> Optimizer:
    rate, momentum = spec.learning_rate_micro / 1e6, spec.momentum_micro / 1e6
    if spec.optimizer == "sgd":
        return Sgd(rate)
    if spec.optimizer == "momentum":
        return Momentum(rate, momentum, size)
    return Adam(rate, momentum, size)


def pace(spec: TrainSpec, step: int) -> float:
    """The share of the learning rate for a step, counted from zero: rising first, falling then."""
    if step < spec.warmup_steps:
        return (step + 1) / (spec.warmup_steps + 1)
    left = (spec.steps - step) / (spec.steps - spec.warmup_steps)
    if spec.schedule == "linear":
        return left
    return (1 - cos(pi * left)) / 2 if spec.schedule == "cosine" else 1.0
