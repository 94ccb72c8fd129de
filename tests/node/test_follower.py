"""Following: what peers offer is executed again; what does not hold is refused with the reason."""

import asyncio
import itertools
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tilth.frame import H256, AccountId, RuntimeCall
from tilth.node.author import ManualSeal
from tilth.node.block import Block
from tilth.node.follower import Follower, Patience
from tilth.node.notices import Phase
from tilth.node.peering import PeerFailed, Tip, Unfollowable
from tilth.node.service import Node, NodeConfig
from tilth.node.signer import KeypairSigner
from tilth.node.upgrade import successor, upgrade
from tilth.primitives.crypto.hashing import sha2_256
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.scale import codec
from tilth.primitives.types import Header
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec

ALICE = Keypair.from_uri("//Alice")
QUICK = Patience(first=0.01, most=0.05, lie=0.02)
_NEVER = 2**32


class Ticks:
    def __init__(self) -> None:
        self._now = itertools.count(1_700_000_000_000, 6_000)

    def milliseconds(self) -> int:
        return next(self._now)


def make_node(*, lag: int = 0) -> Node:
    runtime = DevRuntime()
    sealing = lambda author, pool: ManualSeal()  # noqa: E731
    return Node(NodeConfig(runtime, dev_spec(runtime), Ticks(), sealing, finality_lag=lag))


def signed(node: Node, call: RuntimeCall) -> bytes:
    best, nonce = node.chain.best, node.next_nonce(AccountId(ALICE.account))
    with node.runtime.at(best.state):
        node.runtime.executive.begin_validation(best.hash)
        return KeypairSigner(ALICE).sign(node.runtime, call, nonce)


def remark(node: Node, text: bytes) -> bytes:
    return signed(node, node.runtime.system.remark.call(text))


def include(node: Node, text: bytes) -> Block:
    node.pool.submit(remark(node, text))
    return node.author.build()


class Honest:
    """A peer that is a node of this process."""

    name = "the author"

    def __init__(self, node: Node) -> None:
        self.node = node
        self.down = False
        self.asked = 0
        self._news = asyncio.Event()
        node.chain.notices.listen(Phase.WORK, lambda _: self._news.set())

    def _check(self) -> None:
        self.asked += 1
        if self.down:
            raise PeerFailed("it is down")

    async def connect(self) -> None:
        self._check()

    async def close(self) -> None:
        pass

    async def hashes(self, numbers: Sequence[int]) -> list[H256 | None]:
        self._check()
        return [self.node.chain.hash_at(number) for number in numbers]

    async def block(self, hash: H256) -> tuple[bytes, tuple[bytes, ...]] | None:
        self._check()
        block = self.node.chain.block(hash)
        return None if block is None else (block.encoded_header, block.extrinsics)

    async def tip(self) -> Tip:
        self._check()
        self._news.clear()
        chain = self.node.chain
        return Tip(chain.best.hash, chain.best.number, chain.finalized.hash)

    async def moved(self) -> None:
        while not self._news.is_set() and not self.down:
            await asyncio.sleep(0.005)
        self._check()

    async def submit(self, extrinsic: bytes) -> None:
        self._check()
        self.node.pool.submit(extrinsic)
        self.node.author.build()


Follow = Callable[..., Awaitable[Node]]


@pytest.fixture
async def follow() -> AsyncIterator[Follow]:
    followers: list[Follower] = []

    async def begin(*peers: Any, node: Node | None = None) -> Node:
        node = node or make_node(lag=_NEVER)
        follower = Follower(node.chain, node.pool, peers, node.standing, patience=QUICK)
        followers.append(follower)
        follower.start()
        return node

    yield begin
    for follower in followers:
        await follower.stop()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


async def test_every_block_is_fetched_and_then_the_head_is_followed(follow: Follow) -> None:
    author = make_node()
    for number in range(300):
        author.author.build() if number % 3 else include(author, b"%d" % number)
    node = await follow(Honest(author))
    await until(lambda: node.chain.finalized.hash == author.chain.best.hash)
    for number in range(300):
        assert node.chain.hash_at(number) == author.chain.hash_at(number)

    block = include(author, b"live")
    await until(lambda: node.chain.finalized.hash == block.hash)
    assert node.standing.peers == 1
    assert not node.standing.syncing
    assert node.standing.highest == block.number


async def test_content_is_kept_and_given_on(follow: Follow) -> None:
    author = make_node()
    data = bytes(range(256)) * 400
    author.pool.submit(signed(author, author.runtime.storage.storing(data)))  # type: ignore[attr-defined]
    author.author.build()
    node = await follow(Honest(author))
    await until(lambda: node.chain.best.number == 1)

    assert node.content.read(H256(sha2_256(data))) == data
    assert node.chain.contents.card(sha2_256(data)) is not None


async def test_a_reorganisation_is_followed_and_finality_waits_for_the_peer(
    follow: Follow,
) -> None:
    author = make_node(lag=10)
    fork = include(author, b"on both")
    node = await follow(Honest(author))
    abandoned = author.author.build(author.author.build(fork))
    await until(lambda: node.chain.best.hash == abandoned.hash)
    assert node.chain.finalized.number == 0

    block = fork
    for _ in range(4):
        block = author.author.build(block)
    await until(lambda: node.chain.best.hash == block.hash)
    assert node.chain.hash_at(2) != abandoned.parent_hash

    author.chain.finalize(block.hash)
    await until(lambda: node.chain.finalized.hash == block.hash)


async def test_a_head_set_back_above_finality_is_followed(follow: Follow) -> None:
    author = make_node(lag=10)
    kept = author.author.build()
    author.author.build()
    node = await follow(Honest(author))
    await until(lambda: node.chain.best.number == 2)

    author.chain.set_head(kept)
    await until(lambda: node.chain.best.hash == kept.hash)


async def test_a_peer_that_takes_finality_back_is_refused(
    follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    author = make_node()
    first = author.author.build()
    last = author.author.build()
    node = await follow(Honest(author))
    await until(lambda: node.chain.finalized.hash == last.hash)

    author.chain.set_head(first)
    include(author, b"another second")
    author.author.build()
    await until(lambda: "final here" in caplog.text)
    assert node.chain.finalized.hash == last.hash


class Lying(Honest):
    """Changes what it is asked for on the way."""

    name = "the liar"

    def __init__(self, node: Node, lie: Callable[[Header, tuple[bytes, ...]], Any]) -> None:
        super().__init__(node)
        self._lie = lie

    async def block(self, hash: H256) -> tuple[bytes, tuple[bytes, ...]] | None:
        found = await super().block(hash)
        assert found is not None
        header, body = codec(Header).decode(found[0]), found[1]
        if header.number != 2:
            return found
        told: tuple[bytes, tuple[bytes, ...]] | None = self._lie(header, body)
        return told


def encoded(header: Header) -> bytes:
    return codec(Header).encode(header)


LIES: dict[str, tuple[Callable[[Header, tuple[bytes, ...]], Any], str]] = {
    "another header": (
        lambda header, body: (encoded(replace(header, state_root=H256(bytes(32)))), body),
        "another header",
    ),
    "garbage": (lambda header, body: (b"garbage", body), "another header"),
    "a body short of an extrinsic": (
        lambda header, body: (encoded(header), body[:-1]),
        "extrinsics root|state root|digest",
    ),
    "a changed extrinsic": (
        lambda header, body: (encoded(header), (*body[:-1], body[-1][:-1] + b"!")),
        "invalid|extrinsic",
    ),
    "no block": (lambda header, body: None, "it has no block"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_is_refused_with_the_reason_and_another_peer_is_followed(
    follow: Follow, caplog: pytest.LogCaptureFixture, lie: str
) -> None:
    author = make_node()
    for number in range(4):
        include(author, b"%d" % number)
    tell, reason = LIES[lie]
    liar, honest = Lying(author, tell), Honest(author)
    honest.down = True

    with caplog.at_level(logging.INFO):
        node = await follow(liar, honest)
        await until(lambda: "the liar is left alone" in caplog.text)
        assert node.chain.best.number == 1
        assert re.search(reason, caplog.text)
        honest.down = False
        await until(lambda: node.chain.best.hash == author.chain.best.hash)


async def test_a_block_with_another_state_than_it_says_is_refused(
    follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    author = make_node()
    include(author, b"true")
    honest_block = author.chain.best
    key = b"stolen".ljust(32, b"\0")
    forged = author.author.build(written={key: b"money"})
    assert forged.parent_hash == honest_block.hash

    node = await follow(Honest(author))
    await until(lambda: "left alone" in caplog.text)
    assert "state root" in caplog.text
    assert node.chain.best.hash == honest_block.hash


async def test_a_peer_of_another_chain_is_refused(
    follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    class Other(Honest):
        async def hashes(self, numbers: Sequence[int]) -> list[H256 | None]:
            return [H256(bytes(32)) for _ in numbers]

    node = await follow(Other(make_node()))
    await until(lambda: "its chain is another" in caplog.text)
    assert node.chain.best.number == 0


async def test_a_peer_that_comes_and_goes_is_met_again(follow: Follow) -> None:
    author = make_node()
    peer = Honest(author)
    peer.down = True
    node = await follow(peer)
    author.author.build()
    await until(lambda: peer.asked > 2)
    assert node.standing.peers == 0

    peer.down = False
    await until(lambda: node.chain.best.hash == author.chain.best.hash)
    peer.down = True
    await until(lambda: node.standing.peers == 0)
    author.author.build()
    peer.down = False
    await until(lambda: node.chain.best.hash == author.chain.best.hash)


class Dying(Honest):
    """A peer whose connection ends when it is told to."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.end: asyncio.Future[None] | None = None

    async def moved(self) -> None:
        self.end = asyncio.get_running_loop().create_future()
        await self.end


async def test_a_follower_stops_also_in_the_moment_in_which_its_peer_goes() -> None:
    author, node = make_node(), make_node(lag=_NEVER)
    for turns in range(6):
        peer = Dying(author)
        follower = Follower(node.chain, node.pool, [peer], node.standing, patience=QUICK)
        follower.start()
        await until(lambda peer=peer: peer.end)
        assert peer.end is not None
        peer.end.set_exception(PeerFailed("it is gone"))
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(2):
            await follower.stop()


async def test_transactions_are_sent_on_also_those_that_came_while_nobody_was_there(
    follow: Follow,
) -> None:
    author = make_node()
    peer = Honest(author)
    peer.down = True
    node = await follow(peer)
    early = remark(node, b"early")
    node.pool.submit(early)
    peer.down = False
    await until(lambda: early in node.chain.best.extrinsics)

    late = remark(node, b"late")
    node.pool.submit(late)
    await until(lambda: late in node.chain.best.extrinsics)
    assert node.chain.best.hash == author.chain.best.hash
    assert len(node.pool) == 0


def reload_code(author: Node) -> None:
    upgrade(author.chain, author.author, successor(DevRuntime, author.chain.best.state))


def set_code(author: Node) -> None:
    code = successor(DevRuntime, author.chain.best.state).code
    runtime: Any = author.runtime
    author.pool.submit(signed(author, runtime.sudo.sudo.call(runtime.system.set_code.call(code))))
    author.author.build()


@pytest.mark.parametrize(
    ("change", "said"),
    [(reload_code, "tilth dev --reload"), (set_code, "Start it with .* --runtime")],
)
async def test_an_upgrade_of_the_chain_ends_the_following_and_says_what_to_do(
    change: Callable[[Node], None], said: str
) -> None:
    author = make_node()
    author.author.build()
    change(author)
    ended: list[Unfollowable] = []
    node = make_node(lag=_NEVER)
    follower = Follower(node.chain, node.pool, [Honest(author)], node.standing, patience=QUICK)
    follower.on_end.append(ended.append)
    follower.start()
    await until(lambda: ended)
    await follower.stop()

    assert re.search(said, str(ended[0]))
