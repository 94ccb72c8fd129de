"""The runtime API by which voters learn who they are."""

from typing import ClassVar, Protocol

from tilth.frame import DefaultValue, Runtime, RuntimeApi, api_method
from tilth.pallets.grandpa.types import (
    Authorities,
    Authority,
    AuthorityId,
    EquivocationProof,
    OpaqueProof,
    SetId,
)


class Voters(Protocol):
    """What the API tells of the pallet."""

    @property
    def authorities(self) -> DefaultValue[Authorities]: ...

    @property
    def current_set_id(self) -> DefaultValue[SetId]: ...


class GrandpaApi(RuntimeApi):
    """Who votes on what is final."""

    version: ClassVar[int] = 3

    def __init__(self, runtime: Runtime, voters: Voters) -> None:
        super().__init__(runtime)
        self._voters = voters

    @api_method
    def grandpa_authorities(self) -> tuple[Authority, ...]:
        """Who votes, and how much each vote weighs."""
        return self._voters.authorities.get()

    @api_method
    def submit_report_equivocation_unsigned_extrinsic(
        self, equivocation_proof: EquivocationProof, key_owner_proof: OpaqueProof
    ) -> tuple[()] | None:
        """Report a double vote; None, because nothing can be reported here."""
        return None

    @api_method
    def generate_key_ownership_proof(
        self, set_id: SetId, authority_id: AuthorityId
    ) -> OpaqueProof | None:
        """Who owned a key; None, because no historical sessions are kept."""
        return None

    @api_method
    def current_set_id(self) -> SetId:
        """How often the authorities have changed."""
        return self._voters.current_set_id.get()
