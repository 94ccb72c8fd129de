"""What publishers' documents say, as far as it is shown; none is believed to be well made."""

from collections.abc import Iterator
from typing import Any, Final, TypedDict

_SHOWN_TEXT: Final = 4_000
_SHOWN_FIELDS: Final = 200
_SHOWN_CLASSES: Final = 12


class FieldJson(TypedDict):
    """A column: of which table, of which type, and what it is."""

    table: str
    name: str
    type: str
    description: str


class Described(TypedDict):
    """A Croissant description."""

    description: str
    citeAs: str
    version: str
    url: str
    creators: list[str]
    fields: list[FieldJson]


class ColumnJson(TypedDict):
    """A private table's column, with the bounds that its owner declared."""

    name: str
    type: str
    lower: float | None
    upper: float | None
    classes: list[str]
    classCount: int
    isLabel: bool


def described(document: Any) -> Described:
    """Empty where there is no description, or none that can be read."""
    found = document if isinstance(document, dict) else {}
    return {
        "description": _text(found.get("description")),
        "citeAs": _text(found.get("citeAs")),
        "version": _text(found.get("version")),
        "url": _text(found.get("url")),
        "creators": [_name(each) for each in _list(found.get("creator"))][:_SHOWN_CLASSES],
        "fields": list(_fields(found))[:_SHOWN_FIELDS],
    }


def columns(schema: Any) -> list[ColumnJson]:
    """What a vault publishes of a table before anything is computed on it."""
    found = schema if isinstance(schema, dict) else {}
    label = found.get("label")
    columns = [each for each in _list(found.get("columns")) if isinstance(each, dict)]
    return [_column(each, label) for each in columns[:_SHOWN_FIELDS]]


def _column(column: dict[str, Any], label: object) -> ColumnJson:
    classes = [_text(each) for each in _list(column.get("classes"))]
    return {
        "name": _text(column.get("name")),
        "type": _text(column.get("dtype")),
        "lower": _number(column.get("lower")),
        "upper": _number(column.get("upper")),
        "classes": classes[:_SHOWN_CLASSES],
        "classCount": len(classes),
        "isLabel": column.get("name") == label,
    }


def _fields(document: dict[str, Any]) -> Iterator[FieldJson]:
    for table in _list(document.get("recordSet")):
        for field in _list(table.get("field")) if isinstance(table, dict) else ():
            if isinstance(field, dict):
                yield {
                    "table": _text(table.get("name")),
                    "name": _text(field.get("name")),
                    "type": ", ".join(map(_text, _list(field.get("dataType")))),
                    "description": _text(field.get("description")),
                }


def _name(creator: Any) -> str:
    return _text(creator.get("name")) if isinstance(creator, dict) else _text(creator)


def _list(value: Any) -> list[Any]:
    """JSON-LD writes one of something without brackets."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return value[:_SHOWN_TEXT] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
