"""Writes the encoder of a shape: fields of fixed layout are gathered into one `pack`."""

from __future__ import annotations

from functools import singledispatch

from tilth.primitives.scale.ordering import sort_key
from tilth.primitives.scale.reading import CODES, COUNT_LIMIT, INLINE_ITEMS
from tilth.primitives.scale.shapes import (
    UNIT,
    Array,
    Bool,
    Bytes,
    Compact,
    Custom,
    Enumeration,
    FixedBytes,
    Int,
    Mapping,
    Named,
    Option,
    Sequence,
    Shape,
    Struct,
    Text,
    Tuple,
    Uint,
    Union,
    Variant,
    compact_integer,
)
from tilth.primitives.scale.source import DEPTH_LIMIT, Body, Source

MASK = (1 << 64) - 1


class Writer(Body):
    """One encoding function: the parts it has, in order, become its bytes."""

    def __init__(self, source: Source, depth: str = "0") -> None:
        super().__init__(source, depth)
        self._parts: list[str] = []
        self._codes: list[str] = []
        self._values: list[str] = []

    def give(self, code: str, value: str) -> None:
        """Bytes of fixed layout, packed together with their neighbours."""
        self._codes.append(code)
        self._values.append(value)

    def part(self, expression: str) -> None:
        self._flush()
        self._parts.append(expression)

    def _flush(self) -> None:
        if self._codes:
            pack = self.source.layout("pack", "".join(self._codes))
            self._parts.append(f"{pack}({', '.join(self._values)})")
            self._codes, self._values = [], []

    def joined(self) -> str:
        """The expression of all bytes so far; the parts start anew."""
        self._flush()
        parts, self._parts = self._parts, []
        if len(parts) < 3:
            return " + ".join(parts) or 'b""'
        return f'b"".join(({", ".join(parts)}))'

    def nested(self, shape: Shape, value: str) -> str:
        """The expression of a value's bytes, apart from the parts so far."""
        kept = self._parts, self._codes, self._values
        self._parts, self._codes, self._values = [], [], []
        write(shape, value, self)
        made = self.joined()
        self._parts, self._codes, self._values = kept
        return made

    def local(self, value: str) -> str:
        """A plain name for an expression that is used more than once."""
        if value.isidentifier():
            return value
        name = self.fresh("v")
        self.line(f"{name} = {value}")
        return name

    def count(self, value: str, bound: int | None, where: str) -> None:
        name = self.fresh("n")
        self.line(f"{name} = len({value})")
        if bound is not None:
            self.line(f"if {name} > {bound}:")
            self.line(f"    raise too_long({where!r}, {bound}, {name})")
        self.part(f"(SMALL[{name}] if {name} < 64 else compact({name}, {COUNT_LIMIT}))")

    def exactly(self, value: str, size: int, where: str) -> None:
        self.line(f"if len({value}) != {size}:")
        self.line(f"    raise wrong_length({where!r}, {size}, {value})")

    def each(self, items: str, target: str, shapes: list[tuple[Shape, str]]) -> None:
        """The bytes of all items, one after the other; `target` names the item in a loop."""
        parts = self.fresh("q")
        start = len(self.lines)
        self.indent()
        made = " + ".join(self.nested(shape, value) for shape, value in shapes)
        self.dedent()
        loop = f"for {target} in {items}"
        if len(self.lines) == start:
            self.line(f"{parts} = [{made} {loop}]")
        else:
            self.lines.insert(start, f"{self.margin}{loop}:")
            self.lines.insert(start, f"{self.margin}{parts} = []")
            self.line(f"    {parts}.append({made})")
        self.part(f'b"".join({parts})')


@singledispatch
def write(shape: Shape, value: str, w: Writer) -> None:
    """Writes the parts that make a value's bytes; `value` is an expression."""
    raise TypeError(f"{shape} cannot be written")


@write.register
def _(shape: Uint, value: str, w: Writer) -> None:
    if shape.size in CODES:
        return w.give(CODES[shape.size], value)
    if shape.size != 16:
        return w.part(f'({value}).to_bytes({shape.size}, "little")')
    name = w.local(value)
    w.give("Q", f"{name} & {MASK}")
    w.give("Q", f"{name} >> 64")
    return None


@write.register
def _(shape: Int, value: str, w: Writer) -> None:
    if shape.size in CODES:
        return w.give(CODES[shape.size].lower(), value)
    name = w.local(value)
    w.give("Q", f"{name} & {MASK}")
    w.give("q", f"{name} >> 64")
    return None


@write.register
def _(shape: Bool, value: str, w: Writer) -> None:
    w.give("B", f"BOOLS[{value}]")


@write.register
def _(shape: FixedBytes, value: str, w: Writer) -> None:
    name = w.local(value)
    w.exactly(name, shape.size, str(shape))
    w.give(f"{shape.size}s", name)


@write.register
def _(shape: Compact, value: str, w: Writer) -> None:
    integer, inner = compact_integer(shape.inner), shape.inner
    while isinstance(inner, Struct | Named):
        if isinstance(inner, Struct):
            value, inner = f"{value}.{inner.fields[0].name}", inner.fields[0].shape
        else:
            inner = inner.inner
    name = w.local(value)
    if not isinstance(integer, Uint):
        return _unit(name, w)
    limit = (1 << 8 * integer.size) - 1
    return w.part(f"(SMALL[{name}] if 0 <= {name} < 64 else compact({name}, {limit}))")


def _unit(name: str, w: Writer) -> None:
    w.line(f"if {name} is not None:")
    w.line(f'    raise no_variant("()", {name})')


@write.register
def _(shape: Bytes, value: str, w: Writer) -> None:
    name = w.local(value)
    w.count(name, shape.bound, str(shape))
    w.part(f"bytes({name})")


@write.register
def _(shape: Text, value: str, w: Writer) -> None:
    name = w.fresh("t")
    w.line(f'{name} = {value}.encode("utf-8")')
    w.count(name, shape.bound, str(shape))
    w.part(name)


@write.register
def _(shape: Array, value: str, w: Writer) -> None:
    name = w.local(value)
    w.exactly(name, shape.size, str(shape))
    if shape.size > INLINE_ITEMS:
        return _items(shape.item, name, w)
    for place in range(shape.size):
        write(shape.item, f"{name}[{place}]", w)
    return None


@write.register
def _(shape: Sequence, value: str, w: Writer) -> None:
    name = w.local(value)
    w.count(name, shape.bound, str(shape))
    if shape.kind in (set, frozenset):
        name = _sorted(shape.item, name, w)
    _items(shape.item, name, w)


def _items(item: Shape, name: str, w: Writer) -> None:
    one = w.fresh("i")
    w.each(name, one, [(item, one)])


def _sorted(item: Shape, name: str, w: Writer) -> str:
    key = sort_key(item)
    made = w.fresh("o")
    by = "" if key is None else f", key={w.source.bind('key', key)}"
    w.line(f"{made} = sorted({name}{by})")
    return made


@write.register
def _(shape: Mapping, value: str, w: Writer) -> None:
    name = w.local(value)
    w.count(name, shape.bound, str(shape))
    keys, key = _sorted(shape.key, name, w), w.fresh("i")
    w.each(keys, key, [(shape.key, key), (shape.value, f"{name}[{key}]")])


@write.register
def _(shape: Option, value: str, w: Writer) -> None:
    name, made = w.local(value), w.fresh("p")
    w.line(f"if {name} is None:")
    w.line(f'    {made} = b"\\0"')
    w.line("else:")
    w.indent()
    w.line(f'{made} = b"\\1" + {w.nested(shape.inner, name)}')
    w.dedent()
    w.part(made)


@write.register
def _(shape: Tuple, value: str, w: Writer) -> None:
    if shape == UNIT:
        return _unit(w.local(value), w)
    names = [w.fresh("v") for _ in shape.items]
    w.line(f"{''.join(f'{n}, ' for n in names)} = {value}")
    for name, item in zip(names, shape.items, strict=True):
        write(item, name, w)
    return None


@write.register
def _(shape: Named, value: str, w: Writer) -> None:
    write(shape.inner, value, w)


@write.register
def _(shape: Struct, value: str, w: Writer) -> None:
    if shape not in w.source.recursive:
        return _fields(shape, value, w)
    if shape not in w.source.functions:
        _struct_function(shape, w.source)
    return w.part(f"{w.source.functions[shape]}({value}, {w.depth} + 1)")


def _fields(shape: Struct, value: str, w: Writer) -> None:
    name = w.local(value)
    if not shape.fields:
        w.line(f"if type({name}) is not {w.source.bind('T', shape.cls)}:")
        w.line(f"    raise no_variant({str(shape)!r}, {name})")
    for field in shape.fields:
        write(field.shape, f"{name}.{field.name}", w)


def _struct_function(shape: Struct, source: Source) -> None:
    name = source.functions[shape] = source.fresh("encode")
    w = Writer(source, "depth")
    w.line(f"if depth > {DEPTH_LIMIT}:")
    w.line(f"    raise nested_too_deep({str(shape)!r}, {DEPTH_LIMIT})")
    _fields(shape, "v", w)
    _close(w, f"def {name}(v, depth):")


def _close(w: Writer, head: str) -> None:
    w.line(f"return {w.joined()}")
    w.source.add("\n".join((head, *w.lines)))


@write.register
def _(shape: Union, value: str, w: Writer) -> None:
    table, name, made = w.fresh("WRITERS"), w.local(value), w.fresh("u")
    functions = [
        f"{w.source.bind('T', v.struct.cls)}: {_variant(v, w.source)}" for v in shape.variants
    ]
    w.source.add(f"{table} = {{{', '.join(functions)}}}")
    w.line(f"{made} = {table}.get(type({name}))")
    w.line(f"if {made} is None:")
    w.line(f"    raise no_variant({str(shape)!r}, {name})")
    w.part(f"{made}({name}, {w.depth})")


def _variant(variant: Variant, source: Source) -> str:
    name = source.fresh("encode")
    w = Writer(source, "depth")
    w.give("B", str(variant.index))
    write(variant.struct, "v", w)
    _close(w, f"def {name}(v, depth):")
    return name


@write.register
def _(shape: Enumeration, value: str, w: Writer) -> None:
    name = w.local(value)
    w.line(f"if type({name}) is not {w.source.bind('T', shape.cls)}:")
    w.line(f"    raise no_variant({str(shape)!r}, {name})")
    w.give("B", name)


@write.register
def _(shape: Custom, value: str, w: Writer) -> None:
    w.part(f"{w.source.bind('encode', shape.codec.encode)}({value})")


def write_encoder(shape: Shape, source: Source) -> None:
    """Adds `encode(v)` for a shape; whatever goes wrong in it is explained by `fault`."""
    w = Writer(source)
    w.indent()
    write(shape, "v", w)
    w.line(f"return {w.joined()}")
    source.add(
        "\n".join(
            (
                "def encode(v):",
                "    try:",
                *w.lines,
                "    except FAILURES as error:",
                f"        raise fault({source.bind('SHAPE', shape)}, v, error) from error",
            )
        )
    )
