"""Signatures are judged as schnorrkel, ed25519-zebra and libsecp256k1 do, edge cases too."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import coincurve
import pytest
from ed25519_zebra import ed_from_seed, ed_sign  # pyright: ignore[reportAttributeAccessIssue]
from hypothesis import given, settings
from hypothesis import strategies as st
from sr25519 import pair_from_seed, sign  # pyright: ignore[reportAttributeAccessIssue]

from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.crypto.signatures import (
    ECDSA,
    ED25519,
    SR25519,
    recover_ecdsa,
    verify,
    verify_ecdsa,
    verify_ed25519,
    verify_sr25519,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "crypto"
RECORDED = json.loads((VECTORS / "signed_payloads.json").read_text())["signatures"]

MESSAGE = b"an extrinsic's payload"
CURVE25519_ORDER = 2**252 + 27742317777372353535851937790883648493
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

SR_PUBLIC, SR_SECRET = pair_from_seed(b"\x01" * 32)
ED_SECRET, ED_PUBLIC = ed_from_seed(b"\x01" * 32)
EC_SECRET = coincurve.PrivateKey(b"\x01" * 32)
EC_ACCOUNT = blake2_256(EC_SECRET.public_key.format())

SR_SIGNATURE: bytes = sign((SR_PUBLIC, SR_SECRET), MESSAGE)
ED_SIGNATURE: bytes = ed_sign(ED_SECRET, MESSAGE)
EC_SIGNATURE = EC_SECRET.sign_recoverable(MESSAGE, hasher=blake2_256)

GOOD = {
    ED25519: (ED_SIGNATURE, ED_PUBLIC),
    SR25519: (SR_SIGNATURE, SR_PUBLIC),
    ECDSA: (EC_SIGNATURE, EC_ACCOUNT),
}


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['runtime']}: {case['label']}")
def test_the_verdict_is_that_of_a_real_runtime(case: dict[str, Any]) -> None:
    payload = bytes.fromhex(case["payload"])
    message = blake2_256(payload) if len(payload) > 256 else payload
    signature, account = bytes.fromhex(case["signature"]), bytes.fromhex(case["account"])

    assert verify(case["kind"], signature, message, account) is case["accepted"]


@pytest.mark.parametrize("kind", [ED25519, SR25519, ECDSA])
def test_a_signature_is_good_for_its_message_and_signer_alone(kind: int) -> None:
    signature, account = GOOD[kind]

    assert verify(kind, signature, MESSAGE, account)
    assert not verify(kind, signature, MESSAGE + b"!", account)
    assert not verify(kind, signature, MESSAGE, blake2_256(account))


@pytest.mark.parametrize("kind", [ED25519, SR25519, ECDSA])
def test_a_signature_over_wrapped_bytes_is_no_signature_of_the_bytes(kind: int) -> None:
    signature, account = GOOD[kind]

    assert not verify(kind, signature, b"<Bytes>" + MESSAGE + b"</Bytes>", account)


def test_a_swapped_tag_is_refused() -> None:
    for kind, tag in product(GOOD, range(-1, 5)):
        signature, account = GOOD[kind]

        assert verify(tag, signature, MESSAGE, account) is (tag == kind)


@pytest.mark.parametrize("kind", [ED25519, SR25519, ECDSA])
def test_a_wrong_length_is_refused(kind: int) -> None:
    signature, account = GOOD[kind]

    for wrong in (b"", signature[:63], signature[:-1], signature + b"\x00"):
        assert not verify(kind, wrong, MESSAGE, account)
    for wrong in (b"", account[:31], account + b"\x00"):
        assert not verify(kind, signature, MESSAGE, wrong)


@pytest.mark.parametrize("kind", [ED25519, SR25519, ECDSA])
def test_no_flipped_bit_goes_unnoticed(kind: int) -> None:
    signature, account = GOOD[kind]

    for byte, bit in product(range(64), (0, 7)):
        flipped = bytearray(signature)
        flipped[byte] ^= 1 << bit

        assert not verify(kind, bytes(flipped), MESSAGE, account)


@given(st.integers(0, 4), st.binary(max_size=70), st.binary(), st.binary(max_size=40))
def test_garbage_of_any_length_gets_a_verdict_and_no_exception(
    kind: int, signature: bytes, message: bytes, account: bytes
) -> None:
    assert verify(kind, signature, message, account) in (True, False)


@settings(max_examples=50)
@given(st.sampled_from([ED25519, SR25519, ECDSA]), st.data())
def test_garbage_of_the_right_length_is_refused(kind: int, data: st.DataObject) -> None:
    length = 65 if kind == ECDSA else 64
    signature = data.draw(st.binary(min_size=length, max_size=length))

    assert verify(kind, signature, MESSAGE, GOOD[kind][1]) is False


def test_sr25519_wants_its_marker_bit() -> None:
    unmarked = SR_SIGNATURE[:63] + bytes([SR_SIGNATURE[63] & 0x7F])

    assert not verify_sr25519(unmarked, MESSAGE, SR_PUBLIC)


def test_sr25519_wants_a_reduced_scalar() -> None:
    scalar = int.from_bytes(SR_SIGNATURE[32:], "little") & (2**255 - 1)
    raised = (scalar + CURVE25519_ORDER | 1 << 255).to_bytes(32, "little")

    assert not verify_sr25519(SR_SIGNATURE[:32] + raised, MESSAGE, SR_PUBLIC)


def test_sr25519_wants_the_context_substrate() -> None:
    # Made once with a separate implementation of schnorrkel's transcript: one key, one message.
    public = bytes.fromhex("30926999ae3932e349262bfeb3d1dc7005602241937a51ba3bbe7ca211754423")
    substrate = bytes.fromhex(
        "f0c8fd153d622d8c1d4f0f96b09a9870474f033a6828dbe7f6912c1dc5245616"
        "b175e0666d89e3513ad3b17e2d5fc92854eff6c6a0d3d633ce6db633a584aa81"
    )
    polkadot = bytes.fromhex(
        "40081f91e0805d7ff5e16d370769cd9328a2770429c399d33b60154d463e5662"
        "7551c8e9ac16abed2498d403360ee2170000d802246bce7fd862f0c7b273268c"
    )

    assert verify_sr25519(substrate, b"a message", public)
    assert not verify_sr25519(polkadot, b"a message", public)


@pytest.mark.parametrize("public", ["ed" + "ff" * 30 + "7f", "01" + "00" * 31, "ff" * 32])
def test_sr25519_wants_a_canonical_point(public: str) -> None:
    assert not verify_sr25519(SR_SIGNATURE, MESSAGE, bytes.fromhex(public))


# Every encoding of the eight points of small order: ZIP-215 takes the non-canonical ones as well.
SMALL_ORDER = [
    bytes.fromhex(first + middle + last)
    for first, middle, last in [
        ("01", "00" * 30, "00"),
        ("01", "00" * 30, "80"),
        ("ee", "ff" * 30, "7f"),
        ("ee", "ff" * 30, "ff"),
        ("ec", "ff" * 30, "7f"),
        ("ec", "ff" * 30, "ff"),
        ("00", "00" * 30, "00"),
        ("00", "00" * 30, "80"),
        ("ed", "ff" * 30, "7f"),
        ("ed", "ff" * 30, "ff"),
        ("26", "e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc", "05"),
        ("26", "e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc", "85"),
        ("c7", "176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03", "7a"),
        ("c7", "176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03", "fa"),
    ]
]


def test_ed25519_takes_points_of_small_order_as_zip_215_says() -> None:
    for public, point in product(SMALL_ORDER, SMALL_ORDER):
        assert verify_ed25519(point + bytes(32), b"Zcash", public)


def test_ed25519_wants_a_reduced_scalar() -> None:
    scalar = int.from_bytes(ED_SIGNATURE[32:], "little")
    raised = (scalar + CURVE25519_ORDER).to_bytes(32, "little")

    assert not verify_ed25519(ED_SIGNATURE[:32] + raised, MESSAGE, ED_PUBLIC)


def test_ecdsa_takes_a_high_s_as_substrate_does() -> None:
    high = SECP256K1_ORDER - int.from_bytes(EC_SIGNATURE[32:64], "big")
    mirrored = EC_SIGNATURE[:32] + high.to_bytes(32, "big") + bytes([EC_SIGNATURE[64] ^ 1])

    assert high > SECP256K1_ORDER // 2
    assert verify_ecdsa(mirrored, MESSAGE, EC_ACCOUNT)


def test_ecdsa_takes_exactly_one_recovery_id_and_its_ethereum_spelling() -> None:
    right = EC_SIGNATURE[64]

    taken = [
        v for v in range(256) if verify_ecdsa(EC_SIGNATURE[:64] + bytes([v]), MESSAGE, EC_ACCOUNT)
    ]

    assert taken == [right, right + 27]


@pytest.mark.parametrize("number", [0, SECP256K1_ORDER, 2**256 - 1])
def test_ecdsa_wants_numbers_within_the_order(number: int) -> None:
    spoiled = number.to_bytes(32, "big")

    for signature in (
        spoiled + EC_SIGNATURE[32:],
        EC_SIGNATURE[:32] + spoiled + EC_SIGNATURE[64:],
    ):
        assert recover_ecdsa(signature, MESSAGE) is None


def test_ecdsa_recovers_the_compressed_public_key() -> None:
    assert recover_ecdsa(EC_SIGNATURE, MESSAGE) == EC_SECRET.public_key.format()
