"""SCALE values as plain JSON, as @polkadot/api writes and reads them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from tilth.frame import Runtime, RuntimeCall, RuntimeEvent
from tilth.primitives import ss58
from tilth.primitives.scale import DecodeError, shapes
from tilth.primitives.scale.defaults import default_maker
from tilth.primitives.scale.names import wire_name
from tilth.primitives.scale.shapes import Shape

Json: TypeAlias = Any

# @polkadot/types-codec, abstract/Int.ts: MAX_NUMBER_BITS
_NUMBER_BITS: Final = 52
_ACCOUNT: Final = "sp_core::crypto::AccountId32"


class Unreadable(ValueError):
    """A JSON value that is none of its type; the text says where and what was expected."""


def camel(name: str) -> str:
    """`total_issuance`, `TotalIssuance` and `totalIssuance` are all `totalIssuance`."""
    joined = re.sub(r"_+(.)", lambda found: found.group(1).upper(), name.strip("_"))
    return joined[:1].lower() + joined[1:]


def pascal(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


class Plain:
    """Both directions, for the types of one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def shown(self, shape: Shape, value: Any) -> Json:
        """Numbers that a double cannot hold are hex of their type's width; bytes are hex."""
        match shape:
            case shapes.Uint(size) | shapes.Int(size):
                return _number(value, size)
            case shapes.Bytes() | shapes.FixedBytes():
                return f"0x{value.hex()}"
            case shapes.Named(path=path) if path == _ACCOUNT:
                return ss58.encode(value, self._runtime.ss58_prefix)
            case shapes.Compact(inner) | shapes.Named(inner=inner):
                return self.shown(inner, value)
            case shapes.Option(inner):
                return None if value is None else self.shown(inner, value)
            case shapes.Enumeration():
                return pascal(value.name)
            case _:
                return self._composed(shape, value)

    def _composed(self, shape: Shape, value: Any) -> Json:
        match shape:
            case shapes.Array(item=item) | shapes.Sequence(item=item):
                return [self.shown(item, each) for each in value]
            case shapes.Mapping(key=key, value=held):
                return {str(self.shown(key, k)): self.shown(held, v) for k, v in value.items()}
            case shapes.Tuple(items):
                return [self.shown(s, v) for s, v in zip(items, value or (), strict=True)] or None
            case shapes.Struct():
                return self._fields(shape, value)
            case shapes.Union():
                return self._variant(shape, value)
            case shapes.Custom(codec):
                return self._custom(codec, value)
            case _:
                return value  # a boolean or a text

    def _fields(self, shape: shapes.Struct, value: Any) -> Json:
        shown = {
            camel(wire_name(field.name)): self.shown(field.shape, getattr(value, field.name))
            for field in shape.fields
        }
        if not shape.options.unnamed:
            return shown or None
        return next(iter(shown.values())) if len(shown) == 1 else list(shown.values()) or None

    def _variant(self, shape: shapes.Union, value: Any) -> Json:
        chosen = next(each for each in shape.variants if type(value) is each.struct.cls)
        if not any(each.struct.fields for each in shape.variants):
            return chosen.name
        return {camel(chosen.name): self._fields(chosen.struct, value)}

    def _custom(self, codec: Any, value: Any) -> Json:
        if isinstance(value, RuntimeEvent):
            return self.event(value)
        if isinstance(value, RuntimeCall):
            return self.call(value)
        return f"0x{codec.encode(value).hex()}"

    def event(self, value: RuntimeEvent) -> Json:
        """Where it is from, what it is called, and its fields by name."""
        struct = self._struct_of(type(value.event))
        return {
            "section": camel(value.pallet),
            "method": struct.options.name or struct.cls.__name__,
            "data": self._named(struct, value.event),
        }

    def call(self, value: RuntimeCall) -> Json:
        """Where it is from, what it is called, and its arguments by name."""
        pallet = self._runtime.by_index[value.method.pallet_index]
        declared = next(c for c in pallet.declared.calls if c.name == value.method.name)
        args = {
            camel(name): self.shown(self._runtime.codecs.shape(annotation), given)
            for (name, annotation), given in zip(declared.params, value.args, strict=True)
        }
        return {"section": camel(pallet.name), "method": camel(declared.name), "args": args}

    def _struct_of(self, cls: type) -> shapes.Struct:
        shape = self._runtime.codecs.shape(cls)
        assert isinstance(shape, shapes.Struct), "events are structs"
        return shape

    def _named(self, struct: shapes.Struct, value: Any) -> dict[str, Json]:
        return {
            camel(wire_name(field.name)): self.shown(field.shape, getattr(value, field.name))
            for field in struct.fields
        }

    def read(self, shape: Shape, given: Json) -> Any:
        """Numbers also as decimal or hex text, fields in any spelling, accounts as addresses.

        Fields that are left out have their type's default. Raises Unreadable.
        """
        match shape:
            case shapes.Uint() | shapes.Int():
                return _read_number(shape, given)
            case shapes.Bool() if isinstance(given, bool):
                return given
            case shapes.Text() if isinstance(given, str):
                return given
            case shapes.Bytes() | shapes.FixedBytes():
                return _read_bytes(shape, given)
            case shapes.Named(path=path) if path == _ACCOUNT:
                return self._read_account(given)
            case shapes.Compact(inner) | shapes.Named(inner=inner):
                return self.read(inner, given)
            case shapes.Option(inner):
                return None if given is None else self.read(inner, given)
            case shapes.Enumeration(cls):
                return _chosen(shape, given, {pascal(each.name): each for each in cls})
            case _:
                return self._read_composed(shape, given)

    def _read_composed(self, shape: Shape, given: Json) -> Any:
        match shape:
            case shapes.Array(item=item, kind=kind) | shapes.Sequence(item=item, kind=kind):
                return kind(self.read(item, each) for each in _list(shape, given))
            case shapes.Mapping(key=key, value=value):
                pairs = given.items() if isinstance(given, dict) else _list(shape, given)
                return {self.read(key, k): self.read(value, v) for k, v in pairs}
            case shapes.Tuple(items):
                return self._read_tuple(shape, items, given)
            case shapes.Struct():
                return self._read_struct(shape, given)
            case shapes.Union():
                return self._read_variant(shape, given)
            case shapes.Custom(codec):
                return _decoded(codec, shape, given)
            case _:
                raise _misfit(shape, given)

    def _read_tuple(self, shape: Shape, items: tuple[Shape, ...], given: Json) -> Any:
        if not items:
            return None
        values = _list(shape, given)
        if len(values) != len(items):
            raise _misfit(shape, given)
        return tuple(self.read(s, v) for s, v in zip(items, values, strict=True))

    def _read_account(self, given: Json) -> bytes:
        try:
            account = bytes.fromhex(given[2:]) if given[:2] == "0x" else ss58.decode(given)
        except (TypeError, ValueError) as error:
            raise Unreadable(f"{given!r} is no address: {error}") from error
        if len(account) != 32:
            raise Unreadable(f"{given!r} is no account: it has {len(account)} bytes, not 32")
        return account

    def _read_struct(self, shape: shapes.Struct, given: Json) -> Any:
        if isinstance(given, Mapping):
            return self._read_fields(shape, given)
        if shape.options.unnamed or len(shape.fields) == 1:
            values = [given] if len(shape.fields) == 1 else _list(shape, given)
            return shape.cls(
                *(self.read(f.shape, v) for f, v in zip(shape.fields, values, strict=True))
            )
        if not shape.fields and given is None:
            return shape.cls()
        raise _misfit(shape, given)

    def _read_fields(self, shape: shapes.Struct, given: Mapping[str, Json]) -> Any:
        members = {camel(name): value for name, value in given.items()}
        known = {camel(wire_name(field.name)): field for field in shape.fields}
        if unknown := members.keys() - known:
            raise Unreadable(
                f"{shape} has no {', '.join(sorted(unknown))}; its fields are {', '.join(known)}"
            )
        return shape.cls(
            *(
                self.read(field.shape, members[name])
                if name in members
                else default_maker(field.shape)()
                for name, field in known.items()
            )
        )

    def _read_variant(self, shape: shapes.Union, given: Json) -> Any:
        if isinstance(given, Mapping) and len(given) == 1:
            ((name, payload),) = given.items()
        else:
            name, payload = given, None
        variants = {pascal_of(each.name): each for each in shape.variants}
        return self._read_struct(_chosen(shape, name, variants).struct, payload)


def pascal_of(name: str) -> str:
    return camel(name)[:1].upper() + camel(name)[1:]


def _number(value: int, size: int) -> Json:
    if value.bit_length() <= _NUMBER_BITS:
        return value
    return f"0x{value.to_bytes(size, 'big', signed=value < 0).hex()}"


def _read_number(shape: shapes.Uint | shapes.Int, given: Json) -> int:
    try:
        value = int(given.replace(",", ""), 0) if isinstance(given, str) else given
    except ValueError:
        raise _misfit(shape, given) from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misfit(shape, given)
    signed = isinstance(shape, shapes.Int)
    lowest = -(1 << 8 * shape.size - 1) if signed else 0
    if not lowest <= value < lowest + (1 << 8 * shape.size):
        raise _misfit(shape, given)
    return value


def _read_bytes(shape: shapes.Bytes | shapes.FixedBytes, given: Json) -> bytes:
    if not isinstance(given, str):
        raise _misfit(shape, given)
    try:
        data = bytes.fromhex(given[2:]) if given[:2] == "0x" else given.encode()
    except ValueError:
        raise _misfit(shape, given) from None
    if isinstance(shape, shapes.FixedBytes) and len(data) != shape.size:
        raise _misfit(shape, given)
    return data


def _chosen(shape: Shape, given: Json, options: Mapping[str, Any]) -> Any:
    """The option of this name, in any spelling."""
    found = options.get(pascal_of(given)) if isinstance(given, str) else None
    if found is None:
        raise Unreadable(f"{given!r} is no {shape}; it is one of {', '.join(options)}")
    return found


def _list(shape: Shape, given: Json) -> list[Json]:
    if not isinstance(given, list):
        raise _misfit(shape, given)
    return given


def _decoded(codec: Any, shape: Shape, given: Json) -> Any:
    if not (isinstance(given, str) and given.startswith("0x")):
        raise _misfit(shape, given)
    try:
        decode: Callable[[bytes, int], tuple[Any, int]] = codec.decode_at
        return decode(bytes.fromhex(given[2:]), 0)[0]
    except (DecodeError, ValueError) as error:
        raise Unreadable(f"{given!r} is no {shape}: {error}") from error


def _misfit(shape: Shape, given: Json) -> Unreadable:
    return Unreadable(f"{given!r} is no {shape}")
