"""Each pallet's calls, events, errors and reasons as enums, and the enums that gather them."""

import re
from collections.abc import Callable
from enum import Enum
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from tilth.frame.definition import CallDef, field_docs, sentences
from tilth.frame.errors import variant_name
from tilth.frame.origin import Caller
from tilth.primitives.scale import SOLE_VARIANT, TypeRegistry, replace
from tilth.primitives.scale.info import (
    CompositeDef,
    Field,
    Type,
    TypeParameter,
    Variant,
    VariantDef,
)
from tilth.primitives.scale.names import wire_name

if TYPE_CHECKING:
    from tilth.frame.pallet import Pallet
    from tilth.frame.runtime import Runtime

AnyPallet: TypeAlias = "Pallet[Any, Any]"
Described: TypeAlias = Callable[[AnyPallet, TypeRegistry], int | None]
"""The number of the type of one part of a pallet, where the pallet has that part."""

# What construct_runtime and the pallet macro write there.
_CALLABLE: Final = (
    "self::sp_api_hidden_includes_construct_runtime::hidden_include::dispatch\n"
    "::CallableCallFor<{pallet.name}, Runtime>"
)
_CALL_DOCS: Final = ("Contains a variant per dispatchable extrinsic that this pallet has.",)
_ERROR_DOCS: Final = ("The `Error` enum of this pallet.",)
_EVENT_DOCS: Final = ("The `Event` enum of this pallet",)
_OF_THE_RUNTIME: Final = re.compile(r"\bT\b")


def calls(pallet: AnyPallet, registry: TypeRegistry) -> int | None:
    declared = pallet.declared.calls
    variants = tuple(_call(call, registry) for call in declared)
    return _own(pallet, registry, "Call", variants, _CALL_DOCS) if variants else None


def _call(call: CallDef, registry: TypeRegistry) -> Variant:
    fields = tuple(registry.field(hint, wire_name(name)) for name, hint in call.params)
    return Variant(wire_name(call.name), fields, call.index, call.docs)


def events(pallet: AnyPallet, registry: TypeRegistry) -> int | None:
    declared = pallet.declared.events
    if not declared:
        return None
    union: Any = reduce(or_, declared) if declared[1:] else Annotated[declared[0], SOLE_VARIANT]
    variants = tuple(map(_documented, registry.variants(union), declared))
    path = (pallet.crate, "pallet", "Event")
    params = _params(pallet) if any(map(_is_generic, variants)) else ()
    return registry.add(Type(path, params, VariantDef(variants), _EVENT_DOCS))


def _documented(variant: Variant, struct: type) -> Variant:
    """With the sentence under each field of the struct."""
    docs = field_docs(struct)
    fields = tuple(replace(field, docs=docs.get(field.name or "", ())) for field in variant.fields)
    return replace(variant, fields=fields)


def _is_generic(variant: Variant) -> bool:
    """Whether Rust would need the runtime to write the fields' types."""
    return any(_OF_THE_RUNTIME.search(field.type_name or "") for field in variant.fields)


def _params(pallet: AnyPallet) -> tuple[TypeParameter, ...]:
    return tuple(TypeParameter(name, None) for name in pallet.type_params)


def errors(pallet: AnyPallet, registry: TypeRegistry) -> int | None:
    declared = pallet.parsed().errors
    if declared is None:
        return None
    return _own(pallet, registry, "Error", _members(declared), _ERROR_DOCS)


def _members(declared: type[Enum]) -> tuple[Variant, ...]:
    return tuple(
        Variant(variant_name(member), (), index, sentences(member.value))
        for index, member in enumerate(declared)
    )


def _own(
    pallet: AnyPallet,
    registry: TypeRegistry,
    name: str,
    variants: tuple[Variant, ...],
    docs: tuple[str, ...],
) -> int:
    path = (pallet.crate, "pallet", name)
    return registry.add(Type(path, _params(pallet), VariantDef(variants), docs))


def runtime_call(runtime: "Runtime", registry: TypeRegistry) -> Type:
    return _gathered(runtime, registry, "RuntimeCall", calls, _CALLABLE)


def runtime_event(runtime: "Runtime", registry: TypeRegistry) -> Type:
    text = "{pallet.crate}::Event{arguments}"
    return _gathered(runtime, registry, "RuntimeEvent", events, text)


def runtime_error(runtime: "Runtime", registry: TypeRegistry) -> Type:
    text = "{pallet.crate}::Error{arguments}"
    return _gathered(runtime, registry, "RuntimeError", errors, text)


def runtime_reason(runtime: "Runtime", registry: TypeRegistry, name: str, attribute: str) -> Type:
    """The reasons that pallets declare under this attribute of their definitions."""
    own = name.removeprefix("Runtime")

    def part(pallet: AnyPallet, registry: TypeRegistry) -> int | None:
        declared = getattr(pallet.declared, attribute)
        if declared is None:
            return None
        path = (pallet.crate, "pallet", own)
        return registry.add(Type(path, (), VariantDef(_members(declared))))

    return _gathered(runtime, registry, name, part, "{pallet.crate}::" + own)


def _gathered(
    runtime: "Runtime", registry: TypeRegistry, name: str, part: Described, text: str
) -> Type:
    """A variant for each pallet that has such a part."""

    def variant(pallet: AnyPallet, number: int) -> Variant:
        arguments = "<Runtime>" if registry.type_of(number).type_params else ""
        field = Field(None, number, text.format(pallet=pallet, arguments=arguments))
        return Variant(pallet.name, (field,), pallet.index)

    parts = ((pallet, part(pallet, registry)) for pallet in runtime.pallets)
    variants = tuple(variant(pallet, number) for pallet, number in parts if number is not None)
    return Type((crate_of(runtime), name), (), VariantDef(variants))


def origin_caller(runtime: "Runtime", registry: TypeRegistry, index: int) -> Type:
    """Only the system pallet has origins; construct_runtime writes its name small."""
    caller = Field(None, registry.id_of(Caller), "frame_system::Origin<Runtime>")
    variants = (Variant("system", (caller,), index),)
    return Type((crate_of(runtime), "OriginCaller"), (), VariantDef(variants))


def runtime_itself(runtime: "Runtime") -> Type:
    return Type((crate_of(runtime), "Runtime"), (), CompositeDef(()))


def crate_of(runtime: "Runtime") -> str:
    """The Rust crate that would hold this runtime."""
    return f"{runtime.spec_name.replace('-', '_').removesuffix('_runtime')}_runtime"
