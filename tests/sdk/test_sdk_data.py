"""Content and public datasets through the SDK, against a node in another process."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from substrateinterface import Keypair, KeypairType
from substrateinterface.utils.ss58 import ss58_decode

from tilth.sdk import BadTable, Client, Refused, Unreachable, WrongContent
from tilth.sdk.connection import Connection
from tilth.sdk.contents import CHUNK_BYTES, fetch
from tilth.sdk.storing import SignedStores


@pytest.mark.parametrize("data", [b"x", b"0x41", "Größe".encode(), bytes(range(256)) * 5000])
def test_content_comes_back_as_it_was_published(
    client: Client, alice: Keypair, data: bytes
) -> None:
    hash = client.publish_content(alice, data)

    assert hash == sha256(data).digest()
    assert client.fetch(hash) == data


def test_content_that_is_there_is_not_stored_again(client: Client, alice: Keypair) -> None:
    client.publish_content(alice, b"once")
    before = client.free_balance(alice.ss58_address)

    client.publish_content(alice, b"once")

    assert client.free_balance(alice.ss58_address) == before


def test_many_contents_keep_their_order(client: Client, alice: Keypair) -> None:
    contents = [b"part %d" % at for at in range(60)]

    hashes = client.publish_contents(alice, contents)

    assert hashes == [sha256(content).digest() for content in contents]
    assert all(client.fetch(hash) == data for hash, data in zip(hashes, contents, strict=True))


def test_content_beyond_the_limit_is_refused_in_the_chains_words(
    client: Client, alice: Keypair
) -> None:
    with pytest.raises(Refused, match="empty or larger than one transaction may store") as caught:
        client.publish_content(alice, bytes(2 * 1024 * 1024 + 1))

    assert caught.value.name == "TransactionStorage.BadDataSize"


def test_a_refused_content_does_not_end_the_use_of_the_client(
    client: Client, alice: Keypair
) -> None:
    with pytest.raises(Refused):
        client.publish_contents(alice, [b"before", b"", *(b"after %d" % at for at in range(20))])

    assert client.fetch(client.publish_content(alice, b"afterwards")) == b"afterwards"


def test_unknown_content_is_a_lookup_error(client: Client) -> None:
    with pytest.raises(LookupError):
        client.fetch(bytes(32))


def test_bytes_that_do_not_have_the_hash_are_not_returned(
    client: Client, alice: Keypair, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, other = client.publish_contents(alice, [b"true", b"other"])
    connection: Connection = client._connection
    answer = connection.content.Fetch

    def lying(request: object) -> object:
        request.content_hash = other  # type: ignore[attr-defined]
        return answer(request)  # type: ignore[arg-type]

    monkeypatch.setattr(connection.content, "Fetch", lying)

    with pytest.raises(WrongContent, match=true.hex()):
        fetch(connection, true)


def test_a_folder_comes_back_file_by_file(client: Client, alice: Keypair, tmp_path: Path) -> None:
    files = {
        "table.csv": b"a,b\n1,2\n3,4\n",
        "images/one.bin": bytes(range(256)) * (CHUNK_BYTES // 128),
        "empty.txt": b"",
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    heard: list[int] = []

    number = client.publish_dataset(
        alice, tmp_path, name="things", spdx="CC0-1.0", tags=["a", "b"], progress=heard.append
    )

    dataset = client.dataset(number)
    assert client.fetch_dataset(number) == files
    assert sum(heard) == dataset.head.size_bytes == sum(map(len, files.values()))
    assert (dataset.name, dataset.spdx, list(dataset.tags)) == ("things", "CC0-1.0", ["a", "b"])
    assert dataset.head.rows == 2


def test_metadata_names_the_files_with_the_hashes_of_the_manifest(
    client: Client, alice: Keypair
) -> None:
    number = client.publish_dataset(
        alice, {"t.csv": b"a,b\n1,2\n"}, name="described", spdx="MIT", description="Two numbers."
    )
    head = client.dataset(number).head

    manifest = json.loads(client.fetch(head.manifest))
    described = json.loads(client.fetch(head.metadata))

    assert described["@context"]["@vocab"] == "https://schema.org/"
    assert described["license"] == "https://spdx.org/licenses/MIT"
    (file,), (listed,) = described["distribution"], manifest["files"]
    assert file["sha256"] == listed["sha256"] == sha256(b"a,b\n1,2\n").hexdigest()
    (records,) = described["recordSet"]
    columns = [field["source"]["extract"]["column"] for field in records["field"]]
    assert columns == ["a", "b"]


def test_the_chain_knows_a_dataset_that_says_the_same(client: Client, alice: Keypair) -> None:
    first = client.publish_dataset(
        alice, {"x.csv": b"n,m\n7,8\n9,10\n"}, name="one", spdx="CC0-1.0"
    )

    second = client.publish_dataset(
        alice, {"y.csv": b"m,n\n10,9\n8,7\n"}, name="other", spdx="CC0-1.0"
    )

    prints = [client.dataset(number).head.fingerprint for number in (first, second)]
    assert prints[0] == prints[1]


def test_a_bad_licence_is_refused_in_the_chains_words(client: Client, alice: Keypair) -> None:
    with pytest.raises(Refused, match="not an SPDX expression of known licences") as caught:
        client.publish_dataset(alice, {"a": b"a"}, name="unlicensed", spdx="Do what you want")

    assert caught.value.name == "Datasets.BadSpdx"


def test_a_ragged_csv_is_refused_by_file_and_line(client: Client, alice: Keypair) -> None:
    with pytest.raises(BadTable, match=r"bad\.csv, line 3: expected 2 cells, found 3"):
        client.publish_dataset(
            alice, {"bad.csv": b"a,b\n1,2\n1,2,3\n"}, name="ragged", spdx="CC0-1.0"
        )


def test_nothing_to_publish_is_said(client: Client, alice: Keypair, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no file to publish"):
        client.publish_dataset(alice, tmp_path, name="empty", spdx="CC0-1.0")


def test_an_account_without_money_hears_why(client: Client, bob: Keypair) -> None:
    poor = Keypair.create_from_uri("//Nobody")

    with pytest.raises(Refused, match="Inability to pay some fees"):
        client.submit(poor, "System", "remark", {"remark": "0x00"})


def test_an_error_that_all_pallets_share_has_its_name(
    client: Client, alice: Keypair, bob: Keypair
) -> None:
    with pytest.raises(Refused) as caught:
        client.submit(
            alice,
            "Balances",
            "transfer_allow_death",
            {"dest": bob.ss58_address, "value": 5 * 10**18},
        )

    assert caught.value.name == "Token.FundsUnavailable"


def test_a_receipt_tells_what_happened_and_what_it_cost(
    client: Client, alice: Keypair, bob: Keypair
) -> None:
    before = client.free_balance(alice.ss58_address)

    receipt = client.submit(
        alice, "Balances", "transfer_keep_alive", {"dest": bob.ss58_address, "value": 5}
    )

    transfer = receipt.one("Balances", "Transfer")
    assert (transfer["to"], transfer["amount"]) == (bob.ss58_address, 5)
    assert client.free_balance(alice.ss58_address) == before - 5 - receipt.fee
    assert receipt.fee > 0
    with pytest.raises(LookupError, match=r"no Balances\.Burned"):
        receipt.one("Balances", "Burned")


def test_a_node_that_is_not_there_is_said_by_either_face(client: Client, alice: Keypair) -> None:
    with pytest.raises(Unreachable, match=r"JSON-RPC at ws://127\.0\.0\.1:9"):
        Client("ws://127.0.0.1:9", "127.0.0.1:9")
    with (
        Client(client._connection.url, "127.0.0.1:9") as half,
        pytest.raises(Unreachable, match=r"gRPC at 127\.0\.0\.1:9"),
    ):
        half.fetch(bytes(32))


@pytest.mark.parametrize("kind", [KeypairType.ED25519, KeypairType.SR25519])
@pytest.mark.parametrize("size", [1, 100, 20_000, 70_000])
def test_an_extrinsic_that_stores_is_what_substrate_interface_makes_but_for_its_signature(
    client: Client, kind: int, size: int
) -> None:
    """Its own codec takes the same bytes apart again; sr25519 signs anew each time."""
    pair = Keypair.create_from_seed("0x" + "17" * 32, crypto_type=kind)
    connection: Connection = client._connection
    data = bytes(range(251)) * (size // 251 + 1)
    params = {"cid": {"codec": 0x55, "hashing": "Sha2_256"}, "data": data}
    expected = connection.signed(
        pair, "TransactionStorage", "store_with_cid_config", params, nonce=1
    )

    stores = SignedStores(connection, pair, 0x55)
    stores.storing(b"the first nonce", b"")
    made = stores.storing(data, b"")

    at = made.index(bytes.fromhex(ss58_decode(pair.ss58_address))) + 33
    assert len(made) == len(expected)
    assert made[:at] == expected[:at]
    assert made[at + 64 :] == expected[at + 64 :]
