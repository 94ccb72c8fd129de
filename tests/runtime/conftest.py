"""A node in this process whose worker serves a vault, and a buyer who orders any kind of job."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from substrateinterface import Keypair

from tilth.cli.owner import employ
from tilth.cli.vault import open_vault
from tilth.engine import Engine, linear
from tilth.frame import H256
from tilth.node.offchain import OffchainHost
from tilth.node.service import Node
from tilth.node.signer import KeypairSigner
from tilth.pallets.compute import Judge, Loss, Optimizer, TrainSpec
from tilth.primitives.crypto import keypair
from tilth.primitives.crypto.sealing import SealingKey, seal
from tilth.primitives.job_result import model_info
from tilth.runtime.dev import DevRuntime
from tilth.runtime.executor import ThisMachine
from tilth.runtime.presets import DEV_WORKER
from tilth.runtime.worker import ComputeWorker
from tilth.sdk import Budget, Client, Job, JobSpec, Policy
from tilth.testing.node import LocalNode
from tilth.vault import Budget as OwnersBudget
from tilth.vault import EpsilonCap, PrivateTable, Table, Vault, read_csv

UNIT = 10**12
ROWS = 240
FEATURES = 3
POLICY = Policy(
    price_per_job=UNIT,
    price_per_epsilon=UNIT,
    max_epsilon=8,
    max_params=1_000,
    max_output_bytes=20_000,
)
TRAIN = TrainSpec(
    loss=Loss.SOFTMAX_CROSS_ENTROPY,
    optimizer=Optimizer.MOMENTUM,
    steps=12,
    learning_rate_micro=500_000,
    clip_micro=500_000,
    noise_multiplier_milli=4_000,
    sampling_ppb=10**9,
)


def pair(uri: str) -> Keypair:
    return Keypair.create_from_uri(uri)


def patients() -> bytes:
    """Two classes that a straight line tells apart, in numbers of which no two are the same."""
    random = np.random.default_rng(11)
    sick = np.arange(ROWS) % 2
    centres = np.where(sick[:, None] == 1, 0.6, -0.6)
    features = np.clip(centres + random.normal(0, 0.3, (ROWS, FEATURES)), -1.9, 1.9)
    cells = [
        [*(f"{value:.7f}" for value in row), "ny"[label]]
        for row, label in zip(features, sick, strict=True)
    ]
    return "\n".join(["a,b,c,sick", *(",".join(row) for row in cells), ""]).encode()


def visits() -> bytes:
    """How often somebody came: a count that grows with the columns."""
    random = np.random.default_rng(12)
    features = random.uniform(-1, 1, (ROWS, FEATURES))
    counts = random.poisson(np.exp(features.sum(1) + 0.5)).clip(0, 12)
    cells = [
        [*(f"{value:.7f}" for value in row), str(count)]
        for row, count in zip(features, counts, strict=True)
    ]
    return "\n".join(["a,b,c,visits", *(",".join(row) for row in cells), ""]).encode()


class Office:
    """The node, its owner's vault with two tables, and everybody's keys."""

    def __init__(self, node: LocalNode, client: Client, folder: Path) -> None:
        self.node, self.client, self.folder = node, client, folder
        self.vault: Vault = open_vault(folder)
        self.owner, self.buyer = pair("//Alice"), pair("//Bob")
        self.worker, self.juror = pair(DEV_WORKER), pair("//Charlie")
        self.table: Table = self.vault.table("patients")
        self.dataset = self._register("patients")
        self.counts = self._register("visits")

    @property
    def rows(self) -> NDArray[np.float32]:
        """As a model is given them."""
        return PrivateTable(self.table).batch(np.arange(len(self.table)))[0]

    def _register(self, name: str) -> int:
        """The vault's table on the market; its number."""
        return self.client.register_private(
            self.owner,
            self.vault.registration(name),
            name=name,
            policy=POLICY,
            budget=Budget(epsilon=400, output_bytes=10**7),
            workers=[self.worker.ss58_address, self.juror.ss58_address],
        )

    @contextmanager
    def terms(self, **terms: Any) -> Iterator[None]:
        """Other terms, for as long as the block lasts."""
        for policy in (replace(POLICY, **terms), POLICY):
            params = {"dataset": self.dataset, "policy": policy.params()}
            self.client.submit(self.owner, "Datasets", "set_policy", params)
            if policy is not POLICY:
                yield

    def spec(self, key: SealingKey, model: bytes | None = None, **changes: Any) -> JobSpec:
        """A training of a linear model, unless it is said otherwise."""
        model = linear(FEATURES, 2) if model is None else model
        described = JobSpec(
            dataset=self.dataset,
            model=H256(sha256(model).digest() if model else bytes(32)),
            model_bytes=len(model),
            params=(FEATURES + 1) * 2,
            work=TRAIN,
            max_output_bytes=8_000,
            result_key=key.public,
        )
        return replace(described, **changes)

    def order(self, spec: JobSpec, model: bytes | None = None) -> Job:
        """The model is stored first, unless it is secret or there is none."""
        model = linear(FEATURES, 2) if model is None else model
        if not spec.secret_model and spec.model_bytes:
            self.client.publish_content(self.buyer, model)
        return self.client.create_job(self.buyer, spec)

    def seal_model(self, job: Job, model: bytes) -> bytes:
        """For the worker's eyes only."""
        shown = self.client.ask("jobs_workers", self.dataset)
        keys = {worker["account"]: worker["sealingKey"] for worker in shown}
        key = bytes.fromhex(keys[self.worker.ss58_address].removeprefix("0x"))
        genesis = bytes.fromhex(self.client.ask("chain_getBlockHash", 0).removeprefix("0x"))
        return seal(key, model_info(genesis, job.number, job.spec.hash), model)

    def deliver_model(self, job: Job, envelope: bytes) -> None:
        stored = self.client.publish_content(self.buyer, envelope)
        params = {"job": job.number, "content": "0x" + stored.hex()}
        self.client.submit(self.buyer, "Compute", "deliver_model", params)

    def reaches(self, job: Job, state: str) -> Any:
        """Wait for a state on the way."""
        return next(now for now in job.states(timeout=60) if now.WhichOneof("state") == state)

    def pass_blocks(self, count: int) -> None:
        self.client.ask("dev_mine", count)

    def hire_juror(self) -> Callable[[], None]:
        """A second worker, who has no rows; returns what ends its work."""
        self.client.register_worker(self.juror)
        engine, vault = Engine(), open_vault(self.folder.parent / "jurors")

        def hire(node: Node) -> OffchainHost:
            loop = asyncio.get_running_loop()

            async def read(content: bytes) -> bytes | None:
                return node.content.read(H256(content))

            def reading(content: bytes) -> bytes | None:
                return asyncio.run_coroutine_threadsafe(read(content), loop).result()

            worker = ComputeWorker(vault, ThisMachine(engine), reading, node.genesis_hash)
            signer = KeypairSigner(keypair.Keypair.from_uri("//Charlie"))
            runners = {Judge: worker.runners()[Judge]}
            host = OffchainHost(node.chain, node.pool, signer, runners, node.next_nonce)
            host.start()
            return host

        host = self.node.run(hire)

        def dismiss() -> None:
            self.node.run(lambda _: host._stop and host._stop())
            engine.close()

        return dismiss


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office") / "owner"
    vault = open_vault(folder)
    drafts = {
        "patients": read_csv(patients(), label="sick"),
        "visits": read_csv(visits(), target="visits"),
    }
    for name, draft in drafts.items():
        vault.add(name, draft.table(draft.suggest()))
        vault.ledger(name).declare(OwnersBudget(EpsilonCap(400_000_000, 10**7), 10**7))
    with LocalNode(DevRuntime) as node, Client(node.ws, node.grpc) as client:

        def work(inside: Node) -> Any:
            shift = employ(inside, folder, unconfined_ok=False)
            assert inside.offchain is not None
            inside.offchain.start()
            return shift

        shift = node.run(work)
        client.register_worker(pair(DEV_WORKER), bond=1_000 * UNIT)
        yield Office(node, client, folder)
        shift.executor.close()
