"""A chain of the market's pallets alone, with money that lives in storage as real money does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Never

import pytest

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    DefaultDoubleMap,
    DefaultMap,
    DefaultValue,
    DispatchFailure,
    HoldReason,
    Origin,
    Overlay,
    Pallet,
    Reason,
    Runtime,
    TokenError,
    Weight,
    hashing,
    replace,
    signed,
)
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.compute import Compute, JobSpec, Loss, Optimizer, TrainSpec
from tilth.pallets.datasets import Anyone, Budget, Datasets, Draft, Policy
from tilth.pallets.rewards import Rewards
from tilth.pallets.system import BlockLength, BlockWeights, System
from tilth.pallets.transaction_storage import CidConfig, ProofChecked, TransactionStorage, digest
from tilth.pallets.utility import Utility
from tilth.primitives.chunks import prove_chunk
from tilth.primitives.trie import Trie
from tilth.primitives.types import Digest

ALICE, BOB, CHARLIE = (AccountId(bytes([n]) * 32) for n in (0xA1, 0xB0, 0xC0))
WEALTH = 10**18
POLICY = Policy(
    price_per_job=1_000,
    price_per_epsilon=500,
    requesters=Anyone(),
    max_epsilon_micro=4_000_000,
    max_params=1_000,
    max_output_bytes=10_000,
    exact_specs=(),
)
BUDGET = Budget(epsilon_micro=8_000_000, delta_pico=10**6, output_bytes=50_000)
TRAIN = TrainSpec(
    loss=Loss.SOFTMAX_CROSS_ENTROPY,
    optimizer=Optimizer.SGD,
    steps=10,
    learning_rate_micro=500_000,
    clip_micro=1_000_000,
    noise_multiplier_milli=10_000,
    sampling_ppb=10**9,
)
MODEL = b"an ONNX file"


class Purse(Pallet[Never, Never]):
    """Money without existential deposit, locks or fees."""

    free = DefaultMap[AccountId, Balance]()
    holds = DefaultDoubleMap[AccountId, str, Balance]()
    issuance = DefaultValue[Balance]()

    def free_balance(self, who: AccountId) -> int:
        return self.free[who]

    def total_issuance_now(self) -> int:
        return self.issuance.get()

    def transfer_between(
        self, source: AccountId, dest: AccountId, amount: int, *, keep_alive: bool
    ) -> None:
        self._take(source, amount)
        self.free[dest] += amount

    def can_hold(self, reason: HoldReason, who: AccountId, amount: int) -> bool:
        return self.free[who] >= amount

    def hold(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        self._take(who, amount)
        self.holds[who, _name(reason)] += amount

    def held(self, reason: HoldReason, who: AccountId) -> int:
        return self.holds[who, _name(reason)]

    def release(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        self.transfer_held(reason, who, who, amount)

    def transfer_held(
        self, reason: HoldReason, source: AccountId, dest: AccountId, amount: int
    ) -> None:
        self._take_held(reason, source, amount)
        self.free[dest] += amount

    def burn_held(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        self._take_held(reason, who, amount)
        self.issuance.put(self.issuance.get() - amount)

    def mint_into(self, who: AccountId, amount: int) -> None:
        self.free[who] += amount
        self.issuance.put(self.issuance.get() + amount)

    def burn_from(self, who: AccountId, amount: int) -> None:
        self._take(who, amount)
        self.issuance.put(self.issuance.get() - amount)

    def _take(self, who: AccountId, amount: int) -> None:
        if self.free[who] < amount:
            raise DispatchFailure(TokenError.FUNDS_UNAVAILABLE)
        self.free[who] -= amount

    def _take_held(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        if self.held(reason, who) < amount:
            raise DispatchFailure(TokenError.FUNDS_UNAVAILABLE)
        self.holds[who, _name(reason)] -= amount

    def try_state(self) -> None:
        total = sum(self.free.values()) + sum(self.holds.values())
        assert total == self.issuance.get(), "the accounts and the issuance differ"


def _name(reason: HoldReason) -> str:
    return f"{type(reason).__module__}.{reason.name}"


def _balances(system: System) -> Balances:
    return Balances(accounts=system.accounts, existential_deposit=1)


class Market(Runtime):
    """System, money and the market's pallets, at the indices they have in the shipped runtime."""

    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData}

    def __init__(self, *, real_money: bool = False) -> None:
        super().__init__()
        weights = BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1))
        length = BlockLength.max_with_normal_ratio(5 << 20)
        system = System(block_weights=weights, block_length=length)
        self.frame_system = self.system = self.add(0, system)
        self.utility = self.add(1, Utility())
        self.money: Any = self.add(5, _balances(system) if real_money else Purse())
        self.transaction_storage = self.add(
            19, TransactionStorage(currency=self.money, accounts=system.accounts)
        )
        content = self.transaction_storage
        self.datasets = self.add(20, Datasets(currency=self.money, content=content))
        self.rewards = self.add(21, Rewards(currency=self.money, publishers=self.datasets))
        self.compute = self.add(
            22,
            Compute(
                currency=self.money,
                market=self.datasets.tables,
                content=content,
                rewards=self.rewards,
                together=self.utility.batch_all.call,
            ),
        )
        self.extensions = ()
        self._possessed: dict[bytes, bytes] = {}
        self._remember(self.transaction_storage)

    def _remember(self, storage: Any) -> None:
        """Keep the bytes of what is stored, as a node does."""
        store = storage._store

        def remembering(origin: Origin, cid: CidConfig, data: bytes) -> None:
            store(origin, cid, data)
            self._possessed[digest(cid.hashing, data)] = data

        storage._store = remembering

    def prove(self, parent_hash: H256) -> None:
        """What an author does, where the chain asks for it."""
        storage = self.transaction_storage
        drawn = storage._drawn(parent_hash, self.system.block_number())
        if drawn is not None:
            content = self._possessed[drawn.content_hash]
            storage.check_proof(None, prove_chunk(content, drawn.chunk))

    def restart(self) -> None:
        """Forget everything and begin the first block, with three funded accounts."""
        self.slot.overlay = Overlay(Trie.empty())
        for pallet in self.pallets:
            if pallet.parsed().genesis is not None:
                pallet.genesis()  # type: ignore[attr-defined]  # the definition says it has one
        for who in (ALICE, BOB, CHARLIE):
            self.fund(who, WEALTH)
        self.begin(1)

    def begin(self, number: int) -> None:
        """Begin a block, as the executive does."""
        parent = H256(hashing.blake2_256(number.to_bytes(4, "little")))
        self.system.reset_events()
        self.system.begin(number, parent, Digest(()))
        for pallet in self.pallets:
            pallet.on_initialize(number)
        self.system.note_finished_initialize()
        self.prove(parent)

    def end(self) -> None:
        """End the block; its state stays in the overlay."""
        number = self.system.block_number()
        for pallet in self.pallets:
            pallet.on_finalize(number)

    def go_to(self, number: int) -> None:
        """End this block and begin the ones up to `number`."""
        while self.system.block_number() < number:
            self.end()
            self.begin(self.system.block_number() + 1)

    def events(self) -> list[Any]:
        """What happened in this block, but for the proof that nearly every block begins with."""
        events = [record.event.event for record in self.frame_system.events.get()]
        return [event for event in events if event != ProofChecked()]

    def content(self, data: bytes, who: AccountId = ALICE) -> H256:
        """Stored, unless it was already; returns its hash."""
        content_hash = H256(hashing.sha2_256(data))
        if self.transaction_storage.content_size(content_hash) is None:
            self.transaction_storage.storing(data).dispatch(signed(who))
        return content_hash

    def publish(self, who: AccountId = ALICE, **changes: Any) -> int:
        """A public dataset; returns its number."""
        self.datasets.publish(who, **self.described(**changes))
        return self.datasets.next_id.get() - 1

    def described(self, **changes: Any) -> dict[str, Any]:
        """What publishing takes; changes may be the draft's as well."""
        draft = Draft(
            manifest=self.content(b"manifest"),
            metadata=self.content(b"metadata"),
            changelog=None,
            bytes=10,
            rows=2,
            fingerprint=H256(b"f" * 32),
            sketch=None,
        )
        own = {name: changes.pop(name) for name in list(changes) if hasattr(draft, name)}
        described = {
            "name": "corpus",
            "spdx": "CC0-1.0",
            "tags": ("text",),
            "draft": replace(draft, **own),
            "contents": (),
            "salt": None,
        }
        return {**described, **changes}

    def register(self, who: AccountId = ALICE, **changes: Any) -> int:
        """A private table whose worker is its owner; returns its number."""
        described = {
            **self.private_terms(self.content(b"metadata")),
            "schema": self.content(b"schema"),
            "mock": self.content(b"mock"),
            "row_root": H256(b"r" * 32),
            "workers": (who,),
        }
        self.datasets.register_private(who, **{**described, **changes})
        return self.datasets.next_id.get() - 1

    def private_terms(self, stored: H256) -> dict[str, Any]:
        """All but the row root, described by one stored content."""
        return {
            "name": "patients",
            "spdx": "LicenseRef-Private",
            "schema": stored,
            "mock": stored,
            "metadata": stored,
            "rows": 100,
            "policy": POLICY,
            "budget": BUDGET,
            "workers": (ALICE,),
        }

    def spec(self, dataset: int, **changes: Any) -> JobSpec:
        """What a job on the dataset runs; changes may be the training's as well."""
        train = {name: changes.pop(name) for name in list(changes) if hasattr(TRAIN, name)}
        described = JobSpec(
            dataset=dataset,
            model=self.content(MODEL),
            model_bytes=len(MODEL),
            params=100,
            work=replace(TRAIN, **train),
            max_output_bytes=1_000,
            result_key=b"k" * 32,
        )
        return replace(described, **changes)

    def fund(self, who: AccountId, amount: int) -> None:
        self.money.mint_into(who, amount)


@pytest.fixture(scope="session")
def built() -> Market:
    return Market()


@pytest.fixture(scope="session")
def real() -> Market:
    """With the balances that the chain ships."""
    return Market(real_money=True)


@pytest.fixture
def market(built: Market) -> Market:
    """In its first block, with three funded accounts."""
    built.restart()
    return built


class Refusal:
    """Expects a call to fail for a reason, and to leave no trace."""

    def __init__(self, market: Market) -> None:
        self._market = market

    @contextmanager
    def __call__(self, reason: Reason) -> Iterator[None]:
        before = self._market.slot.overlay.changes()
        with pytest.raises(DispatchFailure) as caught:
            yield
        assert caught.value.reason == DispatchFailure(reason).reason
        assert self._market.slot.overlay.changes() == before


@pytest.fixture
def refused(market: Market) -> Refusal:
    return Refusal(market)


@pytest.fixture
def alice() -> AccountId:
    return ALICE


@pytest.fixture
def bob() -> AccountId:
    return BOB


@pytest.fixture
def charlie() -> AccountId:
    return CHARLIE


@pytest.fixture
def policy() -> Policy:
    return POLICY


@pytest.fixture
def budget() -> Budget:
    return BUDGET
