"""Types as JSON Schemas: what a method takes and answers, for a document that clients can read."""

import inspect
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Json: TypeAlias = dict[str, Any]


# Compared by identity: an Annotated type must be hashable to stand in a union.
@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A JSON Schema that an Annotated type carries where the type alone says too little."""

    schema: Mapping[str, Any]


HEX_SHAPE: Final = Shape(
    {"title": "hex", "type": "string", "pattern": "^0x([0-9a-f]{2})*$", "description": "Bytes."}
)
HASH_SHAPE: Final = Shape({"title": "hash", "type": "string", "pattern": "^0x[0-9a-f]{64}$"})
QUANTITY_SHAPE: Final = Shape(
    {
        "title": "quantity",
        "type": "string",
        "pattern": "^0x(0|[1-9a-f][0-9a-f]*)$",
        "description": "A number, in hexadecimal without leading zeros.",
    }
)

HexText: TypeAlias = Annotated[str, HEX_SHAPE]
HashText: TypeAlias = Annotated[str, HASH_SHAPE]
Quantity: TypeAlias = Annotated[str, QUANTITY_SHAPE]
DecimalText: TypeAlias = Annotated[
    str, Shape({"title": "decimal", "type": "string", "pattern": "^(0|[1-9][0-9]*)$"})
]

_PLAIN: Final[dict[object, Json]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    NoneType: {"type": "null"},
    None: {"type": "null"},
    dict: {"type": "object"},
    list: {"type": "array"},
}


class Schemas:
    """Makes schemas; each TypedDict is defined once, by its name."""

    def __init__(self) -> None:
        self.defined: dict[str, Json] = {}

    def of(self, hint: object) -> Json:
        """The schema of a type; anything at all for a type that has no JSON form of its own."""
        if hint in _PLAIN:
            return dict(_PLAIN[hint])
        if is_typeddict(hint):
            return self._of_typed_dict(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._of_annotated(arguments)
        if origin in (Union, UnionType):
            return {"anyOf": [self.of(each) for each in arguments]}
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in (list, AsyncIterator):
            items = self.of(arguments[0])
            return {"type": "array", "items": items} if origin is list else items
        if origin is tuple:
            return self._of_tuple(arguments)
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return {}

    def _of_annotated(self, arguments: tuple[Any, ...]) -> Json:
        for extra in arguments[1:]:
            if isinstance(extra, Shape):
                return dict(extra.schema)
        return self.of(arguments[0])

    def _of_tuple(self, arguments: tuple[Any, ...]) -> Json:
        """A list of fixed length; draft 7, which OpenRPC uses, writes its parts under `items`."""
        count = len(arguments)
        items = [self.of(each) for each in arguments]
        return {"type": "array", "items": items, "minItems": count, "maxItems": count}

    def _of_typed_dict(self, kind: Any) -> Json:
        name = kind.__name__
        if name not in self.defined:
            self.defined[name] = {}  # a type that mentions itself finds this
            self.defined[name] = self._definition(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _definition(self, kind: Any) -> Json:
        members = get_type_hints(kind, include_extras=True)
        schema: Json = {
            "type": "object",
            "properties": {name: self.of(_bare(hint)) for name, hint in members.items()},
            "required": [name for name in members if name in kind.__required_keys__],
            "additionalProperties": False,
        }
        text = inspect.getdoc(kind)
        return {"description": text, **schema} if text and not text.startswith("dict(") else schema


def _bare(hint: Any) -> Any:
    """Without NotRequired, which says something of the member and not of its type."""
    inner = get_args(hint)
    return inner[0] if inner and "equired" in repr(get_origin(hint)) else hint
