"""Chain specifications as files: how a chain begins, key by key, in Substrate's raw form."""

import json
from collections.abc import Mapping
from typing import Any

from tilth.node.chain_spec import ChainSpec


class BadSpec(ValueError):
    """A file that is no raw chain specification; the text says what is missing."""


def read_spec(text: str) -> ChainSpec:
    """Raises BadSpec."""
    try:
        spec = json.loads(text)
        top = spec["genesis"]["raw"]["top"]
        return ChainSpec(
            name=str(spec["name"]),
            id=str(spec["id"]),
            chain_type=_chain_type(spec.get("chainType", "Live")),
            genesis={},
            properties=dict(spec.get("properties") or {}),
            raw={_unhex(key): _unhex(value) for key, value in top.items()},
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise BadSpec(
            "this is no raw chain specification: it must be JSON with name, id and "
            f"genesis.raw.top, which has a value for each key, both in hex ({error})"
        ) from None


def write_spec(spec: ChainSpec, state: Mapping[bytes, bytes]) -> str:
    """The file that stands for the chain; `state` is all that is stored before its first block."""
    top = {f"0x{key.hex()}": f"0x{value.hex()}" for key, value in sorted(state.items())}
    described: dict[str, Any] = {
        "name": spec.name,
        "id": spec.id,
        "chainType": spec.chain_type,
        "bootNodes": [],
        "telemetryEndpoints": None,
        "protocolId": None,
        "properties": dict(spec.properties),
        "codeSubstitutes": {},
        "genesis": {"raw": {"top": top, "childrenDefault": {}}},
    }
    return json.dumps(described, indent=2) + "\n"


def _chain_type(given: Any) -> Any:
    if given not in ("Development", "Local", "Live"):
        raise ValueError(f"the chain's type is {given!r}; it is Development, Local or Live")
    return given


def _unhex(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError(f"{text[:20]!r} is not hex: it does not begin with 0x")
    return bytes.fromhex(text[2:])
