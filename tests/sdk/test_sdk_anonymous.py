"""Publishing without an account: nothing but a fresh key stands behind the dataset."""

from pathlib import Path
from typing import Any, Protocol

import pytest
from substrateinterface import Keypair

import tilth
from tilth.frame import hashing
from tilth.pallets.transaction_storage import POT
from tilth.primitives import ss58
from tilth.primitives.work import is_worked, work
from tilth.sdk import Client, NodeProcess, Published, Refused

ROWS = b"who,what\n1,leaked\n2,memo\n"
UNIT = 10**12


class Market(Protocol):
    node: NodeProcess


@pytest.fixture
def at(market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("TILTH_KEYS", str(tmp_path / "keys"))
    return {"url": market.node.ws, "grpc": market.node.grpc}


def published(at: dict[str, Any], **more: Any) -> Published:
    told = {"name": "a memo", "licence": "CC0-1.0", "anonymous": True, **more}
    return tilth.publish({"t.csv": ROWS}, **told, **at)


def test_an_empty_pot_is_said_before_anything_is_stored(
    at: dict[str, Any], client: Client, tmp_path: Path
) -> None:
    before = client.block_number()

    with pytest.raises(
        Refused, match=r"the pot .* has 0 TLTH, and this takes 0.01.* TLTH; nothing was stored"
    ):
        published(at)

    assert client.block_number() == before
    assert not (tmp_path / "keys").exists()


def test_a_fresh_key_publishes_and_nothing_else_is_told(
    at: dict[str, Any], client: Client, alice: Keypair
) -> None:
    client.submit(alice, "TransactionStorage", "donate", {"amount": 1000 * UNIT})
    first, nonce = client.block_number() + 1, nonce_of(client, alice.ss58_address)

    done = published(at, tags=["news"])

    assert done.key_file is not None
    assert done.key_file.stat().st_mode & 0o077 == 0
    key = Keypair.create_from_uri(done.key_file.read_text().strip())
    info = client.query("Datasets", "Datasets", done.dataset)
    assert (info["publisher"], info["name"]) == (key.ss58_address, "a memo")
    assert client.free_balance(key.ss58_address) == client.held_balance(key.ss58_address) == 0
    assert nonce_of(client, key.ss58_address) == 0
    assert nonce_of(client, alice.ss58_address) == nonce
    assert signers(client, first) == set()
    assert client.fetch_dataset(done.dataset) == {"t.csv": ROWS}
    assert client.held_balance(ss58.encode(POT)) > 0


def test_two_publications_have_nothing_in_common(
    at: dict[str, Any], client: Client, alice: Keypair
) -> None:
    client.submit(alice, "TransactionStorage", "donate", {"amount": 1000 * UNIT})
    once, again = published(at, name="one"), published(at, name="two")

    keys = [client.query("Datasets", "Datasets", each.dataset) for each in (once, again)]
    assert keys[0]["publisher"] != keys[1]["publisher"]
    assert again.duplicate_of is not None


@pytest.mark.parametrize("more", [{"key": "//Alice"}, {"revises": 0}])
def test_who_is_named_is_not_anonymous(at: dict[str, Any], more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="anonymous is without a key"):
        published(at, **more)


@pytest.mark.parametrize("bits", [0, 1, 9, 12])
def test_work_is_found_by_trying(bits: int) -> None:
    payload = hashing.blake2_256(b"a payload")
    nonce = work(payload, bits)

    assert is_worked(payload, nonce, bits)
    assert not any(is_worked(payload, less, bits) for less in range(nonce))


def nonce_of(client: Client, address: str) -> int:
    return int(client.query("System", "Account", address)["nonce"])


def signers(client: Client, first: int) -> set[str]:
    """Whose signatures stand in the blocks from this one on."""
    found = set()
    for number in range(first, client.block_number() + 1):
        block = client.ask("chain_getBlock", client.block_hash(number))["block"]
        for extrinsic in map(bytes.fromhex, (text[2:] for text in block["extrinsics"])):
            version = extrinsic[{0: 1, 1: 2, 2: 4}[extrinsic[0] & 3]]
            if version & 0x80:
                found.add(extrinsic.hex())
    return found
