"""Sealed messages against RFC 9180, spelled out here once more from its text."""

import hmac
from hashlib import sha256
from itertools import product

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from tilth.primitives.crypto.sealing import OVERHEAD, SealBroken, SealingKey, seal

INFO = b"genesis, job and spec_hash"
KEY = SealingKey(b"\x07" * 32)
KEM = b"KEM\x00\x20"
HPKE = b"HPKE\x00\x20\x00\x01\x00\x03"


def extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, sha256)


def expand(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(secret, labelled + b"\x01", sha256)[:length]


def schedule(shared: bytes, enc: bytes, public: bytes, info: bytes) -> tuple[bytes, bytes]:
    """RFC 9180 §4.1 and §5.1 for X25519, HKDF-SHA256 and ChaCha20-Poly1305: key and nonce."""
    eae = extract(KEM, b"", b"eae_prk", shared)
    secret = expand(KEM, eae, b"shared_secret", enc + public, 32)
    context = b"\x00" + extract(HPKE, b"", b"psk_id_hash", b"")
    context += extract(HPKE, b"", b"info_hash", info)
    top = extract(HPKE, secret, b"secret", b"")
    return expand(HPKE, top, b"key", context, 32), expand(HPKE, top, b"base_nonce", context, 12)


def open_by_the_rfc(secret: bytes, sealed: bytes, info: bytes, aad: bytes | None = None) -> bytes:
    private, enc = X25519PrivateKey.from_private_bytes(secret), sealed[:32]
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    key, nonce = schedule(shared, enc, private.public_key().public_bytes_raw(), info)
    return ChaCha20Poly1305(key).decrypt(nonce, sealed[32:], aad)


def seal_by_the_rfc(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    ephemeral = X25519PrivateKey.from_private_bytes(b"\x05" * 32)
    enc = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    key, nonce = schedule(shared, enc, public, info)
    return enc + ChaCha20Poly1305(key).encrypt(nonce, plaintext, None)


def test_our_reading_of_the_rfc_opens_its_test_vector() -> None:
    # RFC 9180 A.2.1.1: base mode, sequence number 0
    opened = open_by_the_rfc(
        secret=bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
        sealed=bytes.fromhex(
            "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db"
            "21993c62ce81883d2dd1b51a28"
        ),
        info=b"Ode on a Grecian Urn",
        aad=b"Count-0",
    )

    assert opened == b"Beauty is truth, truth beauty"


def test_the_key_of_the_rfc_has_the_public_key_of_the_rfc() -> None:
    key = SealingKey(
        bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
    )

    assert key.public.hex() == "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_what_is_sealed_opens_by_the_rfc_and_the_other_way_round(info: bytes, text: bytes) -> None:
    assert open_by_the_rfc(KEY.expose_secret(), seal(KEY.public, info, text), info) == text
    assert KEY.open(seal_by_the_rfc(KEY.public, info, text), info) == text


def test_a_sealed_message_opens_for_its_key_and_purpose_alone() -> None:
    sealed = seal(KEY.public, INFO, b"weights")

    assert KEY.open(sealed, INFO) == b"weights"
    assert len(sealed) == len(b"weights") + OVERHEAD
    for key, info in ((KEY, INFO + b"!"), (KEY, b""), (SealingKey.generate(), INFO)):
        with pytest.raises(SealBroken):
            key.open(sealed, info)


def test_no_changed_bit_goes_unnoticed() -> None:
    sealed = seal(KEY.public, INFO, b"weights")

    for byte, bit in product(range(len(sealed)), range(8)):
        flipped = bytearray(sealed)
        flipped[byte] ^= 1 << bit
        with pytest.raises(SealBroken, match="changed or cut off"):
            KEY.open(bytes(flipped), INFO)


def test_no_cut_goes_unnoticed() -> None:
    sealed = seal(KEY.public, INFO, b"weights")

    for size in range(len(sealed)):
        with pytest.raises(SealBroken):
            KEY.open(sealed[:size], INFO)
    with pytest.raises(SealBroken):
        KEY.open(sealed + b"\x00", INFO)


def test_sealing_twice_gives_nothing_to_compare() -> None:
    assert seal(KEY.public, INFO, b"weights") != seal(KEY.public, INFO, b"weights")


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes(32), b"\x01" + bytes(31)])
def test_a_useless_public_key_is_refused(public: bytes) -> None:
    with pytest.raises(ValueError, match="no X25519 public key"):
        seal(public, INFO, b"weights")


def test_a_sealing_key_is_made_again_from_its_secret() -> None:
    key = SealingKey.generate()

    again = SealingKey(key.expose_secret())

    assert again.open(seal(key.public, INFO, b"weights"), INFO) == b"weights"
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        SealingKey(bytes(31))


def test_a_sealing_key_shows_its_public_half_alone() -> None:
    assert repr(KEY) == f"SealingKey(0x{KEY.public.hex()})"
    assert KEY.expose_secret().hex() not in repr(KEY)
