"""The OpenRPC document: after the specification, about all that is served, and true of answers."""

import json
import re
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pytest

from tilth.rpc.jsonrpc.openrpc import document
from tilth.rpc.jsonrpc.schema import HashText, Schemas
from tilth.rpc.jsonrpc.table import method_table

PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "openrpc.json"
TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
    "object": dict,
    "array": list,
}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(document(method_table())))
    return plain


@pytest.fixture(scope="module")
def methods(described: dict[str, Any]) -> dict[str, Any]:
    return {method["name"]: method for method in described["methods"]}


def misfits(value: Any, schema: Any, defined: dict[str, Any], where: str = "$") -> list[str]:
    """Where a value does not fit a schema; knows as much of draft 7 as the document uses."""
    if "$ref" in schema:
        schema = defined[schema["$ref"].removeprefix("#/components/schemas/")]
    if "anyOf" in schema:
        tried = [misfits(value, each, defined, where) for each in schema["anyOf"]]
        return [] if [] in tried else [f"{where}: {value!r} fits none of {len(tried)} forms"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is not among {schema['enum']}"]
    if "const" in schema and value != schema["const"]:
        return [f"{where}: {value!r} is not {schema['const']!r}"]
    kind = schema.get("type")
    if kind is not None and not isinstance(value, TYPES[kind]):
        return [f"{where}: {value!r} is no {kind}"]
    if kind == "integer" and isinstance(value, bool):
        return [f"{where}: {value!r} is no integer"]
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{where}: {value!r} is not {schema['pattern']}"]
    if kind == "array":
        return _misfits_of_items(value, schema, defined, where)
    if kind == "object":
        return _misfits_of_members(value, schema, defined, where)
    return []


def _misfits_of_items(value: Any, schema: Any, defined: Any, where: str) -> list[str]:
    items = schema.get("items", {})
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return [f"{where}: {len(value)} items"]
    schemas = items if isinstance(items, list) else [items] * len(value)
    pairs = enumerate(zip(value, schemas, strict=True))
    return [m for i, (v, s) in pairs for m in misfits(v, s, defined, f"{where}[{i}]")]


def _misfits_of_members(value: Any, schema: Any, defined: Any, where: str) -> list[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    wrong = [f"{where}: no {name}" for name in schema.get("required", ()) if name not in value]
    for name, member in value.items():
        if name not in known and others is False:
            wrong.append(f"{where}: {name} is not expected")
        else:
            wrong += misfits(member, known.get(name, others), defined, f"{where}.{name}")
    return wrong


def test_a_published_copy_is_current(described: dict[str, Any]) -> None:
    assert json.loads(PUBLISHED.read_text()) == described, (
        "run: python -m tilth.rpc.jsonrpc > docs/reference/openrpc.json"
    )


DESCRIPTOR = {"name", "summary", "description", "required", "schema", "deprecated"}
METHOD = {"name", "summary", "description", "tags", "params", "result", "errors"}


def test_it_has_the_members_that_the_specification_names(described: dict[str, Any]) -> None:
    assert described.keys() == {"openrpc", "info", "methods", "components"}
    assert re.fullmatch(r"1\.3\.[0-2]", described["openrpc"])
    assert described["info"].keys() <= {"title", "version", "description", "license"}
    assert described["components"].keys() == {"schemas"}


def test_each_method_has_the_members_that_the_specification_names(methods: dict[str, Any]) -> None:
    for name, method in methods.items():
        own = {key for key in method if not key.startswith("x-")}
        assert {"name", "params", "result"} <= own <= METHOD, name
        for descriptor in (*method["params"], method["result"]):
            assert {"name", "schema"} <= descriptor.keys() <= DESCRIPTOR, name
            assert isinstance(descriptor["schema"], dict), name
        for error in method.get("errors", ()):
            assert {"code", "message"} <= error.keys() <= {"code", "message", "data"}, name
            assert isinstance(error["code"], int), name
        assert all(tag.keys() == {"name"} and tag["name"] for tag in method["tags"]), name


def test_names_of_parameters_are_unique_and_optional_ones_come_last(
    methods: dict[str, Any],
) -> None:
    for name, method in methods.items():
        names = [descriptor["name"] for descriptor in method["params"]]
        assert len(names) == len(set(names)), name


def test_every_reference_leads_to_a_definition(described: dict[str, Any]) -> None:
    wanted = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))

    assert wanted == described["components"]["schemas"].keys()


def test_it_tells_of_every_name_that_is_served_and_of_no_other(methods: dict[str, Any]) -> None:
    assert list(methods) == method_table().names()


def test_every_method_says_what_it_does(methods: dict[str, Any]) -> None:
    assert [name for name, method in methods.items() if not method.get("summary")] == []


def test_another_name_of_a_method_says_so(methods: dict[str, Any]) -> None:
    assert methods["chain_getHead"]["x-alias-of"] == "chain_getBlockHash"
    assert methods["unsubscribe_newHead"]["x-alias-of"] == "chain_unsubscribeNewHeads"
    assert methods["chain_getHead"]["result"] == methods["chain_getBlockHash"]["result"]
    assert "x-alias-of" not in methods["chain_getBlockHash"]


def test_what_is_for_the_operator_says_so(methods: dict[str, Any]) -> None:
    assert methods["state_getPairs"]["x-unsafe"] is True
    assert "x-unsafe" not in methods["state_getKeys"]
    denied = {"code": -32601, "message": "RPC call is unsafe to be called externally"}
    assert denied in methods["state_getPairs"]["errors"]


def test_a_subscription_says_how_it_notifies_and_ends(methods: dict[str, Any]) -> None:
    told = methods["chain_subscribeNewHeads"]["x-subscription"]

    assert told == {
        "notification": "chain_newHead",
        "unsubscribe": "chain_unsubscribeNewHeads",
        "item": {"$ref": "#/components/schemas/HeaderJson"},
    }
    assert methods["archive_v1_storage"]["x-subscription"]["item"]["anyOf"]


def test_a_type_that_mentions_itself_is_defined_once() -> None:
    schemas = Schemas()

    schema = schemas.of(list[Link])

    assert schema["items"] == {"$ref": "#/components/schemas/Link"}
    assert schemas.defined["Link"]["properties"]["next"] == {"$ref": "#/components/schemas/Link"}
    assert schemas.defined["Link"]["required"] == ["hash"]


class Link(TypedDict):
    hash: HashText
    next: NotRequired["Link"]


PLAIN = (
    "account_nextIndex:5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
    "archive_v1_finalizedHeight",
    "archive_v1_genesisHash",
    "archive_v1_hashByHeight:1",
    "author_pendingExtrinsics",
    "chainSpec_v1_chainName",
    "chainSpec_v1_properties",
    "chain_getBlock",
    "chain_getBlockHash:[0, 1, 99]",
    "chain_getFinalizedHead",
    "chain_getHeader",
    "rpc.discover",
    "rpc_methods",
    "state_getKeysPaged:0x:5",
    "state_getMetadata",
    "state_getPairs:0x3a",
    'state_getReadProof:["0x3a636f6465"]',
    "state_getRuntimeVersion",
    "state_getStorage:0x3a636f6465",
    "state_getStorageHash:0x3a636f6465",
    "state_getStorageSize:0x3a636f6465",
    'state_queryStorageAt:["0x3a636f6465", "0x00"]',
    "state_trieMigrationStatus",
    "system_chainType",
    "system_health",
    "system_nodeRoles",
    "system_syncState",
    "system_unstable_networkState",
)


def _arguments(call: str) -> tuple[str, list[Any]]:
    name, *texts = call.split(":", 1)
    if name == "state_getKeysPaged":
        return name, ["0x", 5]
    if not texts:
        return name, []
    text = texts[0]
    return name, [json.loads(text) if text[0] == "[" or text.isdigit() else text]


@pytest.mark.parametrize("call", PLAIN)
async def test_answers_fit_what_the_document_says_of_them(
    serving: Any, described: dict[str, Any], methods: dict[str, Any], call: str
) -> None:
    served = await serving()
    served.node.author.build()
    peer = await served.peer()
    name, arguments = _arguments(call)

    result = await peer.ask(name, *arguments)

    schema = methods[name]["result"]["schema"]
    assert misfits(result, schema, described["components"]["schemas"]) == []


async def test_fees_fit_what_the_document_says_of_them(
    serving: Any, described: dict[str, Any], methods: dict[str, Any]
) -> None:
    served = await serving()
    peer = await served.peer()
    remark = served.signed(served.node.runtime.system.remark.call(remark=b"x"))
    defined = described["components"]["schemas"]

    for name in ("payment_queryInfo", "payment_queryFeeDetails", "system_dryRun"):
        result = await peer.ask(name, "0x" + remark.hex())
        assert misfits(result, methods[name]["result"]["schema"], defined) == [], name


async def test_events_fit_what_the_document_says_of_them(
    serving: Any, described: dict[str, Any], methods: dict[str, Any]
) -> None:
    served = await serving()
    peer = await served.peer()
    item = methods["chainHead_v1_follow"]["x-subscription"]["item"]
    defined = described["components"]["schemas"]

    follow = await peer.ask("chainHead_v1_follow", True)
    events = await peer.events_until(follow, "bestBlockChanged")
    served.node.author.build()
    events += await peer.events_until(follow, "finalized")
    started = await peer.ask("chainHead_v1_body", follow, events[-1]["finalizedBlockHashes"][0])
    events += await peer.events_until(follow, "operationBodyDone")

    assert len(events) >= 5
    assert [misfits(event, item, defined) for event in events] == [[]] * len(events)
    answer = methods["chainHead_v1_body"]["result"]["schema"]
    assert misfits(started, answer, defined) == []


def test_the_check_of_answers_finds_what_does_not_fit(described: dict[str, Any]) -> None:
    defined = described["components"]["schemas"]
    header = {"$ref": "#/components/schemas/HeaderJson"}

    assert misfits({"number": "0x01"}, header, defined)
    assert misfits(True, {"type": "integer"}, defined)
    assert misfits([1], {"type": "array", "items": [{}, {}], "minItems": 2}, defined)
