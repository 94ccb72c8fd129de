"""Our metadata in the hands of unmodified clients, without a node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import pytest
from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.type_registry import load_type_registry_preset
from substrateinterface.storage import StorageKey

from tilth.frame import (
    AccountId,
    Balance,
    Blake2_256,
    Bounded,
    Compact,
    Const,
    CountedMap,
    DefaultDoubleMap,
    ErrorEnum,
    Identity,
    OriginCaller,
    Pallet,
    Runtime,
    RuntimeCall,
    Signed,
    SignedCaller,
    StorageNMap,
    Twox64,
    Weight,
    call,
    struct,
    u8,
    u16,
    u32,
    u64,
)
from tilth.frame.metadata import Metadata
from tilth.pallets.system import (
    BlockLength,
    BlockWeights,
    CheckGenesis,
    CheckMortality,
    CheckNonce,
    System,
)
from tilth.primitives.trie import Trie

NPM: Final = Path(__file__).parents[1] / "conformance" / "npm"


ALICE: Final = AccountId(bytes(range(32)))


@struct
class Sown:
    field: u32
    seeds: Compact[Balance]


@struct
class Harvested:
    """A field was harvested."""

    field: u32


class Error(ErrorEnum):
    NOT_RIPE = "The field is not ripe."


class Farm(Pallet[Sown | Harvested, Error]):
    """Fields and what grows there."""

    rent: Const[Balance]

    fields = CountedMap[Twox64[u32], Annotated[tuple[u8, ...], Bounded(9)]]()
    wages = StorageNMap[tuple[Identity[u32], AccountId, Blake2_256[u16]], Weight]()
    helpers = DefaultDoubleMap[AccountId, u32, dict[u32, str]]()

    @property
    def acres(self) -> Const[u64]:
        """How large it is."""
        return 1 << 40

    @call(0)
    def sow(self, who: Signed, field: u32, seeds: Compact[Balance], then: RuntimeCall) -> None:
        """Sow a field."""

    @call(3)
    def lend(self, who: Signed, to: OriginCaller, class_: u8 | None) -> None:
        """Lend the farm."""


class FarmRuntime(Runtime):
    spec_name: ClassVar[str] = "farm"
    spec_version: ClassVar[int] = 31
    ss58_prefix: ClassVar[int] = 7

    def __init__(self) -> None:
        super().__init__()
        system = System(
            block_weights=BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1)),
            block_length=BlockLength.max_with_normal_ratio(5 * 1024 * 1024),
        )
        self.system = self.recorder = self.add(0, system)
        self.farm = self.add(8, Farm(rent=10**20))
        self.extensions = (CheckGenesis(system), CheckMortality(system), CheckNonce(system))


@pytest.fixture(scope="module")
def runtime() -> FarmRuntime:
    return FarmRuntime()


@pytest.fixture(scope="module")
def scalecodec(runtime: FarmRuntime) -> tuple[Any, Any]:
    """py-scale-codec, which is the codec of py-substrate-interface, with our metadata."""
    config: Any = RuntimeConfigurationObject(implements_scale_info=True)
    config.update_type_registry(load_type_registry_preset("core"))
    metadata = config.create_scale_object(
        "MetadataVersioned", data=ScaleBytes(runtime.metadata(14))
    )
    metadata.decode()
    config.add_portable_registry(metadata)
    config.set_active_spec_version_id(runtime.spec_version)
    return config, metadata


def test_py_scale_codec_makes_calls_from_our_description(
    runtime: FarmRuntime, scalecodec: tuple[Any, Any]
) -> None:
    config, metadata = scalecodec
    lend = {
        "call_module": "Farm",
        "call_function": "lend",
        "call_args": {"to": {"system": {"Signed": "0x" + ALICE.hex()}}, "class": 3},
    }
    sow = {
        "call_module": "Farm",
        "call_function": "sow",
        "call_args": {"field": 5, "seeds": 10**20, "then": lend},
    }
    theirs = config.create_scale_object("Call", metadata=metadata).encode(sow)

    farm = runtime.farm
    ours = farm.sow.call(5, 10**20, farm.lend.call(SignedCaller(ALICE), 3))
    assert bytes(theirs.data) == ours.encode()


def test_py_scale_codec_reads_our_events(runtime: FarmRuntime, scalecodec: tuple[Any, Any]) -> None:
    config, metadata = scalecodec
    with runtime.at(Trie.empty()):
        runtime.recorder.number.put(1)
        runtime.farm.emit(Sown(4, 12))
        stored = runtime.slot.overlay.raw(runtime.recorder.events.prefix)
    assert stored is not None
    number = metadata.get_metadata_pallet("System").get_storage_function("Events").value
    (record,) = config.create_scale_object(
        f"scale_info::{number['type']['Plain']}", data=ScaleBytes(stored), metadata=metadata
    ).decode()

    assert (record["module_id"], record["event_id"]) == ("Farm", "Sown")
    assert record["attributes"] == {"field": 4, "seeds": 12}


@pytest.mark.parametrize(
    ("name", "key", "own"),
    [
        ("Fields", [4], 4),
        ("Helpers", [ALICE, 4], (ALICE, 4)),
        ("Wages", [4, ALICE, 9], (4, ALICE, 9)),
    ],
)
def test_py_substrate_interface_finds_our_storage(
    runtime: FarmRuntime, scalecodec: tuple[Any, Any], name: str, key: list[Any], own: Any
) -> None:
    config, metadata = scalecodec
    wire = ["0x" + part.hex() if isinstance(part, bytes) else part for part in key]
    theirs = StorageKey.create_from_storage_function(
        "Farm", name, wire, runtime_config=config, metadata=metadata
    )

    ours = getattr(runtime.farm, name.lower()).key_of(own)
    assert theirs.to_hex() == "0x" + ours.hex()


npm = pytest.mark.skipif(
    not (NPM / "node_modules").exists() or shutil.which("node") is None,
    reason="the npm clients are not installed",
)


@pytest.fixture(scope="module")
def seen(runtime: FarmRuntime, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the clients say of versions 14, 15 and 16."""
    folder = tmp_path_factory.mktemp("metadata")
    files = [folder / str(version) for version in (14, 15, 16)]
    for file in files:
        file.write_bytes(runtime.metadata(int(file.name)))
    script = Path(__file__).with_name("read_metadata.mjs")
    finished = subprocess.run(
        ["node", script, NPM, *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    read: list[dict[str, Any]] = json.loads(finished.stdout)
    return read


@pytest.mark.npm
@npm
def test_polkadot_js_reads_every_version_and_writes_the_same_bytes(
    seen: list[dict[str, Any]],
) -> None:
    for each in seen:
        assert each["polkadotjs"] == {
            "same": True,
            "extensions": ["CheckGenesis", "CheckMortality", "CheckNonce"],
            "calls": ["sow", "lend"],
            "storage": ["palletVersion", "fields", "counterForFields", "wages", "helpers"],
            "constants": ["rent", "acres"],
            "errors": ["NotRipe"],
            "prefix": 7,
        }


@pytest.mark.npm
@npm
def test_polkadot_api_builds_codecs_for_every_part(
    runtime: FarmRuntime, seen: list[dict[str, Any]]
) -> None:
    for each in seen:
        assert each["papi"]["constants"] == {"Rent": 10**20, "Acres": 1 << 40}
        assert each["papi"]["storage"] == ["Fields", "CounterForFields", "Wages", "Helpers"]
    apis = [api.name for api in runtime.apis]
    assert [each["papi"]["apis"] for each in seen] == [[], apis, apis]
    assert [each["papi"]["versions"] for each in seen] == [[4], [4], [4, 5]]


@pytest.mark.npm
@npm
def test_a_wallet_computes_our_digest(runtime: FarmRuntime, seen: list[dict[str, Any]]) -> None:
    ours = Metadata(runtime).digest(decimals=12, token_symbol="TIL").hex()

    assert [each["digest"] for each in seen] == [None, ours, ours]
