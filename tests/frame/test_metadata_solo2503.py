"""FRAME's own pallets, described by us and by the recorded runtime they emulate."""

import gzip
from collections.abc import Iterator, Mapping
from enum import IntEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from tilth.frame import Runtime, RuntimeCall, Weight, codec, scale_enum
from tilth.frame.metadata.v14 import Entry, Map
from tilth.frame.metadata.v15 import V15, MetadataV15, Pallet
from tilth.pallets.aura import Aura
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.multisig import Multisig
from tilth.pallets.proxy import Proxy
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import (
    BlockLength,
    BlockWeights,
    CheckGenesis,
    CheckMortality,
    CheckNonce,
    CheckNonZeroSender,
    CheckSpecVersion,
    CheckTxVersion,
    CheckWeight,
    System,
    WeightReclaim,
)
from tilth.pallets.system.metadata_hash import CheckMetadataHash
from tilth.pallets.timestamp import Timestamp
from tilth.pallets.transaction_payment import ChargeTransactionPayment, TransactionPayment
from tilth.primitives.scale.info import (
    ArrayDef,
    CompactDef,
    CompositeDef,
    Field,
    SequenceDef,
    TupleDef,
    Type,
    VariantDef,
)

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "metadata"
# Enums of which each runtime has its own variants.
GATHERED: Final = ("RuntimeCall", "RuntimeEvent", "RuntimeError", "RuntimeHoldReason")
DELIBERATE: Final = {
    "System.Version value*": "it lists the APIs, and ours has no Grandpa",
    "*spec_name ('Cow',)*": "a borrowed string is a string to every client",
    "*.apis ('Cow',)*": "a borrowed list is a list to every client",
    "Proxy::calls.*.Index.None*": "the example has account indices, which we have not",
}
# Clients do notice these; a line goes when its pallet follows the recording.
GAPS: Final = (
    "System::event.RejectedInvalidAuthorizedUpgrade on one side only",
    "Sudo::calls.sudo_as ['who', 'call'] is ['account', 'call']",
    "TransactionPaymentApi_query_fee_details ['inclusion_fee', 'tip'] is ['inclusion_fee']",
)


class SoloRuntime(Runtime):
    spec_name: ClassVar[str] = "solochain-template-runtime"
    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData}

    def __init__(self) -> None:
        super().__init__()
        system = System(
            block_weights=BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1)),
            block_length=BlockLength.max_with_normal_ratio(5 * 1024 * 1024),
        )
        self.system = self.add(0, system)
        self.timestamp = self.add(1, Timestamp(minimum_period=3000))
        self.aura = self.add(2, Aura(system=system, slot_duration=6000))
        self.balances = self.add(4, Balances(accounts=system.accounts, existential_deposit=10**9))
        self.payment = self.add(5, TransactionPayment(currency=self.balances, limits=system))
        self.sudo = self.add(6, Sudo())
        self.extensions = (
            CheckNonZeroSender(system),
            CheckSpecVersion(system),
            CheckTxVersion(system),
            CheckGenesis(system),
            CheckMortality(system),
            CheckNonce(system),
            CheckWeight(system),
            ChargeTransactionPayment(self.payment),
            CheckMetadataHash(),
            WeightReclaim(system),
        )


class Comparison:
    """Walks two registries side by side and tells where a client would read another thing."""

    def __init__(self, recorded: V15, ours: V15) -> None:
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
        yield from self.definitions(where, one, other)

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
            yield from self.fields(f"{where}.{name}", expected[name].fields, found[name].fields)

    def fields(
        self, where: str, theirs: tuple[Field, ...], ours: tuple[Field, ...]
    ) -> Iterator[str]:
        if [f.name for f in theirs] != [f.name for f in ours]:
            yield f"{where} {[f.name for f in theirs]} is {[f.name for f in ours]}"
            return
        for one, other in zip(theirs, ours, strict=True):
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
        for name in expected.keys() ^ found.keys():
            yield f"{theirs.name}.{name} on one side only"
        for name in expected.keys() & found.keys():
            yield from self.entry(f"{theirs.name}.{name}", expected[name], found[name])

    def entry(self, where: str, theirs: Entry, ours: Entry) -> Iterator[str]:
        for part in ("modifier", "default"):
            if getattr(theirs, part) != getattr(ours, part):
                yield f"{where} {part} {getattr(theirs, part)} is {getattr(ours, part)}"
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
        for name in expected.keys() ^ found.keys():
            yield f"{theirs.name}.{name} on one side only"
        for name in expected.keys() & found.keys():
            where = f"{theirs.name}.{name}"
            yield from self.types(where, expected[name].type, found[name].type)
            if expected[name].value != found[name].value:
                yield f"{where} value {expected[name].value.hex()} is {found[name].value.hex()}"


def by_name(storage: Any) -> dict[str, Entry]:
    return {} if storage is None else {entry.name: entry for entry in storage.entries}


def undeliberate(differences: Iterator[str]) -> list[str]:
    return sorted(
        d for d in differences if d not in GAPS and not any(fnmatchcase(d, p) for p in DELIBERATE)
    )


def body_of(data: bytes) -> V15:
    metadata: MetadataV15 = codec(MetadataV15).decode(data)
    return metadata.body


@pytest.fixture(scope="module")
def recorded() -> V15:
    return body_of(gzip.decompress((VECTORS / "solo2503_v15.scale.gz").read_bytes()))


@pytest.fixture(scope="module")
def ours() -> V15:
    return body_of(SoloRuntime().metadata(15))


@pytest.mark.parametrize(
    "name", ["System", "Timestamp", "Aura", "Balances", "TransactionPayment", "Sudo"]
)
def test_a_pallet_is_described_as_the_recorded_one(recorded: V15, ours: V15, name: str) -> None:
    theirs, mine = (next(p for p in body.pallets if p.name == name) for body in (recorded, ours))

    assert undeliberate(Comparison(recorded, ours).pallets(theirs, mine)) == []


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


class KitchenSink(SoloRuntime):
    """FRAME's example of everything, as far as the solochain template has it not."""

    types: ClassVar[Mapping[object, object]] = {**SoloRuntime.types, "ProxyType": ProxyType}

    def __init__(self) -> None:
        super().__init__()
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


@pytest.mark.parametrize("name", ["Multisig", "Proxy"])
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


def test_every_api_that_both_have_answers_the_same_types(recorded: V15, ours: V15) -> None:
    theirs = {api.name: {m.name: m for m in api.methods} for api in recorded.apis}
    mine = {api.name: {m.name: m for m in api.methods} for api in ours.apis if api.name in theirs}
    comparison = Comparison(recorded, ours)
    differences: list[str] = []
    for name, methods in mine.items():
        for method in methods.values():
            known, where = theirs[name][method.name], f"{name}_{method.name}"
            assert [p.name for p in known.inputs] == [p.name for p in method.inputs]
            differences += comparison.types(where, known.output, method.output)
            for one, other in zip(known.inputs, method.inputs, strict=True):
                differences += comparison.types(f"{where} {one.name}", one.type, other.type)

    assert {"Core", "Metadata", "BlockBuilder", "TransactionPaymentApi"} <= mine.keys()
    assert undeliberate(iter(differences)) == []
