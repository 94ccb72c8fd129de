"""Substrate's own values: headers, addresses, eras."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.primitives.era import EraCodec
from tilth.primitives.scale import Codecs, DecodeError, EncodeError, codec, u64
from tilth.primitives.types import (
    H256,
    AccountId,
    Address20,
    Address32,
    Consensus,
    Digest,
    DigestItem,
    Ecdsa,
    Ed25519,
    Era,
    FixedU128,
    Header,
    Id,
    Index,
    MultiAddress,
    MultiSignature,
    Other,
    Perbill,
    PreRuntime,
    Raw,
    RuntimeEnvironmentUpdated,
    Seal,
    Sr25519,
)

# Block 2 of the recorded solochain template runtime (stable2503).
RECORDED_HEADER = bytes.fromhex(
    "c48a17efad1547c6e97805f4aeffea42ad5039eb12b9a2bd04d0bfad24fd3fdf08"
    "afa3b137a60f23cb15c750826e2569c53c11aa248096f524f1eaaa708ea057ac"
    "e2c1a15c4c73333170efaca59b21f4e3ad0a995f079cbe31b113735814d7390b"
    "04066175726120d752e31000000000"
)
RECORDED_HASH = "6c38821d7fe9691f659968da9ff6894103e208200f1bdb5dfd366e9d78933319"


def test_a_recorded_header_is_read_written_and_hashed() -> None:
    header = codec(Header).decode(RECORDED_HEADER)

    assert header.number == 2
    assert header.digest == Digest((PreRuntime(b"aura", bytes.fromhex("d752e31000000000")),))
    assert codec(Header).encode(header) == RECORDED_HEADER
    assert header.hash.hex() == RECORDED_HASH


def test_a_headers_hash_does_not_depend_on_the_width_of_its_number() -> None:
    wide = Codecs({"BlockNumber": u64}).of(Header)

    assert wide.decode(RECORDED_HEADER).hash.hex() == RECORDED_HASH


@pytest.mark.parametrize(
    ("address", "data"),
    [
        (Id(AccountId(b"\1" * 32)), "00" + "01" * 32),
        (Index(None), "01"),
        (Raw(b"abc"), "020c616263"),
        (Address32(b"\2" * 32), "03" + "02" * 32),
        (Address20(b"\3" * 20), "04" + "03" * 20),
    ],
)
def test_addresses(address: object, data: str) -> None:
    assert codec(MultiAddress).encode(address).hex() == data
    assert codec(MultiAddress).decode(bytes.fromhex(data)) == address


@pytest.mark.parametrize(
    ("signature", "tag", "size"),
    [(Ed25519(bytes(64)), 0, 64), (Sr25519(bytes(64)), 1, 64), (Ecdsa(bytes(65)), 2, 65)],
)
def test_signatures(signature: object, tag: int, size: int) -> None:
    data = codec(MultiSignature).encode(signature)

    assert (data[0], len(data)) == (tag, 1 + size)
    assert codec(MultiSignature).decode(data) == signature


@pytest.mark.parametrize(
    ("item", "data"),
    [
        (Other(b"a"), "000461"),
        (Consensus(b"FRNK", b""), "0446524e4b00"),
        (Seal(b"aura", b"s"), "05617572610473"),
        (PreRuntime(b"aura", b""), "066175726100"),
        (RuntimeEnvironmentUpdated(), "08"),
    ],
)
def test_digest_items(item: object, data: str) -> None:
    assert codec(DigestItem).encode(item).hex() == data
    assert codec(DigestItem).decode(bytes.fromhex(data)) == item


def test_no_digest_item_has_another_tag() -> None:
    for tag in {*range(256)} - {0, 4, 5, 6, 8}:
        with pytest.raises(DecodeError, match="a variant of DigestItem"):
            codec(DigestItem).decode(bytes((tag, 0, 0, 0, 0, 0)))


def test_fractions_are_bare_integers() -> None:
    assert codec(Perbill).encode(Perbill(10**9)).hex() == "00ca9a3b"
    assert codec(FixedU128).encode(FixedU128(10**18)) == (10**18).to_bytes(16, "little")
    assert codec(H256).decode(b"h" * 32) == b"h" * 32


def test_an_immortal_era_is_one_zero_byte() -> None:
    assert codec(Era).encode(Era()) == b"\0"
    assert codec(Era).decode(b"\0") == Era()
    assert Era().birth(1000) == 0
    assert Era().death(1000) == 2**64 - 1
    assert codec(Era).default == Era()


@pytest.mark.parametrize(
    # sp_runtime/src/generic/era.rs: the examples of its tests.
    ("era", "data"),
    [(Era(64, 42), "a502"), (Era(32768, 20000), "4e9c"), (Era(4, 3), "3100")],
)
def test_mortal_eras_of_substrates_own_tests(era: Era, data: str) -> None:
    assert codec(Era).encode(era).hex() == data
    assert codec(Era).decode(bytes.fromhex(data)) == era


def test_the_life_of_an_era() -> None:
    era = Era.mortal(4, 6)

    assert era == Era(4, 2)
    assert [era.birth(b) for b in (6, 7, 8, 9)] == [6, 6, 6, 6]
    assert [era.death(b) for b in (6, 9)] == [10, 10]
    assert era.birth(10) == 10
    assert era.birth(1) == 2
    assert Era.mortal(200, 1400) == Era(256, 120)
    assert Era.mortal(0, 5) == Era(4, 1)
    assert Era.mortal(1_000_000, 5) == Era(65536, 0)


@given(st.integers(0, 200_000), st.integers(0, 2**40))
def test_the_block_an_era_was_made_for_is_within_it(period: int, current: int) -> None:
    era = Era.mortal(period, current)

    assert codec(Era).decode(codec(Era).encode(era)) == era
    assert era.period in [1 << n for n in range(2, 17)]
    step = max(era.period >> 12, 1)
    assert era.birth(current) <= current < era.death(current) + step
    if step == 1:
        assert current < era.death(current)


def test_every_pair_of_bytes_is_one_era_or_none() -> None:
    era, seen, refused = EraCodec(), set[Era](), 0
    for first in range(1, 256):
        for second in range(256):
            data = bytes((first, second))
            try:
                value, end = era.decode_at(data, 0)
            except DecodeError:
                refused += 1
                continue
            assert (end, era.encode(value)) == (2, data)
            seen.add(value)

    # For each period the phases on its grid: 4, 8 … 4096, then 4096 for each of the longer ones.
    assert len(seen) == sum(min(1 << n, 4096) for n in range(2, 17))
    assert len(seen) + refused == 255 * 256


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "an Era"),
        ("a5", "a mortal Era"),
        ("1000", "period 2 with phase 1"),
        ("4100", "period 4 with phase 4"),
        ("0000", "end of the input"),
    ],
)
def test_what_is_no_era(data: str, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        codec(Era).decode(bytes.fromhex(data))


@pytest.mark.parametrize("era", [Era(5, 0), Era(4, 4), Era(65536, 1), Era(2, 0), Era(1 << 17, 0)])
def test_an_era_that_has_no_bytes_is_not_written(era: Era) -> None:
    with pytest.raises(EncodeError, match=r"make it with Era\.mortal"):
        codec(Era).encode(era)
