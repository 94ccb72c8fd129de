"""Licence expressions are read as SPDX defines them, and nothing else passes for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.pallets.datasets import is_expression


@pytest.mark.parametrize(
    "text",
    [
        "CC0-1.0",
        "CC-BY-4.0",
        "GPL-2.0-or-later WITH Classpath-exception-2.0",
        "MIT OR Apache-2.0",
        "MIT AND (CC-BY-4.0 OR CC0-1.0)",
        "((MIT))",
        "(MIT) AND (CC0-1.0)",
        "Apache-1.1+",
        "LicenseRef-Hospital.Terms-2",
        "DocumentRef-terms:LicenseRef-1",
        "etalab-2.0",
    ],
)
def test_expressions_pass(text: str) -> None:
    assert is_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "MIT ",
        " MIT",
        "MIT  OR ISC",
        "MIT\tOR ISC",
        "MIT\nOR ISC",
        "mit",
        "MIT or ISC",
        "MIT ISC",
        "MIT OR",
        "OR MIT",
        "AND",
        "(MIT",
        "MIT)",
        "()",
        "( MIT )",
        "MIT(ISC)",
        "MIT WITH",
        "MIT WITH MIT",
        "WITH LLVM-exception",
        "MIT WITH LLVM-exception WITH LLVM-exception",
        "MIT++",
        "LicenseRef-",
        "LicenseRef-a_b",
        "DocumentRef-:LicenseRef-a",
        "NONE",
        "NOASSERTION",
        "proprietary",
        "MIT; DROP",
        "ＭＩＴ",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    assert not is_expression(text)


def test_deep_nesting_within_the_field_is_read() -> None:
    assert is_expression("(" * 30 + "MIT" + ")" * 30)


_LICENCES = st.sampled_from(["MIT", "CC0-1.0", "ISC+", "LicenseRef-x"])
_EXPRESSIONS = st.recursive(
    _LICENCES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(" ".join),
        inner.map(lambda text: f"({text})"),
    ),
)


@given(_EXPRESSIONS)
def test_every_combination_is_an_expression(text: str) -> None:
    assert is_expression(text)


@given(_EXPRESSIONS, st.data())
def test_a_lost_parenthesis_is_noticed(text: str, data: st.DataObject) -> None:
    places = [place for place, letter in enumerate(text) if letter in "()"]
    if places:
        lost = data.draw(st.sampled_from(places))
        assert not is_expression(text[:lost] + text[lost + 1 :])


@given(st.text(max_size=64))
def test_any_text_is_judged(text: str) -> None:
    assert is_expression(text) in (True, False)
