"""Grandpa: whose votes would make blocks final."""

from tilth.pallets.grandpa.pallet import Grandpa as Grandpa
from tilth.pallets.grandpa.types import AuthorityId as AuthorityId
