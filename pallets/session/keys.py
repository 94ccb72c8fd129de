"""Session keys: the public halves by which a validator's node is known, and who makes them."""

from typing import TYPE_CHECKING, Annotated, Protocol, TypeAlias

from tilth.frame import Fixed, Path, RuntimeApi, api_method

if TYPE_CHECKING:
    from tilth.frame import Runtime

KeyTypeId: TypeAlias = Annotated[bytes, Fixed(4), Path("sp_core::crypto::KeyTypeId")]

PUBLIC_LENGTH = 32


class KeyMaker(Protocol):
    """The keystore of the node that asks; it makes keys and gives away their public halves."""

    def make(self, key_type: bytes, seed: bytes | None) -> bytes: ...


class SessionKeys(RuntimeApi):
    """The keys of a session, one of each type, in the order of the types."""

    def __init__(self, runtime: "Runtime", types: tuple[bytes, ...]) -> None:
        super().__init__(runtime)
        self._types = types
        self.keystore: KeyMaker | None = None
        """Lent by the node for the length of one call."""

    @api_method
    def generate_session_keys(self, seed: bytes | None) -> bytes:
        """Make new keys in the node's keystore; what is answered is their public halves."""
        assert self.keystore is not None, "No `keystore` associated for the current context!"
        return b"".join(self.keystore.make(each, seed) for each in self._types)

    @api_method
    def decode_session_keys(self, encoded: bytes) -> tuple[tuple[bytes, KeyTypeId], ...] | None:
        """The public halves and what each is for; None where they are not this runtime's."""
        if len(encoded) != PUBLIC_LENGTH * len(self._types):
            return None
        starts = range(0, len(encoded), PUBLIC_LENGTH)
        halves = [encoded[start : start + PUBLIC_LENGTH] for start in starts]
        return tuple(zip(halves, self._types, strict=True))
