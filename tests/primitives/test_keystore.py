"""The node's keystore: Substrate's layout, for its owner's eyes only."""

import json
import logging
import os
import stat
import traceback
from pathlib import Path

import pytest

from tilth.primitives.crypto.keypair import InvalidSecret, Keypair, Scheme, generate_mnemonic
from tilth.primitives.crypto.keystore import Keystore, KeystoreError

ALICE = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_lies_where_substrate_looks_for_it(tmp_path: Path) -> None:
    store = Keystore(tmp_path / "chains" / "dev" / "keystore")

    store.insert(b"aura", "//Alice")

    (path,) = store.directory.iterdir()
    assert path.name == b"aura".hex() + ALICE
    assert path.read_text() == '"//Alice"'


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = Keystore(tmp_path / "keystore")
        store.insert(b"aura", "//Alice")
    finally:
        os.umask(old)

    assert mode(store.directory) == 0o700
    assert [mode(path) for path in store.directory.iterdir()] == [0o600]


def test_an_open_directory_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    Keystore(tmp_path)

    assert mode(tmp_path) == 0o700


@pytest.mark.parametrize("scheme", ["sr25519", "ed25519", "ecdsa"])
def test_a_kept_pair_signs_after_a_restart(tmp_path: Path, scheme: Scheme) -> None:
    kept = Keystore(tmp_path).insert(b"work", generate_mnemonic() + "//node", scheme)

    pair = Keystore(tmp_path).pair(b"work", kept.public)

    assert pair == kept
    assert kept.verify(pair.sign(b"a beat"), b"a beat")


def test_keys_are_kept_apart_by_purpose(tmp_path: Path) -> None:
    store = Keystore(tmp_path)
    aura = sorted(store.insert(b"aura", f"//{name}").public for name in ("Bob", "Alice", "Eve"))
    gran = store.insert(b"gran", "//Alice", "ed25519").public
    (tmp_path / "notes.txt").write_text("of another program")

    assert store.keys(b"aura") == aura
    assert store.keys(b"gran") == [gran]
    assert store.keys(b"imon") == []


def test_a_soft_path_is_found_again(tmp_path: Path) -> None:
    store = Keystore(tmp_path)

    assert store.pair(b"aura", store.insert(b"aura", "//Alice/soft").public)


def test_keeping_a_key_twice_keeps_it_once(tmp_path: Path) -> None:
    store = Keystore(tmp_path)

    store.insert(b"aura", "//Alice")
    store.insert(b"aura", "//Alice")

    assert len(list(tmp_path.iterdir())) == 1


def test_an_absent_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match=ALICE):
        Keystore(tmp_path).pair(b"aura", bytes.fromhex(ALICE))


@pytest.mark.parametrize("key_type", [b"", b"aur", b"auras"])
def test_a_purpose_has_four_letters(tmp_path: Path, key_type: bytes) -> None:
    with pytest.raises(KeystoreError, match=f"4 bytes, not {len(key_type)}"):
        Keystore(tmp_path).insert(key_type, "//Alice")


def test_a_bad_secret_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidSecret):
        Keystore(tmp_path).insert(b"aura", "no such phrase")

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space"):
        Keystore(tmp_path).insert(b"aura", "//Alice")
    assert list(tmp_path.iterdir()) == []


SECRET = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.mark.parametrize(
    "content",
    [
        f'"{SECRET}',
        f'"{SECRET}//of another key"',
        f'"{SECRET} and more"',
        f'["{SECRET}"]',
        SECRET,
        "",
    ],
)
def test_a_damaged_file_is_named_and_its_content_is_not(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Keystore(tmp_path)
    (path := tmp_path / (b"aura".hex() + ALICE)).write_text(content)

    with pytest.raises(KeystoreError) as caught:
        store.pair(b"aura", bytes.fromhex(ALICE))
    logging.getLogger("test").exception("The key cannot be used", exc_info=caught.value)

    assert str(path) in str(caught.value)
    assert "sausage" not in "".join(traceback.format_exception(caught.value)) + caplog.text


def test_a_keystore_shows_its_place_alone(tmp_path: Path) -> None:
    store = Keystore(tmp_path)
    pair = store.insert(b"aura", SECRET)

    assert repr(store) == f"Keystore({tmp_path})"
    assert "sausage" not in repr((store, store.__dict__, pair))


def test_a_file_written_by_substrate_is_read(tmp_path: Path) -> None:
    phrase = json.dumps("0x" + "8b" * 32)
    expected = Keypair.from_seed(b"\x8b" * 32, "ed25519")
    (tmp_path / (b"gran".hex() + expected.public.hex())).write_text(phrase)

    assert Keystore(tmp_path).pair(b"gran", expected.public).scheme == "ed25519"
