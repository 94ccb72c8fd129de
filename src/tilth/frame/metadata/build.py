"""A runtime's metadata in each version: functions of its pallets' definitions."""

from functools import partial
from typing import TYPE_CHECKING, Final

from tilth.frame.aggregate import RuntimeError, RuntimeEvent
from tilth.frame.call import RuntimeCall
from tilth.frame.definition import sentences
from tilth.frame.extrinsic import Extrinsic
from tilth.frame.metadata import enums, extrinsic, parts, v14, v15, v16
from tilth.frame.metadata.enums import AnyPallet
from tilth.frame.runtime_api import ApiMethod, RuntimeApi
from tilth.frame.view import ViewFunction, view_functions
from tilth.primitives.scale import TypeRegistry
from tilth.primitives.scale.info import PortableRegistry
from tilth.primitives.scale.names import wire_name
from tilth.primitives.types import Address, Signature

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime

_CURRENT: Final = v16.NotDeprecated()

# Arguments are evaluated in the order written: `types` comes last, when all are registered.


def describe_v14(runtime: "Runtime") -> v14.V14:
    registry = TypeRegistry(runtime.codecs)
    return v14.V14(
        pallets=tuple(_pallet_v14(pallet, registry) for pallet in runtime.pallets),
        extrinsic=v14.Extrinsic(
            registry.id_of(Extrinsic),
            extrinsic.SIGNED_VERSION,
            extrinsic.extensions(runtime, registry),
        ),
        runtime=registry.add(enums.runtime_itself(runtime)),
        types=PortableRegistry(registry.types()),
    )


def _pallet_v14(pallet: AnyPallet, registry: TypeRegistry) -> v14.Pallet:
    return v14.Pallet(
        name=pallet.name,
        storage=parts.storage(pallet, registry),
        calls=enums.calls(pallet, registry),
        event=enums.events(pallet, registry),
        constants=parts.constants(pallet, registry),
        error=enums.errors(pallet, registry),
        index=pallet.index,
    )


def describe_v15(runtime: "Runtime") -> v15.V15:
    registry = TypeRegistry(runtime.codecs)
    return v15.V15(
        pallets=tuple(_pallet_v15(pallet, registry) for pallet in runtime.pallets),
        extrinsic=_extrinsic_v15(runtime, registry),
        runtime=registry.add(enums.runtime_itself(runtime)),
        apis=tuple(_api_v15(api, registry) for api in runtime.apis),
        outer_enums=_outer_enums(registry),
        custom={},
        types=PortableRegistry(registry.types()),
    )


def _pallet_v15(pallet: AnyPallet, registry: TypeRegistry) -> v15.Pallet:
    known = _pallet_v14(pallet, registry)
    return v15.Pallet(
        name=known.name,
        storage=known.storage,
        calls=known.calls,
        event=known.event,
        constants=known.constants,
        error=known.error,
        index=known.index,
        docs=parts.docs(pallet),
    )


def _extrinsic_v15(runtime: "Runtime", registry: TypeRegistry) -> v15.Extrinsic:
    return v15.Extrinsic(
        version=extrinsic.SIGNED_VERSION,
        address=registry.id_of(Address),
        call=registry.id_of(RuntimeCall),
        signature=registry.id_of(Signature),
        extra=registry.id_of(extrinsic.carried(runtime)),
        extensions=extrinsic.extensions(runtime, registry),
    )


def _api_v15(api: RuntimeApi, registry: TypeRegistry) -> v15.Api:
    methods = tuple(_method_v15(method, registry) for method in api.methods())
    return v15.Api(api.name, methods, sentences(type(api).__doc__))


def _method_v15(method: ApiMethod, registry: TypeRegistry) -> v15.Method:
    inputs = tuple(v15.Param(wire_name(n), registry.id_of(hint)) for n, hint in method.params)
    return v15.Method(method.name, inputs, registry.id_of(method.returns), method.docs)


def _outer_enums(registry: TypeRegistry) -> v15.OuterEnums:
    return v15.OuterEnums(
        call=registry.id_of(RuntimeCall),
        event=registry.id_of(RuntimeEvent),
        error=registry.id_of(RuntimeError),
    )


def describe_v16(runtime: "Runtime") -> v16.V16:
    registry = TypeRegistry(runtime.codecs)
    # RFC-78 hashes types in the order of their numbers: what version 15 has too must come first
    # and in the same order, or wallets would sign another digest than the runtime computes.
    known = [_pallet_v14(pallet, registry) for pallet in runtime.pallets]
    described = _extrinsic_v16(runtime, registry)
    return v16.V16(
        pallets=tuple(map(partial(_pallet_v16, registry), runtime.pallets, known)),
        extrinsic=described,
        apis=tuple(_api_v16(api, registry) for api in runtime.apis),
        outer_enums=_outer_enums(registry),
        custom={},
        types=PortableRegistry(registry.types()),
    )


def _pallet_v16(registry: TypeRegistry, pallet: AnyPallet, known: v14.Pallet) -> v16.Pallet:
    return v16.Pallet(
        name=known.name,
        storage=_storage_v16(known.storage),
        calls=_enum_v16(known.calls),
        event=_enum_v16(known.event),
        constants=tuple(_constant_v16(constant) for constant in known.constants),
        error=_enum_v16(known.error),
        associated_types=tuple(
            v16.AssociatedType(each.name, registry.id_of(each.annotation), sentences(each.docs))
            for each in pallet.associated
        ),
        view_functions=tuple(_view_v16(view, registry) for view in view_functions(pallet)),
        index=known.index,
        docs=parts.docs(pallet),
        deprecation=_CURRENT,
    )


def _view_v16(view: ViewFunction, registry: TypeRegistry) -> v16.ViewFunction:
    inputs = tuple(v15.Param(wire_name(n), registry.id_of(hint)) for n, hint in view.params)
    output = registry.id_of(view.returns)
    return v16.ViewFunction(view.id, view.name, inputs, output, view.docs, _CURRENT)


def _storage_v16(known: v14.Storage | None) -> v16.Storage | None:
    if known is None:
        return None
    return v16.Storage(known.prefix, tuple(_entry_v16(entry) for entry in known.entries))


def _entry_v16(known: v14.Entry) -> v16.Entry:
    return v16.Entry(known.name, known.modifier, known.type, known.default, known.docs, _CURRENT)


def _constant_v16(known: v14.Constant) -> v16.Constant:
    return v16.Constant(known.name, known.type, known.value, known.docs, _CURRENT)


def _enum_v16(known: int | None) -> v16.Enum | None:
    return None if known is None else v16.Enum(known, {})


def _extrinsic_v16(runtime: "Runtime", registry: TypeRegistry) -> v16.Extrinsic:
    address, call, signature = map(registry.id_of, (Address, RuntimeCall, Signature))
    for extension in runtime.extensions:  # version 15 lists what they carry before the rest
        registry.id_of(extension.explicit)
    return v16.Extrinsic(
        versions=extrinsic.VERSIONS,
        address=address,
        call=call,
        signature=signature,
        extensions_by_version={extrinsic.EXTENSIONS_VERSION: tuple(range(len(runtime.extensions)))},
        extensions=extrinsic.extensions(runtime, registry),
    )


def _api_v16(api: RuntimeApi, registry: TypeRegistry) -> v16.Api:
    known = _api_v15(api, registry)
    methods = tuple(
        v16.Method(method.name, method.inputs, method.output, method.docs, _CURRENT)
        for method in known.methods
    )
    return v16.Api(known.name, methods, known.docs, api.version, _CURRENT)
