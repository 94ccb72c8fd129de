"""Signed extrinsics that store contents: what all of them share is asked for and encoded once.

A mebibyte through substrate-interface's codec takes 16 ms and seven questions to the node; most of
it is the same for every chunk of a file.
"""

from itertools import count
from typing import TYPE_CHECKING, Any, Final, final

from tilth.primitives import ss58
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import Compact, codec, u32
from tilth.sdk.connection import Connection

if TYPE_CHECKING:
    from substrateinterface import Keypair

_STORE: Final = ("TransactionStorage", "store_with_cid_config")
_LONGEST_SIGNED: Final = 256  # sp-runtime, generic/unchecked_extrinsic.rs: what is longer is hashed
_SIGNATURE: Final = 64  # of sr25519 and ed25519, after a byte that says which
_length: Final = codec(Compact[u32])


@final
class SignedStores:
    """Of one account, with nonces in a row; a chain that changes its runtime refuses the next."""

    def __init__(self, connection: Connection, pair: "Keypair", cid_codec: int) -> None:
        self._chain = connection.chain
        self._pair = pair
        self._nonces = count(connection.next_nonce(pair.ss58_address))
        self._empty = connection.call(*_STORE, {"cid": _cid(cid_codec), "data": b""})
        self._begin = bytes(self._empty.data.data)[:-1]  # the data comes last, and its length is 0
        self._head, self._additional = self._layout()

    def storing(self, data: bytes, _: bytes) -> bytes:
        """The extrinsic that stores this."""
        call = self._begin + _length.encode(len(data)) + data
        extensions = self._extensions(next(self._nonces))
        payload = call + extensions
        signed = blake2_256(payload) if len(payload) > _LONGEST_SIGNED else payload
        extra = extensions[: len(extensions) - self._additional]
        body: bytes = self._head + self._pair.sign(signed) + extra + call
        return _length.encode(len(body)) + body

    def _extensions(self, nonce: int) -> bytes:
        """What is signed besides the call: what goes along, and then what does not."""
        payload: Any = self._chain.generate_signature_payload(self._empty, nonce=nonce)
        return bytes(payload.data)[len(self._begin) + 1 :]

    def _layout(self) -> tuple[bytes, int]:
        """All before the signature, and how many bytes are signed but do not go along."""
        extrinsic: Any = self._chain.create_signed_extrinsic(self._empty, self._pair, nonce=0)
        whole, account = bytes(extrinsic.data.data), ss58.decode(self._pair.ss58_address)
        start = next(n for n in (1, 2) if whole[:n] == _length.encode(len(whole) - n))
        end = whole.index(account) + len(account) + 1
        extra = len(whole) - end - _SIGNATURE - len(self._begin) - 1
        return whole[start:end], len(self._extensions(0)) - extra


def _cid(cid_codec: int) -> dict[str, Any]:
    return {"codec": cid_codec, "hashing": "Sha2_256"}
