"""What computing asks of the data market, of stored content and of rewards."""

from typing import Protocol

from tilth.frame import H256, AccountId, RuntimeCall
from tilth.primitives.privacy import Cost


class Table(Protocol):
    """A private table, as far as it is public."""

    @property
    def owner(self) -> AccountId: ...

    @property
    def row_root(self) -> H256: ...

    @property
    def rows(self) -> int: ...

    @property
    def delta_pico(self) -> int: ...

    @property
    def workers(self) -> tuple[AccountId, ...]: ...


class Terms(Protocol):
    """What the owner asks for a job that his policy allows."""

    @property
    def price(self) -> int: ...

    @property
    def epsilon_micro(self) -> int: ...

    @property
    def approval_window(self) -> int | None:
        """How long the owner may take to approve the job; None where nobody is asked."""
        ...

    @property
    def jobs_per_requester(self) -> int | None:
        """How many jobs one requester may ever order; None where they are not counted."""
        ...


class DataMarket(Protocol):
    """Private tables, their terms and their books."""

    def private_table(self, dataset: int) -> Table | None: ...

    def agree(
        self,
        dataset: int,
        *,
        requester: AccountId,
        kind: int,
        model: H256,
        spec_hash: H256,
        cost: Cost | None,
        params: int,
        output_bytes: int,
    ) -> Terms:
        """The owner's terms, or a failure; no cost means no noise."""
        ...

    def reserve(self, dataset: int, cost: Cost, output_bytes: int) -> None: ...

    def spend(self, dataset: int, cost: Cost, output_bytes: int) -> None: ...

    def release(self, dataset: int, cost: Cost, output_bytes: int) -> None: ...


class ContentStore(Protocol):
    """Content on the chain."""

    def content_size(self, content_hash: H256) -> int | None: ...

    def stays(self, content_hash: H256, until: int) -> bool:
        """Whether content is there, and will be at that block."""
        ...

    def storing(self, data: bytes) -> RuntimeCall:
        """The call that stores content under its sha2-256 hash."""
        ...


class FeeSink(Protocol):
    """Learns which dataset burned how much."""

    def record_fee(self, dataset: int, burned: int) -> None: ...


class Together(Protocol):
    """Makes one call of several, which succeed or fail as one."""

    def __call__(self, calls: tuple[RuntimeCall, ...], /) -> RuntimeCall: ...
