"""Our metadata in the hands of polkadot.js and polkadot-api: unmodified, without a node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import pytest

from tilth.frame import (
    AccountId,
    Balance,
    Bounded,
    Compact,
    Const,
    CountedMap,
    DefaultDoubleMap,
    ErrorEnum,
    OriginCaller,
    Pallet,
    Runtime,
    RuntimeCall,
    Signed,
    Twox64,
    Weight,
    call,
    struct,
    u8,
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

NPM: Final = Path(__file__).parents[1] / "conformance" / "npm"

pytestmark = [
    pytest.mark.npm,
    pytest.mark.skipif(
        not (NPM / "node_modules").exists() or shutil.which("node") is None,
        reason="the npm clients are not installed",
    ),
]


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
        self.system = self.add(0, system)
        self.farm = self.add(8, Farm(rent=10**20))
        self.extensions = (CheckGenesis(system), CheckMortality(system), CheckNonce(system))


@pytest.fixture(scope="module")
def runtime() -> FarmRuntime:
    return FarmRuntime()


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


def test_polkadot_js_reads_every_version_and_writes_the_same_bytes(
    seen: list[dict[str, Any]],
) -> None:
    for each in seen:
        assert each["polkadotjs"] == {
            "same": True,
            "extensions": ["CheckGenesis", "CheckMortality", "CheckNonce"],
            "calls": ["sow", "lend"],
            "storage": ["palletVersion", "fields", "counterForFields", "helpers"],
            "constants": ["rent", "acres"],
            "errors": ["NotRipe"],
            "prefix": 7,
        }


def test_polkadot_api_builds_codecs_for_every_part(
    runtime: FarmRuntime, seen: list[dict[str, Any]]
) -> None:
    for each in seen:
        assert each["papi"]["constants"] == {"Rent": 10**20, "Acres": 1 << 40}
        assert each["papi"]["storage"] == ["Fields", "CounterForFields", "Helpers"]
    apis = [api.name for api in runtime.apis]
    assert [each["papi"]["apis"] for each in seen] == [[], apis, apis]
    assert [each["papi"]["versions"] for each in seen] == [[4], [4], [4, 5]]


def test_a_wallet_computes_our_digest(runtime: FarmRuntime, seen: list[dict[str, Any]]) -> None:
    ours = Metadata(runtime).digest(decimals=12, token_symbol="TIL").hex()

    assert [each["digest"] for each in seen] == [None, ours, ours]
