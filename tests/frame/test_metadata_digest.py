"""RFC-78's digest, held to a wallet's tests and to a signature that a real runtime accepted."""

import gzip
from functools import partial
from pathlib import Path
from typing import Any, Final, Never

import pytest
from blake3 import blake3

from tilth.frame import Pallet, Runtime, RuntimeCall, Signed, call, codec, replace
from tilth.frame.metadata import Metadata
from tilth.frame.metadata.digest import metadata_digest
from tilth.frame.metadata.v15 import V15, Extrinsic, MetadataV15, OuterEnums
from tilth.frame.metadata.v16 import V16, MetadataV16
from tilth.frame.version import RuntimeVersion
from tilth.pallets.system.metadata_hash import CheckMetadataHash, Mode
from tilth.primitives.scale.info import (
    ArrayDef,
    BitSequenceDef,
    CompactDef,
    CompositeDef,
    Field,
    PortableRegistry,
    PortableType,
    Primitive,
    PrimitiveDef,
    TupleDef,
    Type,
    TypeDef,
    VariantDef,
)
from tilth.runtime import DevRuntime
from tilth.runtime.solo2503 import Solo2503

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "metadata"
KUSAMA: Final = "2a3b8e4f7d65afee4e9d6b59afb62aa93b4bd36a5fc35c09f3af5b8739447990"
BULLETIN: Final = "d96c0ebe22a9329713855a88b76d55a41bd1cb254812c53480d5985a9c513f0e"


def recorded(name: str) -> V15 | V16:
    data = gzip.decompress((VECTORS / name).read_bytes())
    return described_in(data)


def described_in(data: bytes) -> V15 | V16:
    form: Any = MetadataV16 if data[4] == 16 else MetadataV15
    body: V15 | V16 = codec(form).decode(data).body
    return body


def version_in(described: V15 | V16) -> RuntimeVersion:
    constants = (constant for pallet in described.pallets for constant in pallet.constants)
    (value,) = (constant.value for constant in constants if constant.name == "Version")
    version: RuntimeVersion = codec(RuntimeVersion).decode_at(value, 0)[0]
    return version


def digest_of(described: V15 | V16, **changed: Any) -> str:
    arguments: dict[str, Any] = {
        "spec_version": 7,
        "spec_name": "field",
        "base58_prefix": 42,
        "decimals": 12,
        "token_symbol": "TIL",
        **changed,
    }
    return metadata_digest(described, **arguments).hex()


@pytest.mark.parametrize(
    ("name", "prefix", "decimals", "symbol", "expected"),
    [
        ("kusama_v15.scale.gz", 2, 12, "KSM", KUSAMA),
        ("bulletin_v15.scale.gz", 0, 10, "PAS", BULLETIN),
        ("bulletin_v16.scale.gz", 0, 10, "PAS", BULLETIN),
    ],
)
def test_real_chains_have_the_digest_that_wallets_compute(
    name: str, prefix: int, decimals: int, symbol: str, expected: str
) -> None:
    described = recorded(name)
    version = version_in(described)

    digest = metadata_digest(
        described,
        spec_version=version.spec_version,
        spec_name=version.spec_name,
        base58_prefix=prefix,
        decimals=decimals,
        token_symbol=symbol,
    )

    assert digest.hex() == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"spec_version": 8},
        {"spec_name": "meadow"},
        {"base58_prefix": 0},
        {"decimals": 10},
        {"token_symbol": "TILT"},
    ],
)
def test_the_digest_depends_on_what_a_wallet_shows(changed: dict[str, Any]) -> None:
    described = recorded("solo2503_v15.scale.gz")

    assert digest_of(described, **changed) != digest_of(described)


def test_the_digest_covers_calls_and_leaves_out_storage() -> None:
    described = recorded("solo2503_v15.scale.gz")
    bare = replace(described, pallets=(), apis=())
    other = replace(
        described, extrinsic=replace(described.extrinsic, call=described.extrinsic.address)
    )

    assert digest_of(bare) == digest_of(described)
    assert digest_of(other) != digest_of(described)


def plain(*definitions: TypeDef) -> PortableRegistry:
    return PortableRegistry(
        tuple(
            PortableType(number, Type((), (), definition))
            for number, definition in enumerate(definitions)
        )
    )


def alone(registry: PortableRegistry) -> V15:
    """An extrinsic of which every part has the first type."""
    extrinsic = Extrinsic(4, address=0, call=0, signature=0, extra=0, extensions=())
    return V15(registry, (), extrinsic, 0, (), OuterEnums(0, 0, 0), {})


def by_hand(root: bytes, reference: bytes) -> str:
    extrinsic = blake3(b"\x04" + 3 * reference + b"\0").digest()
    rest = bytes.fromhex("07000000146669656c642a000c0c54494c")
    return blake3(b"\1" + root + extrinsic + rest).hexdigest()


def test_what_takes_no_byte_is_void_and_an_empty_tree_is_zero() -> None:
    assert digest_of(alone(plain(TupleDef(())))) == by_hand(bytes(32), b"\x15")


@pytest.mark.parametrize(
    ("definitions", "reference"),
    [
        ((CompactDef(1), PrimitiveDef(Primitive.U64)), b"\x12"),
        ((CompactDef(1), CompositeDef((Field(None, 2),)), PrimitiveDef(Primitive.U8)), b"\x0f"),
        ((CompactDef(1), TupleDef(())), b"\x15"),
        ((PrimitiveDef(Primitive.I256),), b"\x0e"),
    ],
)
def test_primitives_and_compacts_are_named_where_they_are_used(
    definitions: tuple[TypeDef, ...], reference: bytes
) -> None:
    assert digest_of(alone(plain(*definitions))) == by_hand(bytes(32), reference)


def test_a_type_used_is_a_leaf_under_a_number_of_its_own() -> None:
    registry = plain(ArrayDef(3, 1), PrimitiveDef(Primitive.U8))
    leaf = b"\0" + b"\3" + b"\3\0\0\0" + b"\3" + b"\0"

    assert digest_of(alone(registry)) == by_hand(blake3(leaf).digest(), b"\x16\0")


def test_a_bit_sequence_tells_its_store_and_its_order() -> None:
    order = PortableType(2, Type(("bitvec", "order", "Lsb0"), (), CompositeDef(())))
    known = plain(BitSequenceDef(1, 2), PrimitiveDef(Primitive.U32)).types
    leaf = b"\0" + b"\5" + b"\4\1" + b"\0"

    described = alone(PortableRegistry((*known, order)))

    assert digest_of(described) == by_hand(blake3(leaf).digest(), b"\x16\0")


class Acre(Pallet[Never, Never]):
    @call(0)
    def sow(self, who: Signed, also: RuntimeCall | None) -> None:
        """Sow an acre."""


class AcreRuntime(Runtime):
    def __init__(self) -> None:
        super().__init__()
        self.acre = self.add(3, Acre())
        self.extensions = ()


@pytest.mark.parametrize("runtime", [DevRuntime(), Solo2503()], ids=["dev", "solo"])
def test_the_digest_is_the_same_of_both_versions(runtime: Runtime) -> None:
    fifteen, sixteen = (described_in(runtime.metadata(version)) for version in (15, 16))

    assert digest_of(fifteen) == digest_of(sixteen)


def test_a_runtime_has_a_digest_of_its_own_description() -> None:
    runtime = AcreRuntime()
    served: MetadataV15 = codec(MetadataV15).decode(runtime.metadata(15))

    digest = Metadata(runtime).digest(decimals=12, token_symbol="TIL")

    assert digest.hex() == digest_of(
        served.body, spec_version=runtime.spec_version, spec_name="tilth"
    )


class GuardedRuntime(Runtime):
    def __init__(self, *, decimals: int = 10) -> None:
        super().__init__()
        self.acre = self.add(3, Acre())
        self.guard = CheckMetadataHash(partial(self.metadata_digest, decimals, "PAS"))
        self.extensions = (self.guard,)


def test_a_plain_transaction_signs_no_digest() -> None:
    runtime = GuardedRuntime()
    values = runtime.pipeline.values_for(nonce=4)

    assert runtime.pipeline.explicit.encode(values) == b"\0"
    assert runtime.pipeline.implied(values) == b"\0"


def test_an_offline_wallets_transaction_signs_the_digest() -> None:
    runtime = GuardedRuntime()
    chosen: Any = CheckMetadataHash.explicit
    values = (chosen(Mode.ENABLED),)
    digest = Metadata(runtime).digest(decimals=10, token_symbol="PAS")

    assert runtime.pipeline.explicit.encode(values) == b"\1"
    assert runtime.pipeline.implied(values) == b"\1" + digest
    assert GuardedRuntime(decimals=12).pipeline.implied(values) != b"\1" + digest


def test_the_extension_is_described_as_the_recorded_one() -> None:
    described = recorded("solo2503_v15.scale.gz")
    served: MetadataV15 = codec(MetadataV15).decode(GuardedRuntime().metadata(15))
    (ours,) = served.body.extrinsic.extensions
    (theirs,) = (e for e in described.extrinsic.extensions if e.identifier == "CheckMetadataHash")

    for part in ("type", "implicit"):
        mine = _shown(served.body, getattr(ours, part))
        assert mine == _shown(described, getattr(theirs, part))
    assert ours.identifier == theirs.identifier


def _shown(described: V15 | V16, number: int) -> Any:
    """A type with its parts in place of their numbers."""
    shown = described.types.types[number].type
    match shown.type_def:
        case CompositeDef(fields):
            parts: Any = [(f.name, f.type_name, _shown(described, f.type)) for f in fields]
        case VariantDef(variants):
            parts = [
                (v.name, v.index, [_shown(described, f.type) for f in v.fields]) for v in variants
            ]
        case ArrayDef(size, item):
            parts = (size, _shown(described, item))
        case definition:
            parts = definition
    return shown.path, [p.name for p in shown.type_params], parts
