"""What publishing and registering costs, with names, licences and lists as long as they may be."""

from collections.abc import Iterator
from typing import Annotated, Any, Protocol

from tilth.frame import H256, AccountId
from tilth.frame.benchmarking import Benchmarks, Linear, Work, benchmark
from tilth.pallets.datasets.pallet import Datasets
from tilth.pallets.datasets.types import Budget, DeprecatedFor, Only, Policy

_NAME = "n" * 96
_LICENCE = "(MIT OR Apache-2.0) AND (BSD-2-Clause OR BSD-3-Clause)"
_FINGERPRINT = H256(b"f" * 32)
_BUDGET = Budget(epsilon_micro=8_000_000, delta_pico=10**6, output_bytes=50_000)


class Stage(Protocol):
    """Puts content on the chain; returns its hash."""

    def stored(self, data: bytes, who: AccountId) -> H256: ...


class DatasetsBenchmarks(Benchmarks[Datasets]):
    @benchmark
    def publish(self, tags: Annotated[int, Linear(0, 16)]) -> Iterator[Work]:
        yield self.dispatch(self.pallet.publish.call(**self._described(tags)))
        assert self.pallet.next_id.get() == 1

    @benchmark
    def publish_revision(self) -> Iterator[Work]:
        dataset = self._published()
        manifest, metadata = self._shown()
        new = H256(b"g" * 32)
        call = self.pallet.publish_revision.call(dataset, manifest, metadata, 10, 2, new)
        yield self.dispatch(call)
        assert self.pallet.datasets[dataset].head == 1

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
        manifest, metadata = self._shown()
        return {
            "name": _NAME,
            "spdx": _LICENCE,
            "tags": tuple(f"{tag:032}" for tag in range(tags)),
            "manifest": manifest,
            "metadata": metadata,
            "bytes": 10,
            "rows": 2,
            "fingerprint": _FINGERPRINT,
        }

    def _published(self) -> int:
        number = self.pallet.next_id.get()
        self.pallet.publish(self.caller, **self._described(16))
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
