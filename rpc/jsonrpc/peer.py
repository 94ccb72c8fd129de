"""Another node, asked over its WebSocket: blocks, content, and where its chain stands."""

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tilth.node.healing import SourceFailed
from tilth.node.peering import PeerFailed, Tip
from tilth.primitives.cid import BLAKE2B_256, RAW, SHA2_256, Cid
from tilth.primitives.types import H256

_MOST: Final = 64 * 1024 * 1024  # bytes of one answer
_HIGHEST: Final = 2**64
_KEYS: Final = 1000
_DEADLINE: Final = 60.0
_OPEN: Final = 10.0
_NOT_FOUND: Final = -32810


class _Refused(Exception):
    """An answer that is an error object."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class WebSocketPeer:
    """One connection, over which many questions may be under way; it is made again by `connect`.

    Whoever does not answer within `deadline` seconds, be it a ping, or sends more than `most`
    bytes at once, is left.
    """

    def __init__(self, url: str, *, deadline: float = _DEADLINE, most: int = _MOST) -> None:
        self.name = url
        self._deadline = deadline
        self._most = most
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()

    async def connect(self) -> None:
        """Raises PeerFailed."""
        await self.close()
        try:
            self._socket = await connect(
                self.name,
                max_size=self._most,
                compression=None,
                ping_interval=self._deadline,
                ping_timeout=self._deadline,
                open_timeout=min(self._deadline, _OPEN),
                close_timeout=min(self._deadline, _OPEN),
            )
        except (OSError, WebSocketException, TimeoutError, ValueError) as error:
            raise PeerFailed(f"it cannot be reached ({error})") from error
        self._reading = asyncio.ensure_future(self._read(self._socket))
        for method in ("chain_subscribeNewHeads", "chain_subscribeFinalizedHeads"):
            await self._ask(method)

    async def close(self) -> None:
        socket, reading = self._socket, self._reading
        self._socket = self._reading = None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if socket is not None:
            await socket.close()

    async def hashes(self, numbers: Sequence[int]) -> list[H256 | None]:
        answer = await self._ask("chain_getBlockHash", list(numbers))
        if not isinstance(answer, list) or len(answer) != len(numbers):
            raise PeerFailed("it does not answer what it was asked")
        return [None if text is None else _hash(text) for text in answer]

    async def header(self, hash: H256) -> bytes | None:
        answer = await self._ask("archive_v1_header", _hex(hash))
        return None if answer is None else _unhex(answer)

    async def block(self, hash: H256) -> tuple[bytes, tuple[bytes, ...]] | None:
        header, body = await asyncio.gather(
            self.header(hash), self._ask("archive_v1_body", _hex(hash))
        )
        if header is None or not isinstance(body, list):
            return None
        return header, tuple(map(_unhex, body))

    async def tip(self) -> Tip:
        self._news.clear()
        best, finalized = await asyncio.gather(
            self._ask("chain_getBlockHash"), self._ask("chain_getFinalizedHead")
        )
        header = await self._ask("chain_getHeader", best)
        try:
            number = int(header["number"], 16)
        except (TypeError, KeyError, ValueError):
            raise PeerFailed("it does not know its own best block") from None
        if not 0 <= number < _HIGHEST:
            raise PeerFailed("no chain has so many blocks as it says")
        return Tip(_hash(best), number, _hash(finalized))

    async def moved(self) -> None:
        """Also ends, with PeerFailed, when the connection does."""
        await self._news.wait()
        if self._reading is None or self._reading.done():
            raise PeerFailed("the connection ended")

    async def submit(self, extrinsic: bytes) -> None:
        """What it refuses it knows already, or would refuse from anybody."""
        try:
            await self._request("author_submitExtrinsic", _hex(extrinsic))
        except _Refused:
            return

    async def content(self, hash: H256) -> bytes | None:
        try:
            if self._socket is None or self._reading is None or self._reading.done():
                await self.connect()
            for hashing in (SHA2_256, BLAKE2B_256):
                found = await self._content(Cid(RAW, hashing, hash))
                if found is not None:
                    return found
        except PeerFailed as error:
            raise SourceFailed(str(error)) from error
        return None

    async def _content(self, cid: Cid) -> bytes | None:
        try:
            return _unhex(await self._request("bitswap_v1_get", str(cid)))
        except _Refused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise PeerFailed(str(refused)) from None

    async def state(self, hash: H256) -> dict[bytes, bytes]:
        """Raises PeerFailed."""
        entries: dict[bytes, bytes] = {}
        start: str | None = None
        while True:
            keys = await self._ask("state_getKeysPaged", "0x", _KEYS, start, _hex(hash))
            if not keys:
                return entries
            page = await self._ask("state_queryStorageAt", keys, _hex(hash))
            known = len(entries)
            try:
                entries |= {_unhex(key): _unhex(value) for key, value in page[0]["changes"]}
                start = keys[-1]
            except (LookupError, TypeError, ValueError):
                raise PeerFailed("it does not answer what it was asked") from None
            if len(entries) == known:
                raise PeerFailed("it tells the same of its first state again and again")

    async def about(self) -> Mapping[str, Any]:
        methods = {"name": "system_chain", "chainType": "system_chainType"}
        methods["properties"] = "system_properties"
        answers = await asyncio.gather(*map(self._ask, methods.values()))
        about = dict(zip(methods, answers, strict=True))
        if not isinstance(about["properties"], dict):
            about["properties"] = {}
        return about

    async def _ask(self, method: str, *params: object) -> Any:
        try:
            return await self._request(method, *params)
        except _Refused as refused:
            raise PeerFailed(f"{method} is answered: {refused}") from None

    async def _request(self, method: str, *params: object) -> Any:
        if self._socket is None:
            raise PeerFailed("it is not connected")
        id_ = next(self._ids)
        answer = self._answers[id_] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
        try:
            async with asyncio.timeout(self._deadline):
                await self._socket.send(json.dumps(request))
                return await answer
        except TimeoutError:
            raise PeerFailed(f"{method} is not answered within {self._deadline:g} s") from None
        except (OSError, WebSocketException) as error:
            raise PeerFailed(f"the connection ended ({error})") from error
        finally:
            self._answers.pop(id_, None)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self._take(json.loads(text))
        except (OSError, WebSocketException, ValueError, TypeError, RecursionError):
            pass  # whoever waits is told below
        finally:
            self._end()

    def _take(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        if "method" in message:
            self._news.set()
            return
        answer = self._answers.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        error = message.get("error")
        if isinstance(error, dict):
            answer.set_exception(_Refused(error.get("code", 0), str(error.get("message"))))
        else:
            answer.set_result(message.get("result"))

    def _end(self) -> None:
        self._news.set()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PeerFailed("the connection ended"))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _hash(text: Any) -> H256:
    data = _unhex(text)
    if len(data) != 32:
        raise PeerFailed("it answers with something else than a hash")
    return H256(data)


def _unhex(text: Any) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except (AttributeError, ValueError):
        raise PeerFailed("it answers with something else than hex") from None
