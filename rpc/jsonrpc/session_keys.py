"""author_*Key*: the session keys in the node's own keystore."""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from tilth.frame import SessionKeys
from tilth.node.service import Node
from tilth.primitives.crypto.curves import Scheme
from tilth.primitives.crypto.keypair import Keypair, generate_mnemonic
from tilth.rpc.jsonrpc.dispatch import fails, unsafe
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.params import Hex
from tilth.rpc.jsonrpc.schema import HexText
from tilth.rpc.jsonrpc.shapes import hex_of

T = TypeVar("T")

# client/rpc-api/src/author/error.rs: OTHER_ERR
BAD_KEY_TYPE: Final = Fault(1040, "Invalid key type ID format (should be of length four)")
UNAVAILABLE: Final = Fault(1040, "The key store is unavailable")
BAD_KEYS: Final = Fault(1040, "Session keys are not encoded correctly")
NO_API: Final = Fault(1040, "`SessionKeys` runtime api not present in the runtime")


class Keys(Protocol):
    """A keystore, on disk or in memory."""

    def put(self, key_type: bytes, public: bytes, uri: str) -> None: ...

    def has(self, key_type: bytes, public: bytes) -> bool: ...


class _Maker:
    """Makes keys in a keystore, as sc_keystore: the phrase is what is kept."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def make(self, key_type: bytes, seed: bytes | None, scheme: Scheme) -> bytes:
        uri = generate_mnemonic() if seed is None else seed.decode()
        public = Keypair.from_uri(uri, scheme).public
        self._keys.put(key_type, public, uri)
        return public


@unsafe
@fails(BAD_KEY_TYPE, UNAVAILABLE)
def author_insertKey(node: Node, key_type: str, suri: str, public: Hex) -> None:
    """Keep a secret URI under a public key, for a purpose of four letters such as `aura`."""
    try:
        node.keystore.put(_type_of(key_type), public, suri)
    except OSError:
        raise UNAVAILABLE() from None


@unsafe
@fails(NO_API, UNAVAILABLE)
def author_rotateKeys(node: Node) -> HexText:
    """Make new session keys in the keystore; their public halves, one after the other."""
    return hex_of(_asked(node, lambda api: api.generate_session_keys(None)))


@unsafe
@fails(NO_API, BAD_KEYS)
def author_hasSessionKeys(node: Node, session_keys: Hex) -> bool:
    """Whether the keystore has the secret half of each of these session keys."""
    keys = _asked(node, lambda api: api.decode_session_keys(session_keys))
    if keys is None:
        raise BAD_KEYS()
    return all(node.keystore.has(key_type, public) for public, key_type in keys)


@unsafe
@fails(BAD_KEY_TYPE)
def author_hasKey(node: Node, public_key: Hex, key_type: str) -> bool:
    """Whether the keystore has the secret half of a key."""
    return node.keystore.has(_type_of(key_type), public_key)


def _type_of(text: str) -> bytes:
    key_type = text.encode()
    if len(key_type) != 4:
        raise BAD_KEY_TYPE()
    return key_type


def _asked(node: Node, question: Callable[[SessionKeys], T]) -> T:
    """Ask the runtime, to which the keystore is lent meanwhile."""
    api = next((api for api in node.runtime.apis if isinstance(api, SessionKeys)), None)
    if api is None:
        raise NO_API()
    api.keystore = _Maker(node.keystore)
    try:
        return question(api)
    except OSError:
        raise UNAVAILABLE() from None
    finally:
        api.keystore = None
