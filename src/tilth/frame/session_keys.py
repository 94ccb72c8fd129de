"""Session keys: the public halves by which a validator's node is known, and who makes them."""

import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, TypeAlias

from tilth.frame.runtime_api import RuntimeApi, api_method
from tilth.primitives.crypto import signatures
from tilth.primitives.crypto.curves import Scheme
from tilth.primitives.scale import DecodeError, Fixed, Param, Path, struct

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime

KeyTypeId: TypeAlias = Annotated[bytes, Fixed(4), Path("sp_core::crypto::KeyTypeId")]


@dataclass(frozen=True, slots=True)
class KeyType:
    """Marks the annotation of a public key: what it is for, in four bytes, and its curve."""

    id: bytes
    scheme: Scheme


@struct
class NoKeys:
    """The session keys of a runtime that binds no others: none."""


Keys: TypeAlias = Annotated[Any, Param("SessionKeys", NoKeys, "T::Keys")]
"""A runtime's session keys: a struct of public keys, bound to the name SessionKeys."""
_NAME: Final = "SessionKeys"


def key_types(keys: object) -> dict[str, KeyType]:
    """What each field of a struct of session keys is for."""
    found = {}
    for name, hint in typing.get_type_hints(keys, include_extras=True).items():
        marks = [mark for mark in hint.__metadata__ if isinstance(mark, KeyType)]
        if not marks:
            raise TypeError(f"{keys}.{name} has no KeyType: annotate it with a pallet's key")
        found[name] = marks[-1]
    return found


def is_owned(keys: object, owner: bytes, proof: bytes) -> bool:
    """Whether the proof is each key's signature under the owner, one after another.

    primitives/core/src/proof_of_possession.rs
    """
    statement, rest = b"POP_" + owner, proof
    for name, each in key_types(type(keys)).items():
        size = 65 if each.scheme == "ecdsa" else 64
        signature, rest = rest[:size], rest[size:]
        if not _signed(each.scheme, signature, statement, getattr(keys, name)):
            return False
    return not rest


def _signed(scheme: Scheme, signature: bytes, message: bytes, public: bytes) -> bool:
    if scheme == "sr25519":
        return signatures.verify_sr25519(signature, message, public)
    if scheme == "ed25519":
        return signatures.verify_ed25519(signature, message, public)
    return signatures.recover_ecdsa(signature, message) == public


class KeyMaker(Protocol):
    """The keystore of the node that asks; it makes keys and gives away their public halves."""

    def make(self, key_type: bytes, seed: bytes | None, scheme: Scheme) -> bytes: ...


class SessionKeys(RuntimeApi):
    """The keys of a session, one of each type, in the order of the types."""

    def __init__(self, runtime: "Runtime") -> None:
        super().__init__(runtime)
        self._keys = runtime.types.get(_NAME, NoKeys)
        self._types = key_types(self._keys)
        self.keystore: KeyMaker | None = None
        """Lent by the node for the length of one call."""

    @api_method
    def generate_session_keys(self, seed: bytes | None) -> bytes:
        """Make new keys in the node's keystore; what is answered is their public halves."""
        keystore = self.keystore
        assert keystore is not None, "No `keystore` associated for the current context!"
        return b"".join(keystore.make(each.id, seed, each.scheme) for each in self._types.values())

    @api_method
    def decode_session_keys(self, encoded: bytes) -> tuple[tuple[bytes, KeyTypeId], ...] | None:
        """The public halves and what each is for; None where they are not this runtime's."""
        try:
            keys, _ = self.runtime.codecs.of(self._keys).decode_at(encoded, 0)
        except DecodeError:
            return None
        return tuple((getattr(keys, name), each.id) for name, each in self._types.items())
