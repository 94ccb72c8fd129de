"""Who is at the other end of a connection, and what it has subscribed to."""

import logging
import random
import string
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

from tilth.rpc.jsonrpc.wire import Encoded, encode, notification_start

if TYPE_CHECKING:
    from tilth.rpc.jsonrpc.dispatch import Topic

Undo: TypeAlias = Callable[[], object]
Kept = TypeVar("Kept")

_log = logging.getLogger("tilth.rpc")
_ID_ALPHABET: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 16  # RandomStringIdProvider::new(16)


class Link(Protocol):
    """The way back to a client."""

    def notify(self, start: bytes, result: Encoded) -> bool:
        """Queue a notification without waiting; False once the client is gone or too slow."""
        ...

    def room(self) -> Awaitable[None]:
        """Wait until the client has read enough to be sent more."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> Undo:
        """Run work that ends, at the latest, with the connection; gives what ends it earlier."""
        ...


class Begun(Protocol):
    """What waits for its reply to be sent before it goes on."""

    def release(self) -> None: ...

    def close(self) -> None:
        """The reply will never be sent."""
        ...


class Client:
    """One connection, as methods see it; usable as the key of what a node keeps per client.

    Over HTTP it lasts as long as the TCP connection and cannot subscribe.
    """

    def __init__(self, peer: str, link: Link | None, rng: random.Random) -> None:
        self.peer = peer
        self.closed = False
        self.trusted: Callable[[], bool] = bool
        """Whether the caller may use unsafe methods; asked when it tries to."""

        self._link = link
        self._rng = rng
        self._sinks: dict[str, Sink] = {}
        self._on_close: list[Undo] = []
        self._kept: dict[type, Any] = {}
        self._begun: list[Begun] = []

    def own(self, kind: type[Kept]) -> Kept:
        """What methods keep for this client alone, one of each kind; made when first asked for."""
        kept: Kept = self._kept.get(kind) or self._kept.setdefault(kind, kind())
        return kept

    def begin(self, work: Begun) -> None:
        """Release the work as soon as the reply to the present request is on its way."""
        self._begun.append(work)

    def take_begun(self) -> list[Begun]:
        begun, self._begun = self._begun, []
        return begun

    @property
    def subscriptions(self) -> int:
        return len(self._sinks)

    @property
    def subscribes(self) -> bool:
        return self._link is not None

    def new_id(self) -> str:
        return "".join(self._rng.choices(_ID_ALPHABET, k=_ID_LENGTH))

    def subscription(self, id_: str) -> "Sink | None":
        """The open subscription of this client that has this id."""
        return self._sinks.get(id_)

    def on_close(self, callback: Undo) -> None:
        """Call once this client is gone; at once if it already is."""
        if self.closed:
            callback()
        else:
            self._on_close.append(callback)

    def open(self, topic: "Topic") -> "Sink":
        assert self._link is not None, "a session opens subscriptions only where they can be sent"
        id_ = self.new_id()
        sink = self._sinks[id_] = Sink(id_, topic, self, self._link)
        return sink

    def unsubscribe(self, topic: "Topic", id_: object) -> bool:
        """End a subscription of this topic; False if this client has no such."""
        sink = self._sinks.get(id_) if isinstance(id_, str) else None
        if sink is None or sink.topic != topic:
            return False
        sink.close()
        return True

    def forget(self, sink: "Sink") -> None:
        self._sinks.pop(sink.id, None)

    def close(self) -> None:
        self.closed = True
        for sink in list(self._sinks.values()):
            sink.close()
        callbacks, self._on_close = self._on_close, []
        for callback in callbacks:
            run_undo(callback)


class Sink:
    """An open subscription: where its results go, in the order in which they are sent.

    What is sent before the caller was told the subscription's id waits until that is done.
    """

    def __init__(self, id_: str, topic: "Topic", client: Client, link: Link) -> None:
        self.id = id_
        self.topic = topic
        self.client = client
        self.closed = False
        self._link = link
        self._start = notification_start(topic.notification, id_)
        self._held: list[Encoded] | None = []
        self._undo: Undo | None = None
        self._source: AsyncGenerator[object, None] | None = None

    def send(self, result: object) -> bool:
        """Notify; never waits. False once the subscription has ended, and nothing is sent.

        A result that many sinks get is best encoded once: `send(encode(result))`.
        """
        if self.closed:
            return False
        body = encode(result)
        if self._held is None:
            return self._link.notify(self._start, body)
        self._held.append(body)
        return True

    def close(self) -> None:
        """End the subscription; what was sent before still arrives."""
        if self.closed:
            return
        self.closed = True
        self.client.forget(self)
        undo, self._undo = self._undo, None
        if undo is not None:
            run_undo(undo)

    def established(self, undo: Undo | None) -> None:
        """The method has subscribed; `undo` ends what it began."""
        self._undo = undo
        if self.closed and undo is not None:
            self._undo = None
            run_undo(undo)

    def streams(self, source: AsyncGenerator[object, None]) -> None:
        """The results are what this source yields, once the sink is released."""
        self._source = source

    def release(self) -> None:
        """The caller knows the id: let out what was held."""
        held, self._held = self._held or [], None
        for body in held:
            self._link.notify(self._start, body)
        if self._source is not None:
            self.established(self._link.spawn(self._pump(self._source)))

    async def _pump(self, source: AsyncGenerator[object, None]) -> None:
        try:
            async for result in source:
                await self._link.room()
                if not self.send(result):
                    break
        except Exception:  # noqa: BLE001 - whatever a source raises ends its subscription alone
            _log.error("%s ended early", self.topic.notification, exc_info=True)
        finally:
            self._undo = None
            self.close()
            await source.aclose()


def run_undo(undo: Undo) -> None:
    """Run one callback of an ending; its failure must not keep the others from running."""
    try:
        undo()
    except Exception:  # noqa: BLE001 - see above
        _log.error("ending a subscription failed", exc_info=True)
