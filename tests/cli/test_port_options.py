"""The options of the JSON-RPC port: what they come to, and a node that is held to them."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tilth.cli.app import app
from tilth.cli.dev import DevOptions, start
from tilth.cli.port import BadOption, PortOptions, access_of, limits_of
from tilth.rpc.jsonrpc.access import RpcMethods
from tilth.rpc.jsonrpc.limits import MIB, Limits


def test_without_options_the_limits_are_substrates() -> None:
    assert limits_of(PortOptions()) == Limits()


def test_sizes_are_in_mebibytes() -> None:
    limits = limits_of(PortOptions(rpc_max_request_size=2, rpc_max_response_size=3))

    assert (limits.request_size, limits.response_size) == (2 * MIB, 3 * MIB)


def test_batches_are_limited_or_refused() -> None:
    assert limits_of(PortOptions(rpc_max_batch_request_len=5)).batch == 5
    assert limits_of(PortOptions(rpc_disable_batch_requests=True)).batch == 0


@pytest.mark.parametrize(
    ("text", "cors"),
    [
        ("all", None),
        ("*", None),
        ("none", ()),
        ("http://a.example, https://b.example", ("http://a.example", "https://b.example")),
    ],
)
def test_pages_are_listed_or_all_or_none(text: str, cors: tuple[str, ...] | None) -> None:
    assert access_of(PortOptions(rpc_cors=text)).cors == cors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (PortOptions(rpc_max_connections=0), "--rpc-max-connections is at least 1, not 0"),
        (PortOptions(rpc_rate_limit=-1), "--rpc-rate-limit is at least 1, not -1"),
        (
            PortOptions(rpc_disable_batch_requests=True, rpc_max_batch_request_len=5),
            "--rpc-max-batch-request-len cannot",
        ),
        (PortOptions(rpc_rate_limit_whitelisted_ips="1.2.3"), "addresses and networks"),
    ],
)
def test_what_cannot_be_meant_is_told(options: PortOptions, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        limits_of(options)


def test_the_command_line_gives_them_their_names() -> None:
    tokens = ["dev", "--rpc-methods", "safe", "--rpc-cors", "none", "--rpc-rate-limit", "9"]
    _, bound, _ = app.parse_args(tokens)

    port = bound.arguments["port"]
    assert access_of(port).methods is RpcMethods.SAFE
    assert access_of(port).cors == ()
    assert limits_of(port).calls_per_minute == 9


async def _asked(
    port: PortOptions, question: Callable[[int], Any], base_path: Path | None = None
) -> Any:
    options = DevOptions(
        base_path=base_path,
        rpc_port=0,
        grpc_port=0,
        block_time=None,
        runtime="tilth.runtime:DevRuntime",
        ready_file=None,
        port=port,
    )
    running = await start(options)
    try:
        return await asyncio.to_thread(question, running.endpoints.rpc_port)
    finally:
        await running.stop()


def _ask(port: int, body: object, **headers: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}",
        json.dumps(body).encode(),
        {"content-type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.loads(reply.read())


UNSAFE = {"jsonrpc": "2.0", "id": 1, "method": "system_peers"}


async def test_a_dev_node_answers_any_page_but_not_as_its_operator() -> None:
    def question(port: int) -> Any:
        own = _ask(port, UNSAFE)
        foreign = _ask(port, UNSAFE, origin="https://foreign.example")
        known = _ask(port, UNSAFE, origin="https://polkadot.js.org")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            _ask(port, UNSAFE, host=f"rebound.example:{port}")
        return own, foreign, known

    own, foreign, known = await _asked(PortOptions(), question)

    assert own["result"] == known["result"] == []
    assert foreign["error"]["message"] == "RPC call is unsafe to be called externally"


async def test_a_node_with_safe_methods_alone_denies_them_to_everybody() -> None:
    reply = await _asked(PortOptions(rpc_methods="safe"), lambda port: _ask(port, UNSAFE))

    assert reply["error"]["code"] == -32601


async def test_a_node_without_batches_says_so() -> None:
    options = PortOptions(rpc_disable_batch_requests=True)

    reply = await _asked(options, lambda port: _ask(port, [UNSAFE]))

    assert reply["error"]["code"] == -32005


async def test_session_keys_of_a_chain_with_a_base_path_are_files(tmp_path: Path) -> None:
    public = "ab" * 32
    insert = {"method": "author_insertKey", "params": ["aura", "//Alice", f"0x{public}"]}

    reply = await _asked(
        PortOptions(), lambda port: _ask(port, {"jsonrpc": "2.0", "id": 1, **insert}), tmp_path
    )

    assert reply["result"] is None
    (kept,) = (tmp_path / "keystore").iterdir()
    assert kept.name == b"aura".hex() + public
    assert json.loads(kept.read_text()) == "//Alice"
    assert kept.stat().st_mode & 0o077 == 0
