"""On which terms an owner rents a table out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tilth.sdk.wire import MICRO, PICO, bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one job may ask, and for how much; prices in planck.

    `requesters` are addresses, None for anyone. `exact_specs` are hashes of job specs that the
    owner has read: limits do not bind them, and they may go without noise. `models` are the only
    ones by the sha2-256 of their files, None for any. With an approval window the owner approves
    each job by hand within so many blocks.
    """

    price_per_job: int
    price_per_epsilon: int
    max_epsilon: float
    max_params: int
    max_output_bytes: int
    requesters: Sequence[str] | None = None
    exact_specs: Sequence[bytes] = ()
    kinds: Sequence[str] = ("train", "evaluate", "statistics", "infer")
    models: Sequence[bytes] | None = None
    jobs_per_requester: int | None = None
    approval_window: int | None = None

    def params(self) -> dict[str, Any]:
        """As substrate-interface takes a struct."""
        only = self.requesters
        return {
            "price_per_job": self.price_per_job,
            "price_per_epsilon": self.price_per_epsilon,
            "requesters": "Anyone" if only is None else {"Only": {"accounts": bounded(only)}},
            "max_epsilon_micro": micro(self.max_epsilon),
            "max_params": self.max_params,
            "max_output_bytes": self.max_output_bytes,
            "exact_specs": bounded("0x" + spec.hex() for spec in self.exact_specs),
            "kinds": bounded(kind.capitalize() for kind in self.kinds),
            "models": None
            if self.models is None
            else bounded("0x" + model.hex() for model in self.models),
            "jobs_per_requester": self.jobs_per_requester,
            "approval_window": self.approval_window,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What all jobs together may ever take of a table: ε at δ, and bytes of results."""

    epsilon: float
    output_bytes: int
    delta: float = 1e-5

    def params(self) -> dict[str, int]:
        """As substrate-interface takes a struct."""
        return {
            "epsilon_micro": micro(self.epsilon),
            "delta_pico": pico(self.delta),
            "output_bytes": self.output_bytes,
        }


def micro(epsilon: float) -> int:
    """ε in millionths."""
    if not 0 < epsilon < 2**40:
        raise ValueError(f"ε is {epsilon}; it is a number above zero, and useful below 10")
    return round(epsilon * MICRO)


def pico(delta: float) -> int:
    """δ in units of 10⁻¹²."""
    if not 1 / PICO <= delta < 1:
        raise ValueError(f"δ is {delta}; it lies above 10⁻¹² and below one over the number of rows")
    return round(delta * PICO)
