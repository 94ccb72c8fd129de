"""The public schema: one canonical spelling, and no second reading of what somebody published."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.vault.bounds import round_outward
from tilth.vault.errors import SchemaError
from tilth.vault.schema import Categorical, Column, Numeric, Schema

SCHEMA = Schema(
    (Numeric("age", 0, 100), Categorical("sex", ("f", "m")), Categorical("ill", ("no", "yes"))),
    "ill",
)


def test_a_schema_survives_its_json() -> None:
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA


def test_the_json_is_canonical() -> None:
    assert SCHEMA.to_json() == (
        b'{"columns":[{"dtype":"float32","lower":0.0,"name":"age","upper":100.0},'
        b'{"classes":["f","m"],"dtype":"int64","name":"sex"},'
        b'{"classes":["no","yes"],"dtype":"int64","name":"ill"}],"label":"ill","version":1}'
    )


def test_a_bound_has_one_spelling_however_it_was_written() -> None:
    for lower, upper in ((b"0", b"100"), (b"-0.0", b"1e2"), (b"0e9", b"1.000e+2")):
        data = SCHEMA.to_json().replace(b"0.0,", lower + b",", 1).replace(b"100.0", upper)
        assert Schema.from_json(data).hash() == SCHEMA.hash()
        assert Schema.from_json(json.dumps(json.loads(data), indent=1).encode()) == SCHEMA


def test_features_are_what_is_not_the_label() -> None:
    assert [column.name for column in SCHEMA.feature_columns] == ["age", "sex"]
    assert SCHEMA.bounds == ((0.0, 100.0), (0.0, 1.0))
    assert SCHEMA.classes == 2


@pytest.mark.parametrize(
    ("columns", "label", "words"),
    [
        ((), None, "columns"),
        ((Numeric("a", 0, 1), Numeric("a", 0, 1)), None, "same name"),
        ((Numeric(" a", 0, 1),), None, "name"),
        ((Numeric("a\n", 0, 1),), None, "name"),
        ((Numeric("a", 1, 1),), None, "below"),
        ((Numeric("a", 1, 0),), None, "below"),
        ((Numeric("a", 1, 1 + 1e-9),), None, "below"),
        ((Numeric("a", 0, 1e39),), None, "below"),
        ((Numeric("a", float("nan"), 1),), None, "below"),
        ((Categorical("a", ("x",)),), None, "2 to"),
        ((Categorical("a", ("x", "x")),), None, "differ"),
        ((Categorical("a", ("x", "")),), None, "printable"),
        ((Numeric("a", 0, 1),), "b", "not one of"),
        ((Categorical("b", ("x", "y")),), "b", "beside"),
    ],
)
def test_a_schema_that_means_nothing_cannot_be_made(
    columns: tuple[Column, ...], label: str | None, words: str
) -> None:
    with pytest.raises(SchemaError, match=words):
        Schema(columns, label)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":2'),
        (b'"version":1', b'"version":1,"more":0'),
        (b'"version":1', b'"version":1,"version":1'),
        (b'"lower":0.0', b'"lower":0,"mean":37.2'),
        (b'"lower":0.0', b'"lower":true'),
        (b'"lower":0.0', b'"lower":"0"'),
        (b'"lower":0.0', b'"lower":NaN'),
        (b'"upper":100.0', b'"upper":1e999'),
        (b'"upper":100.0', b'"upper":1' + b"0" * 5000),
        (b'"float32"', b'"float64"'),
        (b'["f","m"]', b'["f",1]'),
        (b'["f","m"]', b'"fm"'),
        (b'"label":"ill"', b'"label":["ill"]'),
        (b'{"columns":[', b'{"columns":[3,'),
        (b'"age"', b'"\\ud800"'),
        (b'"age"', b'"\xff"'),
        (b"{", b"\xef\xbb\xbf{"),
        (b"{", b"[" * 100_000 + b"{"),
        (b"{", b" " * (1 << 20) + b"{"),
    ],
)
def test_a_published_schema_is_read_strictly(old: bytes, new: bytes) -> None:
    with pytest.raises(SchemaError):
        Schema.from_json(SCHEMA.to_json().replace(old, new, 1))


def test_other_encodings_and_other_values_are_refused() -> None:
    for data in (SCHEMA.to_json().decode().encode("utf-16"), b"null", b"[]", b""):
        with pytest.raises(SchemaError):
            Schema.from_json(data)


@pytest.mark.parametrize(
    ("lowest", "highest", "bounds"),
    [
        (6.981, 28.11, (0, 30)),
        (0.013, 0.097, (0, 0.1)),
        (1987, 2023, (1980, 2030)),
        (-3.2, 4.1, (-4, 6)),
        (5, 5, (4, 6)),
        (4, 4, (3, 5)),
        (0, 0, (-1, 1)),
    ],
)
def test_suggested_bounds_are_round(
    lowest: float, highest: float, bounds: tuple[float, float]
) -> None:
    assert round_outward(lowest, highest) == bounds


float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(float32s, float32s)
def test_suggested_bounds_hold_the_range_and_can_be_declared(one: float, other: float) -> None:
    lowest, highest = sorted((one, other))
    schema = Schema((Numeric("a", *round_outward(lowest, highest)),))

    ((lower, upper),) = schema.bounds
    assert lower <= lowest <= highest <= upper
    assert upper - lower <= 4 * max(highest - lowest, abs(highest), 1e-36) or highest == 0
