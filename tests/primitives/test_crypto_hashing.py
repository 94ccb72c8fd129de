"""The hash functions against published digests and an independent implementation."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from substrateinterface.utils import hasher as oracle

from tilth.primitives.crypto import hashing


def test_storage_prefixes_are_those_every_substrate_chain_shows() -> None:
    prefix = hashing.twox_128(b"System") + hashing.twox_128(b"Account")

    assert prefix.hex() == "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"


@pytest.mark.parametrize(
    ("digest", "empty"),
    [
        (hashing.blake2_128, "cae66941d9efbd404e4d88758ea67670"),
        (hashing.blake2_256, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
        (
            hashing.blake2_512,
            "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
            "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce",
        ),
        (hashing.sha2_256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (hashing.keccak_256, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (hashing.twox_64, "99e9d85137db46ef"),
        (hashing.twox_128, "99e9d85137db46ef4bbea33613baafd5"),
        (hashing.twox_256, "99e9d85137db46ef4bbea33613baafd56f963c64b1f3685a4eb4abd67ff6203a"),
    ],
)
def test_the_hash_of_nothing_is_the_published_one(
    digest: Callable[[bytes], bytes], empty: str
) -> None:
    assert digest(b"").hex() == empty


@given(st.binary(max_size=200))
def test_hashers_agree_with_the_python_client(key: bytes) -> None:
    assert hashing.blake2_128(key) == oracle.blake2_128(key)
    assert hashing.blake2_256(key) == oracle.blake2_256(key)
    assert hashing.blake2_128_concat(key) == oracle.blake2_128_concat(key)
    assert hashing.twox_64(key) == oracle.xxh64(key)
    assert hashing.twox_128(key) == oracle.xxh128(key)
    assert hashing.twox_256(key)[:16] == oracle.xxh128(key)
    assert hashing.twox_64_concat(key) == oracle.two_x64_concat(key)
    assert hashing.identity(key) == key


MODULES = [
    "account_json",
    "at_rest",
    "curves",
    "dev",
    "hashing",
    "keypair",
    "keystore",
    "sealing",
    "signatures",
]


def test_no_module_loads_a_cipher_before_it_is_used() -> None:
    heavy = {"cryptography", "nacl", "bip39", "coincurve", "Crypto", "sr25519", "ed25519_zebra"}
    imports = ", ".join(f"tilth.primitives.crypto.{module}" for module in MODULES)
    program = f"import sys, {imports}; print({heavy} & sys.modules.keys())"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout.strip(), done.stderr) == ("set()", "")
