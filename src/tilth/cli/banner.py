"""What a dev chain shows when it is up: where it listens, and who has money."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from tilth.node.service import Node
from tilth.primitives import ss58
from tilth.primitives.crypto.dev import DEV_ACCOUNTS
from tilth.primitives.types import AccountId


@dataclass(frozen=True, slots=True)
class Endpoints:
    rpc_port: int
    grpc_port: int
    pid: int

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.rpc_port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.rpc_port}"

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    def as_json(self) -> dict[str, str | int]:
        return {"ws": self.ws, "http": self.http, "grpc": self.grpc, "pid": self.pid}


def show_banner(node: Node, endpoints: Endpoints) -> None:
    """Lines are never cut: an address that is not whole is no address."""
    from rich.console import Console  # the node answers already; this takes a while

    console = Console(highlight=False, soft_wrap=True)
    version = node.runtime.version
    console.print(
        f"\n[bold green]Tilth[/] {node.config.version} · {node.spec.name} · "
        f"{version.spec_name} {version.spec_version} · genesis 0x{node.genesis_hash.hex()[:12]}…"
    )
    if node.chain.best.number:
        console.print(f"continuing at block [bold]#{node.chain.best.number}[/]")
    for line in (*_accounts(node), "", *_endpoints(endpoints)):
        console.print(line)
    console.print("[dim]The keys of dev accounts are public: never give them value. ^C stops.[/]")


def _accounts(node: Node) -> Iterator[str]:
    prefix = node.runtime.ss58_prefix
    for name, account in DEV_ACCOUNTS.items():
        balance = _free(node, AccountId(account))
        if balance and "//" not in name:
            address = ss58.encode(account, prefix)
            yield f"[cyan]{'//' + name:<12}[/]{address}  {_amount(node, balance):>16}"


def _free(node: Node, account: AccountId) -> int:
    """What an account can spend, if the runtime keeps balances with its accounts."""
    system = getattr(node.runtime, "system", None)
    with node.runtime.at(node.chain.best.state):
        return int(getattr(system.account[account].data, "free", 0)) if system else 0


def _amount(node: Node, planck: int) -> str:
    decimals = node.spec.properties["tokenDecimals"]
    whole = planck // 10**decimals
    return f"{whole:,} {node.spec.properties['tokenSymbol']}"


def _endpoints(endpoints: Endpoints) -> Iterator[str]:
    yield f"[cyan]{'JSON-RPC':<12}[/]{endpoints.ws}  {endpoints.http}"
    yield f"[cyan]{'Explorer':<12}[/]{endpoints.http}/explorer/"
    yield f"[cyan]{'gRPC':<12}[/]{endpoints.grpc}"
    apps = f"https://polkadot.js.org/apps/?rpc={quote(endpoints.ws, safe='')}#/explorer"
    yield f"[cyan]{'Apps':<12}[/]{apps}"
