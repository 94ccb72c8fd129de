"""Authorship: who made the block."""

from tilth.pallets.authorship.pallet import Authorship as Authorship
