"""What a transfer and a block cost in instructions, beside the goals of the design.

Callgrind counts, so the figures repeat within one in a hundred, however busy the machine is. The
signature is not counted: `benches/node.py` measures beside it.
"""

import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from node import EACH, SENDERS, Wallet, dev_node

from tilth.node.service import Node
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime import DevRuntime

ROUNDS = 20
GOALS = {
    "a transfer": 300_000,
    "a block with one transfer": 1_200_000,
}
_COUNTED = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
_LABEL = re.compile(r"^desc: Trigger: .*?(\w+)$", re.MULTILINE)


def main() -> None:
    if shutil.which("valgrind") is None:
        print("nothing is counted: valgrind is not installed")
        return
    counts = counted()
    transfers = SENDERS * EACH
    submit, build = counts["submit"] // transfers, counts["build"] // transfers
    row("a transfer", submit + build)
    row("  until it is in the pool", submit)
    row("  and in a block of 1,000", build)
    row("a block with one transfer", counts["single"] // ROUNDS)
    row("an empty block", counts["empty"] // ROUNDS)


def row(what: str, count: int) -> None:
    goal = GOALS.get(what)
    beside = "" if goal is None else f"{count / goal:.2f} of the goal, {goal:,}"
    print(f"{what:<36}{count:>12,}   {beside}")


def counted() -> dict[str, int]:
    """Instructions by window, without what it takes to switch the counting on and off."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
        subprocess.run(
            [*command, f"--callgrind-out-file={out}", sys.executable, __file__, "windows"],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stderr=subprocess.DEVNULL,
            check=True,
        )
        profiles = [path.read_text() for path in Path(folder).glob("out.*")]
    counts = {
        label[1]: int(total[1])
        for profile in profiles
        if (label := _LABEL.search(profile)) and (total := _COUNTED.search(profile))
    }
    return {name: count - counts["nothing"] for name, count in counts.items()}


def windows() -> None:
    """Under callgrind: each piece of work as a profile of its own."""
    pairs = [Keypair.from_uri(f"//sender{n}") for n in range(SENDERS)]
    wallet = Wallet()
    payments = wallet.payments(pairs)
    with patch("tilth.primitives.crypto.signatures.verify_sr25519", new=lambda *_: True):
        crowd, single, empty = (_funded(wallet, pairs) for _ in range(3))
        _one_by_one(single, payments[:1])
        gc.set_threshold(20_000, 10, 10)  # as the command line sets it
        gc.collect()
        gc.freeze()
        count("nothing", lambda: None)
        count("submit", lambda: _submit(crowd, payments))
        count("build", crowd.author.build)
        count("single", lambda: _one_by_one(single, payments[1 : ROUNDS + 1]))
        count("empty", lambda: _empty(empty))
    held = len(crowd.chain.best.extrinsics) - 1  # the inherent
    assert held == len(payments), f"the block holds {held} of {len(payments)} transfers"


def _funded(wallet: Wallet, pairs: list[Keypair]) -> Node:
    node = dev_node(DevRuntime())
    _submit(node, wallet.endowments(pairs))
    node.author.build()
    return node


def _submit(node: Node, extrinsics: list[bytes]) -> None:
    for extrinsic in extrinsics:
        node.pool.submit(extrinsic)


def _one_by_one(node: Node, extrinsics: list[bytes]) -> None:
    for extrinsic in extrinsics:
        node.pool.submit(extrinsic)
        node.author.build()


def _empty(node: Node) -> None:
    for _ in range(ROUNDS):
        node.author.build()


def count(label: str, work: Callable[[], object]) -> None:
    _control("--zero")
    _control("--instr=on")
    work()
    _control(f"--dump={label}")
    _control("--instr=off")


def _control(order: str) -> None:
    subprocess.run(
        ["callgrind_control", order, str(os.getpid())], stdout=subprocess.DEVNULL, check=True
    )


if __name__ == "__main__":
    windows() if sys.argv[1:] == ["windows"] else main()
