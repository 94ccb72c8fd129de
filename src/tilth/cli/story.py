"""The story, chapter by chapter; after the first, all of it goes through a node's public faces."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tilth.cli.books import UNIT, Audit, Books, change, tokens
from tilth.cli.halves import LABEL, Examination, Halves
from tilth.cli.stage import Stage, bar
from tilth.cli.vault import open_vault
from tilth.engine import linear
from tilth.runtime.presets import DEV_WORKER
from tilth.sdk import Budget, Client, Job, JobRefunded, Mock, Policy, SealingKey, TrainingPlan
from tilth.v1 import jobs_pb2, onnx_pb2
from tilth.vault import Budget as OwnersBudget
from tilth.vault import EpsilonCap, Registration, Schema, read_csv

BLOCK_SECONDS: Final = 0.2
LEAST_ACCURACY: Final = 0.90
_NAME: Final = "clinic"
_BUDGET: Final = Budget(epsilon=4, delta=1e-5, output_bytes=64_000)
_POLICY: Final = Policy(
    price_per_job=2 * UNIT,
    price_per_epsilon=5 * UNIT,
    max_epsilon=3,
    max_params=10_000,
    max_output_bytes=32_000,
)
_PLAN: Final = TrainingPlan(epsilon=3)
_THEFT: Final = TrainingPlan(epsilon=1)
_CLAIMED: Final = 62
"""How many weights the thief says that his model has; it has none."""
_SHOWN_COLUMNS: Final = 3
_WORKER: Final = "Alice's node"
_CAST: Final = {
    "Alice": "//Alice",
    _WORKER: DEV_WORKER,
    "Bob": "//Bob",
    "Charlie": "//Charlie",
    "Dave": "//Dave",
}
_STATES: Final = {
    "queued": "waits for a worker",
    "claimed": "Alice's node has the rows, and examines the model first",
    "running": "in a jail without files or network; clip and noise outside it",
    "delivered": "the trained model is on the chain, sealed to Bob's key",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the story comes down to."""

    accuracy: float
    thief_got_nothing: bool
    audit: Audit

    @property
    def is_good(self) -> bool:
        accurate = self.accuracy >= LEAST_ACCURACY
        return accurate and self.thief_got_nothing and self.audit.is_balanced


def lock_away(stage: Stage, halves: Halves, folder: Path) -> Registration:
    """The chapter before there is a chain: Alice's half goes into her vault."""
    stage.chapter("Alice locks her half of a table in her vault")
    draft = read_csv(halves.private, label=LABEL)
    table = draft.table(draft.suggest())
    vault = open_vault(folder)
    registration = vault.add(_NAME, table)
    terms = _BUDGET.params()
    cap = EpsilonCap(terms["epsilon_micro"], terms["delta_pico"])
    vault.ledger(_NAME).declare(OwnersBudget(cap, _BUDGET.output_bytes))
    stage.say(f"{halves.source}: {halves.rows} rows, cut in two.")
    stage.say(
        f"{len(table)} rows are encrypted on her disk. Only this much of them will be public:"
    )
    _show_public(stage, registration)
    return registration


class Story:
    """Told by somebody who holds everyone's keys, as on a dev chain anyone may."""

    def __init__(
        self, stage: Stage, client: Client, halves: Halves, registration: Registration
    ) -> None:
        from substrateinterface import Keypair

        self._stage = stage
        self._client = client
        self._halves = halves
        self._registration = registration
        self._pairs: dict[str, Keypair] = {
            name: Keypair.create_from_uri(uri) for name, uri in _CAST.items()
        }
        addresses = {name: str(pair.ss58_address) for name, pair in self._pairs.items()}
        self._books = Books(client, addresses)

    def play(self) -> Outcome:
        table = self._offer()
        commons = self._give()
        model = linear(self._halves.columns - 1, 2)
        mock = self._rehearse(table, model)
        key = SealingKey.generate()
        job = self._pay(table, model, key)
        self._come_to_the_data(table, job)
        accuracy = self._open(job, key, commons, mock.schema, model)
        self._settle(job)
        refused = self._steal(table)
        self._reap()
        return Outcome(accuracy, refused, self._audit())

    def _offer(self) -> int:
        self._stage.chapter("She offers it: a model may come to the rows, the rows stay")
        alice, node = self._pairs["Alice"], self._pairs[_WORKER]
        with self._stage.busy("publishing schema and mock, registering table and worker"):
            table = self._client.register_private(
                alice,
                self._registration,
                name="Clinic, breast cancer",
                policy=_POLICY,
                budget=_BUDGET,
                workers=[node.ss58_address],
            )
            self._client.register_worker(node)
        job, epsilon = _POLICY.price_per_job // UNIT, _POLICY.price_per_epsilon // UNIT
        self._stage.say(f"Dataset {table}: a job costs {job} TLTH, and {epsilon} per unit of ε.")
        self._show_privacy(table)
        self._show_money("Alice", _WORKER)
        return table

    def _give(self) -> int:
        self._stage.chapter("Dave gives the other half to the commons, for ever")
        with self._stage.busy("storing it in the chain's blocks"):
            commons = self._client.publish_dataset(
                self._pairs["Dave"],
                {"breast-cancer.csv": self._halves.public},
                name="Breast cancer, open half",
                spdx="CC-BY-4.0",
                tags=("medicine", "tabular"),
            )
        revision = self._client.dataset(commons).head
        self._stage.say(
            f"Dataset {commons}: {revision.rows} rows, {revision.size_bytes:,} bytes in the "
            f"chain's blocks. No call deletes them, not even root's."
        )
        self._show_money("Dave")
        return commons

    def _rehearse(self, table: int, model: bytes) -> Mock:
        self._stage.chapter("Bob tries his ONNX classifier on the mock")
        mock = self._client.mock(table)
        with self._stage.busy("training on made-up rows, on Bob's machine"):
            rehearsal = _PLAN.rehearse(model, mock)
        self._stage.say(
            f"It trains: {rehearsal.params} weights, {_PLAN.steps} steps, "
            f"{rehearsal.seconds:.1f} s. The mock is made up, so it learns nothing yet."
        )
        return mock

    def _pay(self, table: int, model: bytes, key: SealingKey) -> Job:
        self._stage.chapter("Bob pays")
        bob = self._pairs["Bob"]
        self._client.publish_content(bob, model)
        spec = self._client.job_spec(table, model, _PLAN, key=key.public)
        quote = self._client.quote(bob.ss58_address, spec)
        job = self._client.create_job(bob, spec, max_price=quote.escrow.total)
        self._stage.say(
            f"Job {job.number}, ε {quote.epsilon:.3f} at δ {_BUDGET.delta:g}: that takes noise of "
            f"{_PLAN.noise_multiplier(_BUDGET.delta):g} × clip."
        )
        escrow = quote.escrow
        self._stage.say(
            f"Held in escrow: {tokens(escrow.data)} for the data, "
            f"{tokens(escrow.compute)} for computing."
        )
        self._show_money("Bob")
        return job

    def _come_to_the_data(self, table: int, job: Job) -> None:
        self._stage.chapter("The model comes to the data")
        with self._stage.busy("watching the job over gRPC"):
            job.wait(self._show_state)
        self._show_privacy(table)

    def _show_state(self, job: jobs_pb2.Job) -> None:
        state = job.WhichOneof("state") or ""
        words = _STATES.get(state, "")
        where = f"#{job.as_of.number}"
        self._stage.say(words, lead=f"[cyan]{state:<10}[/][dim]{where:<5}[/]")

    def _open(self, job: Job, key: SealingKey, commons: int, schema: Schema, model: bytes) -> float:
        self._stage.chapter("Bob opens his model, and examines it on the open half")
        trained = job.result(key)
        (public,) = self._client.fetch_dataset(commons).values()
        exam = Examination(public, schema)
        untrained, accuracy = exam.accuracy(model), exam.accuracy(trained)
        with self._stage.busy("and what would be possible without privacy?"):
            best = exam.accuracy_without_privacy(self._halves.private, schema)
        self._stage.rows(
            [
                ("as Bob sent it, untrained", f"{untrained:.3f}", bar(untrained)),
                (
                    f"trained on Alice's rows, ε = {_PLAN.epsilon:g}",
                    f"{accuracy:.3f}",
                    bar(accuracy),
                ),
                ("logistic regression, no privacy *", f"{best:.3f}", bar(best)),
            ],
            titles=("model", "accuracy", f"on {exam.count} rows that none has seen"),
            right=(1,),
        )
        self._stage.say("[dim]* for comparison: only the story-teller may fit to Alice's rows.[/]")
        return accuracy

    def _settle(self, job: Job) -> None:
        self._stage.chapter("Bob is content, and everyone is paid")
        receipt = self._client.acknowledge(self._pairs["Bob"], job)
        paid = receipt.one("Compute", "JobCompleted")
        self._stage.say(
            f"Alice gets {tokens(paid['owner_paid'])}, her node {tokens(paid['worker_paid'])}; "
            f"{tokens(paid['burned'])} are burned."
        )
        self._show_money("Bob", "Alice", _WORKER)

    def _steal(self, table: int) -> bool:
        self._stage.chapter("Charlie sends a model that returns its input: he wants the rows")
        charlie, thief = self._pairs["Charlie"], identity(self._halves.columns - 1)
        key = SealingKey.generate()
        self._client.publish_content(charlie, thief)
        spec = self._client.job_spec(table, thief, _THEFT, key=key.public, params=_CLAIMED)
        self._books.moved("Charlie")
        before = self._spent(table), self._client.held_balance(charlie.ss58_address)
        job = self._client.create_job(charlie, spec)
        self._show_money("Charlie")
        failure = self._failure(job)
        self._show_money("Charlie")
        after = self._spent(table), self._client.held_balance(charlie.ss58_address)
        refused = failure == "MODEL_REFUSED" and after == before
        self._stage.verdict(
            refused, "no row was touched, no privacy spent, and the escrow is his again"
        )
        return refused

    def _failure(self, job: Job) -> str:
        try:
            with self._stage.busy("Alice's node examines the model"):
                job.wait()
        except JobRefunded as refunded:
            self._stage.say(str(refunded), lead="[cyan]refunded[/]  ")
            return refunded.failure
        return ""

    def _reap(self) -> None:
        self._stage.chapter("The era ends, and Alice reaps her reward")
        alice = self._pairs["Alice"]
        self._await_era_of_first_fee()
        shares = self._client.unclaimed_rewards(alice.ss58_address)
        claimed = self._client.claim_rewards(alice)
        era = self._client.query("Rewards", "EraInfo", shares[0].era)
        self._stage.say(
            f"Her table burned {tokens(era['fees'])} in era {shares[0].era}, so {tokens(claimed)} "
            f"are minted for her:"
        )
        self._stage.say("less than was burned, so that nobody gains by paying himself.")
        self._show_money("Alice")

    def _await_era_of_first_fee(self) -> None:
        address = self._pairs["Alice"].ss58_address
        length = self._client.constant("Rewards", "EraLength")
        with self._stage.busy(f"an era is {length} blocks, a block {BLOCK_SECONDS:g} s"):
            while not self._client.unclaimed_rewards(address):
                time.sleep(BLOCK_SECONDS)

    def _audit(self) -> Audit:
        self._stage.chapter("The books")
        with self._stage.busy("reading the events of every block"):
            audit = self._books.balance()
        self._stage.rows(
            [
                (
                    entry.name,
                    change(-entry.sums.fees),
                    change(entry.sums.earned - entry.sums.paid),
                    change(entry.sums.rewards),
                    change(entry.ended.total - entry.begun.total),
                    tokens(entry.ended.held),
                )
                for entry in audit.entries
            ],
            titles=("TLTH", "fees", "jobs", "rewards", "= change", "held"),
            right=(1, 2, 3, 4, 5),
        )
        self._stage.say(
            f"In {audit.blocks} blocks all money changed by {change(audit.issuance_change)}: "
            f"fees burned, rewards minted."
        )
        return audit

    def _spent(self, table: int) -> int:
        return self._client.dataset(table).private.privacy_spent.spent_micro

    def _show_privacy(self, table: int) -> None:
        books = self._client.dataset(table).private.privacy_spent
        spent, cap = books.spent_micro / 1e6, books.cap_micro / 1e6
        self._stage.say(
            f"privacy   {bar(spent / cap)} ε {spent:.3f} of {cap:g} spent at δ {_BUDGET.delta:g}"
        )

    def _show_money(self, *names: str) -> None:
        moved = self._books.moved(*names)
        if not moved:
            return
        self._stage.rows(
            [
                (
                    each.name,
                    tokens(each.now.free),
                    change(each.now.free - each.before.free),
                    tokens(each.now.held),
                    change(each.now.held - each.before.held),
                )
                for each in moved
            ],
            titles=("TLTH", "free", "change", "held", "change"),
            right=(1, 2, 3, 4),
        )


def identity(features: int) -> bytes:
    """A model that would carry every row it sees out of the house."""
    dims = [
        onnx_pb2.TensorShapeProto.Dimension(dim_param="N"),
        onnx_pb2.TensorShapeProto.Dimension(dim_value=features),
    ]
    tensor = onnx_pb2.TypeProto.Tensor(
        elem_type=onnx_pb2.TensorProto.FLOAT, shape=onnx_pb2.TensorShapeProto(dim=dims)
    )
    kind = onnx_pb2.TypeProto(tensor_type=tensor)
    graph = onnx_pb2.GraphProto(
        name="thief",
        node=[onnx_pb2.NodeProto(op_type="Identity", input=["rows"], output=["stolen"])],
        input=[onnx_pb2.ValueInfoProto(name="rows", type=kind)],
        output=[onnx_pb2.ValueInfoProto(name="stolen", type=kind)],
    )
    opset = onnx_pb2.OperatorSetIdProto(domain="", version=17)
    return onnx_pb2.ModelProto(ir_version=8, graph=graph, opset_import=[opset]).SerializeToString()


def _show_public(stage: Stage, registration: Registration) -> None:
    schema = Schema.from_json(registration.schema)
    mock = [line.split(",") for line in registration.mock.decode().splitlines()[1:3]]
    shown = schema.columns[:_SHOWN_COLUMNS]
    rows = [
        (column.name, f"{lower:g} to {upper:g}", *(cells[at] for cells in mock))
        for at, (column, (lower, upper)) in enumerate(zip(shown, schema.bounds, strict=False))
    ]
    more = len(schema.columns) - len(shown) - 1
    rows.append((f"… {more} more", "", "", ""))
    label = schema.label_column
    if label is not None:
        rows.append((label.name, " or ".join(schema.class_names), *(cells[-1] for cells in mock)))
    stage.rows(rows, titles=("column", "declared", "mock row 1", "mock row 2"), right=(2, 3))
    root = registration.row_root.hex()[:12]
    stage.say(f"and how many there are, with a salted root that binds them: 0x{root}…")
