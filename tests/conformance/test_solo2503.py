"""The recorded solochain template replayed: our pallets write, answer and refuse as FRAME did."""

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tilth.frame import Overlay
from tilth.frame.apis import ApplyExtrinsicResult, applied
from tilth.frame.extrinsic import BARE_V5, with_length
from tilth.pallets.system import AccountInfo, System
from tilth.primitives.crypto import dev
from tilth.primitives.scale import Compact, DecodeError, codec, u32, u64
from tilth.primitives.trie import Trie
from tilth.primitives.trie.batch import apply
from tilth.primitives.trie.nodes import Hashed, path_of
from tilth.primitives.types import H256, AccountId, Digest, Header, PreRuntime
from tilth.runtime.solo2503 import Solo2503

VECTORS = Path(__file__).parents[1] / "vectors" / "solo2503"
SCENARIOS = ("empty", "transfers", "sig_kinds", "sudo", "system", "invalid")
SOURCES = {"InBlock": 0, "Local": 1, "External": 2}
DRY_RUN = "apply_on_parent_state(system_dryRun)"
FIRST_SLOT, SLOT_MS = 283_333_333, 6_000
PANICS = (AssertionError, DecodeError)

Written = dict[bytes, bytes | None]


@cache
def recording(name: str) -> Any:
    return json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes()))


def raw(text: str, length: int = 0) -> bytes:
    """Hex; a long extrinsic is cut where its last byte goes on repeating to the length it has."""
    head, cut, rest = text.removeprefix("0x").partition("...")
    if not cut:
        return bytes.fromhex(head)
    known = bytes.fromhex(head[: len(head) // 2 * 2])
    told = re.search(r"\d+", rest)
    return known.ljust(int(told[0]) if told else length, known[-1:])


def storage_name(key: bytes) -> str:
    """Pallet, item and the rest of the key; the key itself where it is well known."""
    for prefix, name in recording("storage_prefixes").items():
        if key.startswith(raw(prefix)):
            return f"{name} {key[len(raw(prefix)) :].hex()}"
    return repr(key)


def genesis() -> Trie:
    """The recorded state; of the code only the hash is known, and a V1 node holds no more."""
    runtime = recording("runtime")
    entries = {raw(key): raw(value) for key, value in runtime["genesis_storage"].items()}
    known = Trie.from_entries(entries)
    code = Hashed(raw(runtime["code"]["blake2_256"]))
    top = apply(known._top, [(path_of(b":code"), code)], known._fetch)
    return Trie(top, known._fetch, known.layout)


def written(before: Written, after: Written) -> dict[str, bytes | None]:
    """What a phase changed of all that the block has written so far, as the recorder saw it."""
    return {
        storage_name(key): value
        for key, value in after.items()
        if key not in before or before[key] != value
    }


def recorded(diff: dict[str, str | None]) -> dict[str, bytes | None]:
    return {
        storage_name(raw(key)): None if value is None else raw(value) for key, value in diff.items()
    }


@dataclass
class Chain:
    """The runtime on one state after another."""

    runtime: Solo2503
    state: Trie

    @property
    def system(self) -> System:
        system = self.runtime.system
        assert isinstance(system, System)
        return system

    @property
    def overlay(self) -> Overlay:
        return self.runtime.slot.overlay

    def call(self, method: str, data: bytes) -> bytes:
        """Ask the runtime API at the state."""
        with self.runtime.at(self.state):
            return self.runtime.call(method, data)

    def validate(self, extrinsic: bytes, parent: bytes, source: str = "External") -> bytes:
        data = bytes((SOURCES[source],)) + extrinsic + parent
        return self.call("TaggedTransactionQueue_validate_transaction", data)

    def begin(self, header: Header) -> dict[str, bytes | None]:
        self.runtime.slot.overlay = Overlay(self.state)
        self.runtime.executive.initialize_block(header)
        return written({}, self.overlay.changes())

    def include(self, extrinsic: bytes) -> tuple[bytes, dict[str, bytes | None]]:
        before = self.overlay.changes()
        outcome = applied(self.runtime, self.runtime.format.decode(extrinsic))
        result = self.runtime.codecs.of(ApplyExtrinsicResult).encode(outcome)
        return result, written(before, self.overlay.changes())

    def end(self, monkeypatch: pytest.MonkeyPatch) -> tuple[Header, dict[str, bytes | None]]:
        """The header, and what the block's end wrote just before all went into the trie."""
        before, after = self.overlay.changes(), Written()
        commit = Overlay.commit

        def watched(overlay: Overlay) -> Trie:
            after.update(overlay.changes())
            return commit(overlay)

        with monkeypatch.context() as patch:
            patch.setattr(Overlay, "commit", watched)
            header = self.runtime.executive.finalize_block()
        self.state = self.overlay.trie
        return header, written(before, after)

    def follow(self, block: Any) -> None:
        """Execute a recorded block as it stands."""
        self.begin(codec(Header).decode(raw(block["initialize_header"])))
        for extrinsic in block["extrinsics"]:
            self.include(raw(extrinsic["extrinsic"]))
        self.runtime.executive.finalize_block()
        self.state = self.overlay.trie

    def author(self, number: int, parent: H256) -> Header:
        """Build an empty block on the recorder's clock."""
        self.begin(opening(number, parent))
        self.include(timestamp(number))
        header = self.runtime.executive.finalize_block()
        self.state = self.overlay.trie
        return header


def opening(number: int, parent: H256) -> Header:
    slot = codec(u64).encode(FIRST_SLOT + number)
    zero = H256(bytes(32))
    return Header(parent, number, zero, zero, Digest((PreRuntime(b"aura", slot),)))


def timestamp(number: int) -> bytes:
    now = codec(Compact[u64]).encode((FIRST_SLOT + number) * SLOT_MS)
    return with_length(bytes((BARE_V5, 1, 0)) + now)


@pytest.fixture(scope="module")
def runtime() -> Solo2503:
    return Solo2503()


@pytest.fixture
def chain(runtime: Solo2503) -> Chain:
    return Chain(runtime, genesis())


def test_genesis_has_the_recorded_root(chain: Chain) -> None:
    assert chain.state.root == raw(recording("runtime")["genesis_state_root"])


def test_genesis_is_built_as_recorded(runtime: Solo2503) -> None:
    """Of the pallets that are ours; Session's keys belong to Grandpa's and Aura's sessions."""
    state = {raw(key): raw(value) for key, value in recording("runtime")["genesis_storage"].items()}
    names = {pallet.name for pallet in runtime.pallets} - {"Session"}
    ours = {
        key: value for key, value in state.items() if storage_name(key).partition(".")[0] in names
    }
    accounts = runtime.codecs.of(AccountInfo)
    endowed = [
        (AccountId(key[-32:]), accounts.decode(value).data.free)
        for key, value in ours.items()
        if storage_name(key).startswith("System.Account ")
    ]
    alice = AccountId(dev.ALICE)

    built = runtime.build_genesis(
        {
            "Balances": {"balances": endowed},
            "Sudo": {"key": alice},
            "Aura": {"authorities": [alice, dev.BOB]},
        }
    )

    assert {key: built.get(key) for key in ours} == ours
    unknown = [key for key, _ in built.items() if key not in state and key != b":code"]
    assert [storage_name(key) for key in unknown] == []


def test_each_api_has_the_recorded_version(runtime: Solo2503) -> None:
    known = {raw(name): version for name, version in recording("runtime")["apis"]}

    assert {api.name: known.get(api.id) for api in runtime.apis} == {
        api.name: api.version for api in runtime.apis
    }


def test_constants_are_the_recorded_ones(runtime: Solo2503) -> None:
    constants = recording("runtime")["constants"]
    ours = {
        f"{pallet.name}.{_pascal(needed.name)}": runtime.codecs.of(needed.annotation)
        .encode(getattr(pallet, needed.name))
        .hex()
        for pallet in runtime.pallets
        for needed in pallet.parsed().config
        if needed.constant
    }

    assert ours
    assert ours == {name: constants[name].removeprefix("0x") for name in ours}


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_blocks_are_written_as_recorded(
    chain: Chain, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for block in recording(scenario)["blocks"]:
        phases, expected = {}, {}
        phases["begin"] = chain.begin(codec(Header).decode(raw(block["initialize_header"])))
        expected["begin"] = recorded(block.get("initialize_diff", {}))
        for extrinsic in block["extrinsics"]:
            label = extrinsic["label"]
            result, phases[label] = chain.include(raw(extrinsic["extrinsic"]))
            assert result == raw(extrinsic["apply_result"]), label
            expected[label] = recorded(extrinsic.get("diff") or {})
        header, phases["end"] = chain.end(monkeypatch)
        expected["end"] = recorded(block.get("finalize_diff", {}))

        if "initialize_diff" in block:
            assert phases == expected
        assert codec(Header).encode(header) == raw(block["header"])
        assert header.hash == raw(block["hash"])
        assert chain.state.get(chain.system.events.prefix) == raw(block["events_raw"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_questions_before_a_block_are_answered_as_recorded(chain: Chain, scenario: str) -> None:
    for block in recording(scenario)["blocks"]:
        for extrinsic in block["extrinsics"][1:]:
            data, parent = raw(extrinsic["extrinsic"]), raw(block["parent_hash"])
            sized = data + codec(u32).encode(len(data))
            answers = {
                "validate_transaction": chain.validate(data, parent),
                DRY_RUN: chain.call("BlockBuilder_apply_extrinsic", data),
                "query_info": chain.call("TransactionPaymentApi_query_info", sized),
                "query_fee_details": chain.call("TransactionPaymentApi_query_fee_details", sized),
            }
            assert answers == {name: raw(extrinsic[name]) for name in answers}, extrinsic["label"]
        chain.follow(block)


def _after_first_block_of_invalid(chain: Chain) -> bytes:
    first, second = recording("invalid")["blocks"][:2]
    chain.follow(first)
    return raw(second["parent_hash"])


REJECTIONS = {each["label"]: each for each in recording("invalid")["rejections"]}
TWICE = "same extrinsic applied twice in one block"
PANICKING = [label for label, each in REJECTIONS.items() if "apply_in_block PANIC" in each]


@pytest.mark.parametrize("label", [each for each in REJECTIONS if each not in (TWICE, *PANICKING)])
def test_invalid_transactions_are_refused_as_recorded(chain: Chain, label: str) -> None:
    parent = _after_first_block_of_invalid(chain)
    rejection = REJECTIONS[label]
    data = raw(rejection["extrinsic"])

    for source in SOURCES:
        assert chain.validate(data, parent, source) == raw(rejection[f"validate {source}"])
    assert chain.call("BlockBuilder_apply_extrinsic", data) == raw(rejection[DRY_RUN])
    chain.begin(opening(2, H256(parent)))
    chain.include(timestamp(2))
    before = chain.overlay.changes()
    result, _ = chain.include(data)
    assert result == raw(rejection["apply_in_block"])
    if result[0] == 1:
        assert chain.overlay.changes() == before


@pytest.mark.parametrize("label", PANICKING)
def test_what_cannot_be_decoded_is_no_extrinsic(chain: Chain, label: str) -> None:
    parent = _after_first_block_of_invalid(chain)
    data = raw(REJECTIONS[label]["extrinsic"])

    with pytest.raises(DecodeError):
        chain.validate(data, parent)
    with pytest.raises(DecodeError):
        chain.call("BlockBuilder_apply_extrinsic", data)


def test_an_extrinsic_is_applied_once(chain: Chain) -> None:
    parent = _after_first_block_of_invalid(chain)
    twice = REJECTIONS[TWICE]
    chain.begin(opening(2, H256(parent)))
    chain.include(timestamp(2))

    assert chain.include(raw(twice["extrinsic"]))[0] == raw(twice["first"])
    assert chain.include(raw(twice["extrinsic"]))[0] == raw(twice["second"])


def test_a_mortal_transaction_expires_as_recorded(chain: Chain) -> None:
    mortality = recording("invalid")["mortality"]
    expected = {each["at_block"]: each["validate"] for each in mortality["validity"]}
    for block in recording("invalid")["blocks"]:
        chain.follow(block)
        if block["number"] in expected:
            answer = chain.validate(raw(mortality["extrinsic"]), raw(block["hash"]))
            assert answer == raw(expected[block["number"]]), block["number"]


def test_priority_longevity_and_tags_are_as_recorded(chain: Chain) -> None:
    parent = H256(raw(recording("runtime")["genesis_hash"]))
    for number in range(1, recording("validity")["at_block"] + 1):
        parent = chain.author(number, parent).hash

    for row in recording("validity")["rows"]:
        data = raw(row["extrinsic"], row.get("len", 0))
        assert chain.validate(data, parent) == raw(row["validate"]), (row["call"], row["era"])
        sized = data + codec(u32).encode(len(data))
        info = chain.call("TransactionPaymentApi_query_info", sized)
        assert info == raw(row["query_info"]), (row["call"], row["era"])


def test_fees_of_calls_are_as_recorded(chain: Chain) -> None:
    for row in recording("payment")["query_info"]:
        data, call = raw(row["extrinsic"], row["len"]), raw(row["call_hex"])
        sized = {
            "TransactionPaymentApi_": data + codec(u32).encode(len(data)),
            "TransactionPaymentCallApi_": call + codec(u32).encode(len(call)),
        }
        for api, names in (
            ("TransactionPaymentApi_", ("query_info", "query_fee_details")),
            ("TransactionPaymentCallApi_", ("query_call_info", "query_call_fee_details")),
        ):
            for name in set(names) & row.keys():
                answer = chain.call(api + name, sized[api])
                assert answer == raw(row[name]), (row["call"], name)


def test_prices_of_weight_and_length_are_as_recorded(chain: Chain) -> None:
    payment = recording("payment")
    for weight, fee in payment["weight_to_fee"].items():
        parts = b"".join(codec(Compact[u64]).encode(int(part)) for part in weight.split(","))
        answer = chain.call("TransactionPaymentApi_query_weight_to_fee", parts)
        assert int.from_bytes(answer, "little") == fee
    for length, fee in payment["length_to_fee"].items():
        data = codec(u32).encode(int(length))
        answer = chain.call("TransactionPaymentCallApi_query_length_to_fee", data)
        assert int.from_bytes(answer, "little") == fee


def test_an_inherent_costs_nothing(chain: Chain) -> None:
    inherent = timestamp(1)
    sized = inherent + codec(u32).encode(len(inherent))

    answer = chain.call("TransactionPaymentApi_query_info", sized)

    assert answer == raw(recording("payment")["query_info_unsigned_inherent"])


@pytest.mark.parametrize("row", recording("v5")["rows"], ids=lambda row: row["label"])
def test_preambles_are_taken_as_recorded(chain: Chain, row: dict[str, str]) -> None:
    parent = H256(raw(recording("runtime")["genesis_hash"]))
    for number in range(1, 10):
        parent = chain.author(number, parent).hash
    data = raw(row["extrinsic"])

    if "validate" in row:
        assert chain.validate(data, parent) == raw(row["validate"])
    else:
        with pytest.raises(DecodeError):
            chain.validate(data, parent)
    chain.begin(opening(10, parent))
    if "apply" in row:
        assert chain.include(data)[0] == raw(row["apply"])
    else:
        with pytest.raises(PANICS):
            chain.include(data)


def test_hashes_of_past_blocks_are_forgotten_after_the_window(chain: Chain) -> None:
    chain = Chain(Solo2503(), chain.state)
    chain.system.block_hash_count = 4
    parent = H256(raw(recording("runtime")["genesis_hash"]))
    for number in range(1, 9):
        parent = chain.author(number, parent).hash

    with chain.runtime.at(chain.state):
        kept = sorted(chain.system.block_hash.keys())

    assert kept == [0, 4, 5, 6, 7]
