"""Another node over its WebSocket may say anything: what is wrong is told, nothing breaks."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tilth.node.author import ManualSeal
from tilth.node.follower import Follower, Patience
from tilth.node.healing import SourceFailed
from tilth.node.peering import PeerFailed, Tip
from tilth.node.service import Node, NodeConfig
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.peer import WebSocketPeer
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec

ZERO = H256(bytes(32))
NEVER = 2**32
DEADLINE = 0.3

Answer = Callable[[str, Any], Any]


class Liar:
    """A server that answers every question as it likes: JSON's text, or None for never."""

    def __init__(self) -> None:
        self.say: Callable[[dict[str, Any]], str | None] = result_of(lambda method, params: None)
        self.asked: list[str] = []
        self.url = ""

    async def attend(self, socket: ServerConnection) -> None:
        async for text in socket:
            question = json.loads(text)
            self.asked.append(question["method"])
            said = self.say(question)
            if said is not None:
                await socket.send(said)


def result_of(answer: Answer) -> Callable[[dict[str, Any]], str]:
    def say(question: dict[str, Any]) -> str:
        result = answer(question["method"], question["params"])
        return json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": result})

    return say


@pytest.fixture
async def liar() -> AsyncIterator[Liar]:
    one = Liar()
    async with serve(one.attend, "127.0.0.1", 0, max_size=None) as server:
        one.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield one


@pytest.fixture
async def peer(liar: Liar) -> AsyncIterator[WebSocketPeer]:
    connected = WebSocketPeer(liar.url, deadline=DEADLINE, most=100_000)
    await connected.connect()
    yield connected
    await connected.close()


def every(text: str) -> Callable[[dict[str, Any]], str]:
    return lambda question: text


@pytest.mark.parametrize(
    "frame",
    [
        "no JSON",
        "[" * 50_000 + "]" * 50_000,
        '{"id": [], "result": 0}',
        '{"id": {"a": 1}, "result": 0}',
        '"' + "x" * 100_000 + '"',
        '{"id": 1' + "0" * 5_000 + "}",
    ],
    ids=["no JSON", "nested deeply", "a list as id", "an object as id", "too large", "huge id"],
)
async def test_a_frame_that_is_none_ends_the_connection_at_once(
    liar: Liar, peer: WebSocketPeer, frame: str
) -> None:
    liar.say = every(frame)

    async with asyncio.timeout(10 * DEADLINE):
        with pytest.raises(PeerFailed, match="the connection ended"):
            await peer.tip()
        with pytest.raises(PeerFailed, match="the connection ended"):
            await peer.moved()


async def test_who_does_not_answer_is_left_after_the_deadline(
    liar: Liar, peer: WebSocketPeer
) -> None:
    liar.say = lambda question: None

    with pytest.raises(PeerFailed, match=r"chain_getBlockHash is not answered within 0\.3 s"):
        await peer.hashes([0])


async def test_an_answer_to_another_question_is_none(liar: Liar, peer: WebSocketPeer) -> None:
    liar.say = every('{"jsonrpc": "2.0", "id": 12345, "result": "0x00"}')

    with pytest.raises(PeerFailed, match="not answered within"):
        await peer.header(ZERO)


async def test_a_machine_that_is_gone_without_a_word_is_noticed() -> None:
    """It takes the connection and is switched off: no answer to a ping, no end."""
    gone = asyncio.Event()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol()
        while not gone.is_set():
            data = await reader.read(65536)
            if not data:
                break
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    question = json.loads(bytes(event.data))
                    answer = {"jsonrpc": "2.0", "id": question["id"], "result": "0x00"}
                    protocol.send_text(json.dumps(answer).encode())
            for answered in protocol.data_to_send():
                if answered[:1] != b"\x8a":  # a pong
                    writer.write(answered)
        writer.close()

    server = await asyncio.start_server(attend, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    peer = WebSocketPeer(f"ws://127.0.0.1:{port}", deadline=DEADLINE)
    await peer.connect()
    async with asyncio.timeout(20 * DEADLINE):
        with pytest.raises(PeerFailed, match="the connection ended"):
            await peer.moved()
    await peer.close()
    gone.set()
    server.close()


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "0x", "0x00", "0x" + "11" * 32, "0x1g", "-0x5", "0x" + "f" * 40, "é"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["number", "changes", "name", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answers=st.lists(ANYTHING, min_size=1, max_size=4))
async def test_whatever_is_answered_is_what_was_asked_for_or_a_failure(
    liar: Liar, answers: list[Any]
) -> None:
    told = iter(answers * 20)
    liar.say = result_of(lambda method, params: next(told, None))
    peer = WebSocketPeer(liar.url, deadline=5)
    await peer.connect()
    try:
        for hash in await answered(peer.hashes([1, 2])) or []:
            assert hash is None or len(hash) == 32
        header = await answered(peer.header(ZERO))
        assert header is None or isinstance(header, bytes)
        block = await answered(peer.block(ZERO))
        assert block is None or all(isinstance(each, bytes) for each in block[1])
        tip = await answered(peer.tip())
        assert tip is None or (isinstance(tip, Tip) and 0 <= tip.number < 2**64)
        state = await answered(peer.state(ZERO))
        assert state is None or all(isinstance(value, bytes) for value in state.values())
        about = await answered(peer.about())
        assert about is None or isinstance(about["properties"], dict)
        await answered(peer.submit(b"\0"))
        content = await answered(peer.content(ZERO))
        assert content is None or isinstance(content, bytes)
    finally:
        await peer.close()


async def answered(question: Any) -> Any:
    try:
        return await question
    except (PeerFailed, SourceFailed):
        return None


class Clock:
    def milliseconds(self) -> int:
        return 1_700_000_000_000


def make_node(*, lag: int = 0) -> Node:
    runtime = DevRuntime()
    config = NodeConfig(
        runtime, dev_spec(runtime), Clock(), lambda author, pool: ManualSeal(), finality_lag=lag
    )
    return Node(config)


def true_to(node: Node) -> Answer:
    """What an honest node would answer."""

    def answer(method: str, params: Any) -> Any:
        chain = node.chain
        if method == "chain_getBlockHash" and params:
            return [None if (it := chain.hash_at(n)) is None else it.hex() for n in params[0]]
        block = chain.block(H256(bytes.fromhex(params[0][2:]))) if params else chain.best
        if method in ("chain_getBlockHash", "chain_getFinalizedHead"):
            return "0x" + chain.best.hash.hex()
        if method == "chain_getHeader":
            return None if block is None else {"number": hex(block.number)}
        if method == "archive_v1_header":
            return None if block is None else "0x" + block.encoded_header.hex()
        if method == "archive_v1_body":
            return None if block is None else ["0x" + each.hex() for each in block.extrinsics]
        return "0x00"

    return answer


UNKNOWN = "0x" + "ab" * 32


def says_more_than_there_is(answer: Answer) -> Answer:
    def lie(method: str, params: Any) -> Any:
        if method == "chain_getBlockHash" and not params:
            return UNKNOWN
        if method == "chain_getHeader":
            return {"number": "0x3b9aca00"}
        return answer(method, params)

    return lie


def names_one_block_for_all(answer: Answer) -> Answer:
    more = says_more_than_there_is(answer)

    def lie(method: str, params: Any) -> Any:
        if method == "chain_getBlockHash" and params and params[0] != [0]:
            return answer(method, [[1] * len(params[0])])
        return more(method, params)

    return lie


def gives_no_body(answer: Answer) -> Answer:
    return lambda method, params: None if method == "archive_v1_body" else answer(method, params)


def has_another_beginning(answer: Answer) -> Answer:
    def lie(method: str, params: Any) -> Any:
        if method == "chain_getBlockHash" and params == [[0]]:
            return [UNKNOWN]
        return answer(method, params)

    return lie


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (says_more_than_there_is, "it does not give block 1000000000, which it calls its best"),
        (names_one_block_for_all, "it gave block 1 for its block"),
        (gives_no_body, "it has no block 0x[0-9a-f]{64}, which it named"),
        (has_another_beginning, "its chain is another: its genesis is 0xabab"),
    ],
)
async def test_one_who_lies_does_not_keep_the_honest_one_waiting(
    liar: Liar, caplog: pytest.LogCaptureFixture, lie: Callable[[Answer], Answer], said: str
) -> None:
    author, node = make_node(), make_node(lag=NEVER)
    for _ in range(5):
        author.author.build()
    liar.say = result_of(lie(true_to(author)))
    honest = Liar()
    honest.say = result_of(true_to(author))
    patience = Patience(first=0.05, most=0.1, lie=60)
    async with serve(honest.attend, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        peers = [WebSocketPeer(each, deadline=2) for each in (liar.url, url)]
        follower = Follower(node.chain, node.pool, peers, node.standing, patience=patience)
        follower.start()
        async with asyncio.timeout(20):
            while node.chain.best.hash != author.chain.best.hash or liar.url not in caplog.text:
                await asyncio.sleep(0.01)
        await follower.stop()

    assert liar.asked.count("chain_subscribeNewHeads") >= 1
    (told, *_) = [line for line in caplog.messages if line.startswith(liar.url)]
    assert re.search(said, told), told
    assert node.standing.highest == 5
