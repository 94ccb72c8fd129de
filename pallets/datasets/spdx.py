"""SPDX licence expressions, read strictly: what may be stated as the terms of a dataset."""

import re
from typing import Final

from tilth.pallets.datasets.licences import EXCEPTIONS, LICENCES

# spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions: `idstring` is letters, digits, - and .
_TOKEN: Final = re.compile(r"[()]|[A-Za-z0-9.:+-]+")
_REFERENCE: Final = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")


class _NotAnExpression(Exception):
    pass


def is_expression(text: str) -> bool:
    """Whether the text is an SPDX expression of known licences, exactly as SPDX spells them."""
    try:
        tokens = _tokens(text)
        _either(tokens)
    except _NotAnExpression:
        return False
    return not tokens


def _tokens(text: str) -> list[str]:
    """The tokens, last one first; between words stands one space, inside parentheses none."""
    tokens = _TOKEN.findall(text)
    if " ".join(tokens).replace("( ", "(").replace(" )", ")") != text:
        raise _NotAnExpression
    return tokens[::-1]


def _either(tokens: list[str]) -> None:
    _both(tokens)
    while _next_is(tokens, "OR"):
        _both(tokens)


def _both(tokens: list[str]) -> None:
    _term(tokens)
    while _next_is(tokens, "AND"):
        _term(tokens)


def _term(tokens: list[str]) -> None:
    if _next_is(tokens, "("):
        _either(tokens)
        _require(_next_is(tokens, ")"))
        return
    _require(bool(tokens) and _is_licence(tokens.pop()))
    if _next_is(tokens, "WITH"):
        _require(bool(tokens) and tokens.pop() in EXCEPTIONS)


def _next_is(tokens: list[str], wanted: str) -> bool:
    if tokens and tokens[-1] == wanted:
        tokens.pop()
        return True
    return False


def _require(condition: bool) -> None:
    if not condition:
        raise _NotAnExpression


def _is_licence(token: str) -> bool:
    return token.removesuffix("+") in LICENCES or _REFERENCE.fullmatch(token) is not None
