"""Signing extrinsics with a key of the node: immortal, without tip, for the current state."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from tilth.frame import Runtime, RuntimeCall
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.types import AccountId, Ecdsa, Ed25519, Sr25519

_SIGNATURES: Final[Mapping[str, Any]] = MappingProxyType(
    {"ed25519": Ed25519, "sr25519": Sr25519, "ecdsa": Ecdsa}
)


class KeypairSigner:
    """An account of the node's own keystore."""

    def __init__(self, pair: Keypair) -> None:
        self._pair = pair
        self.account = AccountId(pair.account)

    def sign(self, runtime: Runtime, call: RuntimeCall, nonce: int) -> bytes:
        return self.sign_with(runtime, call, runtime.pipeline.values_for(nonce))

    def sign_with(self, runtime: Runtime, call: RuntimeCall, values: tuple[Any, ...]) -> bytes:
        """With other values of the extensions: a tip, an era."""
        body, explicit = call.encode(), runtime.pipeline.explicit.encode(values)
        payload = body + explicit + runtime.pipeline.implied(values)
        if len(payload) > 256:
            payload = blake2_256(payload)
        signature = _SIGNATURES[self._pair.scheme](self._pair.sign(payload))
        return runtime.format.signed(self.account, signature, explicit + body)
