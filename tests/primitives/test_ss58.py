"""Addresses against the Python client's, and every way of getting one wrong."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scalecodec.utils.ss58 import ss58_decode, ss58_encode

from tilth.primitives.crypto.dev import ALICE
from tilth.primitives.ss58 import ALPHABET, InvalidAddress, decode, encode

ALICE_ADDRESS = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
ACCOUNTS = st.binary(min_size=32, max_size=32)
PREFIXES = st.integers(0, 16383).filter(lambda prefix: prefix not in (46, 47))


def test_alice_has_the_address_everyone_knows() -> None:
    assert encode(ALICE) == ALICE_ADDRESS
    assert decode(ALICE_ADDRESS) == ALICE


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        (0, "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"),
        (2, "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"),
        (16383, "yNa8JpqfFB3q8A29rCwSgxvdU94ufJw2yKKxDgznS5m1PoFvn"),
    ],
)
def test_networks_have_their_own_addresses_of_one_account(prefix: int, address: str) -> None:
    assert encode(ALICE, prefix) == address
    assert decode(address, prefix) == ALICE


@given(ACCOUNTS, PREFIXES)
def test_addresses_agree_with_the_python_client(account: bytes, prefix: int) -> None:
    address = encode(account, prefix)

    assert address == ss58_encode(account.hex(), prefix)
    assert ss58_decode(address) == account.hex()
    assert decode(address) == decode(address, prefix) == account


def test_every_mistyped_character_is_noticed() -> None:
    for place, wrong in product(range(len(ALICE_ADDRESS)), ALPHABET):
        mistyped = ALICE_ADDRESS[:place] + wrong + ALICE_ADDRESS[place + 1 :]

        if mistyped != ALICE_ADDRESS:
            with pytest.raises(InvalidAddress):
                decode(mistyped)


@given(st.text(max_size=60))
def test_any_other_text_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidAddress):
        decode(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds 35 bytes, this one 0"),
        ("0x" + ALICE.hex(), "at most 50 characters, not 66"),
        ("5Grwva0", "Character 7, '0'"),
        (ALICE_ADDRESS[:-1] + "Z", "checksum is wrong"),
        (ALICE_ADDRESS[:-1], "holds 35 bytes, this one 34"),
        (ALICE_ADDRESS + "Y", "holds 35 bytes, this one 36"),
        ("F7Hs", "holds 35 bytes, this one 3"),
        ("KVqMLDzVyHChtJ8imRTkP22Tuz8Yd7X9MABUhz1rHNpHny12V", "holds 35 bytes, this one 36"),
        ("LxSvhRHdsBvNEjun9UwkXEBzG3boyew6j7oG3hdDc1vXHfn3", "no network prefix"),
    ],
)
def test_the_reason_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(InvalidAddress, match=reason):
        decode(text)


def test_an_address_of_another_network_is_refused() -> None:
    with pytest.raises(InvalidAddress, match="of network 42; one of 0 is expected"):
        decode(ALICE_ADDRESS, prefix=0)


@pytest.mark.parametrize("prefix", [-1, 46, 47, 16384])
def test_a_prefix_no_network_can_have_is_refused(prefix: int) -> None:
    with pytest.raises(InvalidAddress, match=f"not {prefix}"):
        encode(ALICE, prefix)


def test_a_reserved_prefix_is_refused_on_reading() -> None:
    with pytest.raises(InvalidAddress, match="belongs to no network"):
        decode("5g1axYPrdA2VeKsqmz8WKpa8f3n4T9ou8Qv3f8BaeheH3ApS")  # Alice's, of network 46


def test_a_short_prefix_written_long_is_read_as_substrate_reads_it() -> None:
    assert decode("Zp5wgt7iipcBBD8qrDbgQerUy6vWeg3np21675SE43SmZaPo9", prefix=42) == ALICE


@pytest.mark.parametrize("size", [0, 31, 33])
def test_only_accounts_of_32_bytes_have_addresses(size: int) -> None:
    with pytest.raises(InvalidAddress, match=f"32 bytes, not {size}"):
        encode(bytes(size))
