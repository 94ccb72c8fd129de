"""Extrinsics: what a block's body holds, decoded once and checked once."""

from typing import TYPE_CHECKING, Any, Final, Protocol, final

from tilth.frame import validity
from tilth.frame.call import RuntimeCall
from tilth.frame.extension import Pipeline
from tilth.frame.release import Release
from tilth.frame.validity import invalid, unknown
from tilth.frame.weight import DispatchInfo
from tilth.primitives.crypto import signatures
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import Codec, Codecs, Compact, DecodeError, codec, shapes, u32
from tilth.primitives.types import AccountId, Address, Ed25519, Id, Signature, Sr25519

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime
    from tilth.primitives.scale.info import Type
    from tilth.primitives.scale.registry import TypeRegistry

# primitives/runtime/src/generic/unchecked_extrinsic.rs: the preamble is the type in the two top
# bits and the version in the other six.
BARE_V4: Final = 0x04
BARE_V5: Final = 0x05
SIGNED_V4: Final = 0x84
GENERAL_V5: Final = 0x45
_HASHED_PAYLOAD: Final = 256

_length: Final = codec(Compact[u32])


@final
class Extrinsic:
    """A decoded extrinsic; the raw bytes stay beside it and are never made again."""

    __slots__ = (
        "_hash",
        "address",
        "call",
        "call_start",
        "data",
        "info",
        "preamble",
        "signature",
        "signer",
        "values",
        "values_start",
    )

    def __init__(self, data: bytes, preamble: int) -> None:
        self.data = data
        """The encoded extrinsic, its length prefix included."""
        self.preamble = preamble
        self.address: Any = None
        self.signature: Any = None
        self.values: tuple[Any, ...] | None = None
        """The extensions' values; None in a bare extrinsic."""
        self.values_start = 0
        self.call_start = 0
        self.call: RuntimeCall
        self.signer: AccountId | None = None
        """Who signed it; known once it is checked."""
        self.info: DispatchInfo
        self._hash: bytes | None = None

    @property
    def hash(self) -> bytes:
        if self._hash is None:
            self._hash = blake2_256(self.data)
        return self._hash

    @property
    def length(self) -> int:
        return len(self.data)

    @property
    def is_bare(self) -> bool:
        return self.values is None

    @property
    def is_signed(self) -> bool:
        return self.preamble == SIGNED_V4


class AccountLookup(Protocol):
    """Finds the account that an address names."""

    def __call__(self, address: Any) -> AccountId | None: ...


class SignatureWaiver(Protocol):
    """Whether the account's signature need not be right."""

    def __call__(self, signer: AccountId, signature: bytes, /) -> bool: ...


@final
class ExtrinsicFormat:
    """How one runtime's extrinsics are read and their signatures checked."""

    __slots__ = (
        "_bare",
        "_call",
        "_extension_versions",
        "_lookup",
        "_pipeline",
        "_plain_address",
        "_signed",
        "bare",
        "waiver",
    )

    def __init__(
        self,
        codecs: Codecs,
        call: Codec[Any],
        pipeline: Pipeline,
        lookup: AccountLookup,
        release: Release = Release.STABLE2503,
    ) -> None:
        self._signed = codecs.of(tuple[Address, Signature])
        self._plain_address = not isinstance(codecs.shape(Address), shapes.Union)
        self._call = call
        self._pipeline = pipeline
        self._lookup = lookup
        knows_v5 = release >= Release.STABLE2412
        self.bare: Final = BARE_V5 if knows_v5 else BARE_V4
        """The preamble that inherents are given."""
        self._bare = (BARE_V4, BARE_V5) if knows_v5 else (BARE_V4,)
        self._extension_versions = _extension_versions(release)
        self.waiver: SignatureWaiver | None = None
        """Where a dev chain lets accounts be impersonated: which bad signatures do all the same."""

    def decode(self, data: bytes) -> Extrinsic:
        """The whole input must be one extrinsic; raises DecodeError."""
        extrinsic, end = self.decode_at(data, 0)
        if end != len(data):
            raise DecodeError(end, "the end of the extrinsic", f"{len(data) - end} more bytes")
        return extrinsic

    def decode_at(self, data: bytes, offset: int) -> tuple[Extrinsic, int]:
        length, start = _length.decode_at(data, offset)
        end = start + length
        if end > len(data) or length == 0:
            raise DecodeError(start, f"{length} bytes of an extrinsic", f"{len(data) - start}")
        extrinsic = self._decode_body(data[offset:end], start - offset)
        return extrinsic, end

    def _decode_body(self, data: bytes, offset: int) -> Extrinsic:
        extrinsic = Extrinsic(data, data[offset])
        offset += 1
        if extrinsic.preamble == SIGNED_V4:
            offset = self._decode_signed(extrinsic, offset)
        elif extrinsic.preamble == GENERAL_V5:
            offset = self._decode_general(extrinsic, offset)
        elif extrinsic.preamble not in self._bare:
            raise DecodeError(
                offset - 1, "a preamble of the runtime's release", f"{extrinsic.preamble:02x}"
            )
        extrinsic.call_start = offset
        extrinsic.call, offset = self._call.decode_at(data, offset)
        if offset != len(data):
            raise DecodeError(offset, "the end of the call", f"{len(data) - offset} more bytes")
        extrinsic.info = self._info(extrinsic)
        return extrinsic

    def _decode_signed(self, extrinsic: Extrinsic, offset: int) -> int:
        (extrinsic.address, extrinsic.signature), offset = self._signed.decode_at(
            extrinsic.data, offset
        )
        return self._decode_values(extrinsic, offset)

    def _decode_general(self, extrinsic: Extrinsic, offset: int) -> int:
        version = extrinsic.data[offset : offset + 1]
        if not version or version[0] not in self._extension_versions:
            raise DecodeError(offset, "a version of extensions", version.hex() or "the end")
        return self._decode_values(extrinsic, offset + 1)

    def _decode_values(self, extrinsic: Extrinsic, offset: int) -> int:
        extrinsic.values_start = offset
        extrinsic.values, offset = self._pipeline.explicit.decode_at(extrinsic.data, offset)
        return offset

    def _info(self, extrinsic: Extrinsic) -> DispatchInfo:
        info, values = extrinsic.call.info, extrinsic.values
        if values is None:
            return info
        return info.with_extensions(self._pipeline.weight(values, extrinsic.call))

    def unsigned(self, call: RuntimeCall) -> Extrinsic:
        """An extrinsic without signature, in the preamble of the runtime's release."""
        encoded = call.encode()
        data = with_length(bytes((self.bare,)) + encoded)
        extrinsic = Extrinsic(data, self.bare)
        extrinsic.call_start = len(data) - len(encoded)
        extrinsic.call, extrinsic.info = call, call.info
        return extrinsic

    def signed(self, account: AccountId, signature: Any, rest: bytes) -> bytes:
        """A signed extrinsic; the rest is what its extensions carry, and its call."""
        address = account if self._plain_address else Id(account)
        return with_length(bytes((SIGNED_V4,)) + self._signed.encode((address, signature)) + rest)

    def check(self, extrinsic: Extrinsic) -> None:
        """Verify the signature against the current state; raises InvalidTransactionError."""
        if not extrinsic.is_signed:
            return
        signer = self._lookup(extrinsic.address)
        if signer is None:
            raise unknown(validity.CannotLookup())
        payload = self.signing_payload(extrinsic)
        if not _verify(extrinsic.signature, payload, signer) and not self._waived(
            signer, extrinsic.signature.signature
        ):
            raise invalid(validity.BadProof())
        extrinsic.signer = signer

    def _waived(self, signer: AccountId, signature: bytes) -> bool:
        return self.waiver is not None and self.waiver(signer, signature)

    def signing_payload(self, extrinsic: Extrinsic) -> bytes:
        values = extrinsic.values
        assert values is not None, "only a signed extrinsic has a payload"
        data = extrinsic.data
        implied = self._pipeline.implied(values)
        payload = (
            data[extrinsic.call_start :]
            + data[extrinsic.values_start : extrinsic.call_start]
            + implied
        )
        return payload if len(payload) <= _HASHED_PAYLOAD else blake2_256(payload)


@final
class ExtrinsicCodec:
    """Extrinsics as arguments of the runtime API."""

    least_size = 3

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime

    def type_info(self, registry: "TypeRegistry") -> "Type":
        from tilth.frame.metadata.extrinsic import unchecked_extrinsic  # built on all of this

        return unchecked_extrinsic(self._runtime, registry)

    def encode(self, value: Extrinsic) -> bytes:
        return value.data

    def decode_at(self, data: bytes, offset: int) -> tuple[Extrinsic, int]:
        return self._runtime.format.decode_at(data, offset)


def _extension_versions(release: Release) -> range:
    """Which a general transaction may name; those between took any."""
    if release < Release.STABLE2412:
        return range(0)
    return range(256) if release < Release.STABLE2606 else range(1)


def _verify(signature: Any, payload: bytes, signer: AccountId) -> bool:
    kind = type(signature)
    if kind is Sr25519:
        return signatures.verify_sr25519(signature.signature, payload, signer)
    if kind is Ed25519:
        return signatures.verify_ed25519(signature.signature, payload, signer)
    return signatures.verify(2, signature.signature, payload, signer)


def with_length(body: bytes) -> bytes:
    """Prefix a body with its length, as extrinsics travel."""
    return _length.encode(len(body)) + body
