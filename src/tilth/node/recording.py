"""Recordings of another chain's blocks: a folder of JSON, read into values."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, final

from tilth.primitives.trie import Layout, Trie

Written: TypeAlias = dict[bytes, bytes | None]

_ENDINGS: Final = (".json", ".json.gz")
_CODE: Final = b":code"
VALIDATE: Final = "validate_transaction"
DRY_RUN: Final = "apply_on_parent_state(system_dryRun)"
QUESTIONS: Final = {
    VALIDATE: "TaggedTransactionQueue_validate_transaction",
    DRY_RUN: "BlockBuilder_apply_extrinsic",
    "query_info": "TransactionPaymentApi_query_info",
    "query_fee_details": "TransactionPaymentApi_query_fee_details",
}
"""What was asked about an extrinsic on the state before its block, and of which runtime API."""


class BadRecording(ValueError):
    """A folder or file that is no recording; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class RecordedExtrinsic:
    label: str
    data: bytes
    result: bytes | None
    """None where nobody noted it, as with all below."""
    diff: Written | None
    """What it wrote."""
    answers: Mapping[str, bytes]
    """By the names of `QUESTIONS`."""


@dataclass(frozen=True, slots=True)
class RecordedBlock:
    number: int
    parent: bytes
    opening: bytes | None
    """The header before the block ran, without roots; None where the final one must do."""
    extrinsics: tuple[RecordedExtrinsic, ...]
    begin_diff: Written | None
    end_diff: Written | None
    state_diff: Written | None
    """What is different after the whole block."""
    header: bytes
    state_root: bytes | None
    extrinsics_root: bytes | None
    hash: bytes | None
    events: bytes | None


@dataclass(frozen=True, slots=True)
class Settings:
    """How the recorded runtime was configured, as far as the recorder wrote it down."""

    constants: Mapping[str, bytes]
    """Encoded, by Pallet.Constant."""
    pallets: Mapping[str, int]
    extensions: tuple[str, ...]


@final
class Recording:
    """A folder of scenarios that all go on from one genesis."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BadRecording(f"{folder} is no folder of recordings")
        self._folder = folder

    def read(self, name: str) -> Any:
        """A file's JSON, packed or not."""
        for ending in _ENDINGS:
            path = self._folder / f"{name}{ending}"
            if path.is_file():
                return _parsed(path)
        raise BadRecording(f"{self._folder} has no {name}.json or {name}.json.gz")

    def scenarios(self) -> dict[str, tuple[RecordedBlock, ...]]:
        """The blocks of every file that has some, in the order of the files' names."""
        named = ((name, self.read(name)) for name in self._names())
        found = {
            name: _blocks(name, content["blocks"])
            for name, content in named
            if isinstance(content, dict) and "blocks" in content
        }
        if not any(found.values()):
            raise BadRecording(f"{self._folder} has no file with recorded blocks")
        return found

    def genesis(self, layout: Layout) -> Trie:
        """The state before the first block. Of code that was left out only the hash is known."""
        with _reading("runtime"):
            content = self.read("runtime")
            entries = {raw(key): raw(value) for key, value in content["genesis_storage"].items()}
            known = Trie.from_entries(entries, layout)
            if _CODE in entries:
                return known
            return known.with_digests({_CODE: raw(content["code"]["blake2_256"])})

    def genesis_root(self) -> bytes | None:
        with _reading("runtime"):
            return _optional(self.read("runtime"), "genesis_state_root")

    def settings(self) -> "Settings":
        with _reading("runtime"):
            content = self.read("runtime")
            return Settings(
                constants={
                    name: raw(value) for name, value in content.get("constants", {}).items()
                },
                pallets={name: int(index) for name, index in content.get("pallets", {}).items()},
                extensions=tuple(map(str, content.get("transaction_extensions", ()))),
            )

    def storage_names(self) -> dict[bytes, str]:
        """Names of storage items by their prefix, where the recorder wrote them down."""
        if "storage_prefixes" not in self._names():
            return {}
        with _reading("storage_prefixes"):
            return {raw(key): str(name) for key, name in self.read("storage_prefixes").items()}

    def _names(self) -> list[str]:
        paths = (path.name for path in self._folder.iterdir() if path.name.endswith(_ENDINGS))
        return sorted({name.removesuffix(".gz").removesuffix(".json") for name in paths})


def raw(text: str, length: int = 0) -> bytes:
    """Hex; a long extrinsic is cut where its last byte goes on repeating to the length it has."""
    head, cut, rest = text.removeprefix("0x").partition("...")
    if not cut:
        return bytes.fromhex(head)
    known = bytes.fromhex(head[: len(head) // 2 * 2])
    told = re.search(r"\d+", rest)
    return known.ljust(int(told[0]) if told else length, known[-1:])


def _parsed(path: Path) -> Any:
    try:
        data = path.read_bytes()
        return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadRecording(f"{path.name} is not readable JSON: {error}") from error


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Whatever a file lacks or holds wrongly is the recording's fault."""
    try:
        yield
    except BadRecording:
        raise
    except KeyError as error:
        raise BadRecording(f"{name}: there is no {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise BadRecording(f"{name} is not as recorders write it: {error}") from error


def _blocks(scenario: str, blocks: list[dict[str, Any]]) -> tuple[RecordedBlock, ...]:
    if not isinstance(blocks, list):
        raise BadRecording(f"{scenario}: its blocks are no list")
    found = []
    for position, block in enumerate(blocks):
        with _reading(f"{scenario}, block {position + 1} of {len(blocks)}"):
            found.append(_block(block))
    return tuple(found)


def _block(block: dict[str, Any]) -> RecordedBlock:
    noted = "initialize_diff" in block
    header = raw(block["header"])
    return RecordedBlock(
        number=_number(block["number"]),
        parent=raw(block["parent_hash"]) if "parent_hash" in block else header[:32],
        opening=_optional(block, "initialize_header"),
        extrinsics=tuple(
            _extrinsic(position, extrinsic, noted)
            for position, extrinsic in enumerate(block["extrinsics"])
        ),
        begin_diff=_diff(block["initialize_diff"]) if noted else None,
        end_diff=_diff(block.get("finalize_diff")) if noted else None,
        state_diff=_diff(block["state_diff"]) if "state_diff" in block else None,
        header=header,
        state_root=_optional(block, "state_root"),
        extrinsics_root=_optional(block, "extrinsics_root"),
        hash=_optional(block, "hash"),
        events=_optional(block, "events_raw"),
    )


def _extrinsic(position: int, extrinsic: dict[str, Any] | str, noted: bool) -> RecordedExtrinsic:
    if isinstance(extrinsic, str):
        return RecordedExtrinsic(str(position), raw(extrinsic), None, None, {})
    return RecordedExtrinsic(
        label=str(extrinsic.get("label", position)),
        data=raw(extrinsic["extrinsic"]),
        result=_optional(extrinsic, "apply_result"),
        diff=_diff(extrinsic.get("diff")) if noted else None,
        answers={name: raw(extrinsic[name]) for name in QUESTIONS if name in extrinsic},
    )


def _number(written: int | str) -> int:
    """As JSON has it, or as text, which large numbers need."""
    return int(written, 0) if isinstance(written, str) else int(written)


def _optional(content: Mapping[str, Any], name: str) -> bytes | None:
    return raw(content[name]) if name in content else None


def _diff(diff: dict[str, str | None] | None) -> Written:
    return {raw(key): None if value is None else raw(value) for key, value in (diff or {}).items()}
