"""Impersonation: on a dev chain, accounts that act without their key."""

from typing import Final, final

from tilth.primitives.types import AccountId

# chopsticks, executor/src/task.rs: is_magic_signature
_MOCK: Final = b"\xde\xad\xbe\xef"
_FILL: Final = b"\xcd"


def is_mock(signature: bytes) -> bool:
    """Whether it is 0xdeadbeef, filled up with 0xcd: what chopsticks takes for any signature."""
    return signature == _MOCK + _FILL * (len(signature) - len(_MOCK))


def mock_signature(length: int = 64) -> bytes:
    return _MOCK + _FILL * (length - len(_MOCK))


@final
class Impersonation:
    """A waiver of signatures: whichever of the accounts named, and mock ones of all if so told."""

    def __init__(self) -> None:
        self.accounts: set[AccountId] = set()
        self.mock_signatures = False
        """Whether a mock signature does for every account."""

    def __call__(self, signer: AccountId, signature: bytes, /) -> bool:
        return signer in self.accounts or (self.mock_signatures and is_mock(signature))
