"""Orders: what a buyer is about to have done on a private table, and what it will cost him."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tilth.pallets.compute.work import EvaluateSpec, StatisticsSpec, TrainSpec, Work
from tilth.primitives import privacy
from tilth.sdk.client import Client
from tilth.sdk.refusals import Refused
from tilth.sdk.token import Token
from tilth.sdk.wire import MICRO, PICO, Escrow, JobSpec

if TYPE_CHECKING:
    from substrateinterface import Keypair

_NO_MODEL: Final = bytes(32)


class TooExpensive(Refused):
    """A job costs more than its buyer said that he would pay; nothing was ordered."""


class NotListed(Refused):
    """The outputs of single rows leave only for a spec that the owner has listed by this hash."""

    def __init__(self, dataset: int, spec_hash: bytes) -> None:
        super().__init__(
            f"the owner of dataset {dataset} has to list the job 0x{spec_hash.hex()} first, as "
            "`tilth job allow` does; then order it again"
        )
        self.spec_hash = spec_hash


@dataclass(frozen=True, slots=True)
class Order:
    """A spec with its price; nothing was sent yet. Amounts in planck, ε at the table's δ.

    `contents` are stored for ever before the job is created, for a deposit.
    """

    name: str
    spec: JobSpec
    contents: tuple[bytes, ...]
    secret: bytes | None
    escrow: Escrow
    deposit: int
    epsilon: float
    epsilon_left: float
    delta: float
    rows: int
    token: Token

    @property
    def price(self) -> int:
        """All that is held for the job, the deposit apart."""
        return self.escrow.total

    def describe(self) -> str:
        """For its buyer to read before he pays."""
        spec, escrow, words = self.spec, self.escrow, self.token.words
        tip = f", {words(escrow.tip)} on top" if escrow.tip else ""
        lines = [
            f"{_KINDS[type(spec.work).__name__]} {self.rows:,} rows of {self.name!r} "
            f"(dataset {spec.dataset}): {_doing(spec)}",
            f"privacy  {self._privacy()}",
            f"price    {words(escrow.total)}: {words(escrow.data)} for the data, "
            f"{words(escrow.compute)} for the work{tip}",
        ]
        if self.deposit:
            lines.append(f"deposit  {words(self.deposit)}, for what is stored on the chain")
        if self.secret is not None:
            lines.append("the model is sealed to the worker: nobody else sees it")
        return "\n".join(lines)

    def _privacy(self) -> str:
        if self.epsilon == 0:
            return "none: the owner has listed this very job"
        return f"ε {self.epsilon:.3f} of the {self.epsilon_left:.3f} left, at δ {self.delta:g}"


Shown: TypeAlias = Callable[[Order], object]

_KINDS: Final = {
    "TrainSpec": "train on",
    "EvaluateSpec": "evaluate on",
    "StatisticsSpec": "ask",
    "InferSpec": "infer on",
}


def tell(order: Order) -> None:
    """On stderr, where it does not mix with what a program writes."""
    print(order.describe(), file=sys.stderr)


def _doing(spec: JobSpec) -> str:
    match spec.work:
        case TrainSpec(steps=steps, noise_multiplier_milli=noise):
            return f"{spec.params:,} numbers in {steps} steps, noise {noise / 1000:g} × clip"
        case EvaluateSpec(noise_multiplier_milli=noise):
            return f"once, noise {noise / 1000:g}"
        case StatisticsSpec(questions=questions, noise_multiplier_milli=noise):
            return f"{len(questions)} questions, {spec.params:,} numbers, noise {noise / 1000:g}"
        case _:
            return "outputs for each row, as they are"


@dataclass(frozen=True, slots=True)
class Draft:
    """A spec before it has a price: what goes with it onto the chain, or secretly to the worker."""

    spec: JobSpec
    contents: tuple[bytes, ...] = ()
    secret: bytes | None = None


def priced(client: Client, address: str, draft: Draft, tip: int) -> Order:
    """With the chain's own quote; raises Refused where the job could not be ordered."""
    spec = draft.spec
    terms, dataset = client.terms(spec.dataset), client.dataset(spec.dataset)
    listed = "0x" + spec.hash.hex() in terms["exactSpecs"]
    delta_pico = int(terms["deltaPico"])
    epsilon = epsilon_micro(spec.work, delta_pico)
    escrow = _listed_price(terms, epsilon) if listed else _quoted(client, address, spec)
    return Order(
        name=dataset.name,
        spec=spec,
        contents=draft.contents,
        secret=draft.secret,
        escrow=replace(escrow, tip=tip),
        deposit=_deposit(client, draft.contents),
        epsilon=epsilon / MICRO,
        epsilon_left=int(terms["epsilonLeftMicro"]) / MICRO,
        delta=delta_pico / PICO,
        rows=int(terms["rows"]),
        token=Token.of(client.ask("system_properties")),
    )


def placed(client: Client, pair: "Keypair", order: Order, max_price: int | None) -> int:
    """Store what goes with the order, then pay for it; returns the job's number.

    Raises TooExpensive before anything is sent, and Refused.
    """
    if max_price is not None and order.price > max_price:
        words = order.token.words
        raise TooExpensive(
            f"the job costs {words(order.price)}, above the {words(max_price)} of max_price; "
            "nothing was ordered"
        )
    client.publish_contents(pair, order.contents)
    # what was shown is paid, whatever the owner asks meanwhile
    job = client.create_job(pair, order.spec, tip=order.escrow.tip, max_price=order.price)
    return job.number


def epsilon_micro(work: Work, delta_pico: int) -> int:
    """What the work takes of the privacy budget, in millionths."""
    match work:
        case TrainSpec(sampling_ppb=rate, noise_multiplier_milli=noise, steps=steps):
            cost = privacy.cost(rate, noise, steps)
        case EvaluateSpec(noise_multiplier_milli=noise):
            cost = privacy.cost(privacy.FULL_BATCH, noise, 1)
        case StatisticsSpec(noise_multiplier_milli=noise):
            cost = privacy.cost(privacy.FULL_BATCH, noise, 1)
        case _:
            cost = privacy.NOTHING
    return privacy.epsilon(cost, delta_pico)


def _quoted(client: Client, address: str, spec: JobSpec) -> Escrow:
    """Asked as if the model were secret and untested: then it need not be stored to be priced."""
    unstored = replace(spec, secret_model=bytes(spec.model) != _NO_MODEL, acceptance=None)
    return client.quote(address, unstored).escrow


def _listed_price(terms: Any, epsilon: int) -> Escrow:
    """The chain quotes a listed job only once its model is stored; its price is the policy's."""
    private = -(-int(terms["pricePerEpsilon"]) * epsilon // MICRO)
    return Escrow(int(terms["pricePerJob"]) + private, int(terms["computeFee"]), 0)


def _deposit(client: Client, contents: tuple[bytes, ...]) -> int:
    new = [data for data in contents if not client.has_content(sha256(data).digest())]
    per_byte = int(client.query("TransactionStorage", "ByteFee") or 0)
    per_entry = int(client.query("TransactionStorage", "EntryFee") or 0)
    return per_byte * sum(map(len, new)) + per_entry * len(new)
