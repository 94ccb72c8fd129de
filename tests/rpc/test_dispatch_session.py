"""A session's replies, without a socket: shapes, batches, subscriptions, limits."""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.rpc.jsonrpc.client import Client, Sink, Undo
from tilth.rpc.jsonrpc.dispatch import MethodTable, subscription, unsafe
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.rpc.jsonrpc.limits import Limits
from tilth.rpc.jsonrpc.params import Hex, Json
from tilth.rpc.jsonrpc.ratelimit import Meter
from tilth.rpc.jsonrpc.session import Session
from tilth.rpc.jsonrpc.wire import Encoded, encode


class Node:
    """What the methods below act on."""

    def __init__(self) -> None:
        self.sinks: list[Sink] = []
        self.undone = 0


def add(node: Node, a: int, b: int = 0) -> int:
    return a + b


async def add_later(node: Node, a: int, b: int = 0) -> int:
    await asyncio.sleep(0)
    return a + b


def repeat(node: Node, size: int) -> str:
    return "a" * size


def metadata(node: Node) -> Encoded:
    return Encoded(b'{"spliced": true}')


def raw(node: Node) -> dict[str, bytes]:
    return {"hash": b"\1\2"}


def echo(node: Node, value: Json) -> Any:
    return value


def refuse(node: Node) -> None:
    raise RpcError(1010, "Invalid Transaction", "Transaction is outdated")


def crash(node: Node, secret: str) -> None:
    raise KeyError("internal detail")


def unencodable(node: Node) -> object:
    return {1, 2}


@unsafe
def author_rotateKeys(node: Node) -> str:
    return "0x"


def whoami(node: Node, client: Client) -> str:
    return client.peer


@subscription("chain_newHead", unsubscribe="chain_unsubscribeNewHeads")
def chain_subscribeNewHeads(node: Node, sink: Sink) -> Callable[[], None]:
    sink.send("current head")
    node.sinks.append(sink)

    def undo() -> None:
        node.undone += 1

    return undo


@subscription("author_extrinsicUpdate", unsubscribe="author_unwatchExtrinsic")
def author_submitAndWatchExtrinsic(node: Node, sink: Sink, extrinsic: Hex) -> None:
    if not extrinsic:
        raise RpcError(1001, "Extrinsic has invalid format: empty")
    for status in ("ready", {"inBlock": "0x01"}, {"finalized": "0x01"}):
        sink.send(status)
    sink.close()


@subscription("later_update", unsubscribe="later_unsubscribe")
async def later_subscribe(node: Node, sink: Sink, good: bool) -> None:
    await asyncio.sleep(0)
    if not good:
        raise RpcError(7, "not good")
    sink.send("held")


@subscription("count_event", unsubscribe="count_stop")
async def count_subscribe(node: Node, to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


TABLE = MethodTable(
    add, add_later, repeat, metadata, raw, echo, refuse, crash, unencodable, author_rotateKeys,
    whoami, chain_subscribeNewHeads, author_submitAndWatchExtrinsic, later_subscribe,
    count_subscribe,
)  # fmt: skip


class Wire:
    """A session with everything it sends kept in order."""

    def __init__(self, limits: Limits | None = None, **options: Any) -> None:
        self.sent: list[str] = []
        self.node = Node()
        subscribes = options.pop("subscribes", True)
        self.client = Client("::1", self if subscribes else None, random.Random(7))
        self.session = Session(
            TABLE, self.node, limits or Limits(), self.client, self.push, **options
        )
        self.tasks: list[asyncio.Task[None]] = []

    def push(self, message: bytes) -> None:
        self.sent.append(message.decode())

    def notify(self, start: bytes, result: Encoded) -> bool:
        self.sent.append((start + result + b"}}").decode())
        return True

    def room(self) -> Awaitable[None]:
        return asyncio.sleep(0)

    def spawn(self, work: Coroutine[Any, Any, None]) -> Undo:
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1].cancel

    def say(self, text: str) -> list[str]:
        """What one message brings, all of it."""
        before = len(self.sent)
        work = self.session.receive(text)
        if work is not None:
            asyncio.run(work)
        return self.sent[before:]

    def call(self, method: str, *params: object, id: object = 1) -> Any:
        request = {"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}
        return json.loads(self.say(json.dumps(request))[0])


def test_replies_have_the_order_of_members_that_jsonrpsee_writes() -> None:
    wire = Wire()

    assert wire.say('{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1}') == [
        '{"jsonrpc":"2.0","id":1,"result":3}'
    ]
    assert wire.say('{"jsonrpc":"2.0","method":"bar","id":"foo"}') == [
        '{"jsonrpc":"2.0","id":"foo","error":{"code":-32601,"message":"Method not found"}}'
    ]


PARSE = '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'
INVALID = '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid request"}}'
HELLO = '{"jsonrpc":"2.0","method":"add","params":[1, 2],"id":1}'


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("", PARSE),
        ("dsdfs fsdsfds", PARSE),
        ("{ ", PARSE),
        ("{}", PARSE),
        ("{sds}", PARSE),
        ("[", PARSE),
        ("[dsds]", PARSE),
        ("[]", INVALID),
        ("[ ]", INVALID),
        ('"text"', PARSE),
        ("1", PARSE),
        (f"[{HELLO}", PARSE),
        (f"[{HELLO},]", PARSE),
        (f"[{HELLO}] x", PARSE),
        (f"{HELLO} x", PARSE),
        ('{"jsonrpc":"2.0","method":1, "params": "bar"}', PARSE),
        ('{"jsonrpc":"2.0","method":"add","id"}', PARSE),
        ('{"jsonrpc":"2.0","method":"add","params":[1,"id":99}', PARSE),
        ('{"jsonrpc":"2.0","method":"add","params":[NaN],"id":1}', PARSE),
        ('{"jsonrpc":"2.0","method":"add","params":[-Infinity],"id":1}', PARSE),
        ('{"jsonrpc":"2.0","method":"add","params":["\x01"],"id":1}', PARSE),
        ("\N{NO-BREAK SPACE}" + HELLO, PARSE),
        (" " * 128 + HELLO, PARSE),
        ("{" * 100_000, PARSE),
        ('{"jsonrpc":"2.0","id":1,"method":"echo","params":' + "[" * 100_000, PARSE),
        (
            '{"jsonrpc":"2.0","id":1,"method":"echo","params":' + "[" * 9999 + "]" * 9999 + "}",
            PARSE,
        ),
        ('{"jsonrpc":"2.0","method":"add","id":-1}', INVALID),
        ('{"jsonrpc":"2.0","method":"add","id":1.0}', INVALID),
        ('{"jsonrpc":"2.0","method":"add","id":true}', INVALID),
        ('{"jsonrpc":"2.0","method":"add","id":[1]}', INVALID),
        ('{"jsonrpc":"2.0","method":"add","id":18446744073709551616}', INVALID),
        (r'{"jsonrpc":"2.0","method":"add","id":"\ud800"}', INVALID),
    ],
)
def test_what_is_no_request_is_answered_without_an_id(text: str, reply: str) -> None:
    assert Wire().say(text) == [reply]


@pytest.mark.parametrize("id", ["0", "1", "18446744073709551615", '"mj1"', '"é"', '""', "null"])
def test_an_id_comes_back_as_it_was(id: str) -> None:
    reply = Wire().say(f'{{"jsonrpc":"2.0","method":"add","params":[1],"id":{id}}}')

    assert reply == [f'{{"jsonrpc":"2.0","id":{id},"result":1}}']


@pytest.mark.parametrize(
    "text", ['{"method":"bar","id":7}', '{"id":7}', '{"jsonrpc":"1.0","method":"add","id":7}']
)
def test_an_incomplete_request_keeps_its_id(text: str) -> None:
    error = '{"code":-32600,"message":"Invalid request"}'
    assert Wire().say(text) == [f'{{"jsonrpc":"2.0","id":7,"error":{error}}}']


def test_up_to_127_blanks_may_come_first_and_any_number_last() -> None:
    wire = Wire()

    assert wire.say(" \t\r\n\f" + " " * 122 + HELLO + " " * 500)[0].endswith('"result":3}')
    assert wire.say(f" [{HELLO}] \n") == ['[{"jsonrpc":"2.0","id":1,"result":3}]']


def test_unknown_members_and_null_params_are_fine() -> None:
    text = '{"jsonrpc":"2.0","method":"metadata","id":1,"other":1,"params":null}'
    assert Wire().say(text) == ['{"jsonrpc":"2.0","id":1,"result":{"spliced": true}}']


def test_a_notification_is_neither_answered_nor_executed() -> None:
    wire = Wire()

    assert wire.say('{"jsonrpc":"2.0","method":"chain_subscribeNewHeads"}') == []
    assert wire.node.sinks == []


def test_bytes_in_a_result_become_hex() -> None:
    assert Wire().call("raw")["result"] == {"hash": "0x0102"}


def test_a_huge_integer_is_a_wrong_parameter_and_not_a_crash() -> None:
    wire = Wire()
    for number in ("9" * 5000, "1e999", "-1e999", str(2**256), "-0.5"):
        text = f'{{"jsonrpc":"2.0","id":"x","method":"add","params":[{number}]}}'
        reply = json.loads(wire.say(text)[0])
        assert (reply["id"], reply["error"]["code"]) == ("x", -32602)


def test_nesting_of_any_depth_is_answered() -> None:
    wire = Wire()
    for depth in (10, 127, 128, *range(850, 1000)):
        nested = "[" * depth + "]" * depth
        for method in ("echo", "add"):
            text = f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[{nested}]}}'
            reply = json.loads(wire.say(text)[0])
            fits = method == "echo" and depth < 128
            assert fits is ("result" in reply)
            assert fits or reply["error"]["code"] in (-32602, -32700)


def test_invalid_params_carry_the_reason() -> None:
    assert Wire().call("add", "1")["error"] == {
        "code": -32602,
        "message": "Invalid params",
        "data": 'invalid type: string "1", expected u64 at line 1 column 3',
    }


def test_a_methods_own_error_is_passed_on() -> None:
    assert Wire().call("refuse")["error"] == {
        "code": 1010,
        "message": "Invalid Transaction",
        "data": "Transaction is outdated",
    }


@pytest.mark.parametrize("method", ["crash", "unencodable"])
def test_an_unexpected_failure_is_logged_once_and_tells_the_caller_nothing(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    params = ["very secret"] if method == "crash" else []
    with caplog.at_level(logging.INFO):
        reply = Wire().call(method, *params)

    assert reply["error"] == {"code": -32603, "message": "Internal error"}
    assert [record.getMessage() for record in caplog.records] == [f"{method} failed"]
    assert "very secret" not in caplog.text


def test_unsafe_methods_need_the_permission() -> None:
    wire = Wire()
    denied = wire.call("author_rotateKeys")
    wire.client.trusted = lambda: True

    assert denied["error"] == {
        "code": -32601,
        "message": "RPC call is unsafe to be called externally",
    }
    assert wire.call("author_rotateKeys")["result"] == "0x"


def test_rpc_methods_lists_exactly_what_can_be_called() -> None:
    wire = Wire()
    names = wire.call("rpc_methods")["result"]["methods"]

    assert names == sorted(names) == TABLE.names()
    for name in names:
        assert wire.call(name).get("error", {}).get("message") != "Method not found"


def test_a_method_may_ask_who_calls() -> None:
    assert Wire().call("whoami")["result"] == "::1"


def test_a_response_fits_its_limit_to_the_byte() -> None:
    room = 100 - len('{"jsonrpc":"2.0","id":1,"result":""}')
    wire = Wire(Limits(response_size=100))

    assert len(json.dumps(wire.call("repeat", room), separators=(",", ":"))) == 100
    assert wire.call("repeat", room + 1)["error"] == {
        "code": -32008,
        "message": "Response is too big",
        "data": "Exceeded max limit of 100",
    }


def batch(*entries: str) -> str:
    return "[" + ",".join(entries) + "]"


def test_a_batch_is_answered_in_order_whatever_is_asynchronous_in_it() -> None:
    entries = [
        f'{{"jsonrpc":"2.0","id":{index},"method":"{method}","params":[{index}]}}'
        for index, method in enumerate(["add", "add_later", "add", "add_later", "add"])
    ]

    replies = json.loads(Wire().say(batch(*entries))[0])

    assert [(reply["id"], reply["result"]) for reply in replies] == [(n, n) for n in range(5)]


def test_a_batch_answers_each_entry_that_is_no_notification() -> None:
    reply = Wire().say(
        batch(
            '{"jsonrpc":"2.0","id":"1","method":"add","params":[7]}',
            '{"jsonrpc":"2.0","method":"add","params":[7]}',
            '{"foo":"boo"}',
            '{"foo":"boo","id":3}',
            "1",
            '{"jsonrpc":"2.0","id":"5","method":"foo.get","params":{"name":"myself"}}',
        )
    )

    invalid = '"error":{"code":-32600,"message":"Invalid request"}}'
    assert reply == [
        '[{"jsonrpc":"2.0","id":"1","result":7},'
        f'{{"jsonrpc":"2.0","id":null,{invalid},'
        f'{{"jsonrpc":"2.0","id":3,{invalid},'
        f'{{"jsonrpc":"2.0","id":null,{invalid},'
        '{"jsonrpc":"2.0","id":"5","error":{"code":-32601,"message":"Method not found"}}]'
    ]


def test_a_batch_of_notifications_is_not_answered() -> None:
    assert Wire().say(batch('{"jsonrpc":"2.0","method":"add"}')) == []


def test_the_length_of_a_batch_is_limited_by_one_reply() -> None:
    wire = Wire(Limits(batch=2))

    assert wire.say(batch(HELLO, HELLO))[0].startswith("[")
    assert json.loads(wire.say(batch(HELLO, HELLO, HELLO))[0]) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": -32010,
            "message": "The batch request was too large",
            "data": "Exceeded max limit of 2",
        },
    }


def test_batches_can_be_refused() -> None:
    reply = json.loads(Wire(Limits(batch=0)).say(batch(HELLO))[0])

    assert reply["error"] == {
        "code": -32005,
        "message": "Batched requests are not supported by this server",
    }


def test_a_batch_response_fits_its_limit_and_is_one_error_otherwise() -> None:
    entry = '{"jsonrpc":"2.0","id":1,"method":"repeat","params":[51]}'
    wire = Wire(Limits(response_size=100))

    assert json.loads(wire.say(batch(entry))[0])[0]["result"] == "a" * 51
    assert json.loads(wire.say(batch(entry, entry))[0])["error"] == {
        "code": -32011,
        "message": "The batch response was too large",
        "data": "Exceeded max limit of 100",
    }


def test_a_long_batch_is_counted_before_it_is_answered() -> None:
    long = batch(*["{}"] * 50_000)
    wire = Wire(Limits(batch=49_999))

    assert json.loads(wire.say(long)[0])["error"]["code"] == -32010
    assert json.loads(Wire(Limits(response_size=1000)).say(long)[0])["error"]["code"] == -32011
    assert wire.say(long[:-1]) == [PARSE]


def test_a_long_batch_is_answered_whole() -> None:
    entries = [f'{{"jsonrpc":"2.0","id":{n},"method":"add","params":[{n}]}}' for n in range(2000)]
    replies = json.loads(Wire().say(batch(*entries))[0])

    assert [reply["result"] for reply in replies] == list(range(2000))


def subscribe(wire: Wire, method: str, *params: object) -> tuple[str, list[Any]]:
    """The id, and the results that followed at once."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    reply, *rest = map(json.loads, wire.say(json.dumps(request)))
    for notification in rest:
        assert notification["params"]["subscription"] == reply["result"]
    return reply["result"], [notification["params"]["result"] for notification in rest]


def test_the_id_of_a_subscription_is_told_before_its_first_result() -> None:
    wire = Wire()
    id_, results = subscribe(wire, "chain_subscribeNewHeads")

    assert len(id_) == 16
    assert id_.isalnum()
    assert results == ["current head"]


def test_a_notification_has_jsonrpsees_form_and_takes_encoded_results_as_they_are() -> None:
    wire = Wire()
    id_, _ = subscribe(wire, "chain_subscribeNewHeads")
    wire.node.sinks[0].send(encode({"number": "0x1"}))

    assert wire.sent[-1] == (
        '{"jsonrpc":"2.0","method":"chain_newHead","params":'
        f'{{"subscription":"{id_}","result":{{"number":"0x1"}}}}}}'
    )


def test_results_of_several_subscriptions_keep_the_order_in_which_they_were_sent() -> None:
    wire = Wire()
    subscribe(wire, "chain_subscribeNewHeads")
    subscribe(wire, "chain_subscribeNewHeads")
    one, other = wire.node.sinks
    before = len(wire.sent)
    for number in range(4):
        (one if number % 2 else other).send(number)

    results = [json.loads(text)["params"]["result"] for text in wire.sent[before:]]
    assert results == [0, 1, 2, 3]


def test_a_subscription_ends_once_and_only_by_its_own_name() -> None:
    wire = Wire()
    id_, _ = subscribe(wire, "chain_subscribeNewHeads")

    assert wire.call("author_unwatchExtrinsic", id_)["result"] is False
    assert wire.call("chain_unsubscribeNewHeads", id_)["result"] is True
    assert wire.node.undone == 1
    assert wire.node.sinks[0].send("more") is False
    assert wire.call("chain_unsubscribeNewHeads", id_)["result"] is False
    assert wire.node.undone == 1


@pytest.mark.parametrize("params", [[], [13.99], [5], ["unknown"], [None], ["a", "b"], [["a"]]])
def test_unsubscribing_what_is_none_answers_false(params: list[object]) -> None:
    assert Wire().call("chain_unsubscribeNewHeads", *params)["result"] is False


def test_a_subscription_may_be_refused_with_an_error() -> None:
    wire = Wire()

    assert wire.call("author_submitAndWatchExtrinsic", "0x")["error"]["code"] == 1001
    assert wire.client.subscriptions == 0


def test_what_a_subscription_sent_before_it_closed_still_arrives() -> None:
    wire = Wire()
    _, results = subscribe(wire, "author_submitAndWatchExtrinsic", "0x01")

    assert results == ["ready", {"inBlock": "0x01"}, {"finalized": "0x01"}]
    assert wire.client.subscriptions == 0


def test_an_asynchronous_subscription_is_told_or_refused_when_it_is_known() -> None:
    wire = Wire()

    assert subscribe(wire, "later_subscribe", True)[1] == ["held"]
    assert wire.call("later_subscribe", False)["error"] == {"code": 7, "message": "not good"}
    assert wire.client.subscriptions == 1


async def test_a_stream_runs_once_its_id_is_known_and_then_ends() -> None:
    wire = Wire()
    assert wire.session.receive(json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "count_subscribe", "params": [3]}
    )) is None  # fmt: skip
    await asyncio.gather(*wire.tasks)

    results = [json.loads(text)["params"]["result"] for text in wire.sent[1:]]
    assert results == [0, 1, 2]
    assert wire.client.subscriptions == 0


async def test_unsubscribing_stops_a_stream() -> None:
    wire = Wire()
    wire.session.receive(
        '{"jsonrpc":"2.0","id":1,"method":"count_subscribe","params":[1000000000]}'
    )
    await asyncio.sleep(0.01)
    id_ = json.loads(wire.sent[0])["result"]
    wire.session.receive(
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "count_stop", "params": [id_]})
    )
    await asyncio.wait(wire.tasks, timeout=1)

    assert wire.tasks[0].done()
    assert wire.client.subscriptions == 0


def test_subscriptions_are_limited_but_may_always_be_ended() -> None:
    wire = Wire(Limits(subscriptions=2))
    id_, _ = subscribe(wire, "chain_subscribeNewHeads")
    subscribe(wire, "chain_subscribeNewHeads")

    assert wire.call("chain_subscribeNewHeads")["error"] == {
        "code": -32006,
        "message": "Too many subscriptions on the connection",
        "data": "Exceeded max limit of 2",
    }
    assert wire.call("chain_unsubscribeNewHeads", id_)["result"] is True
    assert subscribe(wire, "chain_subscribeNewHeads")[1] == ["current head"]


def test_a_connection_without_a_way_back_cannot_subscribe() -> None:
    wire = Wire(subscribes=False)

    for method in ("chain_subscribeNewHeads", "chain_unsubscribeNewHeads"):
        error = wire.call(method, "x")["error"]
        assert error == {"code": -32603, "message": "Internal error"}


def test_when_a_client_goes_its_subscriptions_and_callbacks_end() -> None:
    wire = Wire()
    subscribe(wire, "chain_subscribeNewHeads")
    gone: list[str] = []
    wire.client.on_close(lambda: gone.append("first"))
    wire.client.close()
    wire.client.on_close(lambda: gone.append("late"))

    assert wire.node.undone == 1
    assert wire.node.sinks[0].closed
    assert gone == ["first", "late"]


def test_subscriptions_of_a_batch_whose_response_is_too_large_are_not_kept() -> None:
    wire = Wire(Limits(response_size=100))
    call = '{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}'
    wire.say(batch(call, call))

    assert wire.client.subscriptions == 0
    assert wire.node.undone == 2


def test_the_rate_limit_counts_every_entry_and_refills_with_time() -> None:
    now = [0.0]
    wire = Wire(meter=Meter(3, lambda: now[0]))
    replies = json.loads(wire.say(batch(HELLO, HELLO))[0])
    replies += [wire.call("add", 1), wire.call("add", 1)]
    now[0] = 20.0
    replies += [wire.call("add", 1), wire.call("add", 1)]

    limited = {"code": -32999, "message": "RPC rate limit exceeded"}
    assert [reply.get("error") for reply in replies] == [
        None, None, None, limited, None, limited,
    ]  # fmt: skip


ALLOWED = {-32700, -32600, -32601, -32602, 1001, 1010, 7, -32603}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": JSON,
        "method": st.sampled_from([name for name in TABLE.names() if name != "crash"]) | JSON,
        "params": JSON,
    },
)


@given(st.one_of(CALLS.map(json.dumps), st.lists(CALLS, max_size=4).map(json.dumps), st.text()))
def test_any_text_gets_at_most_one_reply_with_an_allowed_outcome(text: str) -> None:
    wire = Wire(subscribes=False)
    replies = wire.say(text)

    assert len(replies) <= 1
    for reply in replies:
        parsed = json.loads(reply)
        for answer in parsed if isinstance(parsed, list) else [parsed]:
            assert answer["jsonrpc"] == "2.0"
            assert "result" in answer or answer["error"]["code"] in ALLOWED
