"""Which web pages, hosts and callers may use the node: CORS, Host check and unsafe methods."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Final, TypeAlias

Headers: TypeAlias = Mapping[str, str]

LOCAL_ORIGINS: Final = (
    "http://localhost:*",
    "http://127.0.0.1:*",
    "https://localhost:*",
    "https://127.0.0.1:*",
    "https://polkadot.js.org",
)
_PROXY_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


class RpcMethods(Enum):
    """Who may call methods marked unsafe; AUTO is: whoever reaches a loopback address directly."""

    AUTO = "auto"
    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the operator allows. `cors` None lets every page in, but not to unsafe methods.

    Substrate looks at the Host only where `cors` is a list; here also where the port is this
    machine's own, since there only a page that plays DNS tricks has another name for it.
    """

    cors: tuple[str, ...] | None = LOCAL_ORIGINS
    methods: RpcMethods = RpcMethods.AUTO
    hosts: tuple[str, ...] = ()
    """Further names, as host or host:port, under which this node is reached."""


class Gate:
    """Access, decided for one listening address."""

    def __init__(self, access: Access, host: str, port: int) -> None:
        self._open = access.cors is None
        self._methods = access.methods
        self._loopback = _is_loopback(host)
        own = {"localhost", "127.0.0.1", "[::1]"}
        if not _is_wildcard(host):
            own.add(f"[{host}]" if ":" in host else host.lower())
        self._names = own
        self._hosts = {f"{name}:{port}" for name in own} | {host.lower() for host in access.hosts}
        if port == 80:
            self._hosts |= own
        self._origin = _pattern(LOCAL_ORIGINS if access.cors is None else access.cors)

    def admits_host(self, host: str) -> bool:
        """Against DNS rebinding: a page must not reach this node under a name of its own."""
        if host.lower() in self._hosts:
            return True
        return self._open and (not self._loopback or _without_port(host) in self._names)

    def admits_origin(self, origin: str | None) -> bool:
        return self._open or origin is None or self._is_known(origin)

    def cors(self, headers: Headers) -> tuple[tuple[str, str], ...]:
        """The response headers that let a page read the answer."""
        if self._open:
            return (("access-control-allow-origin", "*"),)
        origin = headers.get("origin")
        if origin is None or not self._is_known(origin):
            return (("vary", "origin"),)
        return (("access-control-allow-origin", origin), ("vary", "origin"))

    def preflight(self, headers: Headers) -> tuple[tuple[str, str], ...]:
        asked = headers.get("access-control-request-headers")
        allowed = asked if self._open and asked else "content-type"
        return (
            *self.cors(headers),
            ("access-control-allow-methods", "GET, POST"),
            ("access-control-allow-headers", allowed),
            ("access-control-max-age", "600"),
        )

    def trusts(self, headers: Headers) -> bool:
        """Whether a request may call unsafe methods."""
        origin = headers.get("origin")
        if self._methods is RpcMethods.SAFE or not (origin is None or self._is_known(origin)):
            return False
        if self._methods is RpcMethods.UNSAFE:
            return True
        proxied = any(name in headers for name in _PROXY_HEADERS)
        return self._loopback and not proxied and headers.get("host", "").lower() in self._hosts

    def _is_known(self, origin: str) -> bool:
        """Listed, or a page of this node itself."""
        own = origin.partition("://")[2].lower() in self._hosts
        return own or self._origin.fullmatch(origin) is not None


def _pattern(origins: tuple[str, ...]) -> re.Pattern[str]:
    """`:*` stands for any port or none, `*` elsewhere for any one name."""
    parts = [
        re.escape(origin).replace(r":\*", r"(:[0-9]+)?").replace(r"\*", r"[^/:]+")
        for origin in origins
    ]
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def _without_port(host: str) -> str:
    """A tunnel may lead here from another port."""
    return re.sub(r":[0-9]*$", "", host.lower())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return host == ""
