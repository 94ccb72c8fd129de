"""Aura: who may author, and which slot a block belongs to."""

from tilth.pallets.aura.pallet import ENGINE as ENGINE
from tilth.pallets.aura.pallet import Aura as Aura
from tilth.pallets.aura.pallet import AuthorityId as AuthorityId
