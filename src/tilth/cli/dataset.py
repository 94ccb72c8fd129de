"""`tilth dataset`: publish, find, load, check and cite the datasets of the commons."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn
from rich.table import Table as Grid

from tilth.cli import fail
from tilth.cli.clients import (
    GRPC,
    URL,
    AsJson,
    Grpc,
    Key,
    Url,
    confirm,
    dataset_number,
    plain,
    run,
    signer,
    told,
)
from tilth.pallets.transaction_storage import POT
from tilth.primitives import ss58
from tilth.sdk.client import Client
from tilth.sdk.loading import LoadedDataset, load_dataset
from tilth.sdk.publishing import Price, Publication
from tilth.sdk.refusals import Refused
from tilth.sdk.token import Token
from tilth.sdk.wire import bounded

app = App(name="dataset", help="Publish, find, load and cite datasets of the commons.")

_USE: Final = re.compile(r"([0-9]+)(?:@([0-9]+))?")

Tags = Annotated[list[str] | None, Parameter(name="--tag", negative="")]


@app.command
def publish(
    source: Path,
    /,
    *,
    name: str,
    licence: str,
    tag: Tags = None,
    description: str = "",
    changelog: str = "",
    revises: int | None = None,
    key: Key = None,
    anonymous: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Publish a file or a folder for ever; shows first what becomes public, and what it costs.

    Parameters
    ----------
    source
        CSV, JSON lines, Parquet, Arrow, .npy, or anything else as it is: archives stay packed.
    name
        What people look for.
    licence
        An SPDX expression, as CC0-1.0 or CC-BY-4.0.
    tag
        A word to be found by; may be given several times.
    description
        A sentence or more.
    changelog
        What is new in this revision.
    revises
        The number of your dataset of which this is a new revision.
    anonymous
        Without an account: this machine works for a while instead, and a pot of donations pays.
    yes
        Do not ask.
    """

    if anonymous and (key is not None or revises is not None):
        return fail("--anonymous is without --key, and nobody's dataset has a new revision")

    def work(client: Client) -> None:
        pair = None if anonymous else signer(key)
        publication = Publication.of(
            source,
            name=name,
            spdx=licence,
            tags=tag or (),
            description=description,
            changelog=changelog,
        )
        price = client.price(publication)
        payer = "donors give it, and work stands for fees" if anonymous else "you give it, and fees"
        _agree(publication, price, _token(client), payer, ask=not yes, quiet=as_json)
        with _progress(price.size, quiet=as_json) as heard:
            if pair is None:
                done = client.send_anonymously(publication, heard)
            else:
                done = client.send_publication(pair, publication, heard, revises=revises)
        told = {
            "dataset": done.dataset,
            "revision": done.revision,
            "duplicateOf": done.duplicate_of,
            "similarTo": done.similar_to,
            "keyFile": None if done.key_file is None else str(done.key_file),
        }
        _tell(told, as_json)

    return run(url, grpc, work)


@app.command(name="list")
def list_datasets(*, as_json: AsJson = False, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Show the newest datasets."""
    return run(url, grpc, lambda client: _show_found(client, (None,) * 5, as_json))


@app.command
def search(
    text: str = "",
    /,
    *,
    tag: str | None = None,
    licence: str | None = None,
    publisher: str | None = None,
    cursor: int | None = None,
    as_json: AsJson = False,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Find datasets for which all that is given holds, the newest first.

    Parameters
    ----------
    text
        Words of the name, the tags or the licence.
    tag
        Exactly this tag.
    licence
        Exactly this SPDX expression.
    publisher
        An address.
    cursor
        Go on behind an earlier page: the number it ended with.
    """
    query = (text or None, tag, licence, publisher, None)
    return run(url, grpc, lambda client: _show_found(client, query, as_json, cursor))


@app.command
def show(which: str, /, *, as_json: AsJson = False, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Show what the chain knows of a dataset, and its first rows.

    Parameters
    ----------
    which
        Its name or number.
    """

    def work(client: Client) -> None:
        number = dataset_number(client, which)
        found = client.ask("datasets_get", number)
        if as_json:
            print(json.dumps(found))
            return
        _tell({**found["dataset"], **(found["revision"] or {})}, as_json=False)
        try:
            _show_rows(client.ask("datasets_preview", number))
        except Refused as refused:
            print(f"No preview: {refused}")

    return run(url, grpc, work)


@app.command
def get(
    which: str,
    to: Path,
    /,
    *,
    revision: str | None = None,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Fetch a dataset's files into a folder, each checked against the chain.

    Parameters
    ----------
    which
        Its name or number.
    to
        The folder; files that are there already are not written over.
    revision
        A number or a tag; the newest where none is given.
    """

    def work(dataset: LoadedDataset) -> None:
        with _progress(dataset.size, quiet=False) as heard:
            files = dataset.files(heard)
        for name, path in files.items():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                raise FileExistsError(17, "is there already", str(target))
            shutil.copyfile(path, target)
            print(target)

    return _run_loaded(url, grpc, which, revision, work)


@app.command
def verify(which: str, /, *, revision: str | None = None, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Fetch every byte of a dataset and hold it against what the chain and the description say.

    Parameters
    ----------
    which
        Its name or number.
    revision
        A number or a tag; the newest where none is given.
    """

    def work(dataset: LoadedDataset) -> None:
        for held in dataset.verify():
            print(f"✓ {held}")

    return _run_loaded(url, grpc, which, revision, work)


@app.command
def tag(
    dataset: int,
    tag: str,
    revision: int,
    /,
    *,
    key: Key = None,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Give a revision of your dataset a name, which it keeps for ever."""
    params = {"dataset": dataset, "tag": tag, "revision": revision}
    return run(url, grpc, lambda client: _sign(client, key, "tag_revision", params))


@app.command
def deprecate(
    dataset: int,
    /,
    *,
    by: int | None = None,
    key: Key = None,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Advise against your dataset; it stays, and loads by its number.

    Parameters
    ----------
    by
        The number of the dataset to use instead.
    """
    params = {"dataset": dataset, "by": by, "reason": None}
    return run(url, grpc, lambda client: _sign(client, key, "deprecate", params))


@app.command
def cite(
    dataset: int,
    uses: list[str],
    /,
    *,
    revision: int = 0,
    key: Key = None,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Say from which datasets a revision of yours was made.

    Parameters
    ----------
    uses
        Their numbers, each with a revision other than the first one as 7@2.
    revision
        Which revision of yours.
    """

    def work(client: Client) -> None:
        named = bounded(_use(use) for use in uses)
        params = {"dataset": dataset, "revision": revision, "uses": named}
        _sign(client, key, "cite", params)

    return run(url, grpc, work)


@app.command
def donate(amount: float, /, *, key: Key = None, url: Url = URL, grpc: Grpc = GRPC) -> int:
    """Fill the pot that pays the deposits of those who publish without an account.

    Parameters
    ----------
    amount
        In whole tokens.
    """

    def work(client: Client) -> None:
        token = _token(client)
        params = {"amount": token.planck(amount)}
        receipt = client.submit(signer(key), "TransactionStorage", "donate", params)
        held = client.free_balance(ss58.encode(POT))
        print(f"the pot has {token.words(held)}, in block {receipt.block}")

    return run(url, grpc, work)


def _token(client: Client) -> Token:
    return Token.of(client.ask("system_properties"))


def _agree(
    publication: Publication, price: Price, token: Token, payer: str, *, ask: bool, quiet: bool
) -> None:
    if not quiet:
        print(f"{publication.name!r} becomes public for ever, under {publication.spdx}:")
        print(f"  files: {price.files:,}, bytes: {price.size:,}, rows: {price.rows:,}")
        for file in publication.reading.files[:20]:
            print(f"    {file.path} ({file.size:,} bytes)")
        deposit = token.words(price.deposit)
        print(f"  a deposit of {deposit}, which does not come back: {payer}")
    if ask:
        confirm("Publish it?", "nothing was published")


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)


def _show_found(
    client: Client, query: tuple[str | None, ...], as_json: bool, cursor: int | None = None
) -> None:
    found = client.ask("datasets_search", *query, cursor)
    if as_json:
        print(json.dumps(found))
        return
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("number", "name", "kind", "licence", "rows", "tags"):
        grid.add_column(title, justify="right" if title in ("number", "rows") else "left")
    for each in found["datasets"]:
        name = each["name"] + (" (deprecated)" if each["deprecated"] else "")
        tags = ", ".join(each["tags"])
        number, rows = str(each["dataset"]), str(each["rows"])
        grid.add_row(number, plain(name), each["kind"], each["spdx"], rows, plain(tags))
    Console(highlight=False, markup=False).print(grid if grid.row_count else "Nothing was found.")
    if found["cursor"] is not None:
        print(f"There are more: add --cursor {found['cursor']}")


def _show_rows(preview: Any) -> None:
    grid = Grid(title="made up, as the rows are private" if preview["mock"] else preview["file"])
    for column in preview["columns"]:
        grid.add_column(plain(column))
    for row in preview["rows"]:
        grid.add_row(*map(plain, row))
    Console(highlight=False, markup=False).print(grid)


def _tell(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        if value not in (None, []):
            print(f"{name:>14}  {plain(str(value))}")


def _sign(client: Client, key: str | None, call: str, params: dict[str, Any]) -> None:
    receipt = client.submit(signer(key), "Datasets", call, params)
    print(f"done, in block {receipt.block}")


def _use(text: str) -> tuple[int, int]:
    found = _USE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no dataset: give its number, or number@revision")
    return int(found[1]), int(found[2] or 0)


def _run_loaded(
    url: str, grpc: str, which: str, revision: str | None, work: Callable[[LoadedDataset], None]
) -> int:
    wanted = int(which) if which.isdigit() else which
    at = int(revision) if revision and revision.isdigit() else revision

    def load_and_work() -> None:
        with load_dataset(wanted, revision=at, url=url, grpc=grpc) as dataset:
            work(dataset)

    return told(load_and_work)
