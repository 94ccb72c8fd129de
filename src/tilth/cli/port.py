"""The options of the JSON-RPC port, under Substrate's names."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from tilth.rpc.jsonrpc.access import Access
    from tilth.rpc.jsonrpc.limits import Limits


class BadOption(Exception):
    """An option that cannot be meant; the text says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortOptions:
    """Who may use the JSON-RPC port, and how much."""

    rpc_methods: Literal["auto", "safe", "unsafe"] = "auto"
    """Who may call unsafe methods: with auto, whoever reaches this machine directly."""

    rpc_cors: str = "all"
    """The web pages that may use the port, as origins with commas between; all, or none."""

    rpc_hosts: str = ""
    """Further names under which the port is reached, with commas between."""

    rpc_max_connections: int = 100
    """Connections at once; who comes then is told so."""

    rpc_max_request_size: int = 15
    """The largest request, in MiB."""

    rpc_max_response_size: int = 15
    """The largest answer, in MiB."""

    rpc_max_subscriptions_per_connection: int = 1024
    """Subscriptions of one connection."""

    rpc_message_buffer_capacity_per_connection: int = 64
    """Notifications kept for a client that does not read; with one more it is cut off."""

    rpc_max_batch_request_len: int | None = None
    """Requests in one batch; any number where nothing is said."""

    rpc_disable_batch_requests: Annotated[bool, Parameter(negative=())] = False
    """Take no batches."""

    rpc_rate_limit: int | None = None
    """Calls a minute of one connection; any number where nothing is said."""

    rpc_rate_limit_whitelisted_ips: str = ""
    """Addresses and networks without that limit, with commas between."""

    rpc_rate_limit_trust_proxy_headers: Annotated[bool, Parameter(negative=())] = False
    """Believe X-Forwarded-For and its like when that limit is applied."""


def access_of(options: PortOptions) -> "Access":
    from tilth.rpc.jsonrpc.access import Access, RpcMethods

    return Access(
        cors=_origins(options.rpc_cors),
        methods=RpcMethods(options.rpc_methods),
        hosts=_listed(options.rpc_hosts),
    )


def limits_of(options: PortOptions) -> "Limits":
    """Raises BadOption."""
    from tilth.rpc.jsonrpc.limits import MIB, Limits

    _check_positive(options)
    return Limits(
        connections=options.rpc_max_connections,
        request_size=options.rpc_max_request_size * MIB,
        response_size=options.rpc_max_response_size * MIB,
        subscriptions=options.rpc_max_subscriptions_per_connection,
        buffered_messages=options.rpc_message_buffer_capacity_per_connection,
        batch=_batch(options),
        calls_per_minute=options.rpc_rate_limit,
        unlimited_peers=tuple(
            _network(text) for text in _listed(options.rpc_rate_limit_whitelisted_ips)
        ),
        trust_proxy_headers=options.rpc_rate_limit_trust_proxy_headers,
    )


def _origins(text: str) -> tuple[str, ...] | None:
    """None lets every page in, as Substrate's `all` and `*`."""
    if text in ("all", "*"):
        return None
    return () if text == "none" else _listed(text)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _check_positive(options: PortOptions) -> None:
    for name in (
        "rpc_max_connections",
        "rpc_max_request_size",
        "rpc_max_response_size",
        "rpc_message_buffer_capacity_per_connection",
        "rpc_max_batch_request_len",
        "rpc_rate_limit",
    ):
        value = getattr(options, name)
        if value is not None and value < 1:
            flag = name.replace("_", "-")
            raise BadOption(f"--{flag} is at least 1, not {value}")


def _batch(options: PortOptions) -> int | None:
    if not options.rpc_disable_batch_requests:
        return options.rpc_max_batch_request_len
    if options.rpc_max_batch_request_len is not None:
        raise BadOption(
            "--rpc-disable-batch-requests takes no batches, so --rpc-max-batch-request-len cannot "
            "be said as well"
        )
    return 0


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise BadOption(
            f"--rpc-rate-limit-whitelisted-ips takes addresses and networks, as 10.0.0.0/8, "
            f"not {text!r}"
        ) from None
