"""Content is stored against a deposit, found by its hash, and looks as on the Bulletin chain."""

import gzip
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tilth.frame import H256, AccountId, TokenError, codec, hashing, signed
from tilth.frame.metadata.v15 import MetadataV15
from tilth.pallets.transaction_storage import (
    RAW,
    CidConfig,
    ContentLocation,
    Error,
    HashingAlgorithm,
    Stored,
    cid_of,
    digest,
)
from tilth.primitives.scale.info import (
    ArrayDef,
    CompositeDef,
    PrimitiveDef,
    SequenceDef,
    VariantDef,
)

RECORDED = Path(__file__).parents[2] / "vectors/metadata/bulletin_v15.scale.gz"
SHA2 = CidConfig(RAW, HashingAlgorithm.Sha2_256)


def test_content_is_known_by_its_blake2_hash(market: Any, alice: Any) -> None:
    market.transaction_storage.store(signed(alice), b"tilth")

    assert market.transaction_storage.content_size(hashing.blake2_256(b"tilth")) == 5


def test_content_is_known_by_the_hash_its_identifier_names(market: Any, alice: Any) -> None:
    for algorithm in HashingAlgorithm:
        market.transaction_storage.store_with_cid_config(
            signed(alice), CidConfig(RAW, algorithm), b"x"
        )

        assert market.transaction_storage.content_size(digest(algorithm, b"x")) == 1


def test_the_event_carries_the_cid(market: Any, alice: Any) -> None:
    market.transaction_storage.store_with_cid_config(signed(alice), SHA2, b"hello")

    content_hash = sha256(b"hello").digest()
    # `ipfs add --cid-version 1 --raw-leaves` of these five bytes
    cid = bytes.fromhex("01551220") + content_hash
    assert market.events() == [Stored(0, content_hash, cid)]


def test_a_blake2_cid_has_a_long_multihash_code() -> None:
    # github.com/multiformats/multicodec: blake2b-256 is 0xb220, three bytes as varint
    config = CidConfig(RAW, HashingAlgorithm.Blake2b256)

    assert cid_of(config, bytes(32)).hex() == "0155a0e40220" + "00" * 32


def test_a_large_codec_is_a_long_varint() -> None:
    config = CidConfig(2**64 - 1, HashingAlgorithm.Sha2_256)

    assert cid_of(config, bytes(32))[1:11] == b"\xff" * 9 + b"\x01"


def test_the_chunk_root_is_that_of_substrates_proofs(market: Any, alice: Any) -> None:
    market.transaction_storage.store(signed(alice), b"\x2a")

    # sp-transaction-storage-proof: the root over one chunk of the byte 42
    (info,) = market.transaction_storage.block_transactions.get()
    assert info.chunk_root.hex() == (
        "ff8611a4d212fc161dae19dd57f0f1ba9309f45d6207da13f2d3eab4c6839e91"
    )


def test_chunks_are_counted_over_the_block(market: Any, alice: Any) -> None:
    for size in (1, 256, 257):
        market.transaction_storage.store(signed(alice), bytes(size))

    infos = market.transaction_storage.block_transactions.get()
    assert [info.block_chunks for info in infos] == [1, 2, 4]


def test_the_record_moves_to_its_block_at_the_end(market: Any, alice: Any) -> None:
    market.transaction_storage.store(signed(alice), b"one")
    market.go_to(2)

    storage = market.transaction_storage
    assert [info.size for info in storage.transactions[1]] == [3]
    assert not storage.block_transactions.exists()
    assert not storage.block_provenances.exists()
    assert 2 not in storage.transactions


def test_a_block_without_content_keeps_no_record(market: Any) -> None:
    market.go_to(3)

    assert list(market.transaction_storage.transactions.keys()) == []


def test_content_is_located_by_block_and_extrinsic(market: Any, alice: Any) -> None:
    storage = market.transaction_storage
    storage.store(signed(alice), b"first")
    market.slot.overlay.write_raw(b":extrinsic_index", (7).to_bytes(4, "little"))
    storage.store(signed(alice), b"second")
    storage.store(signed(alice), b"third")

    expected = ContentLocation(block=1, extrinsic=7, size=5)
    assert storage.locate(hashing.blake2_256(b"third")) == expected
    market.go_to(4)
    assert storage.locate(hashing.blake2_256(b"third")) == expected


def test_what_the_last_block_stored_is_found_once_it_has_ended(market: Any, alice: Any) -> None:
    """A node asks the state of a block that has ended, whose number still stands."""
    content_hash = market.content(b"tilth", alice)
    market.end()

    assert market.transaction_storage.content_size(content_hash) == 5
    market.try_state()


def test_the_newest_copy_is_located(market: Any, alice: Any) -> None:
    storage = market.transaction_storage
    storage.store(signed(alice), b"twice")
    market.go_to(2)
    storage.store(signed(alice), b"twice")

    assert storage.locate(hashing.blake2_256(b"twice")).block == 2
    market.try_state()


def test_what_was_never_stored_is_not_found(market: Any) -> None:
    storage = market.transaction_storage

    assert storage.locate(H256(bytes(32))) is None
    assert storage.content_size(H256(bytes(32))) is None


def test_the_runtime_api_locates_content(market: Any, alice: Any) -> None:
    market.transaction_storage.store(signed(alice), b"found")

    answer = market.call("ContentApi_locate", hashing.blake2_256(b"found"))

    assert codec(ContentLocation | None).decode(answer) == ContentLocation(1, 0, 5)


def test_the_uploader_pays_a_deposit_per_byte(market: Any, alice: Any) -> None:
    storage = market.transaction_storage
    before = market.money.free_balance(alice)
    storage.store(signed(alice), bytes(100))

    price = storage.entry_fee.get() + 100 * storage.byte_fee.get()
    assert market.money.held(storage.Hold.STORAGE_FEE_HOLD, alice) == price
    assert market.money.free_balance(alice) == before - price


def test_who_cannot_pay_stores_nothing(market: Any, refused: Any) -> None:
    with refused(TokenError.FUNDS_UNAVAILABLE):
        market.transaction_storage.store(signed(AccountId(bytes(32))), b"x")


@pytest.mark.parametrize("size", [0, 2 * 1024 * 1024 + 1])
def test_empty_and_oversized_content_is_refused(
    market: Any, refused: Any, alice: Any, size: int
) -> None:
    with refused(Error.BAD_DATA_SIZE):
        market.transaction_storage.store(signed(alice), bytes(size))


def test_content_of_the_greatest_size_is_stored(market: Any, alice: Any) -> None:
    content = bytes(2 * 1024 * 1024)
    market.transaction_storage.store(signed(alice), content)

    assert market.transaction_storage.content_size(hashing.blake2_256(content)) == len(content)


def test_a_full_block_stores_no_more(
    market: Any, refused: Any, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market.transaction_storage, "max_block_transactions", 2)
    market.transaction_storage.store(signed(alice), b"1")
    market.transaction_storage.store(signed(alice), b"2")

    with refused(Error.TOO_MANY_TRANSACTIONS):
        market.transaction_storage.store(signed(alice), b"3")


def test_content_is_stored_by_extrinsics_only(market: Any, refused: Any, alice: Any) -> None:
    market.slot.overlay.delete(b":extrinsic_index")

    with refused(Error.BAD_CONTEXT):
        market.transaction_storage.store(signed(alice), b"x")


def test_the_storing_call_uses_sha2(market: Any, alice: Any) -> None:
    market.transaction_storage.storing(b"ours").dispatch(signed(alice))

    assert market.transaction_storage.content_size(sha256(b"ours").digest()) == 4


def test_the_content_is_the_tail_of_the_call(market: Any) -> None:
    assert market.transaction_storage.storing(b"the tail").encode().endswith(b"the tail")


def test_a_miscounted_block_is_noticed(market: Any, alice: Any) -> None:
    market.transaction_storage.store(signed(alice), b"x")
    market.go_to(2)
    market.try_state()
    market.transaction_storage.provenances[1] = ()

    with pytest.raises(AssertionError, match="does not know where"):
        market.try_state()


@pytest.fixture(scope="module")
def recorded() -> Any:
    return _Described(gzip.decompress(RECORDED.read_bytes()))


@pytest.mark.parametrize("part", ["calls", "event", "error"])
def test_it_looks_as_on_the_recorded_chain(market: Any, recorded: Any, part: str) -> None:
    ours, theirs = _Described(market.metadata(15)).variants(part), recorded.variants(part)

    assert {name: ours[name] for name in theirs} == theirs
    added = {name: index for name, (index, _) in ours.items() if name not in theirs}
    assert all(index >= 20 for index in added.values()), added


RECORDED_ITEMS = (
    "Authorizations Transactions ByteFee EntryFee RetentionPeriod BlockTransactions ProofChecked"
)


@pytest.mark.parametrize("item", RECORDED_ITEMS.split())
def test_storage_looks_as_on_the_recorded_chain(market: Any, recorded: Any, item: str) -> None:
    assert _Described(market.metadata(15)).entry(item) == recorded.entry(item)


@pytest.mark.parametrize(
    "name",
    [
        "MaxBlockTransactions",
        "MaxTransactionSize",
        "StoreRenewPriority",
        "StoreRenewLongevity",
        "RemoveExpiredAuthorizationPriority",
        "RemoveExpiredAuthorizationLongevity",
    ],
)
def test_the_limits_are_those_of_the_recorded_chain(market: Any, recorded: Any, name: str) -> None:
    assert _Described(market.metadata(15)).constant(name) == recorded.constant(name)


class _Described:
    """The pallet as a metadata shows it, with every type spelled out."""

    def __init__(self, metadata: bytes) -> None:
        body = codec(MetadataV15).decode(metadata).body
        self._types = {type.id: type.type for type in body.types.types}
        (self._pallet,) = (p for p in body.pallets if p.name == "TransactionStorage")

    def variants(self, part: str) -> dict[str, Any]:
        declared = self._types[getattr(self._pallet, part)].type_def
        return {v.name: (v.index, self._fields(v.fields)) for v in declared.variants}

    def entry(self, name: str) -> Any:
        (found,) = (e for e in self._pallet.storage.entries if e.name == name)
        hashers = getattr(found.type, "hashers", ())
        key = self._shape(found.type.key) if hashers else None
        return found.modifier, found.default, hashers, key, self._shape(found.type.value)

    def constant(self, name: str) -> Any:
        (found,) = (c for c in self._pallet.constants if c.name == name)
        return self._shape(found.type), found.value

    def _fields(self, fields: Any) -> Any:
        return [(field.name, field.type_name, self._shape(field.type)) for field in fields]

    def _shape(self, id: int) -> Any:
        found = self._types[id]
        definition = found.type_def
        name = found.path[-1] if found.path else ""
        if isinstance(definition, VariantDef):
            return name, [(v.index, v.name, self._fields(v.fields)) for v in definition.variants]
        if isinstance(definition, CompositeDef):
            return name, self._fields(definition.fields)
        if isinstance(definition, ArrayDef):
            return definition.len, self._shape(definition.type)
        if isinstance(definition, SequenceDef):
            return [self._shape(definition.type)]
        assert isinstance(definition, PrimitiveDef), definition
        return definition.primitive
