"""What publishing and registering costs, with names, licences and lists as long as they may be."""

from collections.abc import Iterator
from typing import Annotated, Any, Protocol

from tilth.frame import H256, NOBODY, AccountId, RuntimeCall
from tilth.frame.benchmarking import Benchmarks, Linear, Work, benchmark
from tilth.pallets.datasets.anonymous import payload_of, work_bits
from tilth.pallets.datasets.pallet import Datasets
from tilth.pallets.datasets.types import MAX_USES, Budget, DeprecatedFor, Draft, Only, Policy
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.work import work

_NAME = "n" * 96
_LICENCE = "(MIT OR Apache-2.0) AND (BSD-2-Clause OR BSD-3-Clause)"
_COMMITMENT = H256(b"c" * 32)
_BUDGET = Budget(epsilon_micro=8_000_000, delta_pico=10**6, output_bytes=50_000)


class Stage(Protocol):
    """Puts content on the chain, and money where it is needed."""

    def stored(self, data: bytes, who: AccountId) -> H256: ...

    def endow_pot(self) -> None: ...


class DatasetsBenchmarks(Benchmarks[Datasets]):
    @benchmark
    def reserve(self) -> Iterator[Work]:
        yield self.dispatch(self.pallet.reserve.call(_COMMITMENT))
        assert _COMMITMENT in self.pallet.reservations

    @benchmark
    def publish(
        self, tags: Annotated[int, Linear(0, 16)], contents: Annotated[int, Linear(0, 128)]
    ) -> Iterator[Work]:
        call = self.pallet.publish.call(
            **self._described(tags), contents=self._contents(contents), salt=None
        )
        yield self.dispatch(call)
        assert self.pallet.next_id.get() == 1

    @benchmark
    def publish_anonymous(self, contents: Annotated[int, Linear(0, 128)]) -> Iterator[Work]:
        """It is tried before it runs, and its signature verified; few tries are work enough."""
        self._stage.endow_pot()
        asked, self.pallet.anonymous_work_bits = self.pallet.anonymous_work_bits, 0
        call = self._signed_by_a_fresh_key(contents)
        dispatched = self.dispatch(call, NOBODY)

        def included() -> None:
            self.pallet.pre_dispatch_unsigned(call)
            dispatched()

        yield included
        assert self.pallet.next_id.get() == 1
        self.pallet.anonymous_work_bits = asked

    def _signed_by_a_fresh_key(self, contents: int) -> RuntimeCall:
        key = Keypair.from_seed(b"\x07" * 32)
        described = {
            "publisher": AccountId(key.account),
            **self._described(16),
            "contents": self._contents(contents),
        }
        payload = payload_of(self.runtime.system.hash_of_block(0), **described)
        signature = key.sign(payload)
        nonce = work(payload + signature, work_bits(0, contents))
        return self.pallet.publish_anonymous.call(**described, work=nonce, signature=signature)

    @benchmark
    def publish_revision(self, contents: Annotated[int, Linear(0, 128)]) -> Iterator[Work]:
        dataset = self._published()
        yield self.dispatch(
            self.pallet.publish_revision.call(
                dataset, self._draft(1), self._contents(contents), None
            )
        )
        assert self.pallet.datasets[dataset].head == 1

    @benchmark
    def transfer_publisher(self) -> Iterator[Work]:
        dataset = self._published()
        yield self.dispatch(self.pallet.transfer_publisher.call(dataset, self.account(1)))
        assert self.pallet.datasets[dataset].publisher == self.account(1)

    @benchmark
    def cite(self, uses: Annotated[int, Linear(1, MAX_USES)]) -> Iterator[Work]:
        dataset, *others = [self._published() for _ in range(uses + 1)]
        call = self.pallet.cite.call(dataset, 0, tuple((other, 0) for other in others))
        yield self.dispatch(call)
        assert (dataset, 0) in self.pallet.citations

    @benchmark
    def tag_revision(self) -> Iterator[Work]:
        dataset = self._published()
        yield self.dispatch(self.pallet.tag_revision.call(dataset, "t" * 32, 0))
        assert (dataset, "t" * 32) in self.pallet.revision_by_tag

    @benchmark
    def deprecate(self) -> Iterator[Work]:
        dataset, successor = self._published(), self._published()
        reason = self._stage.stored(b"reason", self.caller)
        yield self.dispatch(self.pallet.deprecate.call(dataset, successor, reason))
        assert isinstance(self.pallet.datasets[dataset].status, DeprecatedFor)

    @benchmark
    def register_private(self, workers: Annotated[int, Linear(1, 16)]) -> Iterator[Work]:
        yield self.dispatch(self.pallet.register_private.call(**self._private(workers)))
        assert 0 in self.pallet.private_infos

    @benchmark
    def set_policy(self) -> Iterator[Work]:
        self.pallet.register_private(self.caller, **self._private(16))
        policy = self._full_policy()
        yield self.dispatch(self.pallet.set_policy.call(0, policy))
        assert self.pallet.private_infos[0].policy == policy

    @benchmark
    def extend_budget(self) -> Iterator[Work]:
        self.pallet.register_private(self.caller, **self._private(16))
        yield self.dispatch(self.pallet.extend_budget.call(0, 1, 1))
        assert self.pallet.private_infos[0].budget != _BUDGET

    @property
    def _stage(self) -> Stage:
        stage: Stage = self.runtime.benchmark_stage()
        return stage

    def _shown(self) -> tuple[H256, H256]:
        """Manifest and metadata, each its own content."""
        stored = self._stage.stored
        return stored(b"manifest", self.caller), stored(b"metadata", self.caller)

    def _described(self, tags: int) -> dict[str, Any]:
        return {
            "name": _NAME,
            "spdx": _LICENCE,
            "tags": tuple(f"{tag:032}" for tag in range(tags)),
            "draft": self._draft(0),
        }

    def _draft(self, number: int) -> Draft:
        """No two of them alike."""
        manifest, metadata = self._shown()
        changelog = self._stage.stored(b"changelog", self.caller)
        sketch = tuple(range(64 * number, 64 * number + 64))
        fingerprint = H256(bytes((number,)) * 32)
        return Draft(manifest, metadata, changelog, 10, 2, fingerprint, sketch)

    def _contents(self, count: int) -> tuple[H256, ...]:
        return tuple(
            self._stage.stored(number.to_bytes(4, "big"), self.caller) for number in range(count)
        )

    def _published(self) -> int:
        number = self.pallet.next_id.get()
        self.pallet.publish(self.caller, **self._described(16), contents=(), salt=None)
        return number

    def _private(self, workers: int) -> dict[str, Any]:
        manifest, metadata = self._shown()
        return {
            "name": _NAME,
            "spdx": _LICENCE,
            "schema": manifest,
            "mock": manifest,
            "metadata": metadata,
            "row_root": H256(b"r" * 32),
            "rows": 100,
            "policy": self._full_policy(),
            "budget": _BUDGET,
            "workers": tuple(self.account(number) for number in range(workers)),
        }

    def _full_policy(self) -> Policy:
        return Policy(
            price_per_job=1,
            price_per_epsilon=1,
            requesters=Only(tuple(self.account(number) for number in range(64))),
            max_epsilon_micro=1,
            max_params=1,
            max_output_bytes=1,
            exact_specs=tuple(H256(bytes((number,)) * 32) for number in range(32)),
        )
