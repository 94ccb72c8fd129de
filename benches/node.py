"""A dev node as its users meet it: start, transfers until final, an empty block, a question.

Every figure stands beside one sr25519 verification, or a bare round trip, of the same run.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from statistics import median, quantiles
from typing import Any

import sr25519
from websockets.sync.client import ClientConnection, connect

from tilth.cli.dev import SystemClock
from tilth.frame import AccountId, RuntimeCall
from tilth.node.author import ManualSeal
from tilth.node.service import Node, NodeConfig
from tilth.node.signer import KeypairSigner
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.types import Id
from tilth.runtime import DevRuntime
from tilth.runtime.presets import dev_spec
from tilth.sdk.process import NodeProcess

SENDERS, EACH = 100, 10
AMOUNT, ENDOWMENT = 10**9, 10**15


def main() -> None:
    verify = verification()
    row("one sr25519 verification", f"{verify * 1e6:.0f} µs", "the unit of the ratios")
    begun = time.perf_counter()
    with NodeProcess() as process:
        start = time.perf_counter() - begun
        row("process start to both faces ready", f"{start:.2f} s", "")
        with connect(process.ws, max_size=None) as socket:
            waits = Waits(process.ws)
            transfers(process.process.pid, Rpc(socket), verify)
            waits.show()
            questions(Rpc(socket))
    empty_blocks(verify)


class Rpc:
    """JSON-RPC over one WebSocket, pipelined."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._next = 0

    def call(self, method: str, *params: object) -> Any:
        return self.call_all([(method, params)])[0]

    def call_all(self, calls: list[tuple[str, tuple[object, ...]]]) -> list[Any]:
        """Send everything, then read the answers, in order."""
        for method, params in calls:
            self._next += 1
            request = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
            self._socket.send(json.dumps(request))
        answers: list[Any] = []
        while len(answers) < len(calls):
            answer = json.loads(self._socket.recv())
            if "id" in answer:
                assert "error" not in answer, answer
                answers.append(answer["result"])
        return answers


class Waits:
    """How long another client, in a process of its own, waits for answers meanwhile."""

    def __init__(self, url: str) -> None:
        self._pipe, other = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_ask, args=(url, other))
        self._process.start()
        assert self._pipe.recv() == "connected"

    def show(self) -> None:
        self._pipe.send("enough")
        seconds: list[float] = self._pipe.recv()
        self._process.join()
        last = quantiles(seconds, n=100)[-1]
        row("  another client's slowest answer", f"{last * 1e3:.0f} ms", "of a hundred")


def _ask(url: str, pipe: Connection) -> None:
    with connect(url) as socket:
        rpc, seconds = Rpc(socket), list[float]()
        pipe.send("connected")
        while not pipe.poll():
            seconds.append(_seconds(lambda: rpc.call("system_health")))
            time.sleep(0.002)
        pipe.send(seconds)


def verification() -> float:
    pair = Keypair.from_uri("//Alice")
    signature = pair.sign(bytes(110))
    return _least(lambda: sr25519.verify(signature, bytes(110), pair.public), 300)


def transfers(pid: int, rpc: Rpc, verify: float) -> None:
    """1,000 signed before, from 100 accounts, over one WebSocket, until all are final."""
    wallet, pairs = Wallet(), [Keypair.from_uri(f"//sender{n}") for n in range(SENDERS)]
    _submit(rpc, wallet.endowments(pairs))
    extrinsics = wallet.payments(pairs)
    before, begun = _cpu_seconds(pid), time.perf_counter()
    blocks = _submit(rpc, extrinsics)
    seconds, cpu = time.perf_counter() - begun, _cpu_seconds(pid) - before
    each = cpu / len(extrinsics)
    row("transfers until final", f"{len(extrinsics) / seconds:.0f} /s", f"in {blocks} blocks")
    row("  the node's CPU for each", f"{each * 1e6:.0f} µs", f"{each / verify:.1f} verifications")


class Wallet:
    """Signs for the dev chain, which begins the same way in every process."""

    def __init__(self) -> None:
        self._runtime = DevRuntime()
        self._node = dev_node(self._runtime)
        self._bob = Id(AccountId(Keypair.from_uri("//Bob").account))

    def endowments(self, pairs: list[Keypair]) -> list[bytes]:
        alice = KeypairSigner(Keypair.from_uri("//Alice"))
        calls = [self._transfer(Id(AccountId(pair.account)), ENDOWMENT) for pair in pairs]
        return [self._signed(alice, call, nonce) for nonce, call in enumerate(calls)]

    def payments(self, pairs: list[Keypair]) -> list[bytes]:
        signers, call = [KeypairSigner(pair) for pair in pairs], self._transfer(self._bob, AMOUNT)
        return [self._signed(signer, call, nonce) for nonce in range(EACH) for signer in signers]

    def _transfer(self, dest: Id, amount: int) -> RuntimeCall:
        return self._runtime.balances.transfer_keep_alive.call(dest, amount)

    def _signed(self, signer: KeypairSigner, call: RuntimeCall, nonce: int) -> bytes:
        genesis = self._node.chain.genesis
        with self._runtime.at(genesis.state):
            self._runtime.executive.begin_validation(genesis.hash)
            return signer.sign(self._runtime, call, nonce)


def _submit(rpc: Rpc, extrinsics: list[bytes]) -> int:
    """Submit all and wait until they are in final blocks; returns how many blocks it took."""
    first = int(rpc.call("chain_getHeader")["number"], 16)
    rpc.call_all([("author_submitExtrinsic", ("0x" + data.hex(),)) for data in extrinsics])
    included, number = 0, first
    while included < len(extrinsics):
        final = int(rpc.call("chain_getHeader", rpc.call("chain_getFinalizedHead"))["number"], 16)
        while number < final:
            number += 1
            block = rpc.call("chain_getBlock", rpc.call("chain_getBlockHash", number))
            included += len(block["block"]["extrinsics"]) - 1  # the inherent
    return number - first


def questions(rpc: Rpc) -> None:
    """chain_getHeader, one at a time and 32 in flight, beside the emptiest method there is."""
    bare = _least(lambda: rpc.call("system_name"), 300)
    one = _least(lambda: rpc.call("chain_getHeader"), 300)
    header: tuple[str, tuple[object, ...]] = ("chain_getHeader", ())
    many = _least(lambda: rpc.call_all([header] * 32), 60) / 32
    row("chain_getHeader, one at a time", f"{one * 1e6:.0f} µs", f"{one / bare:.2f} system_name")
    print(
        f"chain_getHeader, 32 in flight       {many * 1e6:8.0f} µs  {many / bare:5.2f} system_name"
    )


def empty_blocks(verify: float) -> None:
    """In this process, in memory: initialize, the inherents, finalize, both roots."""
    node = dev_node(DevRuntime())
    times = [_seconds(lambda: node.author.build()) for _ in range(100)]
    block = median(times)
    row("an empty block", f"{block * 1e6:.0f} µs", f"{block / verify:.1f} verifications")


def row(what: str, figure: str, beside: str) -> None:
    print(f"{what:<36}{figure:>10}   {beside}")


def dev_node(runtime: DevRuntime) -> Node:
    return Node(
        NodeConfig(
            runtime=runtime,
            spec=dev_spec(runtime),
            clock=SystemClock(),
            sealing=lambda author, pool: ManualSeal(),
        )
    )


def _cpu_seconds(pid: int) -> float:
    """What the process has used so far, on Linux."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _least(work: Callable[[], object], times: int) -> float:
    return min(_seconds(work) for _ in range(times))


if __name__ == "__main__":
    main()
