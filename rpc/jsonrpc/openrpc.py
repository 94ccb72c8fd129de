"""The OpenRPC document: what the methods' own signatures, docstrings and marks say of them."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final, TypedDict, get_type_hints

from tilth.rpc.jsonrpc.dispatch import Form, Function, Method, MethodTable, Parameter, parse
from tilth.rpc.jsonrpc.errors import UNSAFE_CALL, Fault
from tilth.rpc.jsonrpc.schema import Json, Schemas

SPECIFICATION: Final = "1.3.2"
DISCOVER: Final = "rpc.discover"

INVALID_PARAMS: Final = Fault(-32602, "Invalid params")
TOO_MANY: Final = Fault(-32006, "Too many subscriptions on the connection")

_GROUP: Final = re.compile(r"[A-Za-z]+(_v[0-9]+)?")
_SUBSCRIPTION_ID: Final[Json] = {"type": "string", "pattern": "^[0-9A-Za-z]{16}$"}


class OpenRpc(TypedDict):
    """A document after the OpenRPC specification."""

    openrpc: str
    info: dict[str, Any]
    methods: list[dict[str, Any]]
    components: dict[str, Any]


def add_discovery(table: MethodTable) -> None:
    """Let the table answer `rpc.discover`; the document is made when it is first asked for."""
    made: list[OpenRpc] = []

    def discover(node: object) -> OpenRpc:
        """What this node answers, as an OpenRPC document."""
        if not made:
            made.append(document(table))
        return made[0]

    table.add(replace(parse(discover), name=DISCOVER))


def document(table: MethodTable) -> OpenRpc:
    schemas = Schemas()
    methods = [_described(name, table, schemas) for name in table.names()]
    return {
        "openrpc": SPECIFICATION,
        "info": {
            "title": "Tilth JSON-RPC",
            "version": version("tilth"),
            "description": (
                "HTTP POST and WebSocket on one port. A method marked `x-alias-of` is another "
                "name of that one; `x-unsafe` ones are for the node's operator; those with "
                "`x-subscription` need a WebSocket and notify under the name given there."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "methods": methods,
        "components": {"schemas": dict(sorted(schemas.defined.items()))},
    }


def _described(name: str, table: MethodTable, schemas: Schemas) -> Json:
    method = table.get(name)
    assert method is not None, "a table answers the names it lists"
    group = _GROUP.match(name)
    described: Json = {"name": name, "tags": [{"name": group[0]}] if group else []}
    if method.form is Form.UNSUBSCRIPTION:
        described |= _unsubscription(method)
    else:
        described |= _texts(method.function) | _signature(method, schemas)
    faults = _faults(method)
    if faults:
        described["errors"] = [_error(fault) for fault in faults]
    if name != method.name:
        described["x-alias-of"] = method.name
    if method.unsafe:
        described["x-unsafe"] = True
    return described


def _texts(function: Function) -> Json:
    text = inspect.getdoc(function)
    if text is None:
        return {}
    summary, _, rest = text.partition("\n\n")
    texts = {"summary": " ".join(summary.split()), "description": rest}
    return {key: value for key, value in texts.items() if value}


def _signature(method: Method, schemas: Schemas) -> Json:
    params = [_descriptor(parameter, schemas) for parameter in method.parameters]
    if method.topic is None:
        result = {"name": "result", "schema": schemas.of(_returned(method.function))}
        return {"params": params, "result": result}
    yielded = method.form is Form.STREAM
    item = _returned(method.function) if yielded else method.topic.item
    return {
        "params": params,
        "result": {"name": "subscription", "schema": _SUBSCRIPTION_ID},
        "x-subscription": {
            "notification": method.topic.notification,
            "unsubscribe": method.topic.unsubscribe,
            "item": schemas.of(item),
        },
    }


def _descriptor(parameter: Parameter, schemas: Schemas) -> Json:
    schema = schemas.of(parameter.hint)
    if not parameter.optional:
        return {"name": parameter.names[0], "required": True, "schema": schema}
    return {
        "name": parameter.names[0],
        "required": False,
        "schema": {"anyOf": [schema, {"type": "null"}]} if schema else {},
    }


def _returned(function: Function) -> object:
    holder = type("Returned", (), {"__annotations__": _return_annotation(function)})
    hints = get_type_hints(holder, globalns=function.__globals__, include_extras=True)
    return hints.get("returned", Any)


def _return_annotation(function: Function) -> dict[str, object]:
    annotation = function.__annotations__
    return {"returned": annotation["return"]} if "return" in annotation else {}


def _unsubscription(method: Method) -> Json:
    assert method.topic is not None, "what ends subscriptions knows which"
    return {
        "summary": f"Ends a subscription that notifies by {method.topic.notification}.",
        "params": [{"name": "subscription", "required": True, "schema": _SUBSCRIPTION_ID}],
        "result": {
            "name": "ended",
            "summary": "False where this connection has no such subscription.",
            "schema": {"type": "boolean"},
        },
    }


def _faults(method: Method) -> list[Fault]:
    return [*_common(method), *method.faults]


def _common(method: Method) -> Iterator[Fault]:
    if method.parameters:
        yield INVALID_PARAMS
    if method.unsafe:
        yield UNSAFE_CALL
    if method.topic is not None and method.form is not Form.UNSUBSCRIPTION:
        yield TOO_MANY


def _error(fault: Fault) -> Json:
    error: Json = {"code": fault.code, "message": fault.message}
    return error if fault.data is None else {**error, "data": fault.data}
