"""Account files travel between polkadot.js, py-substrate-interface and us."""

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from substrateinterface import Keypair as OracleKeypair

from tilth.primitives import ss58
from tilth.primitives.crypto.account_json import (
    InvalidAccountFile,
    WrongPassword,
    export_account,
    import_account,
)
from tilth.primitives.crypto.keypair import Keypair, Scheme

VECTORS = Path(__file__).parents[1] / "vectors" / "crypto"
FILES = json.loads((VECTORS / "polkadot_keyring.json").read_text())["files"]
BARE = json.loads(FILES[0]["json"])
LOCKED = json.loads(FILES[3]["json"])
MESSAGE = b"a message"


@pytest.mark.parametrize("case", FILES, ids=lambda c: f"{c['scheme']} {c['password']}")
def test_a_file_from_polkadot_js_holds_the_pair_that_was_exported(case: dict[str, str]) -> None:
    pair = import_account(case["json"], case["password"])

    assert (pair.scheme, pair.public.hex()) == (case["scheme"], case["public"])
    derived = Keypair.from_uri(case["uri"], pair.scheme)
    assert derived.verify(pair.sign(MESSAGE), MESSAGE)


@pytest.mark.parametrize("case", FILES[:3], ids=lambda c: str(c["scheme"]))
def test_an_open_file_is_written_as_polkadot_js_writes_it(case: dict[str, str]) -> None:
    pair = import_account(case["json"])

    assert json.loads(export_account(pair, None, name="tilth")) == json.loads(case["json"])


def test_a_locked_file_opens_with_its_password_in_the_python_client_and_here() -> None:
    pair = Keypair.from_uri("//Alice")

    text = export_account(pair, "correct hörse", name="Alice", prefix=0)

    there = OracleKeypair.create_from_encrypted_json(text, "correct hörse")
    assert there.private_key == pair.expose_secret()
    assert there.ss58_address == ss58.encode(pair.account, 0) == json.loads(text)["address"]
    assert import_account(text, "correct hörse") == pair
    assert pair.expose_secret().hex() not in b64decode(json.loads(text)["encoded"]).hex()
    with pytest.raises(WrongPassword, match="does not open"):
        import_account(text, "wrong horse")


def test_a_file_from_the_python_client_opens_here() -> None:
    there = OracleKeypair.create_from_uri("//Bob")

    pair = import_account(json.dumps(there.export_to_encrypted_json("a password")), "a password")

    assert pair == Keypair.from_uri("//Bob")


@pytest.mark.parametrize("scheme", ["ed25519", "ecdsa"])
def test_the_other_schemes_come_back_as_they_went(scheme: Scheme) -> None:
    pair = Keypair.generate(scheme)

    assert import_account(export_account(pair, None)).expose_secret() == pair.expose_secret()


def test_a_locked_file_asks_for_its_password() -> None:
    for nothing in (None, ""):
        with pytest.raises(WrongPassword, match="give its password"):
            import_account(json.dumps(LOCKED), nothing)


def test_an_empty_password_is_no_lock() -> None:
    with pytest.raises(WrongPassword, match="protects nothing"):
        export_account(Keypair.generate(), "")


def with_encoded(document: dict[str, Any], data: bytes) -> str:
    return json.dumps(document | {"encoded": b64encode(data).decode()})


def with_encoding(document: dict[str, Any], **changes: object) -> str:
    return json.dumps(document | {"encoding": document["encoding"] | changes})


OPEN_BYTES = b64decode(BARE["encoded"])
LOCKED_BYTES = b64decode(LOCKED["encoded"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is JSON, and this is not"),
        ("[" * 100_000, "is JSON, and this is not"),
        ("[]", "JSON object"),
        ('{"encoding": 1}', "JSON object"),
        (with_encoding(BARE, version="2"), "Only encoding version 3"),
        (with_encoding(BARE, type=["xsalsa20-poly1305"]), "encoding type"),
        (with_encoding(BARE, content=["pkcs8", "ethereum"]), "sr25519, ed25519 or ecdsa"),
        (with_encoding(BARE, content=["pkcs8", "ecdsa"]), "no PKCS#8 key"),
        (json.dumps(BARE | {"encoded": "%%%"}), "base64"),
        (json.dumps(BARE | {"encoded": "0xzz"}), "base64"),
        (json.dumps(BARE | {"encoded": 7}), "base64"),
        (with_encoded(BARE, b""), "no PKCS#8 key"),
        (with_encoded(BARE, OPEN_BYTES[:-32]), "another public key"),
        (with_encoded(BARE, OPEN_BYTES[:-1] + b"\x00"), "another public key"),
        (with_encoded(BARE, OPEN_BYTES[:16] + b"\xff" * 64 + OPEN_BYTES[80:]), "no sr25519 secret"),
    ],
)
def test_a_damaged_file_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidAccountFile, match=reason):
        import_account(text, "a password")


def test_hexadecimal_content_is_read_too() -> None:
    text = json.dumps(BARE | {"encoded": "0x" + OPEN_BYTES.hex()})

    assert import_account(text).public.hex() == FILES[0]["public"]


@pytest.mark.parametrize("parameters", [(1 << 30, 1, 8), (0, 0, 0), (1 << 15, 1, 1024)])
def test_costly_scrypt_parameters_are_refused_before_they_cost(
    parameters: tuple[int, int, int],
) -> None:
    header = b"".join(number.to_bytes(4, "little") for number in parameters)

    with pytest.raises(InvalidAccountFile, match="is nothing polkadot"):
        import_account(with_encoded(LOCKED, LOCKED_BYTES[:32] + header + LOCKED_BYTES[44:]), "x")


@pytest.mark.parametrize("data", [b"", LOCKED_BYTES[:40]])
def test_a_locked_file_cut_off_in_its_head_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidAccountFile):
        import_account(with_encoded(LOCKED, data), "a password")
