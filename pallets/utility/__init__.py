"""Utility: several calls as one, and calls in another's name."""

from tilth.pallets.utility.pallet import Utility as Utility
