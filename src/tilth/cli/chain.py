"""`tilth chain`: the tools of a running dev chain, each as a command."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter, validators
from rich.console import Console

from tilth.cli import fail
from tilth.sdk.devchain import DEFAULT_URL, DevChain
from tilth.sdk.refusals import Refused, Unreachable

app = App(name="chain", help="Drive a dev chain: blocks, time, storage, forks.")

Url = Annotated[str, Parameter(env_var="TILTH_URL", help="The node's JSON-RPC address.")]


@app.command
def head(*, url: Url = DEFAULT_URL) -> int:
    """Show the best block."""
    return _run(url, _block)


@app.command
def mine(
    count: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1,
    /,
    *,
    interval: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    url: Url = DEFAULT_URL,
) -> int:
    """Make blocks.

    Parameters
    ----------
    count
        How many.
    interval
        Seconds from each to the next, on the chain's clock.
    """
    apart = None if interval is None else round(interval * 1000)
    return _run(url, lambda chain: _block(chain, chain.mine(count, interval_ms=apart)))


@app.command
def travel(date: str, /, *, url: Url = DEFAULT_URL) -> int:
    """Go to a time, which the chain's clock then goes on from.

    Parameters
    ----------
    date
        As 2030-01-01T12:00, or milliseconds since 1970; in UTC unless it says otherwise.
    """
    to = int(date) if date.isdigit() else date
    return _run(url, lambda chain: _block(chain, chain.time_travel(to)))


@app.command
def next_timestamp(moment: int, /, *, url: Url = DEFAULT_URL) -> int:
    """Set the time of the next block.

    Parameters
    ----------
    moment
        Milliseconds since 1970.
    """
    return _run(url, lambda chain: chain.set_next_timestamp(moment))


@app.command
def snapshot(*, url: Url = DEFAULT_URL) -> int:
    """Remember this moment, and print what `revert` takes."""
    return _run(url, DevChain.snapshot)


@app.command
def revert(snapshot: str, /, *, url: Url = DEFAULT_URL) -> int:
    """Return to a snapshot: blocks, pool and time are as they were.

    Parameters
    ----------
    snapshot
        What `tilth chain snapshot` printed.
    """
    return _run(url, lambda chain: _block(chain, chain.revert(snapshot)))


@app.command
def set_head(block: str, /, *, url: Url = DEFAULT_URL) -> int:
    """Make a known block the best one.

    Parameters
    ----------
    block
        Its hash, its height, or ~n for n blocks back.
    """
    try:
        to = block if block.startswith("0x") else int(block.replace("~", "-"))
    except ValueError:
        return fail(f"{block!r} is no block: give its hash, its height, or ~n for n blocks back")
    return _run(url, lambda chain: _block(chain, chain.set_head(to)))


@app.command
def reorg(depth: int, /, *, keep: bool = True, url: Url = DEFAULT_URL) -> int:
    """Replace the last blocks by a fork that is one longer; start the chain with --finality-lag.

    Parameters
    ----------
    depth
        How many blocks.
    keep
        Put the transactions of the replaced blocks back into the pool.
    """
    return _run(url, lambda chain: _block(chain, chain.reorg(depth, keep=keep)))


@app.command
def set_balance(account: str, planck: int, /, *, url: Url = DEFAULT_URL) -> int:
    """Give an account so much that is free.

    Parameters
    ----------
    account
        Its address, its 32 bytes as hex, or a dev account's name, as //Bob.
    planck
        How much it has then.
    """
    return _run(url, lambda chain: _block(chain, chain.set_balance(_address(account), planck)))


@app.command
def set_storage(values: str, /, *, url: Url = DEFAULT_URL) -> int:
    """Write storage.

    Parameters
    ----------
    values
        A file of JSON such as {"Sudo": {"Key": "5GrwvaEF…"}}, or pairs of hex; or such JSON itself;
        - reads standard input.
    """
    try:
        written = json.loads(_text_of(values))
    except (OSError, ValueError) as error:
        return fail(f"{values} cannot be read as JSON: {error}")
    return _run(url, lambda chain: _block(chain, chain.set_storage(written)))


def _text_of(values: str) -> str:
    if values.startswith(("{", "[")):
        return values
    return sys.stdin.read() if values == "-" else Path(values).read_text()


@app.command
def impersonate(account: str, /, *, stop: bool = False, url: Url = DEFAULT_URL) -> int:
    """Take any signature of an account.

    Parameters
    ----------
    account
        Its address, its 32 bytes as hex, or a dev account's name, as //Bob.
    stop
        Ask for its signature again.
    """

    def act(chain: DevChain) -> None:
        (chain.stop_impersonating if stop else chain.impersonate)(_address(account))

    return _run(url, act)


@app.command
def automine(on: Annotated[str, Parameter(help="on or off.")], /, *, url: Url = DEFAULT_URL) -> int:
    """Make blocks as the node was started to, or only when asked."""
    if on not in ("on", "off"):
        return fail(f"{on!r} is neither on nor off")
    return _run(url, lambda chain: chain.automine(on == "on"))


def _address(account: str) -> str:
    if not account.startswith("//"):
        return account
    from tilth.primitives.crypto.keypair import Keypair

    return f"0x{Keypair.from_uri(account).account.hex()}"


def _block(chain: DevChain, _: object = None) -> str:
    """What is best, once something has been done."""
    best = chain.head()
    return f"#{best.number}  {best.hash}"


def _run(url: str, act: Callable[[DevChain], Any]) -> int:
    try:
        said = act(DevChain(url))
    except (Refused, Unreachable) as error:
        return fail(str(error))
    if said is not None:
        Console(highlight=False, soft_wrap=True).print(said)
    return 0
