"""What a runtime gathers from its pallets: its calls, events, errors and reasons, each one enum."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, final

from tilth.frame.call import RuntimeCall
from tilth.frame.definition import pascal
from tilth.frame.origin import Caller, NoCaller, RootCaller, SignedCaller
from tilth.primitives.scale import DecodeError, Param

if TYPE_CHECKING:
    from tilth.frame.pallet import Pallet
    from tilth.frame.runtime import Runtime
    from tilth.primitives.scale.info import Type
    from tilth.primitives.scale.registry import TypeRegistry

# frame/support/src/lib.rs: MAX_EXTRINSIC_DEPTH
_MAX_DEPTH: Final = 256


@final
class RuntimeEvent:
    """An event with the pallet it came from."""

    __slots__ = ("event", "pallet")

    def __init__(self, pallet: str, event: Any) -> None:
        self.pallet = pallet
        self.event = event

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RuntimeEvent)
            and self.pallet == other.pallet
            and self.event == other.event
        )

    def __hash__(self) -> int:
        return hash((self.pallet, self.event))

    def __repr__(self) -> str:
        return f"{self.pallet}.{self.event}"


class RuntimeError(Enum):
    """Any pallet's error: the annotation of metadata's outer error enum."""


class RuntimeHoldReason(Enum):
    """Any pallet's reason to hold."""


class RuntimeFreezeReason(Enum):
    """Any pallet's reason to freeze."""


class PalletsOrigin:
    """Stands for the codec of an OriginCaller."""


OriginCaller: TypeAlias = Annotated[
    RootCaller | SignedCaller | NoCaller,
    Param("OriginCaller", PalletsOrigin, "Box<T::PalletsOrigin>"),
]
"""A caller as an argument of a call, where it says which pallet knows the origin."""


class _Aggregate:
    """Reads the pallet's index, then what the pallet has there; pallets may be added after it."""

    least_size = 2

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime

    def _pallet(self, data: bytes, offset: int) -> "Pallet[Any, Any]":
        if len(data) < offset + 2:
            raise DecodeError(offset, "a pallet's index and one byte", "the end")
        pallet = self._runtime.by_index.get(data[offset])
        if pallet is None:
            raise DecodeError(offset, "the index of a pallet", f"{data[offset]}")
        return pallet


@final
class CallsCodec(_Aggregate):
    """RuntimeCall: two indices, then the arguments."""

    def __init__(self, runtime: "Runtime") -> None:
        super().__init__(runtime)
        self._methods: dict[bytes, Any] = {}
        self._depth = 0

    def _method(self, data: bytes, offset: int) -> Any:
        found = self._methods.get(data[offset : offset + 2])
        if found is not None:
            return found
        pallet = self._pallet(data, offset)
        for call in pallet.declared.calls:
            if call.index == data[offset + 1]:
                found = self._methods[data[offset : offset + 2]] = getattr(pallet, call.name)
                return found
        raise DecodeError(
            offset + 1, f"the index of a call of {pallet.name}", f"{data[offset + 1]}"
        )

    def encode(self, value: RuntimeCall) -> bytes:
        return value.encode()

    def decode_at(self, data: bytes, offset: int) -> tuple[RuntimeCall, int]:
        method = self._method(data, offset)
        if self._depth >= _MAX_DEPTH:
            raise DecodeError(offset, f"at most {_MAX_DEPTH} nested calls", "one more")
        self._depth += 1
        try:
            args, end = method.codec.decode_at(data, offset + 2)
        except RecursionError:
            raise DecodeError(offset, f"at most {_MAX_DEPTH} nested calls", "more") from None
        finally:
            self._depth -= 1
        return RuntimeCall(method, args or ()), end

    def type_info(self, registry: "TypeRegistry") -> "Type":
        from tilth.frame.metadata.enums import runtime_call  # metadata is built on all of this

        return runtime_call(self._runtime, registry)


@final
class EventsCodec(_Aggregate):
    """RuntimeEvent: two indices, then the fields."""

    def encode(self, value: RuntimeEvent) -> bytes:
        pallet = next(p for p in self._runtime.pallets if p.name == value.pallet)
        return pallet.encode_event(value.event)

    def decode_at(self, data: bytes, offset: int) -> tuple[RuntimeEvent, int]:
        pallet = self._pallet(data, offset)
        event, end = pallet.decode_event(data, offset + 1)
        return RuntimeEvent(pallet.name, event), end

    def type_info(self, registry: "TypeRegistry") -> "Type":
        from tilth.frame.metadata.enums import runtime_event

        return runtime_event(self._runtime, registry)


class _MembersCodec(_Aggregate):
    """An enum of enums without fields: two indices."""

    attribute: str

    def _members(self, pallet: "Pallet[Any, Any]") -> list[Enum]:
        declared = getattr(pallet.declared, self.attribute)
        return list(declared) if declared is not None else []

    def encode(self, value: Enum) -> bytes:
        for pallet in self._runtime.pallets:
            members = self._members(pallet)
            if value in members:
                return bytes((pallet.index, members.index(value)))
        raise ValueError(f"{value} belongs to no pallet of this runtime")

    def decode_at(self, data: bytes, offset: int) -> tuple[Enum, int]:
        members = self._members(self._pallet(data, offset))
        if data[offset + 1] >= len(members):
            raise DecodeError(offset + 1, "the index of a variant", f"{data[offset + 1]}")
        return members[data[offset + 1]], offset + 2


@final
class ErrorsCodec(_MembersCodec):
    attribute = "errors"

    @staticmethod
    def variant(member: Enum) -> str:
        return pascal(member.name.lower())

    def type_info(self, registry: "TypeRegistry") -> "Type":
        from tilth.frame.metadata.enums import runtime_error

        return runtime_error(self._runtime, registry)


@final
class ReasonsCodec(_MembersCodec):
    def __init__(self, runtime: "Runtime", attribute: str, name: str) -> None:
        super().__init__(runtime)
        self.attribute = attribute
        self.name = name

    def type_info(self, registry: "TypeRegistry") -> "Type":
        from tilth.frame.metadata.enums import runtime_reason

        return runtime_reason(self._runtime, registry, self.name, self.attribute)


@final
class OriginsCodec(_Aggregate):
    """The index of the system pallet, which alone has origins, then the caller."""

    @property
    def index(self) -> int:
        index: int = self._runtime.system.index
        return index

    def encode(self, value: RootCaller | SignedCaller | NoCaller) -> bytes:
        return bytes((self.index,)) + self._runtime.codecs.of(Caller).encode(value)

    def decode_at(self, data: bytes, offset: int) -> tuple[Any, int]:
        pallet = self._pallet(data, offset)
        if pallet.index != self.index:
            raise DecodeError(offset, "the index of a pallet with origins", f"{pallet.name}'s")
        return self._runtime.codecs.of(Caller).decode_at(data, offset + 1)

    def type_info(self, registry: "TypeRegistry") -> "Type":
        from tilth.frame.metadata.enums import origin_caller

        return origin_caller(self._runtime, registry, self.index)
