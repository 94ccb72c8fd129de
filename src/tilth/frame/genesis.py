"""How a chain of a runtime begins, as JSON: the form that chain specifications are written in."""

import dataclasses
import inspect
import json
import typing
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NewType

from tilth.frame.runtime_api import RuntimeApi, api_method
from tilth.primitives import ss58
from tilth.primitives.scale import Err, Fixed, Ok, Param, Result, options_of
from tilth.primitives.scale.newtypes import NEW_TYPES
from tilth.primitives.scale.resolve import unwrapped

if TYPE_CHECKING:
    from tilth.frame.pallet import Pallet
    from tilth.frame.runtime import Runtime

_ACCOUNT: Final = 32


class BadGenesis(ValueError):
    """The JSON does not describe the beginning of a chain of this runtime."""


class GenesisJson:
    """Reads and writes each pallet's genesis arguments under the names that JSON gives them.

    Accounts and public keys are addresses, other bytes hexadecimal; integers may be strings.
    """

    def __init__(self, runtime: "Runtime") -> None:
        self._types = runtime.types
        self._prefix = runtime.ss58_prefix
        self._fields = {
            camel(pallet.name): (pallet.name, _fields_of(pallet))
            for pallet in runtime.pallets
            if pallet.parsed().genesis is not None
        }

    def read(self, text: bytes) -> dict[str, dict[str, Any]]:
        """Every pallet and field must be there, and no other: nothing is left to defaults."""
        try:
            config = json.loads(text)
        except ValueError as error:
            raise BadGenesis(f"Invalid JSON blob: {error}") from None
        config = _object(config, self._fields, "genesis")
        return {
            name: self._read_fields(config[key], fields, key)
            for key, (name, fields) in self._fields.items()
        }

    def write(self, config: Mapping[str, Mapping[str, Any]]) -> bytes:
        """As much as is given; a client merges it with the defaults."""
        written = {
            key: {
                camel(name): self._write(hint, config[pallet][name])
                for name, (hint, _) in fields.items()
                if name in config[pallet]
            }
            for key, (pallet, fields) in self._fields.items()
            if pallet in config
        }
        return json.dumps(written, separators=(",", ":")).encode()

    def defaults(self) -> bytes:
        return self.write(
            {
                pallet: {name: default for name, (_, default) in fields.items()}
                for pallet, fields in self._fields.values()
            }
        )

    def _read_fields(self, value: Any, fields: dict[str, tuple[Any, Any]], at: str) -> Any:
        known = {camel(name): name for name in fields}
        found = _object(value, known, at)
        return {
            name: self._read(fields[name][0], found[key], f"{at}.{key}")
            for key, name in known.items()
        }

    def _read(self, annotation: Any, value: Any, at: str) -> Any:
        base, size = self._meant(annotation)
        origin, args = typing.get_origin(base), typing.get_args(base)
        if options_of(base):
            return base(**self._read_fields(value, _struct_fields(base), at))
        if type(None) in args:
            (inner,) = (arg for arg in args if arg is not type(None))
            return None if value is None else self._read(inner, value, at)
        if origin is tuple and args[-1:] != (...,):
            listed = _list(value, at, len(args))
            pairs = zip(args, listed, strict=True)
            return tuple(self._read(arg, each, f"{at}[{i}]") for i, (arg, each) in enumerate(pairs))
        if origin is not None:
            listed = _list(value, at)
            return tuple(self._read(args[0], each, f"{at}[{i}]") for i, each in enumerate(listed))
        return _scalar(base, size, value, at)

    def _write(self, annotation: Any, value: Any) -> Any:
        base, size = self._meant(annotation)
        origin, args = typing.get_origin(base), typing.get_args(base)
        if value is None or base is bool:
            return value
        if options_of(base):
            return {
                camel(name): self._write(hint, getattr(value, name))
                for name, (hint, _) in _struct_fields(base).items()
            }
        if type(None) in args:
            return self._write(next(arg for arg in args if arg is not type(None)), value)
        if origin is tuple and args[-1:] != (...,):
            return [self._write(arg, each) for arg, each in zip(args, value, strict=True)]
        if origin is not None:
            return [self._write(args[0], each) for each in value]
        if base is bytes:
            return ss58.encode(value, self._prefix) if size == _ACCOUNT else f"0x{value.hex()}"
        return value

    def _meant(self, annotation: Any) -> tuple[Any, int | None]:
        """What an annotation stands for in this runtime, and how many bytes if that is fixed."""
        base, marks = unwrapped(annotation)
        size = next((mark.size for mark in marks if isinstance(mark, Fixed)), None)
        chosen = next((mark for mark in marks if isinstance(mark, Param)), None)
        if chosen is not None and base is Any:
            return self._meant(self._types.get(chosen.name, chosen.default))
        if isinstance(base, NewType):
            known = self._meant(NEW_TYPES.get(base, base.__supertype__))
            return known[0], known[1] or size
        return base, size


class GenesisBuilder(RuntimeApi):
    """How tools begin a chain of this runtime."""

    @api_method
    def build_state(self, json: bytes) -> Result[None, str]:
        """Write the first state from JSON that leaves nothing to defaults; says what is wrong."""
        try:
            self.runtime.write_genesis(GenesisJson(self.runtime).read(json))
        except (BadGenesis, AssertionError) as error:
            return Err(str(error))
        return Ok(None)

    @api_method
    def get_preset(self, id: str | None) -> bytes | None:
        """The JSON of a named beginning, to be merged with the default one, which has no name."""
        if id is None:
            return GenesisJson(self.runtime).defaults()
        config = self.runtime.genesis_presets().get(id)
        return None if config is None else GenesisJson(self.runtime).write(config)

    @api_method
    def preset_names(self) -> tuple[str, ...]:
        """The beginnings that this runtime knows by name."""
        return tuple(self.runtime.genesis_presets())


def camel(name: str) -> str:
    """`TransactionPayment` and `non_authority_keys` as JSON writes them."""
    first, *rest = name.split("_")
    return first[:1].lower() + first[1:] + "".join(part.capitalize() for part in rest)


def _fields_of(pallet: "Pallet[Any, Any]") -> dict[str, tuple[Any, Any]]:
    """Each genesis argument's type and default."""
    genesis = type(pallet).genesis  # type: ignore[attr-defined]  # the definition has one
    hints = typing.get_type_hints(genesis, include_extras=True)
    parameters = list(inspect.signature(genesis).parameters.values())[1:]
    return {each.name: (hints[each.name], each.default) for each in parameters}


def _struct_fields(cls: type) -> dict[str, tuple[Any, Any]]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: (hints[field.name], None) for field in dataclasses.fields(cls)}


def _object(value: Any, keys: Mapping[str, Any], at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadGenesis(f"{at} is an object with {', '.join(keys) or 'nothing in it'}")
    for name in _missing(keys, value):
        raise BadGenesis(f"{at} has no {name}")
    for name in _missing(value, keys):
        raise BadGenesis(f"{at} has no use for {name}: it has {', '.join(keys) or 'no fields'}")
    return value


def _missing(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    return (name for name in wanted if name not in there)


def _list(value: Any, at: str, size: int | None = None) -> list[Any]:
    if not isinstance(value, list) or size not in (None, len(value)):
        raise BadGenesis(f"{at} is a list" + (f" of {size}" if size else ""))
    return value


def _scalar(base: Any, size: int | None, value: Any, at: str) -> Any:
    if base is bytes and isinstance(value, str):
        return _bytes(value, size, at)
    if base is int and isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(base, type) and isinstance(value, base) and type(value) is base:
        return value
    raise BadGenesis(f"{at} is a {getattr(base, '__name__', base)}, not {json.dumps(value)}")


def _bytes(text: str, size: int | None, at: str) -> bytes:
    try:
        if size == _ACCOUNT and not text.startswith("0x"):
            return ss58.decode(text)
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise BadGenesis(f"{at}: {error}") from None
    if size not in (None, len(found)):
        raise BadGenesis(f"{at} has {size} bytes, not {len(found)}")
    return found
