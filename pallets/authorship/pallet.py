"""Authorship: who made the block, for those that reward its author."""

from collections.abc import Sequence
from typing import Never, Protocol

from tilth.frame import AccountId, DefaultValue, Digest, Pallet, PreRuntime, StorageValue


class BlockDigest(Protocol):
    """Where the digest of the block under construction is."""

    @property
    def digest(self) -> DefaultValue[Digest]: ...


class FindAuthor(Protocol):
    """Tells the author by what the digest says before the block runs."""

    def __call__(self, logs: Sequence[PreRuntime], /) -> AccountId | None: ...


class Authorship(Pallet[Never, Never]):
    storage_version = None

    system: BlockDigest
    find_author: FindAuthor

    author = StorageValue[AccountId]()
    """The author of the block that is built."""

    def on_initialize(self, now: int) -> None:
        self.author_now()

    def on_finalize(self, now: int) -> None:
        self.author.kill()

    def author_now(self) -> AccountId | None:
        """The author, looked for once in each block."""
        known = self.author.get()
        if known is None:
            logs = self.system.digest.get().logs
            known = self.find_author([log for log in logs if isinstance(log, PreRuntime)])
            if known is not None:
                self.author.put(known)
        return known
