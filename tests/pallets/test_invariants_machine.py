"""Whatever people do with all pallets at once, every block keeps FRAME's invariants.

Random signed calls, whatever the pallets of the dev runtime declare, alone and inside batches,
proxies, multisigs and root's calls, go through the executive. Every block is then audited, and
executed again as an importing node does. `TILTH_EXAMPLES=500` looks deeper.
"""

import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tilth.frame import (
    H256,
    AccountId,
    InvalidTransactionError,
    Overlay,
    RuntimeCall,
    Weight,
    codec,
    hashing,
    u64,
)
from tilth.frame.apis import inherents
from tilth.node.signer import KeypairSigner
from tilth.pallets.compute import (
    Claimed,
    Delivered,
    Job,
    JobSpec,
    Loss,
    Optimizer,
    Queued,
    Running,
    TrainSpec,
)
from tilth.pallets.datasets import Anyone, Budget, Draft, Policy
from tilth.pallets.multisig.pallet import account_of
from tilth.pallets.transaction_storage.types import ForAccount
from tilth.primitives import privacy
from tilth.primitives.chunks import ChunkProof, prove_chunk
from tilth.primitives.crypto.dev import dev_accounts
from tilth.primitives.trie import Trie
from tilth.primitives.types import Digest, Header, Id, PreRuntime
from tilth.runtime import DevRuntime
from tilth.runtime.powers import ProxyType
from tilth.runtime.presets import dev_spec
from tilth.runtime.units import EXISTENTIAL_DEPOSIT, UNIT
from tilth.testing.arbitrary import Arbitrary

EXAMPLES: Final = int(os.environ.get("TILTH_EXAMPLES", "25"))
SLOW: Final = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
SLOT_MS: Final = 6_000
BEGINNING: Final = 1_700_000_004_000

PAIRS: Final = {
    AccountId(pair.account): pair for name, pair in dev_accounts().items() if "stash" not in name
}
ALICE, BOB, CHARLIE, DAVE, EVE, FERDIE = PEOPLE = tuple(PAIRS)
COUNCIL: Final = AccountId(account_of(sorted((ALICE, BOB, CHARLIE)), 2))
STRANGER: Final = AccountId(b"s" * 32)
MODEL, RESULT, _, _ = CONTENTS = (b"an ONNX file", b"a sealed result", b"a schema", bytes(600))
BY_HASH: Final = {
    hashed(content): content
    for content in CONTENTS
    for hashed in (hashing.sha2_256, hashing.blake2_256, hashing.keccak_256)
}
ROWS: Final = H256(b"r" * 32)
HASHES: Final = tuple(H256(hashing.sha2_256(content)) for content in CONTENTS)
ALL: Final = Weight(10**12, 10**6)
PAID: Final = (
    b":",
    hashing.twox_128(b"System"),
    hashing.twox_128(b"Balances") + hashing.twox_128(b"TotalIssuance"),
)
"""What a call that failed has changed: its signer's nonce and money, the block's state."""


class Hasty(DevRuntime):
    """The dev runtime, with deadlines that a short story reaches."""

    def __init__(self) -> None:
        super().__init__()
        for window in ("queue", "start", "finish", "challenge"):
            setattr(self.compute, f"{window}_window", 4)
        self.compute.cool_down, self.compute.max_due = 2, 2
        self.rewards.era_length, self.rewards.base_issuance = 3, 10 * UNIT


RUNTIME: Final = Hasty()

people = st.sampled_from(PEOPLE)
contents = st.sampled_from(HASHES)
signatories = st.lists(people, max_size=2, unique=True).map(sorted).map(tuple)
GIVEN: Final[dict[str, st.SearchStrategy[Any]]] = {
    **dict.fromkeys(("manifest", "metadata", "schema", "mock", "model", "result_hash"), contents),
    **dict.fromkeys(("fingerprint", "reason", "call_hash", "content_hash"), contents),
    "row_root": st.sampled_from((ROWS, *HASHES)),
    "data": st.sampled_from((*CONTENTS, b"")),
    "spdx": st.sampled_from(("CC0-1.0", "MIT")),
    "tags": st.sampled_from(((), ("text",), ("text", "text"))),
    "size": st.sampled_from((len(RESULT), 1)),
    "rows": st.sampled_from((1_000, 1)),
    "delta_pico": st.just(10**6),
    "max_weight": st.sampled_from((ALL, Weight(0, 0))),
    "other_signatories": signatories,
}
calls: Final = Arbitrary(
    RUNTIME,
    accounts=(*PEOPLE, COUNCIL, STRANGER),
    amounts=(
        *(0, 1, EXISTENTIAL_DEPOSIT - 1, EXISTENTIAL_DEPOSIT),
        *(UNIT, 20 * UNIT, 10**6 * UNIT),
    ),
    given=GIVEN,
).calls


# A chain of blocks, each audited and executed again.


class Chain:
    """One block after the other; extrinsics are signed by people and go through the executive."""

    def __init__(self) -> None:
        genesis = {**dev_spec(RUNTIME).genesis, "TransactionStorage": {"retention_period": 5}}
        self.state: Trie = RUNTIME.build_genesis(genesis)
        self.parent_hash = H256(bytes(32))
        self.number = 0
        self.begin()
        for who, call in _opening():
            assert self.include(who, call), f"{call} belongs to the story"
        self.end()

    def fork(self) -> "Chain":
        """Another future of the same past."""
        chain = Chain.__new__(Chain)
        chain.__dict__.update(self.__dict__)
        return chain

    def begin(self) -> None:
        self.number += 1
        RUNTIME.slot.overlay = Overlay(self.state)
        data = self._inherent_data()
        RUNTIME.executive.initialize_block(self._header())
        self.body = [self._applied(extrinsic.data) for extrinsic in inherents(RUNTIME, data)]
        self.is_open = True

    def include(self, who: AccountId, call: RuntimeCall) -> bool:
        """Whether the call is in the block, signed, and succeeded."""
        nonce = RUNTIME.system.account[who].nonce
        data = KeypairSigner(PAIRS[who]).sign(RUNTIME, call, nonce)
        overlay = RUNTIME.slot.overlay
        mark = overlay.mark()
        try:
            self.body.append(self._applied(data))
        except InvalidTransactionError:
            assert overlay.mark() == mark, "what was refused left a trace"
            return False
        if not self._succeeded:
            left = [key for key in overlay.written_since(mark) if not key.startswith(PAID)]
            assert not left, f"{call} failed and left a trace"
        return self._succeeded

    def _applied(self, data: bytes) -> bytes:
        failure = RUNTIME.executive.apply_extrinsic(RUNTIME.format.decode(data))
        self._succeeded = failure is None
        return data

    def end(self) -> None:
        self.is_open = False
        header = RUNTIME.executive.finalize_block()
        parent, self.state = self.state, RUNTIME.slot.overlay.trie
        self._execute_again(parent, header)
        self.parent_hash = header.hash
        RUNTIME.slot.overlay = Overlay(self.state)
        audit()

    def _execute_again(self, parent: Trie, header: Header) -> None:
        """As an importing node does; raises where a root or the digest differs."""
        block = [RUNTIME.format.decode(data) for data in self.body]
        with RUNTIME.at(parent) as overlay:
            RUNTIME.executive.execute_block(header, block)
            assert overlay.trie.root == header.state_root

    @property
    def _moment(self) -> int:
        return BEGINNING + self.number * SLOT_MS

    def _slot(self) -> bytes:
        return codec(u64).encode(self._moment // SLOT_MS)

    def _header(self) -> Header:
        digest = Digest((PreRuntime(b"aura", self._slot()),))
        return Header(self.parent_hash, self.number, H256(bytes(32)), H256(bytes(32)), digest)

    def _inherent_data(self) -> dict[bytes, bytes]:
        moment = codec(u64).encode(self._moment)
        return {b"timstap0": moment, b"auraslot": self._slot(), **self._possession()}

    def _possession(self) -> dict[bytes, bytes]:
        """The chunk that the parent asks for, as an author proves to have it."""
        drawn = RUNTIME.storage.challenge(self.parent_hash)
        if drawn is None:
            return {}
        proof = prove_chunk(BY_HASH[drawn.content_hash], drawn.chunk)
        return {b"tx_proof": codec(ChunkProof).encode(proof)}


def _opening() -> Iterator[tuple[AccountId, RuntimeCall]]:
    """Content, a private table with two workers, a council with money, and a proxy of Alice."""
    runtime = RUNTIME
    for content in CONTENTS:
        yield ALICE, runtime.storage.storing(content)
    shown, rows = HASHES[2], ROWS
    policy = Policy(UNIT, UNIT, Anyone(), 9 * 10**6, 1_000, 10_000, ())
    budget = Budget(20 * 10**6, 10**6, 50_000)
    terms = "patients", "CC0-1.0", shown, shown, shown, rows, 1_000, policy, budget, (CHARLIE, DAVE)
    yield ALICE, runtime.datasets.register_private.call(*terms)
    for worker in (CHARLIE, DAVE):
        yield worker, runtime.compute.register_worker.call(runtime.compute.min_bond)
    yield BOB, runtime.balances.transfer_keep_alive.call(Id(COUNCIL), 1_000 * UNIT)
    yield ALICE, runtime.proxy.add_proxy.call(Id(BOB), ProxyType.ANY, 0)


begun: Final = cache(Chain)


# What must hold of the state after a block.


def audit() -> None:
    RUNTIME.try_state()
    system = RUNTIME.system
    assert system.event_count.get() == len(system.events.get()), "the events are miscounted"
    _audit_weight()
    _audit_references()
    _audit_deposits()
    _audit_budgets()


def _audit_weight() -> None:
    used, limits = RUNTIME.system.block_weight.get(), RUNTIME.system.block_weights
    most = limits.per_class.normal.max_total
    assert most is not None
    assert used.normal.all_lte(most), "normal calls took more than their share of the block"
    assert used.total.all_lte(limits.max_block), "the block is too heavy"


def _audit_references() -> None:
    """Money and authorizations provide for accounts; held money and session keys consume them."""
    scopes = [scope for scope, _ in RUNTIME.storage.authorizations.items()]
    authorized = [scope.who for scope in scopes if isinstance(scope, ForAccount)]
    for who, info in RUNTIME.system.account.items():
        providers = (info.data.free >= EXISTENTIAL_DEPOSIT) + authorized.count(who)
        consumers = info.data.consumes + (who in RUNTIME.session.next_keys)
        expected = (providers, consumers, 0)
        assert (info.providers, info.consumers, info.sufficients) == expected, who.hex()


def _audit_deposits() -> None:
    """What is reserved is what pallets hold and what they have noted as deposits."""
    owed: Counter[AccountId] = Counter()
    for who, held in RUNTIME.balances.holds.items():
        owed[who] += sum(hold.amount for hold in held)
    for operation in RUNTIME.multisig.multisigs.values():
        owed[operation.depositor] += operation.deposit
    for book in (RUNTIME.proxy.proxies, RUNTIME.proxy.announcements):
        for who, (_, deposit) in book.items():
            owed[who] += deposit
    reserved = {who: info.data.reserved for who, info in RUNTIME.system.account.items()}
    assert sum(owed.values()) <= sum(reserved.values()), "a deposit is noted that nobody has"
    for who in PEOPLE:
        assert owed[who] <= reserved.get(who, 0), f"{who.hex()} lacks a deposit"


def _audit_budgets() -> None:
    """What is reserved of a table's privacy and bytes is reserved for jobs that wait for it."""
    jobs = list(RUNTIME.compute.jobs.values())
    for dataset, books in RUNTIME.datasets.ledgers.items():
        mine = [job for job in jobs if job.spec.dataset == dataset]
        waiting = [job for job in mine if isinstance(job.state, Queued | Claimed)]
        assert books.reserved == _total(waiting), f"dataset {dataset} reserves for nobody"
        assert books.bytes_reserved == sum(job.spec.max_output_bytes for job in waiting)
        assert min(books.spent) >= 0
        assert books.bytes_spent >= 0


def _total(jobs: list[Job]) -> privacy.Cost:
    total = privacy.NOTHING
    for job in jobs:
        total = privacy.add(total, job.cost)
    return total


class Bustle(RuleBasedStateMachine):
    """Everybody does something; now and then a block ends."""

    @initialize()
    def begin(self) -> None:
        self.chain = begun().fork()
        self.chain.begin()

    def _do(self, who: AccountId, call: RuntimeCall) -> bool:
        return self.chain.include(who, call)

    @rule(who=people, call=calls, rightly=st.booleans())
    def call_anything(self, who: AccountId, call: RuntimeCall, rightly: bool) -> None:
        entitled = _entitled(call) if rightly else None
        self._do(who if entitled is None or entitled not in PAIRS else entitled, call)

    @rule(who=people, delegate=people, kind=st.sampled_from(ProxyType), delay=st.integers(0, 1))
    def trust(self, who: AccountId, delegate: AccountId, kind: ProxyType, delay: int) -> None:
        self._do(who, RUNTIME.proxy.add_proxy.call(Id(delegate), kind, delay))

    @rule(who=people)
    def publish(self, who: AccountId) -> None:
        shown, number = HASHES[2], RUNTIME.datasets.next_id.get()
        draft = Draft(shown, shown, None, 1, 1, H256(bytes((number % 3,)) * 32), None)
        publish = RUNTIME.datasets.publish.call("corpus", "MIT", (), draft, HASHES[2:3], None)
        self._do(who, publish)

    @rule(call=calls)
    def call_as_root(self, call: RuntimeCall) -> None:
        key = RUNTIME.sudo.key.get()
        if key is not None and key in PAIRS:
            self._do(key, RUNTIME.sudo.sudo.call(call))

    @rule(who=people, call=calls)
    def call_through_a_proxy(self, who: AccountId, call: RuntimeCall) -> None:
        """Whoever somebody has made a proxy acts for them."""
        for real, (granted, _) in RUNTIME.proxy.proxies.items():
            if any(leave.delegate == who and not leave.delay for leave in granted):
                self._do(who, RUNTIME.proxy.proxy.call(Id(real), None, call))
                return

    @rule(call=calls, second=st.sampled_from((BOB, CHARLIE)))
    def agree(self, call: RuntimeCall, second: AccountId) -> None:
        """Two of three make a call as the council."""
        for who in (ALICE, second):
            others = tuple(sorted({ALICE, BOB, CHARLIE} - {who}))
            operation = RUNTIME.multisig.multisigs.get((COUNCIL, hashing.blake2_256(call.encode())))
            when = None if operation is None else operation.when
            self._do(who, RUNTIME.multisig.as_multi.call(2, others, when, call, ALL))

    @precondition(lambda self: len(self._live()) < 4)
    @rule(who=people, steps=st.integers(0, 3), noise=st.sampled_from((8_000, 60_000)))
    def order(self, who: AccountId, steps: int, noise: int) -> None:
        """A job that goes some steps of its way at once."""
        job = RUNTIME.compute.next_job.get()
        if self._do(who, RUNTIME.compute.create_job.call(_spec(noise), UNIT, None)):
            for _ in range(steps):
                self._step(job)

    @precondition(lambda self: self._live())
    @rule(pick=st.integers(0, 5))
    def go_on(self, pick: int) -> None:
        live = self._live()
        self._step(live[pick % len(live)])

    def _live(self) -> list[int]:
        deadlines = RUNTIME.compute.jobs_by_deadline.keys()
        return sorted(job for _, job in deadlines)

    def _step(self, job: int) -> None:
        compute, record = RUNTIME.compute, RUNTIME.compute.jobs[job]
        match record.state:
            case Queued():
                self._do(CHARLIE, compute.claim_job.call(job))
            case Claimed(worker=worker) if worker in PAIRS:
                self._do(worker, compute.start.call(job, ROWS))
            case Running(worker=worker) if worker in PAIRS:
                self._do(worker, compute.submit_result.call(job, HASHES[1], len(RESULT)))
            case Delivered() if record.requester in PAIRS:
                self._do(record.requester, compute.acknowledge.call(job))

    @rule(who=people)
    def claim_rewards(self, who: AccountId) -> None:
        eras = tuple(each.era for each in RUNTIME.rewards.unclaimed(who))
        if eras:
            self._do(who, RUNTIME.rewards.claim.call(None, eras))

    @rule(blocks=st.integers(1, 3))
    def end_blocks(self, blocks: int) -> None:
        for _ in range(blocks):
            self.chain.end()
            self.chain.begin()

    def teardown(self) -> None:
        if hasattr(self, "chain") and self.chain.is_open:
            self.chain.end()


def _entitled(call: RuntimeCall) -> AccountId | None:
    """Whose dataset or job the call is about, if it is about one."""
    named = dict(zip(_parameters(call), call.args, strict=True))
    if "dataset" in named:
        return RUNTIME.datasets.publisher_of(named["dataset"])
    record = RUNTIME.compute.jobs.get(named["job"]) if "job" in named else None
    return None if record is None else getattr(record.state, "worker", record.requester)


def _parameters(call: RuntimeCall) -> list[str]:
    pallet = RUNTIME.by_index[call.method.pallet_index]
    (declared,) = (each for each in pallet.parsed().calls if each.index == call.method.index)
    return [name for name, _ in declared.params]


def _spec(noise: int) -> JobSpec:
    train = TrainSpec(
        loss=Loss.SOFTMAX_CROSS_ENTROPY,
        optimizer=Optimizer.SGD,
        steps=10,
        learning_rate_micro=1,
        clip_micro=1,
        noise_multiplier_milli=noise,
        sampling_ppb=10**9,
    )
    return JobSpec(0, HASHES[0], len(MODEL), 10, train, 1_000, b"k" * 32)


@pytest.mark.timeout(3_600)  # a failure is worth the time that shrinking it takes
def test_every_block_keeps_the_invariants() -> None:
    run_state_machine_as_test(
        Bustle,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=SLOW,
        ),
    )
