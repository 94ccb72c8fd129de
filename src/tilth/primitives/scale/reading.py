"""Writes the decoder of a shape: reads of fixed layout are gathered into one `unpack`."""

from __future__ import annotations

from functools import singledispatch

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
    compact_integer,
    fixed_size,
    least_size,
)
from tilth.primitives.scale.source import DEPTH_LIMIT, Body, Source

CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
INLINE_ITEMS = 16
"""Longer arrays are read in a loop, so that the code stays small."""
COUNT_LIMIT = (1 << 32) - 1


class Reader(Body):
    """One decoding function: `data` and `o`, the offset, are its variables."""

    def __init__(self, source: Source, depth: str = "0") -> None:
        super().__init__(source, depth)
        self._codes: list[str] = []
        self._names: list[str] = []
        self._labels: list[str] = []
        self._checks: list[tuple[int, str]] = []
        self._size = 0

    def take(self, code: str, size: int, label: str) -> str:
        """The name of the next `size` bytes, read together with their neighbours."""
        name = self.fresh("x")
        self._codes.append(code)
        self._names.append(name)
        self._labels.append(label)
        self._size += size
        return name

    def check(self, test: str) -> None:
        """A line to run after the read; `{at}` in it is where the last byte taken stood."""
        self._checks.append((self._size - 1, test))

    @property
    def pure(self) -> bool:
        """Whether nothing but plain reads was asked for yet."""
        return not self.lines and not self._checks

    @property
    def size(self) -> int:
        return self._size

    @property
    def codes(self) -> str:
        return "".join(self._codes)

    @property
    def targets(self) -> str:
        return "".join(f"{n}, " for n in self._names)

    @property
    def label(self) -> str:
        unique = list(dict.fromkeys(self._labels))
        return ", ".join(unique[:4]) + (", …" if len(unique) > 4 else "")

    def flush(self) -> None:
        if not self._codes:
            return
        self.line("try:")
        if self.codes == "B":
            self.line(f"    {self._names[0]} = data[o]")
            self.line("except IndexError:")
        else:
            unpack = self.source.layout("unpack_from", self.codes)
            self.line(f"    ({self.targets}) = {unpack}(data, o)")
            self.line("except struct_error:")
        self.line(f"    raise short(data, o, {self._size}, {self.label!r}) from None")
        self.line(f"o += {self._size}")
        for place, test in self._checks:
            self.line(test.replace("{at}", f"o - {self._size - place}"))
        self.restart()

    def restart(self) -> None:
        self._codes, self._names, self._labels, self._checks = [], [], [], []
        self._size = 0

    def tag(self, label: str) -> str:
        name = self.take("B", 1, label)
        self.flush()
        return name

    def compact(self, limit: int) -> str:
        first = self.tag("a compact integer")
        name = self.fresh("c")
        self.line(f"if {first} & 3:")
        self.line(f"    {name}, o = compact_rest(data, o - 1, {limit})")
        self.line("else:")
        self.line(f"    {name} = {first} >> 2")
        return name

    def count(self, bound: int | None) -> str:
        """The number of items ahead, refused if over the bound."""
        self.flush()
        if bound is None:
            return self.compact(COUNT_LIMIT)
        start = self.fresh("s")
        self.line(f"{start} = o")
        name = self.compact(COUNT_LIMIT)
        self.line(f"if {name} > {bound}:")
        self.line(f"    raise too_many({start}, {bound}, {name})")
        return name

    def room(self, count: str, least: int, label: str) -> None:
        each = "" if least == 1 else f" * {least}"
        self.line(f"if {count}{each} > len(data) - o:")
        self.line(f"    raise short(data, o, {count}{each}, {label!r})")

    def slice(self, count: str, label: str) -> str:
        end, name = self.fresh("e"), self.fresh("b")
        self.room(count, 1, label)
        self.line(f"{end} = o + {count}")
        self.line(f"{name} = data[o:{end}]")
        self.line(f"o = {end}")
        return name

    def loop(self, item: Shape, count: str, kind: type) -> str:
        """A collection of `count` items, whose room has been checked."""
        if inline := self._unpacked(item, count, kind):
            return inline
        items = self.fresh("v")
        self.line(f"{items} = []")
        self.line(f"for _ in range({count}):")
        self.indent()
        value = read(item, self)
        self.flush()
        self.line(f"{items}.append({value})")
        self.dedent()
        return items if kind is list else f"{kind.__name__}({items})"

    def _unpacked(self, item: Shape, count: str, kind: type) -> str | None:
        one = Reader(self.source, self.depth)
        size = fixed_size(item)
        value = read(item, one) if size else ""
        if not size or not one.pure:
            return None
        items, end = self.fresh("v"), self.fresh("e")
        unpack = self.source.layout("iter_unpack", one.codes)
        self.line(f"{end} = o + {count} * {size}")
        self.line(f"{items} = [{value} for ({one.targets}) in {unpack}(data[o:{end}])]")
        self.line(f"o = {end}")
        return items if kind is list else f"{kind.__name__}({items})"


@singledispatch
def read(shape: Shape, r: Reader) -> str:
    """Writes the reads of a shape; returns the expression of its value once they are flushed."""
    raise TypeError(f"{shape} cannot be read")


@read.register
def _(shape: Uint, r: Reader) -> str:
    if shape.size in CODES:
        return r.take(CODES[shape.size], shape.size, str(shape))
    if shape.size == 16:
        low, high = r.take("Q", 8, "u128"), r.take("Q", 8, "u128")
        return f"({low} | {high} << 64)"
    return f'from_bytes({r.take("32s", 32, str(shape))}, "little")'


@read.register
def _(shape: Int, r: Reader) -> str:
    if shape.size in CODES:
        return r.take(CODES[shape.size].lower(), shape.size, str(shape))
    low, high = r.take("Q", 8, "i128"), r.take("q", 8, "i128")
    return f"({low} | {high} << 64)"


@read.register
def _(shape: Bool, r: Reader) -> str:
    name = r.take("B", 1, "bool")
    r.check(f'if {name} > 1: raise bad_tag({{at}}, "a bool (0 or 1)", {name})')
    return f"({name} == 1)"


@read.register
def _(shape: FixedBytes, r: Reader) -> str:
    return r.take(f"{shape.size}s", shape.size, str(shape)) if shape.size else 'b""'


@read.register
def _(shape: Compact, r: Reader) -> str:
    integer = compact_integer(shape.inner)
    if not isinstance(integer, Uint):
        return _wrapped(shape.inner, "None", r)
    return _wrapped(shape.inner, r.compact((1 << 8 * integer.size) - 1), r)


def _wrapped(shape: Shape, value: str, r: Reader) -> str:
    if isinstance(shape, Struct):
        return f"{r.source.bind('T', shape.cls)}({_wrapped(shape.fields[0].shape, value, r)})"
    return _wrapped(shape.inner, value, r) if isinstance(shape, Named) else value


@read.register
def _(shape: Bytes, r: Reader) -> str:
    return r.slice(r.count(shape.bound), "the bytes of a Vec<u8>")


@read.register
def _(shape: Text, r: Reader) -> str:
    chunk, name = r.slice(r.count(shape.bound), "the bytes of a String"), r.fresh("t")
    r.line("try:")
    r.line(f'    {name} = str({chunk}, "utf-8")')
    r.line("except UnicodeDecodeError as error:")
    r.line(
        f'    raise DecodeError(o - len({chunk}) + error.start, "UTF-8", error.reason) from None'
    )
    return name


@read.register
def _(shape: Array, r: Reader) -> str:
    if fixed_size(shape.item) is not None and shape.size <= INLINE_ITEMS:
        items = "".join(f"{read(shape.item, r)}, " for _ in range(shape.size))
        return f"[{items}]" if shape.kind is list else f"({items})"
    r.flush()
    r.room(str(shape.size), least_size(shape.item), str(shape))
    return r.loop(shape.item, str(shape.size), shape.kind)


@read.register
def _(shape: Sequence, r: Reader) -> str:
    least = least_item(shape, shape.item)
    count = r.count(shape.bound)
    r.room(count, least, f"the items of a {shape}")
    return r.loop(shape.item, count, shape.kind)


def least_item(shape: Shape, item: Shape) -> int:
    # Rust holds any number of items without bytes in no memory; here four bytes would cost
    # gigabytes, and nested ones more than any cap could save.
    least = least_size(item)
    if not least:
        raise TypeError(f"{shape}: its items have no bytes, so only their number says anything")
    return least


@read.register
def _(shape: Mapping, r: Reader) -> str:
    pair = Tuple((shape.key, shape.value))
    least = least_item(shape, pair)
    count = r.count(shape.bound)
    r.room(count, least, f"the items of a {shape}")
    return f"dict({r.loop(pair, count, list)})"


@read.register
def _(shape: Option, r: Reader) -> str:
    tag, name = r.tag(f"the tag of an {shape}"), r.fresh("p")
    r.line(f"if {tag} == 0:")
    r.line(f"    {name} = None")
    r.line(f"elif {tag} == 1:")
    r.indent()
    value = read(shape.inner, r)
    r.flush()
    r.line(f"{name} = {value}")
    r.dedent()
    r.line("else:")
    r.line(f'    raise bad_tag(o - 1, "the tag of an Option (0 or 1)", {tag})')
    return name


@read.register
def _(shape: Tuple, r: Reader) -> str:
    if shape == UNIT:
        return "None"
    return "(" + "".join(f"{read(item, r)}, " for item in shape.items) + ")"


@read.register
def _(shape: Named, r: Reader) -> str:
    return read(shape.inner, r)


@read.register
def _(shape: Struct, r: Reader) -> str:
    if shape not in r.source.recursive:
        return _built(shape, r)
    if shape not in r.source.functions:
        _struct_function(shape, r.source)
    r.flush()
    name = r.fresh("v")
    r.line(f"{name}, o = {r.source.functions[shape]}(data, o, {r.depth} + 1)")
    return name


def _built(shape: Struct, r: Reader) -> str:
    if not shape.fields:
        return r.source.bind("THE", shape.cls())
    values = ", ".join(read(f.shape, r) for f in shape.fields)
    return f"{r.source.bind('T', shape.cls)}({values})"


def _struct_function(shape: Struct, source: Source) -> None:
    name = source.functions[shape] = source.fresh("decode")
    r = Reader(source, "depth")
    r.line(f"if depth > {DEPTH_LIMIT}:")
    r.line(f"    raise too_deep(o, {DEPTH_LIMIT})")
    _close(r, _built(shape, r), f"def {name}(data, o, depth):")


def _close(r: Reader, value: str, head: str) -> None:
    r.flush()
    r.line(f"return {value}, o")
    r.source.add("\n".join((head, *r.lines)))


@read.register
def _(shape: Union, r: Reader) -> str:
    table, name = r.fresh("VARIANTS"), r.fresh("u")
    functions = ", ".join(f"{v.index}: {_variant(v.struct, r.source)}" for v in shape.variants)
    r.source.add(f"{table} = {{{functions}}}")
    tag = r.tag(f"the variant of {shape}")
    r.line(f"{name} = {table}.get({tag})")
    r.line(f"if {name} is None:")
    r.line(f"    raise bad_tag(o - 1, {f'a variant of {shape}'!r}, {tag})")
    r.line(f"{name}, o = {name}(data, o, {r.depth})")
    return name


def _variant(struct: Struct, source: Source) -> str:
    name = source.fresh("decode")
    r = Reader(source, "depth")
    _close(r, read(struct, r), f"def {name}(data, o, depth):")
    return name


@read.register
def _(shape: Enumeration, r: Reader) -> str:
    members = r.source.bind("MEMBERS", {int(m): m for m in shape.cls})
    tag = r.take("B", 1, str(shape))
    r.check(f"if {tag} not in {members}: raise bad_tag({{at}}, {f'a variant of {shape}'!r}, {tag})")
    return f"{members}[{tag}]"


@read.register
def _(shape: Custom, r: Reader) -> str:
    r.flush()
    name = r.fresh("w")
    r.line(f"{name}, o = {r.source.bind('decode_at', shape.codec.decode_at)}(data, o)")
    return name


def write_decoders(shape: Shape, source: Source) -> None:
    """Adds `decode_at(data, o)` and `decode(data)` for a shape."""
    r = Reader(source)
    value = read(shape, r)
    exact = r.pure and r.codes != ""
    if exact:
        _exact_decoder(r, value)
    _close(r, value, "def decode_at(data, o=0):")
    if not exact:
        source.add(
            "def decode(data):\n"
            "    value, o = decode_at(data, 0)\n"
            "    if o != len(data):\n"
            "        raise trailing(data, o)\n"
            "    return value"
        )


def _exact_decoder(r: Reader, value: str) -> None:
    unpack = r.source.layout("unpack", r.codes)
    r.source.add(
        "def decode(data):\n"
        "    try:\n"
        f"        ({r.targets}) = {unpack}(data)\n"
        "    except struct_error:\n"
        f"        raise inexact(data, {r.size}, {r.label!r}) from None\n"
        f"    return {value}"
    )
