"""The recorded solochain template replayed: our pallets write, answer and refuse as FRAME did."""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tilth.frame.extrinsic import BARE_V5, with_length
from tilth.frame.validity import TransactionSource
from tilth.node.recording import DRY_RUN, Recording, raw
from tilth.node.replay import Replay, Replayed
from tilth.pallets.system import AccountInfo
from tilth.primitives.crypto import dev
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.scale import Compact, DecodeError, codec, u32, u64
from tilth.primitives.types import H256, AccountId, Digest, Header, PreRuntime
from tilth.runtime.solo2503 import Solo2503

VECTORS = Path(__file__).parents[1] / "vectors" / "solo2503"
RECORDING = Recording(VECTORS)
NAMES = RECORDING.storage_names()
BLOCKS = {"empty": 4, "invalid": 8, "sig_kinds": 3, "sudo": 5, "system": 2, "transfers": 18}
SOURCES = {
    "InBlock": TransactionSource.IN_BLOCK,
    "Local": TransactionSource.LOCAL,
    "External": TransactionSource.EXTERNAL,
}
FIRST_SLOT, SLOT_MS = 283_333_333, 6_000
PANICS = (AssertionError, DecodeError)


@cache
def recording(name: str) -> Any:
    return RECORDING.read(name)


def storage_name(key: bytes) -> str:
    """Pallet, item and the rest of the key; the key itself where it is well known."""
    for prefix, name in NAMES.items():
        if key.startswith(prefix):
            return f"{name} {key[len(prefix) :].hex()}"
    return repr(key)


def follow(chain: Replayed, block: Any) -> None:
    """Execute a recorded block as it stands."""
    chain.begin(codec(Header).decode(raw(block["initialize_header"])))
    for extrinsic in block["extrinsics"]:
        chain.include(raw(extrinsic["extrinsic"]))
    chain.end()


def author(chain: Replayed, number: int, parent: H256) -> Header:
    """Build an empty block on the recorder's clock."""
    chain.begin(opening(number, parent))
    chain.include(timestamp(number))
    header, _ = chain.end()
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
def chain(runtime: Solo2503) -> Replayed:
    return Replayed(runtime, RECORDING.genesis(runtime.state_layout))


def test_genesis_has_the_recorded_root(chain: Replayed) -> None:
    assert chain.state.root == raw(recording("runtime")["genesis_state_root"])


def test_genesis_is_built_as_recorded(runtime: Solo2503) -> None:
    """Of the pallets that are ours."""
    state = {raw(key): raw(value) for key, value in recording("runtime")["genesis_storage"].items()}
    names = {pallet.name for pallet in runtime.pallets}
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
    voters = [Keypair.from_uri(uri, "ed25519").public for uri in ("//Alice", "//Bob")]

    built = runtime.build_genesis(
        {
            "Balances": {"balances": endowed},
            "Sudo": {"key": alice},
            "Aura": {"authorities": [alice, dev.BOB]},
            "Grandpa": {"authorities": [(voter, 1) for voter in voters]},
        }
    )

    assert {key: built.get(key) for key in ours} == ours
    unknown = [key for key, _ in built.items() if key not in state and key != b":code"]
    assert [storage_name(key) for key in unknown] == []


def test_the_version_is_the_recorded_one_with_every_api_in_its_place(runtime: Solo2503) -> None:
    known = [(raw(name), version) for name, version in recording("runtime")["apis"]]

    assert [(api.id, api.version) for api in runtime.apis] == known
    assert runtime.call("Core_version", b"") == raw(recording("runtime")["Core_version_raw"])


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


def test_every_block_is_written_and_every_question_answered_as_recorded(
    runtime: Solo2503,
) -> None:
    outcomes = list(Replay(runtime, RECORDING).outcomes())

    assert Counter(outcome.scenario for outcome in outcomes) == BLOCKS
    assert [outcome for outcome in outcomes if outcome.difference is not None] == []


def _after_first_block_of_invalid(chain: Replayed) -> bytes:
    first, second = recording("invalid")["blocks"][:2]
    follow(chain, first)
    return raw(second["parent_hash"])


REJECTIONS = {each["label"]: each for each in recording("invalid")["rejections"]}
TWICE = "same extrinsic applied twice in one block"
PANICKING = [label for label, each in REJECTIONS.items() if "apply_in_block PANIC" in each]


@pytest.mark.parametrize("label", [each for each in REJECTIONS if each not in (TWICE, *PANICKING)])
def test_invalid_transactions_are_refused_as_recorded(chain: Replayed, label: str) -> None:
    parent = _after_first_block_of_invalid(chain)
    rejection = REJECTIONS[label]
    data = raw(rejection["extrinsic"])

    for name, source in SOURCES.items():
        assert chain.validate(data, parent, source) == raw(rejection[f"validate {name}"])
    assert chain.call("BlockBuilder_apply_extrinsic", data) == raw(rejection[DRY_RUN])
    chain.begin(opening(2, H256(parent)))
    chain.include(timestamp(2))
    before = chain.overlay.changes()
    result, _ = chain.include(data)
    assert result == raw(rejection["apply_in_block"])
    if result[0] == 1:
        assert chain.overlay.changes() == before


@pytest.mark.parametrize("label", PANICKING)
def test_what_cannot_be_decoded_is_no_extrinsic(chain: Replayed, label: str) -> None:
    parent = _after_first_block_of_invalid(chain)
    data = raw(REJECTIONS[label]["extrinsic"])

    with pytest.raises(DecodeError):
        chain.validate(data, parent)
    with pytest.raises(DecodeError):
        chain.call("BlockBuilder_apply_extrinsic", data)


def test_an_extrinsic_is_applied_once(chain: Replayed) -> None:
    parent = _after_first_block_of_invalid(chain)
    twice = REJECTIONS[TWICE]
    chain.begin(opening(2, H256(parent)))
    chain.include(timestamp(2))

    assert chain.include(raw(twice["extrinsic"]))[0] == raw(twice["first"])
    assert chain.include(raw(twice["extrinsic"]))[0] == raw(twice["second"])


def test_a_mortal_transaction_expires_as_recorded(chain: Replayed) -> None:
    mortality = recording("invalid")["mortality"]
    expected = {each["at_block"]: each["validate"] for each in mortality["validity"]}
    for block in recording("invalid")["blocks"]:
        follow(chain, block)
        if block["number"] in expected:
            answer = chain.validate(raw(mortality["extrinsic"]), raw(block["hash"]))
            assert answer == raw(expected[block["number"]]), block["number"]


def test_priority_longevity_and_tags_are_as_recorded(chain: Replayed) -> None:
    parent = H256(raw(recording("runtime")["genesis_hash"]))
    for number in range(1, recording("validity")["at_block"] + 1):
        parent = author(chain, number, parent).hash

    for row in recording("validity")["rows"]:
        data = raw(row["extrinsic"], row.get("len", 0))
        assert chain.validate(data, parent) == raw(row["validate"]), (row["call"], row["era"])
        sized = data + codec(u32).encode(len(data))
        info = chain.call("TransactionPaymentApi_query_info", sized)
        assert info == raw(row["query_info"]), (row["call"], row["era"])


def test_fees_of_calls_are_as_recorded(chain: Replayed) -> None:
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


def test_prices_of_weight_and_length_are_as_recorded(chain: Replayed) -> None:
    payment = recording("payment")
    for weight, fee in payment["weight_to_fee"].items():
        parts = b"".join(codec(Compact[u64]).encode(int(part)) for part in weight.split(","))
        answer = chain.call("TransactionPaymentApi_query_weight_to_fee", parts)
        assert int.from_bytes(answer, "little") == fee
    for length, fee in payment["length_to_fee"].items():
        data = codec(u32).encode(int(length))
        answer = chain.call("TransactionPaymentCallApi_query_length_to_fee", data)
        assert int.from_bytes(answer, "little") == fee


def test_an_inherent_costs_nothing(chain: Replayed) -> None:
    inherent = timestamp(1)
    sized = inherent + codec(u32).encode(len(inherent))

    answer = chain.call("TransactionPaymentApi_query_info", sized)

    assert answer == raw(recording("payment")["query_info_unsigned_inherent"])


@pytest.mark.parametrize("row", recording("v5")["rows"], ids=lambda row: row["label"])
def test_preambles_are_taken_as_recorded(chain: Replayed, row: dict[str, str]) -> None:
    parent = H256(raw(recording("runtime")["genesis_hash"]))
    for number in range(1, 10):
        parent = author(chain, number, parent).hash
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


def test_hashes_of_past_blocks_are_forgotten_after_the_window(chain: Replayed) -> None:
    runtime = Solo2503()
    runtime.system.block_hash_count = 4
    chain = Replayed(runtime, chain.state)
    parent = H256(raw(recording("runtime")["genesis_hash"]))
    for number in range(1, 9):
        parent = author(chain, number, parent).hash

    with runtime.at(chain.state):
        kept = sorted(runtime.system.block_hash.keys())

    assert kept == [0, 4, 5, 6, 7]
