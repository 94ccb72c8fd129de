"""Content by its CID: over GET in whole and in part, and over JSON-RPC."""

import http.client
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from substrateinterface import Keypair, SubstrateInterface

from tilth.node.service import Node
from tilth.primitives.cid import BLAKE2B_256, DAG_PB, KECCAK_256, RAW, SHA2_256, Cid
from tilth.primitives.crypto.hashing import blake2_256, sha2_256
from tilth.primitives.types import H256
from tilth.runtime.dev import DevRuntime
from tilth.testing.node import LocalNode

SMALL = b"seeds and soil\n" * 100
LEAVES = [bytes((number,)) * 300_000 for number in range(3)]
INSIDE = b"kept in the node itself"


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    more = value >= 0x80
    return bytes((value & 0x7F | 0x80 * more,)) + (varint(value >> 7) if more else b"")


def file_node(parts: list[tuple[Cid, int]], data: bytes = b"") -> bytes:
    """As IPFS writes one: the links first, then the UnixFS in it."""
    links = [
        field(2, field(1, cid.encoded) + field(2, b"") + field(3, size)) for cid, size in parts
    ]
    own = field(2, data) if data else b""
    total = len(data) + sum(size for _, size in parts)
    sizes = b"".join(field(4, size) for _, size in parts)
    return b"".join(links) + field(1, field(1, 2) + own + field(3, total) + sizes)


def raw(data: bytes) -> Cid:
    return Cid(RAW, SHA2_256, sha2_256(data))


PAIR = file_node([(raw(leaf), len(leaf)) for leaf in LEAVES[:2]])
PAIR_CID = Cid(DAG_PB, SHA2_256, sha2_256(PAIR))
TOP = file_node([(PAIR_CID, 600_000), (raw(LEAVES[2]), 300_000)], INSIDE)
TOP_CID = Cid(DAG_PB, SHA2_256, sha2_256(TOP))
WHOLE = INSIDE + b"".join(LEAVES)
FOLDER = field(1, field(1, 1))
LOST = Cid(RAW, SHA2_256, sha2_256(b"stored nowhere"))
HOLED = file_node([(raw(SMALL), len(SMALL)), (LOST, 14)])
LYING = file_node([(raw(SMALL), len(SMALL) + 1)])


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Served:
    """A node that has the contents above."""

    def __init__(self, local: LocalNode) -> None:
        self.local = local
        host, port = local.http.removeprefix("http://").split(":")
        self.address = host, int(port)

    def get(self, path: str, method: str = "GET", **headers: str) -> Reply:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=names)
        answer = connection.getresponse()
        try:
            reply = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, reply, answer.read())
        finally:
            connection.close()

    def call(self, method: str, *params: object) -> Any:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        connection.request("POST", "/", body, {"content-type": "application/json"})
        reply = json.loads(connection.getresponse().read())
        connection.close()
        return reply


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with LocalNode(DevRuntime) as local:
        store(local, [SMALL, *LEAVES, PAIR, TOP, FOLDER, HOLED, LYING])
        yield Served(local)


def store(local: LocalNode, contents: list[bytes]) -> None:
    chain: Any = SubstrateInterface(url=local.ws)
    alice = Keypair.create_from_uri("//Alice")
    for data in contents:
        cid = {"codec": RAW, "hashing": "Sha2_256"}
        params = {"cid": cid, "data": "0x" + data.hex()}
        call = chain.compose_call("TransactionStorage", "store_with_cid_config", params)
        extrinsic = chain.create_signed_extrinsic(call=call, keypair=alice)
        receipt = chain.submit_extrinsic(extrinsic, wait_for_inclusion=True)
        assert receipt.is_success
    blue = chain.compose_call("TransactionStorage", "store", {"data": "0x" + b"blue".hex()})
    chain.submit_extrinsic(
        chain.create_signed_extrinsic(call=blue, keypair=alice), wait_for_inclusion=True
    )
    chain.close()


def test_content_is_given_whole_and_may_be_kept_for_ever(served: Served) -> None:
    reply = served.get(f"/ipfs/{raw(SMALL)}")

    assert (reply.status, reply.body) == (200, SMALL)
    assert reply.headers["etag"] == f'"{raw(SMALL)}"'
    assert "immutable" in reply.headers["cache-control"]
    assert reply.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in reply.headers["content-security-policy"]


def test_head_tells_the_same_without_the_bytes(served: Served) -> None:
    head, whole = (served.get(f"/ipfs/{TOP_CID}", method) for method in ("HEAD", "GET"))

    assert (head.status, head.body) == (200, b"")
    assert head.headers == whole.headers
    assert int(head.headers["content-length"]) == len(WHOLE)


def test_who_has_it_already_is_told_so(served: Served) -> None:
    path = f"/ipfs/{raw(SMALL)}"
    for tag in (f'"{raw(SMALL)}"', f'W/"{raw(SMALL)}"', f'"other", "{raw(SMALL)}"', "*"):
        reply = served.get(path, if_none_match=tag)
        assert (reply.status, reply.body) == (304, b"")
    assert served.get(path, if_none_match='"other"').status == 200


@pytest.mark.parametrize("text", [str(raw(SMALL)).upper(), "f" + raw(SMALL).encoded.hex()])
def test_a_cid_may_be_written_in_other_bases(served: Served, text: str) -> None:
    assert served.get(f"/ipfs/{text}").body == SMALL


def test_a_file_of_many_contents_is_given_as_one(served: Served) -> None:
    assert served.get(f"/ipfs/{TOP_CID}").body == WHOLE
    assert served.get(f"/ipfs/{TOP_CID}?format=raw").body == TOP
    assert served.get(f"/ipfs/{TOP_CID}", accept="application/vnd.ipld.raw").body == TOP


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-40", 10, 41),
        ("bytes=300000-600500", 300_000, 600_501),
        ("bytes=899990-", 899_990, None),
        ("bytes=-7", -7, None),
        ("bytes=5-99999999", 5, None),
        ("bytes=-99999999", 0, None),
    ],
)
def test_any_part_can_be_asked_for(served: Served, asked: str, start: int, end: int | None) -> None:
    reply = served.get(f"/ipfs/{TOP_CID}", range=asked)

    assert (reply.status, reply.body) == (206, WHOLE[start:end])
    first = start % len(WHOLE) if start < 0 else start
    last = first + len(reply.body) - 1
    assert reply.headers["content-range"] == f"bytes {first}-{last}/{len(WHOLE)}"


def test_a_download_that_broke_off_goes_on_where_it_stopped(served: Served) -> None:
    path, tag = f"/ipfs/{TOP_CID}", f'"{TOP_CID}"'
    begun = served.get(path, range="bytes=0-499999").body
    rest = served.get(path, range=f"bytes={len(begun)}-", if_range=tag)

    assert (rest.status, begun + rest.body) == (206, WHOLE)
    assert served.get(path, range="bytes=1-2", if_range='"other"').status == 200


def test_a_range_beyond_the_end_is_refused_and_a_senseless_one_ignored(served: Served) -> None:
    path = f"/ipfs/{raw(SMALL)}"
    for asked in (f"bytes={len(SMALL)}-", "bytes=-0"):
        reply = served.get(path, range=asked)
        assert (reply.status, reply.headers["content-range"]) == (416, f"bytes */{len(SMALL)}")
    for asked in ("bytes=9-3", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=a-b"):
        assert served.get(path, range=asked).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ipfs/", 400),
        ("/ipfs/nonsense", 400),
        (f"/ipfs/{str(raw(SMALL))[:-1]}", 400),
        (f"/ipfs/{raw(SMALL)}/more", 400),
        (f"/ipfs/{raw(b'never stored')}", 404),
        (f"/ipfs/{Cid(RAW, BLAKE2B_256, sha2_256(SMALL))}", 404),
        (f"/ipfs/{Cid(RAW, KECCAK_256, sha2_256(SMALL))}", 404),
        (f"/ipfs/{Cid(DAG_PB, SHA2_256, sha2_256(FOLDER))}", 406),
        (f"/ipfs/{Cid(DAG_PB, SHA2_256, sha2_256(SMALL))}", 406),
        (f"/ipfs/{raw(SMALL)}?format=car", 406),
    ],
)
def test_what_cannot_be_given_is_refused_with_a_reason(
    served: Served, path: str, status: int
) -> None:
    reply = served.get(path)

    assert reply.status == status
    assert reply.body.endswith(b"\n")
    assert b"Traceback" not in reply.body


@pytest.mark.parametrize("node", [HOLED, LYING])
def test_a_file_with_a_part_missing_is_cut_off_and_not_made_up(served: Served, node: bytes) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        served.get(f"/ipfs/{Cid(DAG_PB, SHA2_256, sha2_256(node))}")
    assert served.get(f"/ipfs/{raw(SMALL)}").status == 200


def test_damaged_content_is_never_given(served: Served) -> None:
    victim = H256(sha2_256(LEAVES[1]))

    def damage(node: Node) -> None:
        node.content._cache.clear()
        node.content._size = 0
        node.chain.contents.put_back(victim, LEAVES[1][:-1] + b"?")

    def mend(node: Node) -> None:
        node.chain.contents.put_back(victim, LEAVES[1])

    served.local.run(damage)
    assert served.get(f"/ipfs/{raw(LEAVES[1])}").status == 503
    assert served.call("bitswap_v1_get", str(raw(LEAVES[1])))["error"]["code"] == -32812
    served.local.run(mend)
    assert served.get(f"/ipfs/{raw(LEAVES[1])}").body == LEAVES[1]


def test_bitswap_gives_content_by_its_cid(served: Served) -> None:
    assert served.call("bitswap_v1_get", str(raw(SMALL)))["result"] == "0x" + SMALL.hex()
    blue = Cid(RAW, BLAKE2B_256, blake2_256(b"blue"))
    assert served.call("bitswap_v1_get", str(blue))["result"] == "0x" + b"blue".hex()


@pytest.mark.parametrize(
    ("cid", "code"),
    [
        ("not-a-valid-cid", -32602),
        ("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", -32602),
        ("f" + raw(SMALL).encoded.hex(), -32602),
        (str(Cid(RAW, KECCAK_256, sha2_256(SMALL))), -32602),
        (str(raw(b"never stored")), -32810),
        (str(Cid(RAW, BLAKE2B_256, sha2_256(SMALL))), -32810),
    ],
)
def test_bitswap_says_why_it_gives_nothing(served: Served, cid: str, code: int) -> None:
    assert served.call("bitswap_v1_get", cid)["error"]["code"] == code
