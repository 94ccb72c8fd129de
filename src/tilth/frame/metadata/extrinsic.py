"""Extrinsics and their extensions, as metadata shows them."""

from typing import TYPE_CHECKING, Any, Final

from tilth.frame.call import RuntimeCall
from tilth.frame.metadata.v14 import Extension
from tilth.primitives.scale import TypeRegistry
from tilth.primitives.scale.info import CompositeDef, Field, Type, TypeParameter, segments
from tilth.primitives.types import Address, Signature

if TYPE_CHECKING:
    from tilth.frame.runtime import Runtime

SIGNED_VERSION: Final = 4
VERSIONS: Final = bytes((SIGNED_VERSION, 5))
"""Clients take the first they know, and only 4 carries a signature."""
EXTENSIONS_VERSION: Final = 0

_PATH: Final = "sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic"


def unchecked_extrinsic(runtime: "Runtime", registry: TypeRegistry) -> Type:
    """Opaque bytes; its parameters are where clients look for the parts."""
    parts: dict[str, Any] = {
        "Address": Address,
        "Call": RuntimeCall,
        "Signature": Signature,
        "Extra": carried(runtime),
    }
    params = tuple(TypeParameter(name, registry.id_of(part)) for name, part in parts.items())
    body = Field(None, registry.id_of(bytes))
    return Type(segments(_PATH), params, CompositeDef((body,)))


def carried(runtime: "Runtime") -> Any:
    """The annotation of all values that the extensions carry."""
    return tuple[tuple(extension.explicit for extension in runtime.extensions)]  # type: ignore[misc]


def extensions(runtime: "Runtime", registry: TypeRegistry) -> tuple[Extension, ...]:
    return tuple(
        Extension(
            extension.identifier,
            registry.id_of(extension.explicit),
            registry.id_of(extension.implicit),
        )
        for extension in runtime.extensions
    )
