"""FRAME's own pallets, described by us and by the recorded runtime they emulate."""

import gzip
from collections.abc import Iterator, Mapping
from enum import IntEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from tilth.frame import Release, Runtime, RuntimeCall, Weight, codec, scale_enum
from tilth.frame.metadata.v14 import Entry, Map
from tilth.frame.metadata.v15 import V15, MetadataV15, Pallet
from tilth.frame.metadata.v16 import V16, MetadataV16
from tilth.frame.metadata.v16 import Pallet as PalletV16
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.multisig import Multisig
from tilth.pallets.proxy import Proxy
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import BlockLength, BlockWeights, System
from tilth.pallets.utility import Utility
from tilth.primitives.scale.info import (
    ArrayDef,
    CompactDef,
    CompositeDef,
    Field,
    PortableRegistry,
    SequenceDef,
    TupleDef,
    Type,
    VariantDef,
)
from tilth.runtime.solo2503 import Solo2503

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "metadata"
# Enums of which each runtime has its own variants.
GATHERED: Final = ("RuntimeCall", "RuntimeEvent", "RuntimeError", "RuntimeHoldReason")
DELIBERATE: Final = {
    "*.Index*": "the example has account indices, which we have not",
    "*<AccountIndex>*": "likewise",
    "Utility::calls.dispatch_as*.as_origin*": "the example has origins of other pallets",
}
# The one pallet of the profile that is not FRAME's, and not ours.
ABSENT: Final = "ValidatorManager"


class Comparison:
    """Walks two registries side by side and tells where a client would read another thing."""

    def __init__(self, recorded: V15 | V16, ours: V15 | V16) -> None:
        self.recorded = {one.id: one.type for one in recorded.types.types}
        self.ours = {one.id: one.type for one in ours.types.types}
        self.seen: set[tuple[int, int]] = set()

    def types(self, where: str, theirs: int, ours: int) -> Iterator[str]:
        if (theirs, ours) in self.seen:
            return
        self.seen.add((theirs, ours))
        one, other = self.recorded[theirs], self.ours[ours]
        if one.path[-1:] == other.path[-1:] and one.path[-1:] and one.path[-1] in GATHERED:
            return
        if one.path != other.path:
            yield f"{where} {one.path} is {other.path}"
        if one.docs and not other.docs:
            yield f"{where} {one.path} is not documented"
        yield from self.parameters(where, one, other)
        yield from self.definitions(where, one, other)

    def parameters(self, where: str, one: Type, other: Type) -> Iterator[str]:
        expected = {param.name: param.type for param in one.type_params}
        found = {param.name: param.type for param in other.type_params}
        if list(expected) != list(found):
            yield f"{where} {one.path} takes {list(expected)}, ours {list(found)}"
            return
        for name, theirs in expected.items():
            ours = found[name]
            if theirs is not None and ours is not None:
                yield from self.types(f"{where}<{name}>", theirs, ours)
            elif theirs is not ours:
                yield f"{where}<{name}> on one side only"

    def definitions(self, where: str, one: Type, other: Type) -> Iterator[str]:
        match one.type_def, other.type_def:
            case CompositeDef(theirs), CompositeDef(ours):
                yield from self.fields(where, theirs, ours)
            case VariantDef(), VariantDef():
                yield from self.variants(where, one.type_def, other.type_def)
            case (SequenceDef(a), SequenceDef(b)) | (CompactDef(a), CompactDef(b)):
                yield from self.types(where + "[]", a, b)
            case ArrayDef(size, a), ArrayDef(same, b) if size == same:
                yield from self.types(where + "[]", a, b)
            case TupleDef(theirs), TupleDef(ours) if len(theirs) == len(ours):
                for place, (a, b) in enumerate(zip(theirs, ours, strict=True)):
                    yield from self.types(f"{where}.{place}", a, b)
            case a, b if a != b:
                yield f"{where} {one.path}: {a} is {b}"

    def variants(self, where: str, theirs: VariantDef, ours: VariantDef) -> Iterator[str]:
        expected = {v.name: v for v in theirs.variants}
        found = {v.name: v for v in ours.variants}
        for name in expected.keys() ^ found.keys():
            yield f"{where}.{name} on one side only"
        for name in expected.keys() & found.keys():
            if expected[name].index != found[name].index:
                yield f"{where}.{name} index {expected[name].index} is {found[name].index}"
            if expected[name].docs and not found[name].docs:
                yield f"{where}.{name} is not documented"
            yield from self.fields(f"{where}.{name}", expected[name].fields, found[name].fields)

    def fields(
        self, where: str, theirs: tuple[Field, ...], ours: tuple[Field, ...]
    ) -> Iterator[str]:
        if [f.name for f in theirs] != [f.name for f in ours]:
            yield f"{where} {[f.name for f in theirs]} is {[f.name for f in ours]}"
            return
        for one, other in zip(theirs, ours, strict=True):
            if one.type_name != other.type_name:
                yield f"{where}.{one.name} is called {one.type_name}, ours {other.type_name}"
            if one.docs and not other.docs:
                yield f"{where}.{one.name} is not documented"
            yield from self.types(f"{where}.{one.name}", one.type, other.type)

    def pallets(self, theirs: Pallet, ours: Pallet) -> Iterator[str]:
        if theirs.index != ours.index:
            yield f"{theirs.name} index {theirs.index} is {ours.index}"
        for part in ("calls", "event", "error"):
            one, other = getattr(theirs, part), getattr(ours, part)
            if one is not None and other is not None:
                yield from self.types(f"{theirs.name}::{part}", one, other)
            elif one is not other:
                yield f"{theirs.name} {part} on one side only"
        yield from self.entries(theirs, ours)
        yield from self.constants(theirs, ours)

    def entries(self, theirs: Pallet, ours: Pallet) -> Iterator[str]:
        expected, found = by_name(theirs.storage), by_name(ours.storage)
        if list(expected) != list(found):
            yield f"{theirs.name} keeps {list(expected)}, ours {list(found)}"
        for name in expected.keys() & found.keys():
            yield from self.entry(f"{theirs.name}.{name}", expected[name], found[name])

    def entry(self, where: str, theirs: Entry, ours: Entry) -> Iterator[str]:
        for part in ("modifier", "default"):
            if getattr(theirs, part) != getattr(ours, part):
                yield f"{where} {part} {getattr(theirs, part)} is {getattr(ours, part)}"
        if theirs.docs and not ours.docs:
            yield f"{where} is not documented"
        if isinstance(theirs.type, Map) and isinstance(ours.type, Map):
            if theirs.type.hashers != ours.type.hashers:
                yield f"{where} {theirs.type.hashers} is {ours.type.hashers}"
            yield from self.types(f"{where} key", theirs.type.key, ours.type.key)
        elif type(theirs.type) is not type(ours.type):
            yield f"{where} is a {type(ours.type).__name__}"
        yield from self.types(where, theirs.type.value, ours.type.value)

    def constants(self, theirs: Pallet, ours: Pallet) -> Iterator[str]:
        expected = {c.name: c for c in theirs.constants}
        found = {c.name: c for c in ours.constants}
        if list(expected) != list(found):
            yield f"{theirs.name} has constants {list(expected)}, ours {list(found)}"
        for name in expected.keys() & found.keys():
            where = f"{theirs.name}.{name}"
            yield from self.types(where, expected[name].type, found[name].type)
            if expected[name].docs and not found[name].docs:
                yield f"{where} is not documented"
            if expected[name].value != found[name].value:
                yield f"{where} value {expected[name].value.hex()} is {found[name].value.hex()}"


def by_name(storage: Any) -> dict[str, Entry]:
    return {} if storage is None else {entry.name: entry for entry in storage.entries}


def undeliberate(differences: Iterator[str]) -> list[str]:
    return sorted(d for d in differences if not any(fnmatchcase(d, p) for p in DELIBERATE))


def body_of(data: bytes) -> V15:
    metadata: MetadataV15 = codec(MetadataV15).decode(data)
    return metadata.body


@pytest.fixture(scope="module")
def recorded() -> V15:
    return body_of(gzip.decompress((VECTORS / "solo2503_v15.scale.gz").read_bytes()))


@pytest.fixture(scope="module")
def ours() -> V15:
    return body_of(Solo2503().metadata(15))


def test_the_pallets_are_the_recorded_ones_in_their_places(recorded: V15, ours: V15) -> None:
    expected = [(pallet.name, pallet.index) for pallet in recorded.pallets]

    assert [(pallet.name, pallet.index) for pallet in ours.pallets] == [
        place for place in expected if place[0] != ABSENT
    ]


@pytest.mark.parametrize("pallet", Solo2503().pallets, ids=lambda pallet: pallet.name)
def test_a_pallet_is_described_as_the_recorded_one(recorded: V15, ours: V15, pallet: Any) -> None:
    theirs, mine = (
        next(each for each in body.pallets if each.name == pallet.name) for body in (recorded, ours)
    )

    assert undeliberate(Comparison(recorded, ours).pallets(theirs, mine)) == []
    assert mine.docs


@scale_enum(path="kitchensink_runtime::ProxyType")
class ProxyType(IntEnum):
    ANY = 0
    NON_TRANSFER = 1
    GOVERNANCE = 2
    STAKING = 3


class AllPowers:
    most = ProxyType.ANY

    def allows(self, kind: Any, call: RuntimeCall) -> bool:
        return True

    def includes(self, kind: Any, other: Any) -> bool:
        return True


class KitchenSink(Runtime):
    """As much of FRAME's example of everything as the solochain template has not."""

    types: ClassVar[Mapping[object, object]] = {
        "AccountData": AccountData,
        "ProxyType": ProxyType,
    }

    def __init__(self) -> None:
        super().__init__()
        self.system = system = self.add(
            0,
            System(
                block_weights=BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1)),
                block_length=BlockLength.max_with_normal_ratio(5 * 1024 * 1024),
            ),
        )
        self.utility = self.add(1, Utility())
        self.balances = self.add(6, Balances(accounts=system.accounts, existential_deposit=100))
        self.sudo = self.add(22, Sudo())
        self.extensions = ()
        self.multisig = self.add(
            36,
            Multisig(
                currency=self.balances,
                deposit_base=543 * 10**12,
                deposit_factor=192 * 10**12,
            ),
        )
        self.proxy = self.add(
            35,
            Proxy(
                currency=self.balances,
                powers=AllPowers(),
                proxy_deposit_base=6300 * 10**10,
                proxy_deposit_factor=19800 * 10**10,
                announcement_deposit_base=6300 * 10**10,
                announcement_deposit_factor=39600 * 10**10,
            ),
        )


@pytest.mark.parametrize("name", ["Multisig", "Proxy", "Sudo", "Utility"])
def test_a_pallet_is_described_as_in_the_example_of_everything(name: str) -> None:
    data = gzip.decompress((VECTORS / "kitchensink_v15.scale.gz").read_bytes())
    recorded, ours = body_of(data), body_of(KitchenSink().metadata(15))
    theirs, mine = (next(p for p in body.pallets if p.name == name) for body in (recorded, ours))

    assert undeliberate(Comparison(recorded, ours).pallets(theirs, mine)) == []


def test_every_extension_is_the_recorded_one(recorded: V15, ours: V15) -> None:
    pairs = zip(recorded.extrinsic.extensions, ours.extrinsic.extensions, strict=True)
    comparison = Comparison(recorded, ours)

    for known, extension in pairs:
        where = known.identifier
        assert extension.identifier == known.identifier
        assert list(comparison.types(where, known.type, extension.type)) == []
        assert list(comparison.types(where, known.implicit, extension.implicit)) == []


def test_addresses_and_signatures_are_the_recorded_ones(recorded: V15, ours: V15) -> None:
    comparison = Comparison(recorded, ours)

    for part in ("address", "signature"):
        one, other = getattr(recorded.extrinsic, part), getattr(ours.extrinsic, part)
        assert list(comparison.types(part, one, other)) == []


def test_every_api_is_described_as_the_recorded_one(recorded: V15, ours: V15) -> None:
    comparison, differences = Comparison(recorded, ours), list[str]()
    for theirs, mine in zip(recorded.apis, ours.apis, strict=True):
        assert mine.name == theirs.name
        assert [m.name for m in mine.methods] == [m.name for m in theirs.methods]
        assert mine.docs
        for known, method in zip(theirs.methods, mine.methods, strict=True):
            where = f"{mine.name}_{method.name}"
            assert [p.name for p in known.inputs] == [p.name for p in method.inputs]
            assert method.docs or not known.docs
            differences += comparison.types(where, known.output, method.output)
            for one, other in zip(known.inputs, method.inputs, strict=True):
                differences += comparison.types(f"{where} {one.name}", one.type, other.type)

    assert undeliberate(iter(differences)) == []


def test_view_functions_have_the_recorded_identifiers_and_types() -> None:
    class LaterSink(KitchenSink):
        release: ClassVar[Release] = Release.STABLE2506

    data = gzip.decompress((VECTORS / "kitchensink_v16.scale.gz").read_bytes())
    recorded, ours = (
        codec(MetadataV16).decode(each).body for each in (data, LaterSink().metadata(16))
    )
    comparison = Comparison(recorded, ours)
    theirs, mine = (
        next(each for each in body.pallets if each.name == "Proxy") for body in (recorded, ours)
    )

    assert len(theirs.view_functions) == 2
    for known, view in zip(theirs.view_functions, mine.view_functions, strict=True):
        assert (view.id, view.name) == (known.id, known.name)
        assert list(comparison.types(view.name, known.output, view.output)) == []
        for one, other in zip(known.inputs, view.inputs, strict=True):
            assert other.name == one.name
            assert list(comparison.types(one.name, one.type, other.type)) == []
    assert undeliberate(comparison.types("Proxy::event", theirs.event.type, mine.event.type)) == []


def drafted() -> tuple[dict[int, Type], dict[str, PalletV16]]:
    """The types and pallets of the draft of version 16, whose pallets are as it has them now."""
    data = gzip.decompress((VECTORS / "solo2503_unstable.draft.gz").read_bytes())
    registry, offset = codec(PortableRegistry).decode_at(data, len(b"meta") + 1)
    pallets, _ = codec(tuple[PalletV16, ...]).decode_at(data, offset)
    return {one.id: one.type for one in registry.types}, {each.name: each for each in pallets}


def test_pallets_name_the_types_that_the_runtime_chooses() -> None:
    body = codec(MetadataV16).decode(Solo2503().metadata(16)).body
    types, recorded = drafted()
    comparison = Comparison(body, body)
    comparison.recorded = types

    for pallet in body.pallets:
        known = recorded[pallet.name]
        names = [each.name for each in known.associated_types]
        assert [each.name for each in pallet.associated_types] == names
        for one, other in zip(known.associated_types, pallet.associated_types, strict=True):
            assert undeliberate(comparison.types(one.name, one.type, other.type)) == []
            assert other.docs
        assert pallet.deprecation == known.deprecation
