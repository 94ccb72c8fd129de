"""`tilth job`: send models and questions to private tables, watch them, open what comes back."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from tilth.cli.clients import (
    GRPC,
    URL,
    AsJson,
    Grpc,
    Key,
    Url,
    Yes,
    confirm,
    dataset_number,
    run,
    signer,
)
from tilth.cli.curve import drawn, legend, picture
from tilth.cli.job_options import Buying, Flag, Loss, Names, Numbers, Training
from tilth.cli.job_owner import allow, approve, reject, waiting
from tilth.cli.job_shown import listed, received, shown, tried, watched
from tilth.sdk.client import Client
from tilth.sdk.desk import Desk, fitting, loss_for
from tilth.sdk.keys import default_keys
from tilth.sdk.models import start_of
from tilth.sdk.ordered import OrderedJob
from tilth.sdk.orders import Draft
from tilth.sdk.preview import EPSILONS, curve
from tilth.sdk.token import Token

app = App(name="job", help="Send models and questions to private tables, and open what comes back.")

State = Literal[
    "queued",
    "claimed",
    "running",
    "delivered",
    "completed",
    "refunded",
    "awaitingApproval",
    "awaitingModel",
    "disputed",
]


@app.command
def train(
    model: Path,
    dataset: str,
    /,
    *,
    epsilon: float,
    secret_model: Flag = False,
    training: Annotated[Training | None, Parameter(name="*")] = None,
    buying: Annotated[Buying | None, Parameter(name="*")] = None,
) -> int:
    """Have your ONNX model trained on a private table; shows the price first.

    Parameters
    ----------
    model
        An ONNX file; `tilth.train` in Python takes PyTorch and scikit-learn as well.
    dataset
        The table's name or number.
    epsilon
        How far one row may show in the result: 1 is careful, 8 is generous.
    secret_model
        Seal the model to the worker, so that nobody else sees it.
    training
        How to train.
    buying
        Who orders, and on which terms.
    """
    how, buyer = training or Training(), buying or Buying()

    def draft(desk: Desk) -> Draft:
        plan = how.plan(epsilon)
        return desk.training(model, _named(dataset), plan, loss=how.loss, secret=secret_model)

    return _order(draft, buyer, buyer.out or model.with_name(f"{model.stem}.trained.onnx"))


@app.command
def evaluate(
    model: Path,
    dataset: str,
    /,
    *,
    epsilon: float,
    loss: Loss | None = None,
    bound: float = 4.0,
    secret_model: Flag = False,
    buying: Annotated[Buying | None, Parameter(name="*")] = None,
) -> int:
    """Have an ONNX model measured on a private table, in noisy numbers.

    Parameters
    ----------
    model
        An ONNX file.
    dataset
        The table's name or number.
    epsilon
        How far one row may show in the numbers.
    loss
        As the model's answer says, if not named.
    bound
        The most that one row's loss may count.
    secret_model
        Seal the model to the worker, so that nobody else sees it.
    buying
        Who orders, and on which terms.
    """
    buyer = buying or Buying()

    def draft(desk: Desk) -> Draft:
        return desk.evaluation(
            model, _named(dataset), epsilon=epsilon, loss=loss, bound=bound, secret=secret_model
        )

    return _order(draft, buyer, buyer.out)


@app.command
def statistics(
    dataset: str,
    /,
    *,
    epsilon: float,
    mean: Names = None,
    histogram: Names = None,
    quantiles: Names = None,
    bins: int = 20,
    buying: Annotated[Buying | None, Parameter(name="*")] = None,
) -> int:
    """Ask a private table for means, histograms and quantiles, all for one price.

    Parameters
    ----------
    dataset
        The table's name or number.
    epsilon
        How far one row may show in all answers together.
    mean
        Columns to average.
    histogram
        Columns to count in bins; the classes of one that has some.
    quantiles
        Columns to find quartiles of.
    bins
        Into how many parts of equal width the bounds of other columns are cut.
    buying
        Who orders, and on which terms.
    """
    buyer = buying or Buying()

    def draft(desk: Desk) -> Draft:
        return desk.statistics(
            _named(dataset),
            epsilon=epsilon,
            mean=mean or (),
            histogram=histogram or (),
            quantiles=quantiles or (),
            parts=bins,
        )

    return _order(draft, buyer, buyer.out)


@app.command
def preview(
    model: Path,
    dataset: str,
    /,
    *,
    epsilon: Numbers = None,
    runs: int = 3,
    svg: Path | None = None,
    training: Annotated[Training | None, Parameter(name="*")] = None,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Plot accuracy against ε on made-up rows of the table's schema: nothing is ordered or paid.

    Parameters
    ----------
    model
        An ONNX file.
    dataset
        The table's name or number.
    epsilon
        Which to try.
    runs
        Trainings at each.
    svg
        Write the plot there as well, as a picture.
    training
        How to train.
    """
    how = training or Training()

    def work(client: Client) -> None:
        number = dataset_number(client, dataset)
        terms, mock = client.terms(number), client.mock(number)
        onnx = start_of(model, mock.schema).onnx
        plan = replace(how.plan(1), loss=how.loss or loss_for(onnx, mock.schema))
        fitting(onnx, plan, mock.schema)
        with tried() as heard:
            found = curve(
                onnx,
                mock,
                int(terms["rows"]),
                plan,
                epsilons=sorted(epsilon or EPSILONS),
                delta=int(terms["deltaPico"]) / 1e12,
                runs=runs,
                heard=heard,
            )
        print(f"{drawn(found)}\n{legend(found)}")
        print(f"One job here may ask for ε {int(terms['maxEpsilonMicro']) / 1e6:g} at most.")
        if svg is not None:
            svg.write_text(picture(found, f"{model.name} on {dataset}: accuracy against ε"))

    return run(url, grpc, work)


@app.command(name="list")
def list_jobs(
    *,
    account: str | None = None,
    dataset: int | None = None,
    state: State | None = None,
    cursor: int | None = None,
    as_json: AsJson = False,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Show jobs, the newest first.

    Parameters
    ----------
    account
        An address: of a requester, an owner or a worker.
    dataset
        On this table.
    state
        In this state.
    cursor
        Go on behind an earlier page: the number it ended with.
    """

    def work(client: Client) -> None:
        found = client.ask("jobs_list", account, dataset, state, cursor)
        print(json.dumps(found)) if as_json else listed(client, found)

    return run(url, grpc, work)


@app.command
def show(job: int, /, *, as_json: AsJson = False, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Show what was ordered, how far it is, and what came of it."""

    def work(client: Client) -> None:
        found = client.ask("jobs_get", job)
        print(json.dumps(found)) if as_json else shown(client, found)

    return run(url, grpc, work)


@app.command
def watch(job: int, /, *, key: Key = None, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Watch a job until it has a result; a secret model is sealed to its worker meanwhile."""
    return _with_job(job, key, url, grpc, watched)


@app.command
def result(
    job: int,
    /,
    *,
    out: Path | None = None,
    key: Key = None,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Open a job's result with its key, which is on the machine that ordered it.

    Parameters
    ----------
    out
        Where it goes: a model as ONNX, outputs as .npy, numbers as JSON.
    """

    def work(ordered: OrderedJob) -> None:
        received(ordered, out)

    return _with_job(job, key, url, grpc, work)


@app.command
def cancel(job: int, /, *, key: Key = None, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Take a job back that no worker has claimed, with all its money."""

    def work(ordered: OrderedJob) -> None:
        print(f"job {job} is taken back, in block {ordered.cancel().block}")

    return _with_job(job, key, url, grpc, work)


@app.command
def acknowledge(job: int, /, *, key: Key = None, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Accept a job's result, so that owner and worker are paid at once."""

    def work(ordered: OrderedJob) -> None:
        print(f"owner and worker are paid, in block {ordered.acknowledge().block}")

    return _with_job(job, key, url, grpc, work)


@app.command
def dispute(
    job: int, /, *, yes: Yes = False, key: Key = None, url: Url = URL, grpc: Grpc = GRPC
) -> int:
    """Dispute a result that is missing, or whose model fails its acceptance test, for a bond."""

    def work(ordered: OrderedJob) -> None:
        if not yes:
            question = "Dispute it? A bond is held, and the key that opens the result gets public."
            confirm(question, "nothing was disputed")
        print(f"job {job} is disputed, in block {ordered.dispute().block}")

    return _with_job(job, key, url, grpc, work)


for owners_command in (waiting, approve, reject, allow):
    app.command(owners_command)


def _order(draft: Callable[[Desk], Draft], buyer: Buying, out: Path | None) -> int:
    def work(client: Client) -> None:
        desk = _desk(client, buyer.key)
        token = Token.of(client.ask("system_properties"))
        order = desk.price(draft(desk), tip=token.planck(buyer.tip))
        print(order.describe())
        if not buyer.yes:
            confirm("Order it?", "nothing was ordered")
        most = None if buyer.max_price is None else token.planck(buyer.max_price)
        job = desk.place(order, max_price=most)
        print(f"job {job.id} is ordered")
        if not buyer.detach:
            watched(job)
            received(job, out)

    return run(buyer.url, buyer.grpc, work)


def _with_job(
    number: int, key: str | None, url: str, grpc: str, work: Callable[[OrderedJob], Any]
) -> int:
    return run(url, grpc, lambda client: work(_desk(client, key).job(number)))


def _desk(client: Client, key: str | None) -> Desk:
    return Desk(client, lambda: signer(key), default_keys())


def _named(dataset: str) -> int | str:
    return int(dataset) if dataset.isdigit() else dataset
