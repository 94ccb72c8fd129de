"""Key pairs are those Substrate's tools derive, and keep their secret to themselves."""

import json
import re
import traceback
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from substrateinterface import Keypair as OracleKeypair

from tilth.primitives import ss58
from tilth.primitives.crypto import dev
from tilth.primitives.crypto.curves import CURVES
from tilth.primitives.crypto.keypair import (
    DEV_PHRASE,
    InvalidSecret,
    Keypair,
    Scheme,
    generate_mnemonic,
)
from tilth.primitives.crypto.signatures import recover_ecdsa, verify

VECTORS = Path(__file__).parents[1] / "vectors" / "crypto"
RECORDED = json.loads((VECTORS / "polkadot_keyring.json").read_text())
MESSAGE = bytes.fromhex(RECORDED["message"][2:])
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
SEEDS = st.binary(min_size=32, max_size=32).filter(any)
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.mark.parametrize("case", RECORDED["pairs"], ids=lambda c: f"{c['scheme']} {c['uri'][-40:]}")
def test_a_secret_uri_means_the_pair_polkadot_js_derives(case: dict[str, Any]) -> None:
    pair = Keypair.from_uri(case["uri"], case["scheme"])

    assert pair.public.hex() == case["public"]
    assert ss58.encode(pair.account) == case["address"]
    assert pair.verify(bytes.fromhex(case["signature"]), MESSAGE)


JUNCTIONS = st.from_regex(r"//?([a-z]{1,40}|[0-9]{1,9})", fullmatch=True)


@settings(max_examples=30)
@given(st.lists(JUNCTIONS, max_size=4))
def test_paths_lead_where_the_python_client_goes(parts: list[str]) -> None:
    path = "".join(parts)

    pair = Keypair.from_uri(DEV_PHRASE + path)

    assert pair.public == OracleKeypair.create_from_uri(DEV_PHRASE + path).public_key


@given(SEEDS, st.sampled_from(SCHEMES), st.binary(max_size=300))
def test_what_a_pair_signs_its_account_has_signed(
    seed: bytes, scheme: Scheme, message: bytes
) -> None:
    pair = Keypair.from_seed(seed, scheme)

    signature = pair.sign(message)

    assert len(signature) == (65 if scheme == "ecdsa" else 64)
    assert len(pair.account) == 32
    assert verify(pair.kind, signature, message, pair.account)
    assert pair.verify(signature, message)
    assert not pair.verify(signature, message + b"\x00")


@given(SEEDS)
def test_an_ecdsa_signature_recovers_to_its_public_key(seed: bytes) -> None:
    pair = Keypair.from_seed(seed, "ecdsa")

    assert recover_ecdsa(pair.sign(MESSAGE), MESSAGE) == pair.public


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_pair_is_made_again_from_its_secret(scheme: Scheme) -> None:
    pair = Keypair.generate(scheme)

    again = Keypair.from_secret(pair.expose_secret(), scheme)

    assert again == pair
    assert hash(again) == hash(pair)
    assert again.verify(pair.sign(MESSAGE), MESSAGE)


def test_generated_pairs_and_phrases_differ() -> None:
    assert Keypair.generate() != Keypair.generate()
    assert generate_mnemonic() != generate_mnemonic()


@pytest.mark.parametrize("words", [12, 15, 18, 21, 24])
def test_a_generated_phrase_is_a_secret(words: int) -> None:
    phrase = generate_mnemonic(words)

    assert len(phrase.split()) == words
    assert Keypair.from_uri(phrase).public == OracleKeypair.create_from_mnemonic(phrase).public_key


def test_a_phrase_of_another_length_is_not_generated() -> None:
    with pytest.raises(ValueError, match="12, 15, 18, 21 or 24 words, not 13"):
        generate_mnemonic(13)


def test_a_long_number_in_a_path_is_a_name_as_in_substrate() -> None:
    within, beyond = f"//{2**64 - 1}", f"//{2**64}"

    assert Keypair.from_uri("//+7") == Keypair.from_uri("//007") == Keypair.from_uri("//7")
    assert Keypair.from_uri(within) != Keypair.from_uri(beyond)
    assert Keypair.from_uri("//" + "9" * 5000) != Keypair.from_uri("//" + "9" * 5001)


def test_deriving_in_steps_leads_to_the_same_pair() -> None:
    for scheme in SCHEMES:
        stepwise = Keypair.from_uri(PHRASE, scheme).derive("//a").derive("//b")

        assert stepwise == Keypair.from_uri(PHRASE + "//a//b", scheme)


@pytest.mark.parametrize("scheme", ["ed25519", "ecdsa"])
def test_only_sr25519_has_soft_children(scheme: Scheme) -> None:
    with pytest.raises(InvalidSecret, match="write // instead of /"):
        Keypair.from_uri("//Alice/soft", scheme)


BAD_SECRETS = [
    "",
    "/",
    "//",
    "Alice//",
    "//Alice//",
    "//Alice/",
    "lorem ipsum dolor amet consectetur adipiscing elit eiusmod tempor magna aliqua enim",
    "legal winner thank year wave sausage worth useful legal winner thank legal",
    "legal winner thank year wave sausage worth useful legal winner thank",
    "legal, winner",
    "0x1234",
    "0x" + "zz" * 32,
    "0x" + "ab" * 33,
    "légal winner",
]


@pytest.mark.parametrize("uri", BAD_SECRETS)
def test_a_bad_secret_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(InvalidSecret) as caught:
        Keypair.from_uri(uri)

    told = "".join(traceback.format_exception_only(caught.value))
    assert not set(re.findall(r"\w{5,}", uri)) & set(re.findall(r"\w+", told))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(("scheme", "size"), [("sr25519", 32), ("ed25519", 64), ("ecdsa", 31)])
def test_a_secret_of_the_wrong_size_is_refused(scheme: Scheme, size: int) -> None:
    with pytest.raises(InvalidSecret, match=f"bytes, not {size}"):
        Keypair.from_secret(bytes(size), scheme)
    with pytest.raises(InvalidSecret, match="32 bytes, not 31"):
        Keypair.from_seed(bytes(31), scheme)


def test_bytes_outside_the_curve_are_no_secret() -> None:
    with pytest.raises(InvalidSecret, match="zero or beyond"):
        Keypair.from_seed(bytes(32), "ecdsa")
    with pytest.raises(InvalidSecret, match="zero or beyond"):
        Keypair.from_seed(b"\xff" * 32, "ecdsa")
    with pytest.raises(InvalidSecret, match="no sr25519 secret"):
        Keypair.from_secret(b"\xff" * 64)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_pair_shows_its_public_key_alone(scheme: Scheme) -> None:
    pair = Keypair.generate(scheme)
    secret = pair.expose_secret()

    shown = f"{pair!r} {pair} {[pair]}"

    assert pair.public.hex() in shown
    assert secret.hex()[:16] not in shown
    assert repr(secret)[2:-1] not in shown


def test_a_pair_does_not_change() -> None:
    pair = Keypair.from_uri("//Alice")

    with pytest.raises(AttributeError):
        pair.public = bytes(32)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_the_dev_accounts_are_those_of_the_python_client() -> None:
    pairs = dev.dev_accounts()

    assert [pair.account for pair in pairs.values()] == list(dev.DEV_ACCOUNTS.values())
    for name, pair in pairs.items():
        assert pair.public == OracleKeypair.create_from_uri("//" + name).public_key
    assert pairs["Alice"].account == dev.ALICE
    assert pairs["Ferdie//stash"].account == dev.FERDIE_STASH


@pytest.mark.parametrize("scheme", ["ed25519", "ecdsa"])
def test_dev_accounts_exist_in_every_scheme(scheme: Scheme) -> None:
    assert dev.dev_accounts(scheme)["Bob"] == Keypair.from_uri("//Bob", scheme)


def test_every_scheme_has_its_own_index() -> None:
    assert [CURVES[s].kind for s in ("ed25519", "sr25519", "ecdsa")] == [0, 1, 2]
