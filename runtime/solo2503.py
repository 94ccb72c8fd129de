"""The recorded solochain of stable2503: the template with a session pallet, as the vectors show it.

ValidatorManager, which is no pallet of FRAME, is left out: its storage stands as genesis wrote it.
Nothing recorded tells when a session ends, so none does.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from tilth.frame import TypeName, struct
from tilth.pallets.aura import AuthorityId
from tilth.pallets.grandpa import AuthorityId as VoterId
from tilth.pallets.session import Session
from tilth.runtime.solochain import Solochain


@struct(path="solochain_template_runtime::SessionKeys")
class SessionKeys:
    aura: Annotated[AuthorityId, TypeName("<Aura as $crate::BoundToRuntimeAppPublic>::Public")]
    grandpa: Annotated[VoterId, TypeName("<Grandpa as $crate::BoundToRuntimeAppPublic>::Public")]


class Solo2503(Solochain):
    types: ClassVar[Mapping[object, object]] = {**Solochain.types, "SessionKeys": SessionKeys}

    def __init__(self) -> None:
        super().__init__()
        self.session = self.add(
            8,
            Session(
                accounts=self.system.accounts,
                holders={"aura": self.aura, "grandpa": self.grandpa},
            ),
        )
