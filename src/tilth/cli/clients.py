"""What commands that speak to a node have in common: its address, who signs, how it goes wrong."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from tilth.cli import fail
from tilth.cli.secret_uri import secret_uri
from tilth.cli.vault import NotNow
from tilth.engine import EngineError
from tilth.sdk.client import Client
from tilth.sdk.frames import key_pair
from tilth.sdk.loading import number_of
from tilth.sdk.refusals import JobRefunded, Refused, Unreachable, WrongContent
from tilth.vault import VaultError

if TYPE_CHECKING:
    from substrateinterface import Keypair

URL: Final = "ws://127.0.0.1:9944"
GRPC: Final = "127.0.0.1:50051"

Url = Annotated[str, Parameter(env_var="TILTH_URL", help="The node's JSON-RPC address.")]
Grpc = Annotated[str, Parameter(env_var="TILTH_GRPC", help="The node's gRPC address.")]
Key = Annotated[
    str | None,
    Parameter(
        help="Who signs: a file that holds the secret URI, or a dev account as //Alice. Without "
        "it, TILTH_KEY of the environment is the secret URI."
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="For programs.")]
Yes = Annotated[bool, Parameter(negative="", help="Do not ask.")]


class Declined(Exception):
    """The user did not agree, or could not be asked."""


def confirm(question: str, declined: str) -> None:
    """Raises Declined unless somebody at the terminal agrees."""
    if not sys.stdin.isatty():
        raise Declined(f"{declined}; add --yes")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Declined(declined)


def signer(key: str | None) -> "Keypair":
    """Who signs; raises NoSecret or NoKey."""
    return key_pair(key and secret_uri(key))


def plain(text: str) -> str:
    """Others' words without what a terminal would take as a command."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def dataset_number(client: Client, which: str) -> int:
    """A dataset by its number or name."""
    return int(which) if which.isdigit() else number_of(client, which)


def run(url: str, grpc: str, work: Callable[[Client], None]) -> int:
    def connected() -> None:
        with Client(url, grpc) as client:
            work(client)

    return told(connected)


def told(work: Callable[[], None]) -> int:
    """The exit status; what goes wrong is one line on stderr."""
    try:
        work()
    except (Refused, Unreachable, WrongContent, JobRefunded, Declined, NotNow) as error:
        return fail(str(error))
    except (EngineError, VaultError, LookupError, ValueError, ImportError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 0
