"""What clients ask a runtime beside its state: view functions, and how its chains begin."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Never

import pytest

from tilth.frame import (
    AccountId,
    DefaultValue,
    Pallet,
    Release,
    Runtime,
    RuntimeApi,
    Weight,
    api_method,
    codec,
    since,
    struct,
    u32,
    u128,
    view_function,
)
from tilth.frame.metadata.v16 import MetadataV16
from tilth.frame.view import NotFound, Undecodable, ViewFunctionId
from tilth.pallets.aura import Aura, AuthorityId
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.session import Session
from tilth.pallets.system import BlockLength, BlockWeights, System
from tilth.primitives import ss58
from tilth.primitives.crypto.hashing import twox_128
from tilth.primitives.scale import Err, Ok
from tilth.primitives.trie import Trie
from tilth.runtime import DevRuntime
from tilth.runtime.presets import dev_spec

ALICE, BOB = (AccountId(bytes((number,)) * 32) for number in (1, 2))
KEY = bytes((7,)) * 32


class CountApi(RuntimeApi):
    """How much was counted."""

    @api_method
    def counted(self) -> u32:
        """The count."""
        return 3


class Counter(Pallet[Never, Never]):
    count = DefaultValue[u32]()
    note = DefaultValue[bytes]()

    @view_function
    def double(self, of: u32) -> u128:
        """Twice as much, and the count."""
        return 2 * of + self.count.get()

    @since(Release.STABLE2603)
    @view_function
    def triple(self, of: u32) -> u32:
        """Only later."""
        return 3 * of

    def genesis(
        self, *, count: u32 = 0, note: bytes = b"", by_whom: AccountId | None = None
    ) -> None:
        assert by_whom != BOB, "Bob counts nothing"
        self.count.put(count)
        self.note.put(note)

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (CountApi(self.runtime),)


@struct
class SessionKeys:
    aura: AuthorityId


class SmallRuntime(Runtime):
    types: ClassVar[Mapping[object, object]] = {
        "AccountData": AccountData,
        "SessionKeys": SessionKeys,
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
        self.balances = self.add(1, Balances(accounts=system.accounts, existential_deposit=100))
        self.aura = self.add(2, Aura(system=system, slot_duration=6_000))
        self.session = self.add(3, Session(accounts=system.accounts, holders={"aura": self.aura}))
        self.counter = self.add(4, Counter())
        self.other = self.add(5, Counter(), name="OtherCounter")
        self.extensions = ()

    def genesis_presets(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        return {"counted": {"Counter": {"count": 5}, "Balances": {"balances": [(ALICE, 200)]}}}


@pytest.fixture
def runtime() -> Iterator[SmallRuntime]:
    runtime = SmallRuntime()
    with runtime.at(runtime.build_genesis({"Counter": {"count": 5}})):
        yield runtime


def ask(runtime: Runtime, pallet: str, signature: str, data: bytes) -> Any:
    asked = ViewFunctionId(twox_128(pallet.encode()), twox_128(signature.encode()))
    answer = runtime.call(
        "RuntimeViewFunction_execute_view_function",
        codec(ViewFunctionId).encode(asked) + codec(bytes).encode(data),
    )
    return runtime.returns("RuntimeViewFunction_execute_view_function").decode(answer)


def test_a_view_function_is_asked_by_the_hash_of_its_signature(runtime: SmallRuntime) -> None:
    four = codec(u32).encode(4)

    assert ask(runtime, "Counter", "double(u32) -> u128", four) == Ok(codec(u128).encode(13))
    assert ask(runtime, "OtherCounter", "double(u32) -> u128", four) == Ok(codec(u128).encode(8))


def test_what_cannot_be_asked_is_refused_with_the_reason(runtime: SmallRuntime) -> None:
    unknown = ask(runtime, "Counter", "half(u32) -> u128", b"")
    undecodable = ask(runtime, "Counter", "double(u32) -> u128", bytes(5))

    assert isinstance(unknown, Err)
    assert isinstance(unknown.error, NotFound)
    assert undecodable == Err(Undecodable())


def test_a_view_function_belongs_to_its_release_and_those_after(runtime: SmallRuntime) -> None:
    class LaterRuntime(SmallRuntime):
        release: ClassVar[Release] = Release.STABLE2603

    later = LaterRuntime()
    four = codec(u32).encode(4)

    assert isinstance(ask(runtime, "Counter", "triple(u32) -> u32", four), Err)
    with later.at(later.build_genesis({})):
        assert ask(later, "Counter", "triple(u32) -> u32", four) == Ok(codec(u32).encode(12))


def test_metadata_lists_view_functions_with_their_identifiers(runtime: SmallRuntime) -> None:
    body = codec(MetadataV16).decode(runtime.metadata(16)).body
    (counter,) = (pallet for pallet in body.pallets if pallet.name == "Counter")

    (view,) = counter.view_functions
    assert view.name == "double"
    assert view.id == twox_128(b"Counter") + twox_128(b"double(u32) -> u128")
    assert [param.name for param in view.inputs] == ["of"]
    assert view.docs == ("Twice as much, and the count.",)


def test_an_api_that_two_pallets_offer_is_listed_once(runtime: SmallRuntime) -> None:
    names = [api.name for api in runtime.apis]

    assert names.count("CountApi") == 1
    assert names.index("AuraApi") < names.index("AccountNonceApi") < names.index("CountApi")
    assert len(runtime.version.apis) == len({name for name, _ in runtime.version.apis})


def build(runtime: Runtime, config: Any) -> tuple[Any, Any]:
    """What building a state of this JSON answers, and the overlay it was built in."""
    text = codec(bytes).encode(json.dumps(config).encode())
    with runtime.at(Trie.empty(runtime.state_layout)) as overlay:
        answer = runtime.call("GenesisBuilder_build_state", text)
        return runtime.returns("GenesisBuilder_build_state").decode(answer), overlay


def preset(runtime: Runtime, name: str | None) -> Any:
    answer = runtime.call("GenesisBuilder_get_preset", codec(str | None).encode(name))
    text = codec(bytes | None).decode(answer)
    return None if text is None else json.loads(text)


def test_the_default_beginning_names_every_pallet_and_field(runtime: SmallRuntime) -> None:
    assert preset(runtime, None) == {
        "system": {},
        "balances": {"balances": []},
        "aura": {"authorities": []},
        "session": {"keys": [], "nonAuthorityKeys": [], "validators": []},
        "counter": {"count": 0, "note": "0x", "byWhom": None},
        "otherCounter": {"count": 0, "note": "0x", "byWhom": None},
    }


def test_a_preset_is_found_by_its_name(runtime: SmallRuntime) -> None:
    names = codec(tuple[str, ...]).decode(runtime.call("GenesisBuilder_preset_names", b""))

    assert names == ("counted",)
    assert preset(runtime, "counted") == {
        "balances": {"balances": [[ss58.encode(ALICE), 200]]},
        "counter": {"count": 5},
    }
    assert preset(runtime, "unknown") is None


def test_a_state_is_built_of_json_as_of_python_values(runtime: SmallRuntime) -> None:
    alice, key = ss58.encode(ALICE), ss58.encode(KEY)
    config = preset(runtime, None)
    config["balances"]["balances"] = [[alice, 10_000]]
    config["session"]["keys"] = [[alice, alice, {"aura": key}]]
    config["counter"] = {"count": "5", "note": "0x0102", "byWhom": alice}

    answer, overlay = build(runtime, config)

    assert answer == Ok(None)
    expected = runtime.build_genesis(
        {
            "Balances": {"balances": [(ALICE, 10_000)]},
            "Session": {"keys": [(ALICE, ALICE, SessionKeys(KEY))]},
            "Counter": {"count": 5, "note": b"\x01\x02", "by_whom": ALICE},
        }
    )
    known = {key: value for key, value in expected.items() if not key.startswith(b":")}
    assert dict(overlay.commit().items()) == known


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"counter": {"count": 0, "note": "0x"}}, "counter has no byWhom"),
        ({"counter": {"count": 0, "note": "0x", "byWhom": None, "x": 1}}, "no use for x"),
        ({"counter": {"count": -1.5, "note": "0x", "byWhom": None}}, "counter.count is a int"),
        ({"counter": {"count": 1, "note": "zz", "byWhom": None}}, "counter.note: "),
        ({"balances": {"balances": [["5Bad", 1]]}}, "balances.balances[0][0]: "),
        ({"balances": {"balances": [[1]]}}, "balances.balances[0] is a list of 2"),
        ({"unknown": {}}, "genesis has no use for unknown"),
        ({"counter": []}, "counter is an object with count, note, byWhom"),
    ],
)
def test_json_that_describes_no_beginning_is_refused_with_the_place(
    runtime: SmallRuntime, change: dict[str, Any], said: str
) -> None:
    answer, _ = build(runtime, preset(runtime, None) | change)

    assert isinstance(answer, Err)
    assert said in answer.error


def test_a_beginning_that_a_pallet_refuses_says_why(runtime: SmallRuntime) -> None:
    config = preset(runtime, None)
    config["counter"]["byWhom"] = ss58.encode(BOB)

    answer, _ = build(runtime, config)
    assert answer.error.startswith("Bob counts nothing")
    with runtime.at(Trie.empty(runtime.state_layout)):
        broken = runtime.call("GenesisBuilder_build_state", codec(bytes).encode(b"{"))
    assert b"Invalid JSON" in broken


def test_a_tool_begins_the_dev_chain_as_the_node_does() -> None:
    runtime = DevRuntime()
    config = preset(runtime, None)
    for pallet, fields in preset(runtime, "development").items():
        config[pallet] |= fields

    answer, overlay = build(runtime, config)

    assert answer == Ok(None)
    expected = runtime.build_genesis(dev_spec(runtime).genesis)
    known = {key: value for key, value in expected.items() if not key.startswith(b":")}
    assert dict(overlay.commit().items()) == known
