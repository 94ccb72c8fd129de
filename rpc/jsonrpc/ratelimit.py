"""How many calls a connection may make in a minute."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

from tilth.rpc.jsonrpc.access import Headers
from tilth.rpc.jsonrpc.limits import Limits

Address: TypeAlias = IPv4Address | IPv6Address


class Meter:
    """Admits a minute's calls at once and then as many as a minute refills (governor's cells)."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._capacity = float(per_minute)
        self._left = float(per_minute)
        self._filled = clock()

    def admit(self) -> bool:
        now = self._clock()
        refill = (now - self._filled) * self._capacity / 60
        self._left = min(self._capacity, self._left + refill)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def meter_for(
    limits: Limits, peer: str, headers: Headers, clock: Callable[[], float]
) -> Meter | None:
    """The meter of a connection, unless there is no limit for it."""
    if limits.calls_per_minute is None:
        return None
    proxied = _proxied(headers) if limits.trust_proxy_headers else None
    address = proxied or _address(peer)
    if address is not None and any(address in network for network in limits.unlimited_peers):
        return None
    return Meter(limits.calls_per_minute, clock)


def _address(text: str) -> Address | None:
    text = text.strip().strip('"').removeprefix("[").partition("]")[0]
    if text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ip_address(text)
    except ValueError:
        return None


def _proxied(headers: Headers) -> Address | None:
    """The farthest client that the proxies name: Forwarded, X-Forwarded-For, X-Real-IP."""
    for element in headers.get("forwarded", "").split(",")[0].split(";"):
        key, _, value = element.partition("=")
        if key.strip().lower() == "for" and (address := _address(value)):
            return address
    first = headers.get("x-forwarded-for", "").split(",")[0]
    return _address(first) or _address(headers.get("x-real-ip", ""))
