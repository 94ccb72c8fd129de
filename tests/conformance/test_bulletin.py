"""What a parachain of frame-support 47 signed and said, read by our pallets at stable2603.

Its weights are its own and its state was not recorded, so what is compared is what does not depend
on them: calls and extensions as bytes, payloads, signatures, headers, and the events of its blocks.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tilth.frame import (
    InvalidTransactionError,
    Release,
    Runtime,
    TransactionExtension,
    Weight,
    codec,
    struct,
)
from tilth.frame.validity import TransactionValidityError
from tilth.node.recording import raw
from tilth.pallets.balances import AccountData, Balances
from tilth.pallets.balances.events import BurnedDebt, Endowed, Transfer, Upgraded, Withdraw
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import (
    AuthorizeCall,
    BlockWeights,
    CheckGenesis,
    CheckMetadataHash,
    CheckMortality,
    CheckNonce,
    CheckNonZeroSender,
    CheckSpecVersion,
    CheckTxVersion,
    CheckWeight,
    System,
)
from tilth.pallets.system.events import ExtrinsicSuccess, NewAccount
from tilth.pallets.timestamp import Timestamp
from tilth.pallets.transaction_payment import (
    ChargeTransactionPayment,
    PerByte,
    Polynomial,
    Term,
    TransactionPayment,
)
from tilth.pallets.transaction_payment.pallet import TransactionFeePaid
from tilth.pallets.transaction_payment.types import FeeDetails
from tilth.pallets.utility import Utility
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.trie import Layout, ordered_root
from tilth.primitives.types import H256, Header

GOLDEN = json.loads(
    gzip.decompress(
        (Path(__file__).parents[1] / "vectors" / "bulletin" / "golden.json.gz").read_bytes()
    )
)
EXTRINSICS: list[dict[str, Any]] = GOLDEN["extrinsics"]
BLOCKS: list[dict[str, Any]] = GOLDEN["blocks"]
ERROR = codec(TransactionValidityError)
UNSIGNED = (b"\x01\x00\x04", b"\x01\x00\x05")
"""Bad proof, and a birth block that is forgotten or not there yet."""
PRICE = 10**8 * 10**9 // (100 * 108_157_000)
"""Of a billion picoseconds: a tenth of a cent for a hundred empty extrinsics of Substrate's."""
METADATA_HASH = next(
    raw(each["metadataHash"])
    for each in EXTRINSICS
    if each["mode"] and not each["label"].startswith("INVALID")
)


@struct
class _Nothing: ...


class ValidateStorageCalls(TransactionExtension):
    """Stands in the place of an extension that carries nothing."""

    explicit = _Nothing


class StorageWeightReclaim(TransactionExtension):
    explicit = _Nothing


class Paseo(Runtime):
    spec_version: ClassVar[int] = GOLDEN["specVersion"]
    transaction_version: ClassVar[int] = GOLDEN["transactionVersion"]
    release: ClassVar[Release] = Release.STABLE2603
    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData}

    def __init__(self) -> None:
        super().__init__()
        weights = BlockWeights.with_sensible_defaults(
            Weight(2 * 10**12, 10 * 1024 * 1024),
            90,
            initialization_percent=5,
            base_block=Weight(5 * 10**9, 0),
            base_extrinsic=Weight(125_000_000, 0),
        )
        self.system = self.add(0, System(block_weights=weights, block_hash_count=4096))
        self.timestamp = self.add(3, Timestamp(minimum_period=0))
        self.utility = self.add(6, Utility())
        self.balances = self.add(
            10, Balances(accounts=self.system.accounts, existential_deposit=10**9)
        )
        self.payment = self.add(
            11,
            TransactionPayment(
                currency=self.balances,
                limits=self.system,
                weight_to_fee=Polynomial((Term(billionths=PRICE),)),
                length_to_fee=PerByte(50_000),
            ),
        )
        self.sudo = self.add(100, Sudo())
        self.extensions = (
            AuthorizeCall(),
            CheckNonZeroSender(self.system),
            CheckSpecVersion(self.system),
            CheckTxVersion(self.system),
            CheckGenesis(self.system),
            CheckMortality(self.system),
            CheckNonce(self.system),
            CheckWeight(self.system),
            ChargeTransactionPayment(self.payment),
            ValidateStorageCalls(),
            CheckMetadataHash(lambda: METADATA_HASH),
            StorageWeightReclaim(),
        )


@pytest.fixture(scope="module")
def runtime() -> Paseo:
    return Paseo()


@pytest.fixture
def chain(runtime: Paseo) -> Iterator[Paseo]:
    with runtime.at(runtime.build_genesis({})):
        yield runtime


def stand_before(chain: Paseo, recorded: dict[str, Any]) -> None:
    """Where the transaction was validated: in the block after the one it was made for."""
    system = chain.system
    system.number.put(recorded["at_number"] + 1)
    for block in BLOCKS:
        if block["number"] <= recorded["at_number"]:
            system.block_hash[block["number"]] = H256(raw(block["hash"]))
    system.block_hash[recorded["at_number"]] = H256(raw(recorded["at"]))


@pytest.mark.parametrize("recorded", EXTRINSICS, ids=lambda each: each["label"])
def test_extrinsics_are_read_and_their_signatures_judged(
    chain: Paseo, recorded: dict[str, Any]
) -> None:
    extrinsic = chain.format.decode(raw(recorded["extrinsic"]))
    stand_before(chain, recorded)

    assert extrinsic.call.encode() == raw(recorded["call"])
    assert extrinsic.hash == raw(recorded["hash"])
    answered = raw(recorded["validate_transaction"])
    if answered in UNSIGNED:
        with pytest.raises(InvalidTransactionError) as refused:
            chain.format.check(extrinsic)
        assert b"\x01" + ERROR.encode(refused.value.error) == answered
    else:
        chain.format.check(extrinsic)
        assert chain.format.signing_payload(extrinsic) == _signed(recorded)


def _signed(recorded: dict[str, Any]) -> bytes:
    payload = raw(recorded["signing_payload"])
    return payload if len(payload) <= 256 else blake2_256(payload)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda each: f"block {each['number']}")
def test_headers_and_bodies_have_their_hashes(runtime: Paseo, block: dict[str, Any]) -> None:
    header = runtime.codecs.of(Header).decode(raw(block["header_scale"]))
    body = [raw(extrinsic) for extrinsic in block["extrinsics"]]

    assert header.number == block["number"]
    assert header.hash == raw(block["hash"])
    # not a trie's: the recorder hashes the bodies in a row
    assert header.extrinsics_root == blake2_256(b"".join(body))
    assert header.extrinsics_root != ordered_root(body, Layout.V0)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda each: f"block {each['number']}")
def test_events_have_the_indices_and_fields_of_the_release(
    runtime: Paseo, block: dict[str, Any]
) -> None:
    encoded = raw(block["events_scale"])
    events = runtime.system.events.value
    records = events.decode(encoded)

    assert events.encode(records) == encoded
    assert [type(record.event.event).__name__ for record in records] == [
        event["event"]["method"] for event in block["events"]
    ]


def test_the_order_of_a_new_account_and_its_fee_is_that_of_our_pallets(runtime: Paseo) -> None:
    (block,) = (each for each in BLOCKS if each["number"] == 6)
    records = runtime.system.events.value.decode(raw(block["events_scale"]))

    assert [type(record.event.event) for record in records[2:]] == [
        Withdraw, NewAccount, Endowed, Transfer, BurnedDebt, TransactionFeePaid, ExtrinsicSuccess,
    ]  # fmt: skip


def test_an_account_of_older_rules_is_upgraded_before_its_fee_is_taken(runtime: Paseo) -> None:
    (block,) = (each for each in BLOCKS if each["number"] == 3)
    records = runtime.system.events.value.decode(raw(block["events_scale"]))

    assert [type(record.event.event) for record in records[2:]] == [
        Upgraded, Withdraw, BurnedDebt, TransactionFeePaid, ExtrinsicSuccess,
    ]  # fmt: skip


def test_weight_is_priced_by_a_polynomial_and_length_by_the_byte(runtime: Paseo) -> None:
    def number(encoded: str) -> int:
        return int.from_bytes(raw(encoded), "little")

    misc = GOLDEN["misc"]
    assert runtime.payment.fee_of_weight(Weight(10**9, 0)) == number(
        misc["query_weight_to_fee_1e9_0"]
    )
    assert runtime.payment.length_to_fee(100) == number(misc["query_length_to_fee_100"])


@pytest.mark.parametrize("recorded", EXTRINSICS[:11], ids=lambda each: each["label"])
def test_fees_for_any_extrinsic_and_for_its_length(chain: Paseo, recorded: dict[str, Any]) -> None:
    """What its weight costs is left out: that weight was measured elsewhere."""
    extrinsic = chain.format.decode(raw(recorded["extrinsic"]))
    details = chain.payment.fee_details(extrinsic.length, extrinsic.info, 0)
    theirs = chain.codecs.of(FeeDetails).decode(raw(recorded["query_fee_details"]))

    ours, recorded_fee = details.inclusion_fee, theirs.inclusion_fee
    assert ours is not None
    assert (ours.base_fee, ours.len_fee) == (recorded_fee.base_fee, recorded_fee.len_fee)


def test_limits_follow_from_the_shares_that_the_runtime_names(runtime: Paseo) -> None:
    system = runtime.system
    limits = runtime.codecs.of(BlockWeights).encode(system.block_weights)

    assert limits == raw(GOLDEN["constants"]["system.blockWeights"]["scale"])
