"""The digest of a metadata (RFC-78): offline wallets sign it to say how they read an extrinsic."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Protocol, final

from blake3 import blake3

from tilth.frame.metadata import v16
from tilth.frame.metadata.extrinsic import EXTENSIONS_VERSION, SIGNED_VERSION
from tilth.frame.metadata.v14 import Extension
from tilth.frame.metadata.v15 import V15
from tilth.frame.metadata.v16 import V16
from tilth.primitives.scale import Compact, Fixed, codec, struct, u8, u16, u32
from tilth.primitives.scale.info import (
    ArrayDef,
    BitSequenceDef,
    CompactDef,
    CompositeDef,
    Field,
    PortableRegistry,
    Primitive,
    PrimitiveDef,
    SequenceDef,
    TupleDef,
    Type,
    TypeDef,
    Variant,
    VariantDef,
)

# merkleized-metadata 0.5, types.rs: TypeRef; a primitive has its number of scale-info.
_COMPACT: Final = {
    Primitive.U8: b"\x0f",
    Primitive.U16: b"\x10",
    Primitive.U32: b"\x11",
    Primitive.U64: b"\x12",
    Primitive.U128: b"\x13",
    Primitive.U256: b"\x14",
}
_VOID: Final = b"\x15"
_BY_ID: Final = b"\x16"
# The same file: TypeDef
_COMPOSITE, _ENUMERATION, _SEQUENCE, _ARRAY, _TUPLE, _BITS = (bytes((n,)) for n in range(6))
_STORE_BYTES: Final = {Primitive.U8: 1, Primitive.U16: 2, Primitive.U32: 4, Primitive.U64: 8}

_number: Final = codec(Compact[u32])
_text: Final = codec(str)
_optional_text: Final = codec(str | None)
_texts: Final = codec(tuple[str, ...])


@struct
class _Digest:
    version: u8
    types_root: Annotated[bytes, Fixed(32)]
    extrinsic: Annotated[bytes, Fixed(32)]
    spec_version: u32
    spec_name: str
    base58_prefix: u16
    decimals: u8
    token_symbol: str


def metadata_digest(
    described: V15 | V16,
    *,
    spec_version: int,
    spec_name: str,
    base58_prefix: int,
    decimals: int,
    token_symbol: str,
) -> bytes:
    """The 32 bytes that CheckMetadataHash puts under a signature."""
    form = _form_16(described.extrinsic) if isinstance(described, V16) else described.extrinsic
    types = _ExtrinsicTypes(described.types, form)
    root = _root(types.leaves())
    extrinsic = _hash(_extrinsic(form, types))
    digest = _Digest(
        1, root, extrinsic, spec_version, spec_name, base58_prefix, decimals, token_symbol
    )
    return _hash(codec(_Digest).encode(digest))


class Form(Protocol):
    """How signed extrinsics are made up."""

    @property
    def version(self) -> int: ...

    @property
    def address(self) -> int: ...

    @property
    def call(self) -> int: ...

    @property
    def signature(self) -> int: ...

    @property
    def extensions(self) -> tuple[Extension, ...]: ...


@dataclass(frozen=True, slots=True)
class _SignedForm:
    version: int
    address: int
    call: int
    signature: int
    extensions: tuple[Extension, ...]


def _form_16(extrinsic: v16.Extrinsic) -> Form:
    """Only version 4 carries a signature; its extensions are those of version 0."""
    used = extrinsic.extensions_by_version[EXTENSIONS_VERSION]
    return _SignedForm(
        SIGNED_VERSION,
        extrinsic.address,
        extrinsic.call,
        extrinsic.signature,
        tuple(extrinsic.extensions[place] for place in used),
    )


def _hash(data: bytes) -> bytes:
    return blake3(data).digest()


def _root(leaves: Iterable[bytes]) -> bytes:
    # From the end, as runtimes and wallets have it; the RFC's text pairs from the front.
    nodes = deque(map(_hash, leaves))
    while len(nodes) > 1:
        right, left = nodes.pop(), nodes.pop()
        nodes.appendleft(_hash(left + right))
    return nodes[0] if nodes else bytes(32)


def _extrinsic(extrinsic: Form, types: "_ExtrinsicTypes") -> bytes:
    reference = types.reference
    parts = (extrinsic.address, extrinsic.call, extrinsic.signature)
    extensions = (
        _text.encode(one.identifier) + reference(one.type) + reference(one.implicit)
        for one in extrinsic.extensions
    )
    return b"".join(
        (
            bytes((extrinsic.version,)),
            *map(reference, parts),
            _number.encode(len(extrinsic.extensions)),
            *extensions,
        )
    )


@final
class _ExtrinsicTypes:
    """The types that an extrinsic can hold, numbered anew without gaps."""

    def __init__(self, registry: PortableRegistry, extrinsic: Form) -> None:
        self._types = {one.id: one.type for one in registry.types}
        reached = sorted(self._reached(_roots(extrinsic)))
        kept = (number for number in reached if _is_kept(self._types[number].type_def))
        self._numbers = {number: fresh for fresh, number in enumerate(kept)}

    def _reached(self, roots: Iterable[int]) -> set[int]:
        found: set[int] = set()
        ahead = list(roots)
        while ahead:
            number = ahead.pop()
            if number not in found:
                found.add(number)
                ahead.extend(_parts(self._types[number].type_def))
        return found

    def reference(self, number: int) -> bytes:
        if number in self._numbers:
            return _BY_ID + _number.encode(self._numbers[number])
        match self._types[number].type_def:
            case PrimitiveDef(primitive):
                return bytes((primitive,))
            case CompactDef(inner):
                integer = self._primitive(inner)
                return _VOID if integer is None else _COMPACT[integer]
            case _:
                return _VOID

    def _primitive(self, number: int) -> Primitive | None:
        """What is at the bottom of a newtype."""
        match self._types[number].type_def:
            case PrimitiveDef(primitive):
                return primitive
            case CompositeDef((field,)):
                return self._primitive(field.type)
            case _:
                return None

    def leaves(self) -> Iterator[bytes]:
        """Each type, and of an enum each variant, in the order of the tree."""
        for number, fresh in self._numbers.items():
            described = self._types[number]
            start, end = _texts.encode(described.path), _number.encode(fresh)
            for definition in self._definitions(described):
                yield start + definition + end

    def _definitions(self, described: Type) -> list[bytes]:
        match described.type_def:
            case VariantDef(variants):
                ordered = sorted(variants, key=lambda variant: variant.index)
                return [_ENUMERATION + self._variant(variant) for variant in ordered]
            case CompositeDef(fields):
                return [_COMPOSITE + self._fields(fields)]
            case SequenceDef(item):
                return [_SEQUENCE + self.reference(item)]
            case ArrayDef(size, item):
                return [_ARRAY + size.to_bytes(4, "little") + self.reference(item)]
            case TupleDef(items):
                return [_TUPLE + _number.encode(len(items)) + b"".join(map(self.reference, items))]
            case BitSequenceDef(store, order):
                return [_BITS + self._bits(store, order)]
            case _:
                return []

    def _variant(self, variant: Variant) -> bytes:
        named = _text.encode(variant.name) + self._fields(variant.fields)
        return named + _number.encode(variant.index)

    def _fields(self, fields: tuple[Field, ...]) -> bytes:
        return _number.encode(len(fields)) + b"".join(
            _optional_text.encode(field.name)
            + self.reference(field.type)
            + _optional_text.encode(field.type_name)
            for field in fields
        )

    def _bits(self, store: int, order: int) -> bytes:
        word = self._primitive(store)
        assert word is not None, "bits are stored in unsigned integers"
        return bytes((_STORE_BYTES[word], self._types[order].path[-1] == "Lsb0"))


def _roots(extrinsic: Form) -> Iterator[int]:
    yield from (extrinsic.address, extrinsic.call, extrinsic.signature)
    for extension in extrinsic.extensions:
        yield from (extension.type, extension.implicit)


def _is_kept(definition: TypeDef) -> bool:
    """Primitives, compact integers and what takes no byte are part of a reference to them."""
    match definition:
        case PrimitiveDef() | CompactDef() | CompositeDef(()) | VariantDef(()) | TupleDef(()):
            return False
        case _:
            return True


def _parts(definition: TypeDef) -> Iterable[int]:
    match definition:
        case CompositeDef(fields):
            return [field.type for field in fields]
        case VariantDef(variants):
            return [field.type for variant in variants for field in variant.fields]
        case SequenceDef(item) | ArrayDef(type=item):
            return [item]
        case TupleDef(items):
            return items
        case _:
            return []
