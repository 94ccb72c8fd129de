"""Replaying recordings from the command line, and saying in words where a runtime differs."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tilth.cli.replay import run_replay

VECTORS = Path(__file__).parents[1] / "vectors" / "solo2503"
SOLO = "tilth.runtime.solo2503:Solo2503"

Change = Callable[[Any], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A genesis and the recording of empty blocks."""
    for name in ("runtime", "empty"):
        shutil.copy(VECTORS / f"{name}.json.gz", tmp_path)
    return tmp_path


def change(folder: Path, name: str, how: Change) -> None:
    """Change a recording, and leave it unpacked."""
    packed = folder / f"{name}.json.gz"
    content = json.loads(gzip.decompress(packed.read_bytes()))
    how(content)
    packed.unlink()
    (folder / f"{name}.json").write_text(json.dumps(content))


def test_our_own_recording_is_identical(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_replay(VECTORS, SOLO) == 0
    assert capsys.readouterr().out == "blocks identical 40 of 40\n"


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("state_root", "0x00", "whole block: state root, noted apart: recorded 0x00, ours 0x"),
        ("extrinsics_root", "0x00", "whole block: extrinsics root, noted apart: recorded 0x00"),
        ("number", 7, "before the block: number of the block: recorded 7, ours 1, as the reco"),
        ("finalize_diff", {"0x1234": "0x01"}, "finalize: 0x1234: recorded 0x01, ours not wri"),
    ],
)
def test_whatever_was_noted_is_compared(
    folder: Path, part: str, value: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(folder, "empty", lambda content: content["blocks"][0].update({part: value}))

    assert run_replay(folder, SOLO) == 1
    assert f"first difference: empty, block {value if part == 'number' else 1}, {said}" in (
        capsys.readouterr().out
    )


def test_an_event_that_differs_is_told_by_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def heavier(content: Any) -> None:
        block = content["blocks"][0]
        block["events_raw"] = block["events_raw"].replace("753e5517", "763e5517", 1)

    change(folder, "empty", heavier)

    assert run_replay(folder, SOLO) == 1
    first = capsys.readouterr().out.splitlines()[1]
    said = 'event 0: recorded System.ExtrinsicSuccess {"dispatchInfo": {"weight": {"refTime": '
    assert f"block 1, whole block: {said}" in first
    assert first.endswith('"paysFee": "Yes"}} (ApplyExtrinsic(index=0))')


@pytest.mark.parametrize("told", ["0x00", None])
def test_events_are_compared_in_what_each_extrinsic_writes(
    folder: Path, capsys: pytest.CaptureFixture[str], told: str | None
) -> None:
    events = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7"

    def silent(content: Any) -> None:
        content["blocks"][0]["extrinsics"][0]["diff"][events] = told

    change(folder, "empty", silent)

    assert run_replay(folder, SOLO) == 1
    said = "System.Events: recorded deleted, ours 0x" if told is None else "event 0: recorded none"
    assert f"block 1, apply, extrinsic 'inherent': {said}" in capsys.readouterr().out


def test_blocks_that_are_no_list_are_no_recording(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(folder, "empty", lambda content: content.update(blocks=5))

    assert run_replay(folder, SOLO) == 1
    assert capsys.readouterr().err == "tilth: empty: its blocks are no list\n"


def test_a_write_that_differs_is_told_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def another_time(content: Any) -> None:
        diff = content["blocks"][1]["extrinsics"][0]["diff"]
        (now,) = (key for key, value in diff.items() if value == TIME)
        diff[now] = "0x0100000000000000"

    TIME = "0x108fe5cf8b010000"
    change(folder, "empty", another_time)

    assert run_replay(folder, SOLO) == 1
    count, first = capsys.readouterr().out.splitlines()
    assert count == "blocks identical 3 of 4"
    assert first == (
        "first difference: empty, block 2, apply, extrinsic 'inherent': Timestamp.Now: "
        f"recorded 0x0100000000000000, ours {TIME}"
    )


def test_recorded_names_of_storage_come_before_our_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def more_at_the_end(content: Any) -> None:
        content["blocks"][0]["finalize_diff"]["0xabcd01"] = "0x00"

    change(folder, "empty", more_at_the_end)
    (folder / "storage_prefixes.json").write_text(json.dumps({"0xabcd": "Theirs.Item"}))

    assert run_replay(folder, SOLO) == 1
    assert "block 1, finalize: Theirs.Item 01: recorded 0x00, ours not written" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("part", "name"),
    [("events_raw", "events"), ("hash", "hash")],
)
def test_every_part_of_a_block_counts(
    folder: Path, capsys: pytest.CaptureFixture[str], part: str, name: str
) -> None:
    def another(content: Any) -> None:
        content["blocks"][3][part] = "0x04"

    change(folder, "empty", another)

    assert run_replay(folder, SOLO) == 1
    assert f"block 4, whole block: {name}: recorded 0x04, ours 0x" in capsys.readouterr().out


def test_an_answer_before_the_block_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def another_fee(content: Any) -> None:
        content["blocks"][0]["extrinsics"][1]["query_info"] = "0x00"

    for name in ("runtime", "sig_kinds"):
        shutil.copy(VECTORS / f"{name}.json.gz", tmp_path)
    change(tmp_path, "sig_kinds", another_fee)

    assert run_replay(tmp_path, SOLO) == 1
    said = capsys.readouterr().out
    assert "sig_kinds, block 1, before the block, extrinsic 'fund ed25519': query_info:" in said


def test_another_genesis_is_a_difference(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def poorer(content: Any) -> None:
        content["genesis_storage"].popitem()

    change(folder, "runtime", poorer)

    assert run_replay(folder, SOLO) == 1
    count, first = capsys.readouterr().out.splitlines()
    assert count == "blocks identical 0 of 4"
    assert "state root of the genesis: recorded 0xdb4f" in first


def test_a_runtime_that_breaks_is_a_difference(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def undecodable(content: Any) -> None:
        content["blocks"][0]["extrinsics"][0]["extrinsic"] = "0x0405"

    change(folder, "empty", undecodable)

    assert run_replay(folder, SOLO) == 1
    assert "block 1, apply, extrinsic 'inherent': execution: recorded done, ours DecodeError" in (
        capsys.readouterr().out
    )


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_what_is_no_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_replay(tmp_path / "nowhere", SOLO) == 1
    assert "nowhere is no folder of recordings" in said(capsys)


@pytest.mark.parametrize(
    ("runtime", "why"),
    [
        ("Solo2503", "is not module:Class"),
        ("no_such_module:Solo2503", "there is no module 'no_such_module'"),
        ("tilth.runtime.solo2503:Nothing", "is not a Runtime"),
    ],
)
def test_what_is_no_runtime_is_refused(
    capsys: pytest.CaptureFixture[str], runtime: str, why: str
) -> None:
    assert run_replay(VECTORS, runtime) == 1
    assert why in said(capsys)


def _no_blocks(content: Any) -> None:
    content["blocks"] = []


def _headless(content: Any) -> None:
    del content["blocks"][2]["header"]


def _no_hex(content: Any) -> None:
    content["blocks"][0]["events_raw"] = "0xzz"


def _no_header(content: Any) -> None:
    content["blocks"][1]["header"] = "0x00"


def _no_code(content: Any) -> None:
    del content["code"]


@pytest.mark.parametrize(
    ("name", "how", "why"),
    [
        ("empty", _no_blocks, "has no file with recorded blocks"),
        ("empty", _headless, "empty, block 3 of 4: there is no 'header'"),
        ("empty", _no_hex, "empty, block 1 of 4 is not as recorders write it"),
        ("empty", _no_header, "empty, block 2: not a header of this runtime"),
        ("runtime", _no_code, "runtime: there is no 'code'"),
    ],
)
def test_a_malformed_recording_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, how: Change, why: str
) -> None:
    change(folder, name, how)

    assert run_replay(folder, SOLO) == 1
    assert why in said(capsys)


def test_a_file_that_is_no_json_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "runtime.json.gz").write_bytes(b"no gzip")

    assert run_replay(folder, SOLO) == 1
    assert "runtime.json.gz is not readable JSON" in said(capsys)


def test_settings_that_differ_are_told_beside_the_difference(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_replay(folder, "tilth.runtime.minimal:Minimal") == 1

    said = capsys.readouterr().out
    assert "configured otherwise: Sudo has index 6, ours 3" in said
    assert "configured otherwise: System.BlockHashCount is 0x60090000, ours 0x00010000" in said
    assert "configured otherwise: its transaction extensions are CheckNonZeroSender, " in said


def test_a_recording_may_note_no_more_than_its_blocks(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other names, numbers as text, extrinsics as hex, headers alone; other files beside them."""

    def barest(content: Any) -> None:
        for block in content["blocks"]:
            kept = {"number": hex(block["number"]), "header": block["header"]}
            kept["extrinsics"] = [extrinsic["extrinsic"] for extrinsic in block["extrinsics"]]
            block.clear()
            block.update(kept)

    def only_storage(content: Any) -> None:
        kept = {name: content[name] for name in ("genesis_storage", "code")}
        content.clear()
        content.update(kept)

    change(folder, "empty", barest)
    change(folder, "runtime", only_storage)
    (folder / "empty.json").rename(folder / "block-by-block.json")
    (folder / "notes.json").write_text('["no blocks here"]')
    (folder / "README.md").write_text("Recorded.")

    assert run_replay(folder, SOLO) == 0
    assert capsys.readouterr().out == "blocks identical 4 of 4\n"


def test_a_header_alone_still_has_to_be_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def another_root(content: Any) -> None:
        block = content["blocks"][2]
        header = bytearray.fromhex(block["header"][2:])
        header[40] ^= 1
        kept = {"number": 3, "header": f"0x{header.hex()}", "extrinsics": block["extrinsics"]}
        block.clear()
        block.update(kept)

    change(folder, "empty", another_root)

    assert run_replay(folder, SOLO) == 1
    assert "empty, block 3, whole block: state root: recorded" in capsys.readouterr().out
