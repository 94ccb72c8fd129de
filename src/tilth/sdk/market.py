"""Jobs on private tables in one call each: a model or a question in, an ordered job out.

The price is shown before anything is paid. The job's one-time key is kept on this machine, so that
a script which was started again goes on with `tilth.job(number)`.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from tilth.sdk.client import Client
from tilth.sdk.desk import AcceptanceTest, Desk
from tilth.sdk.frames import key_pair
from tilth.sdk.keys import KeyRing, default_keys
from tilth.sdk.ordered import OrderedJob
from tilth.sdk.orders import Draft, Shown, tell
from tilth.sdk.plans import TrainingPlan
from tilth.sdk.questions import Columns

if TYPE_CHECKING:
    from substrateinterface import Keypair

Key: TypeAlias = "Keypair | str | None"

_URL = "ws://127.0.0.1:9944"
_GRPC = "127.0.0.1:50051"


def train(
    model: Any,
    dataset: int | str,
    *,
    epsilon: float,
    steps: int = 40,
    learning_rate: float = 0.3,
    clip: float = 0.5,
    loss: str | None = None,
    optimizer: str = "momentum",
    sampling: float = 1.0,
    freeze: Sequence[str] = (),
    momentum: float = 0.9,
    schedule: str = "constant",
    warmup: int = 0,
    huber_delta: float = 1.0,
    input_shape: Sequence[int] | None = None,
    secret: bool = False,
    test: AcceptanceTest | None = None,
    key: Key = None,
    max_price: int | None = None,
    tip: int = 0,
    show: Shown | None = tell,
    keys: KeyRing | None = None,
    url: str = _URL,
    grpc: str = _GRPC,
) -> OrderedJob:
    """Have a model trained on a private table; `job.wait(); model = job.result()`.

    `model` is an ONNX file, its bytes, an onnx.ModelProto, a PyTorch module or a scikit-learn
    estimator; raises NotTrainable where it cannot be trained so. The rest is as in `TrainingPlan`:
    noise is the least that keeps the run within `epsilon`. A `secret` model is sealed to the
    worker. `key` is a key pair or a secret URI as //Bob; without it TILTH_KEY is read. Above
    `max_price` planck nothing is ordered.
    """
    plan = TrainingPlan(
        epsilon=epsilon,
        steps=steps,
        learning_rate=learning_rate,
        clip=clip,
        optimizer=optimizer,
        sampling=sampling,
        freeze=freeze,
        momentum=momentum,
        schedule=schedule,
        warmup=warmup,
        huber_delta=huber_delta,
    )

    def draft(desk: Desk) -> Draft:
        return desk.training(
            model,
            dataset,
            plan,
            loss=loss,
            input_shape=input_shape,
            secret=secret,
            test=test,
        )

    return _ordered(draft, _Buyer(url, grpc, key, keys), max_price, tip, show)


def evaluate(
    model: Any,
    dataset: int | str,
    *,
    epsilon: float,
    loss: str | None = None,
    bound: float = 4.0,
    input_shape: Sequence[int] | None = None,
    secret: bool = False,
    key: Key = None,
    max_price: int | None = None,
    tip: int = 0,
    show: Shown | None = tell,
    keys: KeyRing | None = None,
    url: str = _URL,
    grpc: str = _GRPC,
) -> OrderedJob:
    """Have a model measured on a private table: noisy accuracy and loss, each row's loss bounded.

    What is not said here is as in `train`.
    """

    def draft(desk: Desk) -> Draft:
        return desk.evaluation(
            model,
            dataset,
            epsilon=epsilon,
            loss=loss,
            bound=bound,
            input_shape=input_shape,
            secret=secret,
        )

    return _ordered(draft, _Buyer(url, grpc, key, keys), max_price, tip, show)


def statistics(
    dataset: int | str,
    *,
    epsilon: float,
    mean: Iterable[str] = (),
    histogram: Columns = (),
    quantiles: Columns = (),
    shares: Sequence[float] = (0.25, 0.5, 0.75),
    key: Key = None,
    max_price: int | None = None,
    tip: int = 0,
    show: Shown | None = tell,
    keys: KeyRing | None = None,
    url: str = _URL,
    grpc: str = _GRPC,
) -> OrderedJob:
    """Ask a private table for means, histograms and quantiles of columns, all for one ε.

    Columns are named; `histogram={"age": 12}` cuts the declared bounds into twelve parts, and
    `{"age": [0, 18, 65]}` where it says. What is not said here is as in `train`.
    """

    def draft(desk: Desk) -> Draft:
        return desk.statistics(
            dataset,
            epsilon=epsilon,
            mean=mean,
            histogram=histogram,
            quantiles=quantiles,
            shares=shares,
        )

    return _ordered(draft, _Buyer(url, grpc, key, keys), max_price, tip, show)


def infer(
    model: Any,
    dataset: int | str,
    *,
    input_shape: Sequence[int] | None = None,
    key: Key = None,
    max_price: int | None = None,
    tip: int = 0,
    show: Shown | None = tell,
    keys: KeyRing | None = None,
    url: str = _URL,
    grpc: str = _GRPC,
) -> OrderedJob:
    """Have a model's outputs for every private row, as they are, which the owner has to allow.

    Raises NotListed with the hash that he lists; called again after that, it orders this very job.
    What is not said here is as in `train`.
    """

    def draft(desk: Desk) -> Draft:
        return desk.inference(model, dataset, input_shape=input_shape)

    return _ordered(draft, _Buyer(url, grpc, key, keys), max_price, tip, show)


def job(
    number: int,
    *,
    key: Key = None,
    keys: KeyRing | None = None,
    url: str = _URL,
    grpc: str = _GRPC,
) -> OrderedJob:
    """A job that was ordered before; whoever has no key of it may look on."""
    buyer = _Buyer(url, grpc, key, keys)
    try:
        found = buyer.desk.job(number)
        _ = found.spec  # raises LookupError where there is no such job
        return found
    except BaseException:
        buyer.client.close()
        raise


class _Buyer:
    """Connected, but not yet asked for his account's key."""

    def __init__(self, url: str, grpc: str, key: Key, keys: KeyRing | None) -> None:
        self.client = Client(url, grpc)
        pair = cache(lambda: key_pair(key))
        self.desk = Desk(self.client, pair, keys or default_keys())


def _ordered(
    draft: Callable[[Desk], Draft],
    buyer: _Buyer,
    max_price: int | None,
    tip: int,
    show: Shown | None,
) -> OrderedJob:
    try:
        order = buyer.desk.price(draft(buyer.desk), tip=tip)
        if show is not None:
            show(order)
        return buyer.desk.place(order, max_price=max_price)
    except BaseException:
        buyer.client.close()
        raise
