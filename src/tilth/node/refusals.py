"""Why the pool does not take a transaction."""

from typing import Any


class PoolError(Exception):
    """Why the pool does not take a transaction."""


class Undecodable(PoolError):
    """The bytes are no extrinsic of this runtime."""


class Malformed(Undecodable):
    """The bytes are not even some bytes behind their length."""


class Rejected(PoolError):
    """The runtime says the transaction is invalid, or cannot say."""

    def __init__(self, error: Any) -> None:
        self.error = error
        super().__init__(str(error))


class AlreadyImported(PoolError):
    def __init__(self, hash: bytes) -> None:
        self.hash = hash
        super().__init__(f"0x{hash.hex()}")


class TooLowPriority(PoolError):
    def __init__(self, old: int, new: int) -> None:
        self.old, self.new = old, new
        super().__init__(f"{old} vs {new}")


class ImmediatelyDropped(PoolError):
    """The pool is full of better ones."""


class Banned(PoolError):
    """The transaction was invalid, included or dropped a short while ago."""


class NoTags(PoolError):
    """A transaction without tags cannot be told from others."""
