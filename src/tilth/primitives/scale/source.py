"""Generated Python: functions written as text, compiled once, and shown in tracebacks."""

from __future__ import annotations

import itertools
import linecache
from struct import Struct as Layout
from struct import error as struct_error
from typing import Any
from zlib import crc32

from tilth.primitives.scale import errors
from tilth.primitives.scale.compacts import SMALL, compact, compact_rest
from tilth.primitives.scale.shapes import Shape, Struct, recursive_structs

DEPTH_LIMIT = 256
"""Levels of a type that contains itself: Substrate's MAX_EXTRINSIC_DEPTH."""

_RUNTIME: dict[str, object] = {
    "struct_error": struct_error,
    "SMALL": SMALL,
    "BOOLS": {False: 0, True: 1},
    "compact": compact,
    "compact_rest": compact_rest,
    "from_bytes": int.from_bytes,
    **{
        name: getattr(errors, name)
        for name in (
            "DecodeError",
            "EncodeError",
            "bad_tag",
            "inexact",
            "nested_too_deep",
            "no_variant",
            "short",
            "too_deep",
            "too_long",
            "too_many",
            "trailing",
            "wrong_length",
        )
    },
}


class Source:
    """The functions for one annotation, and the constants they refer to."""

    def __init__(self, shape: Shape) -> None:
        self.title = str(shape)
        self.recursive = recursive_structs(shape)
        self.functions: dict[Struct, str] = {}
        self._texts: list[str] = []
        self._space = dict(_RUNTIME)
        self._bound: dict[tuple[str, int], str] = {}
        self._numbers = itertools.count()

    def fresh(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers)}"

    def bind(self, prefix: str, value: object) -> str:
        """A name under which the functions see a value."""
        key = (prefix, id(value))
        if key not in self._bound:
            self._bound[key] = self.fresh(prefix)
            self._space[self._bound[key]] = value
        return self._bound[key]

    def bind_as(self, name: str, value: object) -> None:
        self._space[name] = value

    def layout(self, kind: str, codes: str) -> str:
        """A name for the `unpack_from`, `unpack`, `iter_unpack` or `pack` of a byte layout."""
        name = f"{kind}_{codes}"
        self._space.setdefault(name, getattr(Layout(f"<{codes}"), kind))
        return name

    def add(self, text: str) -> None:
        self._texts.append(text)

    def build(self) -> dict[str, Any]:
        code = "\n\n".join(self._texts) + "\n"
        filename = f"<tilth scale {self.title} {crc32(code.encode()):08x}>"
        linecache.cache[filename] = (len(code), None, code.splitlines(True), filename)
        exec(compile(code, filename, "exec"), self._space)  # noqa: S102  # text made here alone
        return self._space


class Body:
    """The indented lines of one function."""

    def __init__(self, source: Source, depth: str) -> None:
        self.source = source
        self.depth = depth
        self.lines: list[str] = []
        self._indent = 1

    @property
    def margin(self) -> str:
        return "    " * self._indent

    def line(self, text: str) -> None:
        self.lines.append(self.margin + text)

    def indent(self) -> None:
        self._indent += 1

    def dedent(self) -> None:
        self._indent -= 1

    def fresh(self, prefix: str) -> str:
        return self.source.fresh(prefix)
