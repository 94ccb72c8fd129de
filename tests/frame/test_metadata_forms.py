"""The forms of metadata, held to what real runtimes serve and to what polkadot.js reads there."""

import dataclasses
import gzip
import json
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import pytest

from tilth.frame import Hasher
from tilth.frame.metadata import v14, v15, v16
from tilth.primitives.scale import Codec, DecodeError, codec

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "metadata"
FORMS: Final = {14: v14.MetadataV14, 15: v15.MetadataV15, 16: v16.MetadataV16}
HASHERS: Final = {
    Hasher.BLAKE2_256: "Blake2_256",
    Hasher.BLAKE2_128_CONCAT: "Blake2_128Concat",
    Hasher.TWOX_64_CONCAT: "Twox64Concat",
    Hasher.IDENTITY: "Identity",
}
# What polkadot.js calls our fields.
NAMES: Final = {
    "event": "events",
    "error": "errors",
    "entries": "items",
    "default": "fallback",
    "deprecation": "deprecationInfo",
    "associated_types": "associatedTypes",
    "view_functions": "viewFunctions",
    "outer_enums": "outerEnums",
    "runtime": "type",
    "extensions_by_version": "transactionExtensionsByVersion",
}


def recorded(name: str) -> bytes:
    return gzip.decompress((VECTORS / name).read_bytes())


def form_of(data: bytes) -> Codec[Any]:
    return codec(FORMS[data[4]])


def told(value: Any) -> Any:
    """A description as polkadot.js puts it into JSON."""
    match value:
        case bytes():
            return "0x" + value.hex()
        case tuple():
            return [told(item) for item in value]
        case dict():
            return {str(key): told(item) for key, item in value.items()}
        case Hasher():
            return HASHERS[value]
        case IntEnum():
            return value.name.capitalize()
        case v14.Plain(number):
            return {"plain": number}
        case v14.Map():
            return {"map": fields(value)}
        case v16.NotDeprecated():
            return {"notDeprecated": None}
        case v16.Deprecated():
            return {"deprecated": fields(value)}
        case _:
            return fields(value) if dataclasses.is_dataclass(value) else value


def fields(value: Any) -> dict[str, Any]:
    return {name_of(value, f.name): field(value, f.name) for f in dataclasses.fields(value)}


def name_of(value: Any, name: str) -> str:
    if type(value) in (v15.Extrinsic, v16.Extrinsic, v15.OuterEnums) and name in (
        "address",
        "call",
        "signature",
        "extra",
        "event",
        "error",
    ):
        return f"{name}Type"
    if name == "extensions":
        return "transactionExtensions" if type(value) is v16.Extrinsic else "signedExtensions"
    return NAMES.get(name, name)


def field(value: Any, name: str) -> Any:
    content = getattr(value, name)
    if type(value) in (v14.Pallet, v15.Pallet) and name in ("calls", "event", "error"):
        return None if content is None else {"type": content}
    return told(content)


def without_implicit(described: dict[str, Any]) -> dict[str, Any]:
    """Until version 16 the implicit part of an extension was called another name."""
    text = json.dumps(described).replace('"additionalSigned"', '"implicit"')
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.mark.parametrize("name", sorted(path.name for path in VECTORS.glob("*.scale.gz")))
def test_recorded_metadata_is_read_whole_and_written_back_to_the_same_bytes(name: str) -> None:
    data = recorded(name)

    described = form_of(data).decode(data)

    assert form_of(data).encode(described) == data
    assert described.magic == v14.MAGIC
    assert len(described.body.types.types) > 100


@pytest.mark.parametrize("version", [14, 15, 16])
def test_recorded_metadata_means_what_polkadot_js_reads(version: int) -> None:
    data = recorded(f"kitchensink_v{version}.scale.gz")
    body = told(form_of(data).decode(data).body)
    del body["types"]
    if version > 14:
        body["custom"] = {"map": body["custom"]}

    expected = json.loads(recorded(f"kitchensink_v{version}.json.gz"))["metadata"][f"v{version}"]

    assert body == without_implicit(expected)


@pytest.mark.parametrize("cut", [-1, 1])
def test_a_byte_too_few_or_too_many_is_refused(cut: int) -> None:
    data = recorded("solo2503_v15.scale.gz")
    wrong = data[:-1] if cut < 0 else data + b"\0"

    with pytest.raises(DecodeError):
        form_of(data).decode(wrong)
