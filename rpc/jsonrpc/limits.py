"""What one client may ask of the node: Substrate's defaults, and deadlines of our own."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes are in bytes, times in seconds; None means no limit."""

    connections: int = 100
    request_size: int = 15 * MIB
    response_size: int = 15 * MIB
    subscriptions: int = 1024
    buffered_messages: int = 64
    """Notifications that wait for a client which does not read; one more and it is cut off."""

    batch: int | None = None
    """Requests in one batch; 0 refuses batches."""

    calls_per_minute: int | None = None
    unlimited_peers: tuple[IPv4Network | IPv6Network, ...] = ()
    trust_proxy_headers: bool = False
    """Whether the rate limit believes Forwarded, X-Forwarded-For and X-Real-IP."""

    concurrent_calls: int = 64
    """Unfinished asynchronous calls of one client; it is not read from meanwhile."""

    head_size: int = 16 * 1024
    fragments: int = 4096
    head_seconds: float = 10.0
    idle_seconds: float = 60.0
    """How long a kept-alive HTTP connection may wait for its next request."""

    rate_window: float = 5.0
    bytes_per_second: int = 1024
    """The slowest a begun body or message may arrive, looked at once per window."""

    stalled_seconds: float = 60.0
    """How long a client may read nothing at all while answers wait for it."""

    linger_seconds: float = 5.0
    """How long a refused or closed peer may take to hang up."""

    ping_seconds: float = 30.0
    stop_seconds: float = 5.0
    tick_seconds: float = 1.0
    """How often the deadlines above are looked at."""
