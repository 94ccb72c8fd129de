"""The store on a disk: killed, cut, flipped, locked and failing."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import pytest

from tilth.node.audit import verify
from tilth.node.rocks import PAGE, RocksStore
from tilth.node.store import BlockStore, CorruptRecord, StoreError, StoreFailed, StoreInUse
from tilth.primitives.trie import CorruptNode, Layout, Trie, ordered_root

# Adds blocks to the store until it is killed, and tells each number after its commit.
WRITER = """
import sys
from hashlib import blake2b
from pathlib import Path
from tilth.node.rocks import RocksStore
from tilth.node.store import BlockStore
from tilth.primitives.trie import Layout, Trie, ordered_root
from tilth.primitives.trie.nodes import compact

store = BlockStore(RocksStore(Path(sys.argv[1])))
stop = int(sys.argv[2])
best = store.best
if best is None:
    number, parent, state = -1, bytes(32), None
else:
    header = store.header(best)
    number, parent, state = header.number, best, Trie.load(header.state_root, store.fetch)
while number != stop:
    number += 1
    key = blake2b(number.to_bytes(8, "big"), digest_size=32).digest()
    new = (state or Trie.empty()).update({key: key * 2, b"number": b"%d" % number})
    body = [b"extrinsic %d" % number, bytes(500)]
    header = (
        parent + compact(number) + new.root + ordered_root(body, Layout.V0) + b"\\0"
    )
    parent = blake2b(header, digest_size=32).digest()
    store.write_block(
        header, hash=parent, number=number, body=body, nodes=new.nodes_since(state),
        best=parent, finalized=parent,
    )
    state = new
    print(number, flush=True)
"""


def start_writer(base: Path, stop: int = -2) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(base), str(stop)], stdout=subprocess.PIPE, text=True
    )


def finish(writer: subprocess.Popen[str]) -> list[int]:
    """The numbers it acknowledged."""
    told, _ = writer.communicate()
    return [int(line) for line in told.splitlines()]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "some" / "base"


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of forty blocks whose writer was killed, so that they stand in the log alone."""
    base = tmp_path_factory.mktemp("killed")
    writer = start_writer(base)
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 40:
        pass
    writer.kill()
    finish(writer)
    return base


@pytest.fixture(scope="module")
def compacted(killed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same blocks in table files."""
    base = tmp_path_factory.mktemp("compacted") / "base"
    shutil.copytree(killed, base)
    for _ in range(2):
        RocksStore(base).close()  # the log becomes a table when it is opened again
    return base


def test_what_was_committed_is_read_back_in_order(base: Path) -> None:
    store = RocksStore(base)
    store.commit({b"b2": b"", b"b1": b"one", b"a": b"x", b"c": b"y"})
    store.commit({b"c": None, b"a": b"z", b"never": None})
    store.close()
    store = RocksStore(base)

    assert (store.get(b"a"), store.get(b"b2"), store.get(b"c")) == (b"z", b"", None)
    assert list(store.items(b"b")) == [(b"b1", b"one"), (b"b2", b"")]
    assert [key for key, _ in store.items(b"")] == [b"a", b"b1", b"b2"]
    store.close()


def test_a_scan_goes_on_over_its_pages_and_may_be_left(base: Path) -> None:
    store = RocksStore(base)
    table = {b"n" + number.to_bytes(4, "big"): b"%d" % number for number in range(2 * PAGE + 1)}
    store.commit({**table, b"m": b"", b"o": b""})

    assert dict(store.items(b"n")) == table
    scan = store.items(b"")
    assert next(scan) == (b"m", b"")
    store.close()
    RocksStore(base).close()


def test_after_a_kill_every_acknowledged_block_is_there_and_the_store_is_whole(
    base: Path,
) -> None:
    chance = random.Random(2503)
    acknowledged = -1
    for _ in range(4):
        writer = start_writer(base)
        assert writer.stdout is not None
        assert int(writer.stdout.readline()) > acknowledged
        time.sleep(chance.uniform(0, 0.15))
        writer.kill()
        acknowledged = ([acknowledged + 1, *finish(writer)])[-1]

        began = time.monotonic()
        store = BlockStore(RocksStore(base))
        best = store.best
        assert best is not None
        header = store.header(best)
        assert header is not None
        # The last block may have been kept without having been told.
        assert acknowledged <= header.number <= acknowledged + 1
        assert Trie.load(header.state_root, store.fetch).get(b"number") == b"%d" % header.number
        assert store.best == store.finalized
        assert list(verify(store)) == []
        store.close()
        assert time.monotonic() - began < 5
        acknowledged = header.number


def test_a_second_process_is_refused_in_one_line_that_names_the_first(base: Path) -> None:
    store = RocksStore(base)
    script = (
        "import sys; from pathlib import Path; from tilth.node.rocks import RocksStore\n"
        "from tilth.node.store import StoreInUse\n"
        "try: RocksStore(Path(sys.argv[1]))\n"
        "except StoreInUse as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(base)], capture_output=True, text=True, check=True
    )
    assert ran.stdout == (
        f"base path {base} is in use by another process (PID {os.getpid()}); "
        "stop it, or choose another base path\n"
    )
    with pytest.raises(StoreInUse, match="is in use"):
        RocksStore(base)
    (base / "db.pid").unlink()
    with pytest.raises(StoreInUse, match="PID unknown"):
        RocksStore(base)
    store.close()


def test_a_killed_writer_leaves_no_lock(killed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(killed, copy)

    assert (copy / "db.pid").exists()
    RocksStore(copy).close()
    assert not (copy / "db.pid").exists()


def test_a_base_path_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreFailed, match=r"^base path .*file.* cannot be used: .*$"):
        RocksStore(tmp_path / "file" / "below")
    RocksStore(tmp_path / "base").close()
    (tmp_path / "base" / "db" / "CURRENT").write_bytes(b"")
    with pytest.raises(StoreFailed, match=r"^the database in .*base is damaged \(.*\); .*$"):
        RocksStore(tmp_path / "base")
    RocksStore(tmp_path / "lost").close()
    for manifest in (tmp_path / "lost" / "db").glob("MANIFEST-*"):
        manifest.unlink()
    with pytest.raises(StoreFailed, match=r"^the database in .*lost cannot be opened: .*$"):
        RocksStore(tmp_path / "lost")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "db").write_text("in the way")
    with pytest.raises(StoreFailed, match="cannot be used"):
        RocksStore(tmp_path / "other")


def test_a_closed_store_says_so(base: Path) -> None:
    store = RocksStore(base)
    store.close()
    with pytest.raises(StoreFailed, match=r"cannot be read.*closed"):
        store.get(b"key")
    with pytest.raises(StoreFailed, match=r"cannot be read.*closed"):
        list(store.items(b""))
    for _ in range(2):
        with pytest.raises(StoreFailed, match=r"the last commit .* failed .*closed"):
            store.commit({b"key": b""})


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tilth.node.rocks import RocksStore
from tilth.node.store import StoreFailed

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = RocksStore(Path(sys.argv[1]))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
number = 0
try:
    while True:
        store.commit({b"%d" % number: bytes(10_000)})
        number += 1
except StoreFailed as error:
    first = str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert store.get(b"0") == bytes(10_000), "reads go on"
try:
    store.commit({b"later": b""})
except StoreFailed as error:
    assert str(error) == first
    print(number, first)
"""


def test_after_a_failed_write_nothing_more_is_written_though_the_disk_has_room_again(
    base: Path,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(base)], capture_output=True, text=True, check=True
    )
    number, _, line = ran.stdout.strip().partition(" ")

    assert line.startswith(f"the last commit to {base} failed (IO error")
    assert line.endswith("nothing more is written: see to the disk, then start again")
    store = RocksStore(base)
    kept = {key for key, _ in store.items(b"")}
    assert kept >= {b"%d" % acknowledged for acknowledged in range(int(number))}
    assert b"later" not in kept
    store.close()


def log_file(base: Path) -> Path:
    (log,) = (base / "db").glob("*.log")
    return log


def flips(path: Path, times: int) -> Iterator[bytes]:
    chance = random.Random(4)
    data = path.read_bytes()
    for _ in range(times):
        at = chance.randrange(len(data))
        yield data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def answers(base: Path) -> list[object]:
    """All that the store can be asked, or the error with which it declines."""
    store = BlockStore(RocksStore(base))
    try:
        heads: list[object] = [store.best, store.finalized, store.genesis]
        for number in range(42):
            hash = store.hash_at(number)
            header = None if hash is None else store.header(hash)
            if hash is not None and header is not None:
                state = Trie.load(header.state_root, store.fetch)
                heads += [hash, header, store.body(hash), dict(state.items())]
        return heads
    finally:
        store.close()


@pytest.mark.parametrize("where", ["killed", "compacted"])
def test_no_flipped_bit_on_the_disk_changes_an_answer(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    whole: Path = request.getfixturevalue(where)
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    right = answers(copy)
    shutil.rmtree(copy)
    file = max((whole / "db").glob("*.log" if where == "killed" else "*.sst"))
    found = 0
    for flipped in flips(file, 25):
        shutil.copytree(whole, copy)
        (copy / "db" / file.name).write_bytes(flipped)
        try:
            assert answers(copy) == right
        except (StoreError, CorruptNode):
            found += 1
        shutil.rmtree(copy)
    assert found >= 20


def test_verify_goes_on_where_a_table_file_is_damaged(compacted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(compacted, copy)
    table = max((copy / "db").glob("*.sst"))
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    store = BlockStore(RocksStore(copy))

    faults = [str(fault) for fault in verify(store)]
    assert any(fault.startswith("a scan of the records ended early") for fault in faults)
    assert any("cannot be read" in fault or "is missing" in fault for fault in faults)
    with pytest.raises(CorruptRecord, match="cannot be read"):
        list(store.records())
    store.close()


def test_a_commit_cut_off_at_the_end_of_the_log_is_as_if_it_had_not_begun(
    killed: Path, tmp_path: Path
) -> None:
    for cut in (1, 300, 2000):
        copy = tmp_path / str(cut)
        shutil.copytree(killed, copy)
        log = log_file(copy)
        log.write_bytes(log.read_bytes()[:-cut])

        store = BlockStore(RocksStore(copy))
        assert list(verify(store)) == []
        assert store.best is not None
        store.close()


def test_a_log_damaged_before_its_end_is_refused_and_salvaged_only_on_demand(
    killed: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(killed, copy)
    log = log_file(copy)
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)

    with pytest.raises(StoreFailed, match=r"is damaged .*`tilth db repair`"):
        RocksStore(copy)
    store = BlockStore(RocksStore(copy, salvage=True))
    assert list(verify(store)) == []
    assert store.best is not None
    best = store.header(store.best)
    assert best is not None
    assert 5 < best.number < 35
    store.close()


def test_a_store_written_by_one_process_is_read_by_another(base: Path) -> None:
    assert finish(start_writer(base, stop=3)) == [0, 1, 2, 3]

    store = BlockStore(RocksStore(base))
    assert store.best is not None
    header = store.header(store.best)
    assert header is not None
    assert header.number == 3
    assert header.extrinsics_root == ordered_root([b"extrinsic 3", bytes(500)], Layout.V0)
    assert store.best == blake2b(header.encoded, digest_size=32).digest()
    store.close()
